"""No file that a stranger may have put where a model lies runs anything, under "safe" or under "listed"."""

import gc
import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from tests.formats.hostile import calls
from tests.formats.hostile_files import (
    CONTAINERS,
    bodies,
    disguised_joblib,
    joblib_files,
    npy_of_objects,
    skops_file,
    torch_zip,
)

from modelstore_core import formats
from modelstore_core.errors import Corrupt, InvalidInput, MissingExtra, ModelStoreError, Untrusted
from modelstore_core.formats.survey import survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE, Trust, parse_trust

# format → the files that its `load` opens; the last is the one that a stranger has replaced
UNPICKLED = {
    "sklearn": ("model.pkl",),
    "pickle": ("model.pkl",),
    "statsmodels": ("model.statsmodels",),
    "lightgbm": ("model.pkl",),
}
OWN = {
    "xgboost": ("MLmodel", "model.ubj"),
    "lightgbm": ("model.lgb",),
    "catboost": ("MLmodel", "model.cb"),
    "onnx": ("model.onnx",),
    "numpy": ("array.npy",),
    "pandas": ("frame.parquet",),
}
MLMODEL = """flavors:
  catboost:
    data: "model.cb"
    model_type: "CatBoostClassifier"
  python_function:
    data: "model.pkl"
    loader_module: "mlflow.sklearn"
  sklearn:
    pickled_model: "model.pkl"
    serialization_format: "pickle"
  xgboost:
    data: "model.ubj"
    model_class: "xgboost.core.Booster"
"""


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    return folder


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def hostile(canary: Path) -> Iterator[tuple[str, bytes]]:
    for name, body in bodies(canary).items():
        for container, pack in CONTAINERS.items():
            yield f"{name}, {container}", pack(body)
    yield from joblib_files(canary)


def refused(load: Callable[[], object], canary: Path, what: str) -> ModelStoreError:
    """What the load raised, and nothing has run."""
    with pytest.raises((Untrusted, Corrupt, MissingExtra, InvalidInput)) as raised:
        load()
    assert not canary.exists(), what
    assert raised.value.fix or isinstance(raised.value, Corrupt), what
    return raised.value


def says_what_would_allow_it(error: ModelStoreError, policy: Trust) -> bool:
    """Whether the refusal prints the line, or the level, that would allow the load."""
    if policy == SAFE:
        return 'trust="listed"' in error.fix
    lines = [f'trust=["{error.names[0]}'] if isinstance(error, Untrusted) and error.names else []
    return any(line in error.fix for line in (*lines, 'trust="full" only if you know who wrote the file'))


