"""Files that other programs wrote: kept byte for byte, loaded as objects, and judged like everything else."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from tests.formats.plain import Doubler
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import Corrupt, InvalidInput, NotSerializable, Untrusted
from modelstore_core.formats import read, write
from modelstore_core.formats.foreign import format_of
from modelstore_core.formats.mlflow import import_mlflow
from modelstore_core.formats.survey import survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE, Trust

COMPRESSED = [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
ROWS = np.arange(40.0).reshape(20, 2)
FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, ROWS[:, 0] > 20)


def kept(path: Path, folder: Path, trust: Trust = LISTED) -> object:
    """What a load gives of the path after it was saved under the format that it looks like."""
    folder.mkdir()
    written = write(path, folder, format=format_of(path))
    return read(folder, format=written.format, loads=written.loads, trust=trust)


@pytest.mark.parametrize("compress", COMPRESSED, ids=str)
def test_a_joblib_file_loads_as_its_object_under_the_listed_names(compress: object, tmp_path: Path) -> None:
    joblib.dump(FOREST, tmp_path / "forest.joblib", compress=compress)

    loaded = kept(tmp_path / "forest.joblib", tmp_path / "folder")

    assert isinstance(loaded, RandomForestClassifier)
    assert np.array_equal(loaded.predict_proba(ROWS), FOREST.predict_proba(ROWS))
    assert (tmp_path / "folder/forest.joblib").read_bytes() == (tmp_path / "forest.joblib").read_bytes()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.array(3.5),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.arange(4, dtype=">i4"),
        np.array(["a", "bcd"]),
        np.array(["a", None, 3], dtype=object),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    ],
    ids=["empty", "scalar", "fortran", "strided", "big-endian", "texts", "objects", "records"],
)
def test_every_kind_of_array_comes_out_of_a_joblib_file_as_it_went_in(array: np.ndarray, tmp_path: Path) -> None:
    joblib.dump({"a": array, "b": [array]}, tmp_path / "a.joblib")

    loaded = kept(tmp_path / "a.joblib", tmp_path / "folder")

    assert isinstance(loaded, dict)
    assert loaded["a"].dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(loaded["a"], array)
    assert np.array_equal(loaded["b"][0], array)


def test_a_joblib_file_is_loaded_only_as_far_as_the_reader_trusts_it(tmp_path: Path) -> None:
    joblib.dump([np.arange(9.0), Doubler()], tmp_path / "m.joblib")
    (tmp_path / "folder").mkdir()
    written = write(tmp_path / "m.joblib", tmp_path / "folder", format="joblib")

    def load(trust: Trust) -> Any:
        return read(tmp_path / "folder", format="joblib", loads=written.loads, trust=trust)

    with pytest.raises(Untrusted, match=r"tests\.formats\.plain\.Doubler"):
        load(LISTED)
    with pytest.raises(Untrusted, match="safe"):
        load(SAFE)
    assert isinstance(load(FULL)[1], Doubler)
    assert isinstance(load(Trust(extra=frozenset({"tests.formats.plain.Doubler"})))[1], Doubler)


class Runs:
    """Would run code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return eval, (f"open({str(self.path)!r}, 'w').close()",)


