import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import zipfile
import zlib
from collections import ChainMap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from tests.formats.hostile_files import npy_of_objects, torch_zip
from tests.formats.plain import Doubler
from tests.formats.samples import fitted

from modelstore_core import formats
from modelstore_core.errors import ModelStoreError, Untrusted
from modelstore_core.formats.containers import Bounds, Content, content_of
from modelstore_core.formats.survey import Survey, survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE, Trust, parse_trust

KINDS = [
    "forest",
    "xgb_classifier",
    "xgb_booster",
    "catboost",
    "onnx",
    "ols",
    "lgbm_classifier",
    "lgbm_pickled",
    "xgb_missing",
    "lgbm_booster",
    "doubler",
]
DOUBLER = "tests.formats.plain.Doubler"
PLAIN = pickle.dumps(Doubler())


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def looked(tmp_path: Path) -> Callable[..., Content]:
    def look(data: bytes, bounds: Bounds | None = None) -> Content:
        path = tmp_path / "file"
        path.write_bytes(data)
        return content_of(path, bounds)

    return look


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name.replace("_json", ".json"), body)
    return made.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PLAIN, "pickle"),
        (pickle.dumps(Doubler(), 0), "pickle"),
        (gzip.compress(PLAIN), "gzip of a pickle"),
        (zlib.compress(PLAIN), "zlib of a pickle"),
        (bz2.compress(PLAIN), "bz2 of a pickle"),
        (lzma.compress(PLAIN), "xz of a pickle"),
        (lzma.compress(PLAIN, lzma.FORMAT_ALONE), "lzma of a pickle"),
        (zipped(member=PLAIN), "zip"),
        (torch_zip(PLAIN), "torch zip"),
        (npy_of_objects(PLAIN), "npy of objects"),
        (gzip.compress(zipped(member=bz2.compress(PLAIN))), "gzip of a zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pickle_is_found_wherever_it_lies(data: bytes, kind: str, looked: Callable[..., Content]) -> None:
    found = looked(data)

    assert (found.kind, found.pickled, found.doubts) == (kind, True, ())
    assert DOUBLER in found.names


@pytest.mark.parametrize("level", [1, 6, 9])
def test_zlib_is_known_at_every_level(level: int, looked: Callable[..., Content]) -> None:
    assert looked(zlib.compress(PLAIN, level)).names == looked(PLAIN).names


def npy(array: Any) -> bytes:
    made = io.BytesIO()
    np.save(made, array, allow_pickle=True)
    return made.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"tree\nversion=v4\n",
        b"channels:\n- conda-forge\n",
        b'{"a": 1}',
        b"binary\0\1\2" * 100,
        npy(np.zeros(3)),
        npy(np.zeros(3, dtype=[("Of", "f8"), ("b", "U3", (2,))])),
        gzip.compress(b"text"),
        zipped(a=b"text"),
    ],
    ids=range(9),
)
def test_what_holds_no_pickle_is_said_to_hold_none(data: bytes, looked: Callable[..., Content]) -> None:
    found = looked(data)

    assert (found.pickled, found.names, found.doubts) == (False, (), ())


def test_objects_deep_in_an_arrays_type_are_seen(looked: Callable[..., Content]) -> None:
    array = np.array([((Doubler(),),)], dtype=[("a", [("b", "O")])])

    assert DOUBLER in looked(npy(array)).names


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gzip.compress(PLAIN)[:-9], "no whole gzip stream"),
        (gzip.compress(PLAIN) + b"more", "more bytes follow its end"),
        (gzip.compress(PLAIN) * 2, "more bytes follow its end"),
        (zlib.compress(PLAIN)[:-3], "no whole zlib stream"),
        (lzma.compress(PLAIN)[:40], "no whole xz stream"),
        (b"BZhello", "no whole bz2 stream"),
        (b"PK\3\4" + b"\0" * 40, "no whole zip file"),
        (b"\x04\x22\x4d\x18rest", "lz4, which is not opened"),
        (b"\x28\xb5\x2f\xfdrest", "zstandard, which is not opened"),
        (b"\x93NUMPY\1\0\xff\xffshort", "its header cannot be read"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff", "its header cannot be read"),
        (b"\x93NUMPY\1\0\2\0[]", "its header cannot be read"),
        (PLAIN + PLAIN, "more bytes follow"),
        (PLAIN[:-5], "in the middle of a pickle"),
        (torch_zip(PLAIN) + b"more", "it is no file of torch.save|bytes follow its end|no whole zip"),
        (zipped(schema_json=b"{"), "its schema cannot be read"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(PLAIN))))), "too deep"),
    ],
    ids=range(17),
)
def test_what_cannot_be_followed_is_doubted(data: bytes, why: str, looked: Callable[..., Content]) -> None:
    found = looked(data)

    assert found.pickled
    assert any(re.search(why, doubt) for doubt in found.doubts), found


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress, lambda b: zipped(a=b)])
def test_a_bomb_is_not_expanded(pack: Callable[[bytes], bytes], looked: Callable[..., Content]) -> None:
    bomb = pack(b"\0" * 5_000_000)

    found = looked(bomb, Bounds(free=100_000, ratio=10))

    assert found.doubts == ("it expands to more than is reasonable",)
    assert found.pickled


def test_an_archive_of_too_many_members_is_doubted(looked: Callable[..., Content]) -> None:
    found = looked(zipped(a=b"1", b=b"2", c=b"3"), Bounds(members=2))

    assert found.doubts == ("it has 3 members",)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_doubted(looked: Callable[..., Content]) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", b"harmless")
        archive.writestr("A", b"another")

    assert looked(made.getvalue()).doubts == ("two of its members have one name",)


