import json
import pickle
from collections import ChainMap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.formats.plain import Doubler
from tests.formats.samples import fitted

from modelstore_core import Corrupt, Inspection, InvalidInput, ModelStore, Untrusted, VersionDeleted, VersionNotFound
from modelstore_core.cli import main
from modelstore_core.formats import detect

DOUBLER = "tests.formats.plain.Doubler"


class Bomb:
    """Sets off whoever unpickles it."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (eval, (f"open({str(self._canary)!r}, 'w').close()",))


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


def test_what_load_would_refuse_is_said_with_the_line_that_allows_it(store: ModelStore) -> None:
    store.save(Doubler(3.0), "risk")

    found = store.inspect("risk")

    with pytest.raises(Untrusted) as refusal:
        store.load("risk")
    assert (found.allowed, found.refusal) == (False, str(refusal.value))
    assert f'trust=["{DOUBLER}"]' in found.refusal
    assert found.globals == store.get("risk").globals == (DOUBLER,)
    assert (found.not_recorded, found.not_found) == ((), ())
    assert store.inspect("risk", trust=[DOUBLER]).allowed
    assert store.load("risk", trust=[DOUBLER]) == Doubler(3.0)


@pytest.mark.parametrize("kind", ["xgb_classifier", "xgb_missing", "lgbm_classifier"])
def test_the_class_that_a_document_names_is_shown_and_is_not_unpickled(kind: str, store: ModelStore) -> None:
    version = store.save(fitted(kind), "risk")

    found = store.inspect("risk", trust="safe")

    assert found.globals == (version.model_type,)
    assert (found.not_recorded, found.not_found, found.risks) == ((), (), ())


def test_the_stores_own_policy_judges_unless_another_is_given(url: str, store: ModelStore) -> None:
    store.save(ChainMap({}), "risk")

    assert ModelStore(url, trust="full").inspect("risk").allowed
    assert ModelStore(url, trust="safe").inspect("risk").trust == "safe"
    assert not ModelStore(url, trust="full").inspect("risk", trust="listed").allowed
    with pytest.raises(InvalidInput):
        store.inspect("risk", trust="everything")


def test_nothing_is_loaded(store: ModelStore, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    store.save(Bomb(canary), "bomb")

    for trust in ("safe", "listed", "full"):
        found = store.inspect("bomb", trust=trust)

    assert not canary.exists()
    assert found.globals == ("builtins.eval",)
    store.load("bomb", trust="full")
    assert canary.exists()


def test_every_file_is_named_by_what_it_is(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(pickle.dumps(ChainMap({})))
    frame = pd.DataFrame({"age": [1.0, 2.0], "city": ["a", None]})
    store.save(Doubler(), "risk", input_example=frame, extra_files=[tmp_path / "notes.txt"])

    found = store.inspect("risk", trust=[DOUBLER])

    files = {file.path: file for file in found.files}
    assert files.keys() == {file.path for file in store.get("risk").files}
    assert [path for path, file in files.items() if file.opened] == ["model.pkl"]
    assert (files["model.pkl"].kind, files["MLmodel"].kind) == ("pickle", "data")
    assert files["extra_files/notes.txt"].kind == "pickle"
    assert "collections.ChainMap" in files["extra_files/notes.txt"].globals
    assert "collections.ChainMap" not in found.globals
    assert any(risk.startswith("extra_files/notes.txt: holds a pickle") for risk in found.risks)
    assert found.allowed


QUIET = """
import pickle
from modelstore_core.formats.protocol import Saved

class Quiet:
    name = "quiet"
    def accepts(self, model): return type(model).__name__ == "ChainMap"
    def save(self, model, folder):
        (folder / "model.bin").write_bytes(pickle.dumps(model))
        return Saved(loads=("model.bin",))
    def load(self, folder, loads, trust): raise NotImplementedError