@pytest.mark.parametrize("compress", COMPRESSED, ids=str)
@pytest.mark.parametrize(
    "around",
    [
        lambda one: [np.arange(3.0), one],
        lambda one: [one, np.arange(3.0)],
        lambda one: np.array([one, None], dtype=object),
        lambda one: np.array([np.array([one, 1], dtype=object), 2], dtype=object),
    ],
    ids=["after an array", "before an array", "in an array", "in an array in an array"],
)
def test_nothing_runs_that_lies_anywhere_in_a_joblib_file(
    around: Callable[[object], object], compress: object, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    joblib.dump(around(Runs(canary)), tmp_path / "m.joblib", compress=compress)

    with pytest.raises(Untrusted, match=r"builtins\.eval"):
        kept(tmp_path / "m.joblib", tmp_path / "folder")

    assert not canary.exists()
    joblib.load(tmp_path / "m.joblib")
    assert canary.exists()


def test_an_array_that_claims_another_size_than_it_has_hides_nothing(tmp_path: Path) -> None:
    made = io.BytesIO()
    joblib.dump(np.arange(3.0), made)
    # the type's name says eight bytes; its state, which only NumPy understands, is left to say anything
    (tmp_path / "m.joblib").write_bytes(made.getvalue().replace(b"f8", b"f4"))

    assert format_of(tmp_path / "m.joblib") is None
    with pytest.raises(Untrusted, match="cannot be judged"):
        kept_as(tmp_path / "m.joblib", "joblib", tmp_path / "folder")


def kept_as(path: Path, name: str, folder: Path) -> object:
    folder.mkdir()
    written = write(path, folder, format=name)
    return read(folder, format=name, loads=written.loads, trust=LISTED)


@pytest.mark.parametrize("cut", [1, 10, 100, 400])
def test_a_cut_joblib_file_is_refused_before_anything_is_made(cut: int, tmp_path: Path) -> None:
    joblib.dump(FOREST, tmp_path / "whole.joblib")
    (tmp_path / "m.joblib").write_bytes((tmp_path / "whole.joblib").read_bytes()[:-cut])

    with pytest.raises(Untrusted, match="cannot be followed"):
        kept_as(tmp_path / "m.joblib", "joblib", tmp_path / "folder")


def test_bytes_after_the_end_of_a_joblib_file_are_not_overlooked(tmp_path: Path) -> None:
    joblib.dump([np.arange(3.0)], tmp_path / "m.joblib")
    with (tmp_path / "m.joblib").open("ab") as file:
        file.write(pickle.dumps(Runs(tmp_path / "canary")))

    with pytest.raises(Untrusted, match="more bytes follow"):
        kept_as(tmp_path / "m.joblib", "joblib", tmp_path / "folder")


def test_a_plain_pickle_is_told_from_a_joblib_file_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "plain.joblib").write_bytes(pickle.dumps(fitted("logistic")))
    joblib.dump(FOREST, tmp_path / "joblib.pkl")
    (tmp_path / "neither.pkl").write_bytes(b"no pickle at all")

    assert format_of(tmp_path / "plain.joblib") == "pickle"
    assert format_of(tmp_path / "joblib.pkl") == "joblib"
    assert format_of(tmp_path / "neither.pkl") is None
    assert isinstance(kept(tmp_path / "plain.joblib", tmp_path / "folder"), LogisticRegression)


def native(kind: str, path: Path) -> None:
    model = fitted(kind)
    if kind == "onnx":
        path.write_bytes(model.SerializeToString())
    else:
        model.save_model(str(path))


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("xgb_booster", "model.ubj", "xgboost"),
        ("xgb_classifier", "old.json", "xgboost"),
        ("lgbm_booster", "trees.txt", "lightgbm"),
        ("catboost_classifier", "m.cbm", "catboost"),
        ("onnx", "net.onnx", "onnx"),
    ],
)
def test_a_file_in_a_librarys_own_format_loads_as_that_librarys_object(
    kind: str, name: str, expected: str, tmp_path: Path
) -> None:
    native(kind, tmp_path / name)

    assert format_of(tmp_path / name) == expected
    loaded = kept(tmp_path / name, tmp_path / "folder", SAFE)
    assert type(loaded).__module__.partition(".")[0] == expected


def test_who_looks_at_such_a_file_is_told_what_its_load_would_say(tmp_path: Path) -> None:
    native("lgbm_booster", tmp_path / "trees.txt")
    (tmp_path / "folder").mkdir()
    written = write(tmp_path / "trees.txt", tmp_path / "folder", format="lightgbm")
    sizes = {"trees.txt": (tmp_path / "trees.txt").stat().st_size}

    found = survey(tmp_path / "folder", format="lightgbm", loads=written.loads, sizes=sizes, trust=SAFE)

    assert (found.refusal, found.risks) == (None, ())


@pytest.mark.parametrize("name", ["notes.txt", "config.json", "weights.safetensors", "README.md", "m.ubj"])
def test_other_files_have_no_format_but_their_path(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"a": 1}')

    assert format_of(tmp_path / name) is None