def test_joblibs_arrays_are_passed_over(looked: Callable[..., Content]) -> None:
    made = io.BytesIO()
    joblib.dump([np.arange(9.0), Doubler()], made, compress=("gzip", 3))

    found = looked(made.getvalue())

    assert found.kind == "gzip of a joblib"
    assert found.doubts == ()
    assert found.names == ("numpy.dtype", "numpy.ndarray", DOUBLER)


def test_a_joblib_file_that_is_cut_is_not_guessed_at(looked: Callable[..., Content]) -> None:
    made = io.BytesIO()
    joblib.dump([Doubler(), np.arange(9.0)], made)

    found = looked(made.getvalue()[:-9])

    assert "it cannot be followed" in found.doubts[0]
    assert DOUBLER in found.names


def test_a_keras_lambda_is_a_risk(looked: Callable[..., Content]) -> None:
    layers = {"config": {"layers": [{"class_name": "Lambda", "config": {}}]}}
    keras = zipped(config_json=json.dumps(layers).encode(), metadata_json=b"{}")

    found = looked(keras)

    assert found.kind == "keras"
    assert found.risks == ("a Keras Lambda layer: Python code that travels in the file",)


def surveyed(model: object, folder: Path, trust: Trust, **options: Any) -> Survey:
    folder.mkdir()
    written = formats.write(model, folder, **options)
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return survey(folder, format=written.format, loads=written.loads, sizes=sizes, trust=trust)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", [SAFE, LISTED, FULL], ids=lambda policy: policy.level)
def test_a_survey_says_what_a_load_does(kind: str, policy: Trust, tmp_path: Path) -> None:
    found = surveyed(fitted(kind), tmp_path / "model", policy)
    folder = tmp_path / "again"
    folder.mkdir()
    written = formats.write(fitted(kind), folder)

    raised: Untrusted | None = None
    try:
        formats.read(folder, format=written.format, loads=written.loads, trust=policy)
    except Untrusted as refusal:
        raised = refusal

    assert str(found.refusal) == str(raised)
    assert getattr(found.refusal, "names", None) == getattr(raised, "names", None)
    opened = {file.path for file in found.files if file.opened}
    assert opened == set(written.loads)
    assert {name for file in found.files if file.opened for name in file.globals} >= set(written.globals)


def test_one_line_allows_all_members(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = {"a": Doubler(), "b": ChainMap({}), "c": LogisticRegression()}
    found = surveyed(model, tmp_path / "model", LISTED)

    assert found.refusal is not None
    assert found.refusal.names == ("collections.ChainMap", DOUBLER)
    assert f'trust=["collections.ChainMap", "{DOUBLER}"]' in found.refusal.fix
    assert surveyed(model, tmp_path / "again", parse_trust(found.refusal.names)).refusal is None


def test_code_by_value_is_a_risk_that_no_line_allows(tmp_path: Path) -> None:
    found = surveyed({"f": lambda rows: rows}, tmp_path / "model", LISTED)

    assert found.refusal is not None
    assert "trust=[" not in found.refusal.fix
    assert any("Python code by value" in risk for risk in found.files[0].risks)


def test_a_pickle_in_a_plain_folder_is_told_of_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights.bin").write_bytes(gzip.compress(PLAIN))

    found = surveyed(tmp_path / "mine", tmp_path / "model", SAFE)

    assert found.refusal is None
    (file,) = found.files
    assert (file.opened, file.kind, DOUBLER in file.globals) == (False, "gzip of a pickle", True)
    assert "loading the version does not open it" in file.risks[0]


def test_a_format_of_somebody_else_is_judged_by_every_pickle_in_its_files(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(zipped(member=gzip.compress(PLAIN)))

    def judged(trust: Trust) -> Untrusted | None:
        return survey(tmp_path, format="theirs", loads=("model.zip",), sizes={"model.zip": 1}, trust=trust).refusal

    listed = judged(LISTED)
    assert listed is not None
    assert listed.names == (DOUBLER,)
    assert judged(SAFE) is not None
    assert judged(parse_trust([DOUBLER])) is None
    assert judged(FULL) is None


def test_a_record_that_loads_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    found = survey(tmp_path, format="pickle", loads=("gone.pkl",), sizes={}, trust=LISTED)

    assert found.risks == ("does not load: it opens 'gone.pkl', which is no file of the version",)


def test_a_flavor_of_mlflows_needs_full_trust_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"anything")

    def judged(trust: Trust) -> Survey:
        return survey(tmp_path, format="mlflow:pmdarima", loads=("model.bin",), sizes={"model.bin": 8}, trust=trust)

    listed = judged(LISTED).refusal
    assert listed is not None
    assert 'trust="full"' in listed.fix
    assert judged(FULL).refusal is None
    assert judged(FULL).risks == ()


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"module": "my.layers", "class_name": "Mine", "config": {}}, "does not load here"),
        ({"class_name": "Lambda", "config": {}}, "a Keras Lambda layer"),
    ],
    ids=["of one's own", "lambda"],
)
def test_a_keras_file_is_judged_as_its_format_does(layer: dict[str, Any], said: str, tmp_path: Path) -> None:
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"no weights")

    found = survey(tmp_path, format="keras", loads=("model.keras",), sizes={"model.keras": 1}, trust=LISTED)

    with pytest.raises(ModelStoreError) as raised:
        formats.read(tmp_path, format="keras", loads=("model.keras",), trust=LISTED)
    assert found.files[0].kind == "keras"
    assert any(said in risk for risk in (*found.risks, *found.files[0].risks))
    assert str(found.refusal or raised.value) == str(raised.value)