@pytest.mark.parametrize("policy", [SAFE, LISTED], ids=lambda policy: policy.level)
def test_no_hostile_file_runs_where_a_pickle_is_expected(policy: Trust, folder: Path, canary: Path) -> None:
    tried = 0
    for what, data in hostile(canary):
        for name, loads in UNPICKLED.items():
            if name != "pickle" and not what.endswith(("plain", "gzip")):
                continue  # all of them load pickles by the same few lines
            (folder / loads[-1]).write_bytes(data)

            error = refused(
                lambda name=name, loads=loads: formats.read(folder, format=name, loads=loads, trust=policy),  # type: ignore[misc]
                canary,
                what,
            )

            assert isinstance(error, Untrusted), what
            assert says_what_would_allow_it(error, policy), (what, str(error))
            tried += 1
        refused(lambda: formats.read_pyfunc(folder, trust=policy), canary, what)
        tried += 1

    print(f"{tried} loads of hostile files under {policy.level!r}, 0 executions")
    assert tried >= 2000


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("policy", [SAFE, LISTED], ids=lambda policy: policy.level)
def test_a_file_in_a_librarys_own_form_is_never_unpickled(
    name: str, policy: Trust, folder: Path, canary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loads = OWN[name]
    tried = 0
    for what, pack in CONTAINERS.items():
        for call, value in calls(canary).items():
            (folder / loads[-1]).write_bytes(pack(pickle.dumps(value)))

            refused(lambda: formats.read(folder, format=name, loads=loads, trust=policy), canary, f"{call}, {what}")
            tried += 1
    gc.collect()  # what a library has half made of such a file goes while its complaints are still caught
    capfd.readouterr()

    assert tried == len(CONTAINERS) * len(calls(canary))


def test_the_files_do_run_where_nobody_looks(folder: Path, canary: Path) -> None:
    """Without this the tests above would pass on files that do nothing."""
    ran = 0
    for name, data in joblib_files(canary):
        joblib.load(io.BytesIO(data))
        assert canary.exists(), name
        canary.unlink()
        ran += 1
    for name, value in calls(canary).items():
        np.load(io.BytesIO(npy_of_objects(pickle.dumps(value))), allow_pickle=True)
        assert canary.exists(), name
        canary.unlink()
        (folder / "model.pkl").write_bytes(pickle.dumps(value))
        formats.read(folder, format="pickle", loads=("model.pkl",), trust=FULL)
        assert canary.exists(), name
        canary.unlink()
        ran += 2

    assert ran >= 70


@pytest.mark.parametrize("policy", [SAFE, LISTED], ids=lambda policy: policy.level)
def test_a_survey_of_hostile_files_runs_nothing_and_misses_no_refusal(
    policy: Trust, folder: Path, canary: Path
) -> None:
    sizes = {"model.pkl": 0}
    for what, data in hostile(canary):
        (folder / "model.pkl").write_bytes(data)
        for name in ("pickle", "somebody_elses"):
            found = survey(folder, format=name, loads=("model.pkl",), sizes=sizes, trust=policy)

            assert not canary.exists(), what
            known = "PERSID" not in what or name == "pickle"  # a text that no pickle needs to be
            assert found.refusal is not None or not known, (what, name)


@pytest.mark.parametrize("kind", ["posix.system", "subprocess.Popen", "builtins.eval"])
def test_a_skops_file_is_no_model_of_ours_and_its_types_are_shown(kind: str, folder: Path) -> None:
    (folder / "model.skops").write_bytes(skops_file(kind))
    text = MLMODEL.replace("model.pkl", "model.skops").replace('format: "pickle"', 'format: "skops"')
    (folder / "MLmodel").write_text(text)

    with pytest.raises(Untrusted, match="a trust list of its own"):
        formats.read_pyfunc(folder, trust=LISTED)
    found = survey(
        folder, format="somebody_elses", loads=("model.skops",), sizes={"model.skops": 1, "MLmodel": 1}, trust=LISTED
    )

    assert found.files[0].globals == (kind,)
    assert found.refusal is not None
    assert found.refusal.names == (kind,)


OUTSIDE = ["../canary.py", "/etc/passwd", "..\\canary.py", "a/../../canary.py", "", ".", "model.pkl\0"]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("name", [*UNPICKLED, *OWN])
def test_a_record_that_points_outside_opens_nothing(name: str, path: str, folder: Path, canary: Path) -> None:
    (folder.parent / "canary.py").write_text("")

    with pytest.raises(Corrupt):
        formats.read(folder, format=name, loads=(path,), trust=FULL)
    assert not canary.exists()


@pytest.mark.parametrize("name", UNPICKLED)
def test_a_link_in_place_of_a_file_is_not_followed(name: str, folder: Path, canary: Path) -> None:
    outside = folder.parent / "outside.pkl"
    outside.write_bytes(pickle.dumps(calls(canary)["builtins.eval"]))
    path = UNPICKLED[name][0]
    (folder / path).symlink_to(outside)

    with pytest.raises(Corrupt):
        formats.read(folder, format=name, loads=(path,), trust=FULL)
    found = survey(folder, format=name, loads=(path,), sizes={path: 3}, trust=LISTED)

    assert not canary.exists()
    assert found.files[0].risks == ("is no regular file",)


LIES = [
    {"a": {"format": "pickle", "loads": ["../../outside.pkl"]}},
    {"a": {"format": "pickle", "loads": ["/etc/passwd"]}},
    {"../a": {"format": "pickle", "loads": ["model.pkl"]}},
    {"a": {"format": "several", "loads": ["several.json"]}},
    {"a": {"format": "nothing", "loads": ["model.pkl"]}},
    {"a": {"format": "pickle", "loads": []}},
    {"a": {"format": "xgboost", "loads": ["model.pkl"]}},
    {"a": {"format": "numpy", "loads": ["model.pkl"]}},
    {"a": {"format": "pickle", "loads": ["model.pkl"]}},
]


@pytest.mark.parametrize("index", LIES, ids=json.dumps)
@pytest.mark.parametrize("policy", [SAFE, LISTED], ids=lambda policy: policy.level)
def test_an_index_of_members_that_lies_runs_nothing(
    index: dict[str, object], policy: Trust, folder: Path, canary: Path
) -> None:
    (folder / "a").mkdir()
    for path in (folder / "a" / "model.pkl", folder.parent / "outside.pkl"):
        path.write_bytes(pickle.dumps(calls(canary)["builtins.eval"]))
    (folder / "several.json").write_text(json.dumps(index))
    sizes = {"several.json": 1, "a/model.pkl": 1}

    with pytest.raises(ModelStoreError):
        formats.read(folder, format="several", loads=("several.json",), trust=policy)
    found = survey(folder, format="several", loads=("several.json",), sizes=sizes, trust=policy)

    assert not canary.exists()
    assert found.refusal is not None or found.risks or any(file.risks for file in found.files)


def test_a_torch_zip_made_by_hand_is_seen_through(folder: Path, canary: Path) -> None:
    tried = 0
    for what, body in bodies(canary).items():
        if what == "BINPERSID":
            continue  # which is how such files name their tensors
        (folder / "state.pth").write_bytes(torch_zip(body))

        found = survey(folder, format="pytorch", loads=("state.pth",), sizes={"state.pth": 1}, trust=LISTED)

        assert found.refusal is not None, what
        tried += 1
    assert not canary.exists()
    assert tried >= 70


def test_what_joblib_takes_for_an_array_hides_nothing(folder: Path, canary: Path) -> None:
    names = ["joblib.numpy_pickle.NumpyArrayWrapper", "numpy.dtype", "numpy.ndarray"]
    for what, call in calls(canary).items():
        path = folder / "model.pkl"
        path.write_bytes(disguised_joblib(pickle.dumps(call, 2)))

        for trust in (SAFE, LISTED, parse_trust(names)):
            for name in ("pickle", "sklearn", "somebody_elses"):
                found = survey(folder, format=name, loads=("model.pkl",), sizes={"model.pkl": 1}, trust=trust)
                assert found.files[0].kind == "joblib"
                assert found.refusal is not None
                assert "trust=[" not in found.refusal.fix or trust is SAFE
            with pytest.raises(Untrusted):
                formats.read(folder, format="pickle", loads=("model.pkl",), trust=trust)

        assert not canary.exists(), what
        formats.read(folder, format="pickle", loads=("model.pkl",), trust=FULL)  # as pickle takes it
        assert not canary.exists(), what
        joblib.load(path)
        assert canary.exists(), what
        canary.unlink()