def saved_by_mlflow(kind: str, path: Path, **options: object) -> None:
    import_mlflow()
    import importlib

    module = importlib.import_module(f"mlflow.{FLAVORS[kind]}")
    module.save_model(fitted(kind), str(path), pip_requirements=["mlflow-skinny"], **options)


FLAVORS = {
    "logistic": "sklearn",
    "xgb_classifier": "xgboost",
    "xgb_booster": "xgboost",
    "lgbm_booster": "lightgbm",
    "catboost_classifier": "catboost",
    "onnx": "onnx",
    "ols": "statsmodels",
}


@pytest.mark.parametrize("kind", FLAVORS)
def test_what_mlflow_wrote_is_loaded_by_our_own_format(kind: str, tmp_path: Path) -> None:
    saved_by_mlflow(kind, tmp_path / "m", **({"serialization_format": "cloudpickle"} if kind == "logistic" else {}))

    assert format_of(tmp_path / "m") == FLAVORS[kind]
    loaded = kept(tmp_path / "m", tmp_path / "folder", FULL)
    assert type(loaded) is type(fitted(kind))
    if hasattr(loaded, "predict") and kind in {"logistic", "xgb_classifier", "catboost_classifier"}:
        assert np.array_equal(loaded.predict(FRAME), fitted(kind).predict(FRAME))


def test_what_only_mlflow_can_load_needs_mlflow_and_full_trust(tmp_path: Path) -> None:
    import mlflow.pyfunc

    class Twice(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            del context, params
            return model_input

    mlflow.pyfunc.save_model(str(tmp_path / "m"), python_model=Twice(), pip_requirements=["mlflow-skinny"])

    assert format_of(tmp_path / "m") == "mlflow:pyfunc"
    with pytest.raises(Untrusted):
        kept(tmp_path / "m", tmp_path / "one")
    assert kept(tmp_path / "m", tmp_path / "two", FULL).predict(None, 2) == 2  # type: ignore[attr-defined]


def test_a_folder_without_mlmodel_or_with_an_unknown_loader_is_a_folder(tmp_path: Path) -> None:
    for name, text in {"none": None, "odd": "flavors: {python_function: {loader_module: my.own}}"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.bin").write_bytes(b"w")
        if text:
            (tmp_path / name / "MLmodel").write_text(text)
        assert format_of(tmp_path / name) is None


def test_an_mlmodel_that_reaches_out_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/MLmodel").write_text("flavors: {sklearn: {pickled_model: ../../other.pkl}}")

    assert format_of(tmp_path / "m") == "mlflow:sklearn"
    with pytest.raises(NotSerializable, match="does not load"):
        kept_as(tmp_path / "m", "sklearn", tmp_path / "folder")


def test_yaml_that_would_construct_objects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/MLmodel").write_text("flavors: !!python/object/apply:os.system ['true']")

    with pytest.raises(InvalidInput, match="is no YAML"):
        format_of(tmp_path / "m")


def test_a_format_that_takes_no_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"m")

    with pytest.raises(NotSerializable, match="'spacy' does not load"):
        kept_as(tmp_path / "m.bin", "spacy", tmp_path / "folder")
    with pytest.raises(NotSerializable, match="'joblib' does not take"):
        write({"a": 1}, tmp_path, format="joblib")


def test_a_file_that_is_not_what_was_said_of_it_fails_to_load_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.ubj").write_bytes(b"{L nothing")

    with pytest.raises(Corrupt, match=r"'m\.ubj' is no xgboost\.core\.Booster"):
        kept(tmp_path / "m.ubj", tmp_path / "folder")


@pytest.mark.parametrize("code", [pickle.OBJ, pickle.EXT1, pickle.BINPERSID, pickle.NEXT_BUFFER], ids=repr)
def test_opcodes_that_reach_code_by_other_ways_are_refused(code: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.joblib").write_bytes(b"\x80\x05(K\x01" + code + b"\x01.")

    with pytest.raises(Untrusted, match="uses the pickle opcode"):
        kept_as(tmp_path / "m.joblib", "joblib", tmp_path / "folder")