"""


def test_names_that_the_record_does_not_have_are_told(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format from elsewhere says nothing of the pickle that it writes."""
    info = tmp_path / "site" / "quiet-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: quiet\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelstore.formats]\nquiet = quiet_format:Quiet\n")
    (tmp_path / "site" / "quiet_format.py").write_text(QUIET)
    monkeypatch.syspath_prepend(tmp_path / "site")
    detect._third_party.cache_clear()
    try:
        store.save(ChainMap({}), "risk")
        found = store.inspect("risk")
    finally:
        detect._third_party.cache_clear()

    assert (found.format, store.get("risk").globals) == ("quiet", ())
    assert (found.not_recorded, found.not_found) == (("collections.ChainMap",), ())
    assert "the files name what the record does not: collections.ChainMap" in found.risks
    assert not found.allowed


def test_drift_signature_and_install_line_are_there(store: ModelStore) -> None:
    frame = pd.DataFrame({"age": [1.0, 2.0], "city": ["a", None]})
    store.save(Doubler(np.float64(2.0)), "risk", input_example=frame)

    found = store.inspect("risk")

    assert "age: double, city: string, optional" in str(found)
    assert found.install == store.get("risk").install == f'pip install "numpy=={np.__version__}"'
    assert list(found.drift) == []
    assert found.proved is None


def test_bytes_that_differ_from_the_record_are_not_scanned(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    version = store.save(ChainMap({}), "risk")
    path = Path(version.url.removeprefix("file://")) / "model.pkl"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    with pytest.raises(Corrupt, match=r"model\.pkl"):
        store.inspect("risk")


def test_what_is_not_to_be_had_cannot_be_inspected(store: ModelStore) -> None:
    store.save(ChainMap({}), "risk")
    with pytest.raises(VersionNotFound):
        store.inspect("risk@7")
    store.delete("risk@1")
    with pytest.raises(VersionDeleted):
        store.inspect("risk@1")


def test_a_notebook_shows_it_escaped(store: ModelStore) -> None:
    store.save({"<script>": ChainMap({})}, "risk")

    shown = store.inspect("risk")._repr_html_()

    assert "<table>" in shown
    assert "collections.ChainMap" in shown
    assert "&quot;" in shown


def test_an_install_line_holds_exact_pins_and_nothing_else(store: ModelStore, weights: Path) -> None:
    version = store.save(weights, "risk")
    lines = ["a==1.0", "--index-url=http://x", 'b==1"; rm -rf ~; "', "c>=2", "-r other.txt", "d==1!2.0.post1+cpu", 3]

    def with_lines(requirements: object) -> str:
        from dataclasses import replace

        return replace(version, environment={"requirements": requirements}).install  # type: ignore[dict-item]

    assert with_lines(lines) == 'pip install "a==1.0" "d==1!2.0.post1+cpu"'
    assert with_lines("a==1") == ""
    assert with_lines([]) == ""


def test_the_command_line_shows_the_same(url: str, store: ModelStore, capsys: pytest.CaptureFixture[str]) -> None:
    if url.startswith("memory:"):
        return  # of another process
    store.save(Doubler(), "risk")

    assert main(["inspect", "risk", "--store", url]) == 0
    assert capsys.readouterr().out == f"{store.inspect('risk')}\n"
    assert main(["inspect", "risk", "--store", url, "--trust", DOUBLER, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["allowed"], document["globals"]) == (True, [DOUBLER])
    assert main(["inspect", "risk", "--store", url, "--trust", "safe"]) == 0
    assert "refused: 'model.pkl' is a pickle" in capsys.readouterr().out
    assert main(["inspect", "risk", "--store", url, "--trust", "never"]) == 2


def test_it_is_a_record_that_pickles(store: ModelStore) -> None:
    store.save(Doubler(), "risk")
    found = store.inspect("risk")

    again = pickle.loads(pickle.dumps(found))

    assert isinstance(again, Inspection)
    assert again == found
    assert found.files.rows()[0]["path"]
