"""Who looks at a version without loading it is told what its load would say, whatever its format asks for."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from tests.formats.plain import Doubler

from modelstore_core import ModelStore
from modelstore_core.errors import ModelStoreError, Untrusted
from modelstore_core.formats import detect, read
from modelstore_core.formats.survey import Survey, survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE, Trust, parse_trust

DOUBLER = "tests.formats.plain.Doubler"
EVIL = {"class": "evil.Model"}
SQL = {"class": "org.apache.spark.ml.feature.SQLTransformer"}
INDEX: dict[str, object] = {"kind": "model", "task": None, "peft": False, "model": "my.models.Mine", "parts": {}}
FOLDERS: dict[str, tuple[str, dict[str, object]]] = {
    "Spark, of others": ("spark", {"sparkml/metadata/part-0": EVIL}),
    "Spark, SQL": ("spark", {"sparkml/metadata/part-0": SQL}),
    "Transformers, of one's own": ("transformers", {"transformers.json": INDEX, "model/config.json": {}}),
    "Transformers, code": ("transformers", {"transformers.json": INDEX, "model/config.json": {"auto_map": {"a": "b"}}}),
    "Transformers, weights": ("transformers", {"transformers.json": INDEX, "model/weights.bin": {}}),
    "Sentence Transformers": (
        "sentence_transformers",
        {"model.sentence_transformer/modules.json": [{"idx": 0, "type": "os.system"}]},
    ),
    "a flavor of MLflow's": ("mlflow:pmdarima", {"MLmodel": {}}),
    "a member of several": (
        "several",
        {
            "several.json": {"a": {"format": "spark", "loads": ["sparkml/metadata/part-0"]}},
            "a/sparkml/metadata/part-0": EVIL,
        },
    ),
}


def laid(folder: Path, files: dict[str, object]) -> None:
    for name, document in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))


def looked(folder: Path, name: str, trust: Trust) -> Survey:
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return survey(folder, format=name, loads=sorted(sizes), sizes=sizes, trust=trust)


@pytest.mark.parametrize("policy", [SAFE, LISTED], ids=lambda policy: policy.level)
@pytest.mark.parametrize("what", FOLDERS)
def test_what_a_format_itself_refuses_is_seen_beforehand(what: str, policy: Trust, tmp_path: Path) -> None:
    name, files = FOLDERS[what]
    laid(tmp_path, files)
    with pytest.raises(Untrusted) as raised:
        read(tmp_path, format=name, loads=sorted(files), trust=policy)

    found = looked(tmp_path, name, policy)

    assert found.refusal is not None
    assert (str(found.refusal), found.refusal.names) == (str(raised.value), raised.value.names)
    assert looked(tmp_path, name, FULL).refusal is None


def test_what_is_allowed_is_not_refused_beforehand(tmp_path: Path) -> None:
    laid(tmp_path, {"transformers.json": INDEX, "model/config.json": {}})

    found = looked(tmp_path, "transformers", parse_trust(["my.models.Mine"]))

    assert found.refusal is None
    assert not [risk for risk in found.risks if "check" in risk]


def test_what_cannot_be_judged_is_said_so(tmp_path: Path) -> None:
    laid(tmp_path, {"sparkml/metadata/part-0": {}})

    assert "does not load here: 'part-0' names no class" in looked(tmp_path, "spark", LISTED).risks[0]
    assert "There is no format 'theirs'" in looked(tmp_path, "theirs", LISTED).risks[0]


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize("policy", [SAFE, LISTED, parse_trust([DOUBLER]), FULL], ids=str)
def test_a_file_of_joblibs_is_followed_past_its_arrays(policy: Trust, compress: int, tmp_path: Path) -> None:
    joblib.dump([np.arange(9.0), Doubler()], tmp_path / "m.joblib", compress=compress)

    found = looked(tmp_path, "joblib", policy)

    if found.refusal is None:
        read(tmp_path, format="joblib", loads=("m.joblib",), trust=policy)
    else:
        with pytest.raises(Untrusted) as raised:
            read(tmp_path, format="joblib", loads=("m.joblib",), trust=policy)
        assert str(raised.value) == str(found.refusal)
    assert (found.refusal is None) == (DOUBLER in policy.extra or policy is FULL)
    assert DOUBLER in found.files[0].globals


PACKAGE = """
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import refuse_unlisted
class Careless:
    name = "careless"
    def accepts(self, model): return isinstance(model, str)
    def save(self, model, folder):
        (folder / "text").write_text(model)
        return Saved(loads=("text",))
    def load(self, folder, loads, trust):
        refuse_unlisted(trust, (self._text(folder),), "text")
        return self._text(folder)
    def _text(self, folder): return (folder / "text").read_text()
class Careful(Careless):
    name = "careful"
    def accepts(self, model): return isinstance(model, bytes)
    def save(self, model, folder): return super().save(model.decode(), folder)
    def check(self, folder, loads, trust): refuse_unlisted(trust, (self._text(folder),), "text")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with two formats of its own, of which one can judge its files."""
    site = tmp_path / "site"
    info = site / "cautious-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cautious\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelstore.formats]\na = cautious:Careless\nb = cautious:Careful\n")
    (site / "cautious.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(site)
    detect._third_party.cache_clear()
    yield
    monkeypatch.undo()
    sys.modules.pop("cautious", None)
    detect._third_party.cache_clear()


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("model", "seen"), [(b"evil.Name", True), ("evil.Name", False)], ids=["check", "no check"])
def test_a_package_s_own_format_is_asked_if_it_can_say(model: object, seen: bool, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    store.save(model, "theirs")
    refused = _refusal(lambda: store.load("theirs"))

    found = store.inspect("theirs")

    assert "evil.Name" in refused
    assert (found.allowed, found.refusal) == ((False, refused) if seen else (True, ""))
    assert any("has no `check`: it may refuse more" in risk for risk in found.risks) is not seen


def _refusal(load: Callable[[], object]) -> str:
    with pytest.raises(ModelStoreError) as raised:
        load()
    return str(raised.value)
