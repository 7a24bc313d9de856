"""Our signatures and examples against those that MLflow infers and reads."""

import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model, infer_signature
from mlflow.models.utils import _enforce_schema, _save_example
from tests.formats.plain import Doubler
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import InvalidInput
from modelstore_core.formats import write
from modelstore_core.formats.detect import choose
from modelstore_core.formats.signature import Example, describe_example

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # in MLflow
]

COLUMNS: dict[str, Any] = {
    "bool": pd.Series([True, False]),
    "bool objects": pd.Series([True, False], dtype=object),
    "boolean": pd.Series([True, False], dtype="boolean"),
    **{
        kind: pd.Series([1, 2], dtype=kind) for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
    },
    **{
        kind: pd.Series([1, 2], dtype=kind) for kind in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32")
    },
    "ints as objects": pd.Series([1, 2], dtype=object),
    **{kind: pd.Series([1.5, 2], dtype=kind) for kind in ("float16", "float32", "float64", "Float32", "Float64")},
    **{f"{kind} missing": pd.Series([1.5, None], dtype=kind) for kind in ("float32", "float64", "Float32", "Float64")},
    "infinite": pd.Series([1.5, -np.inf]),
    "floats as objects": pd.Series([1.5, None], dtype=object),
    "text": pd.Series(["a", "ü"]),
    "text missing": pd.Series(["a", None]),
    "text as objects": pd.Series(["a", np.nan], dtype=object),
    "string": pd.Series(["a", None], dtype="string"),
    "bytes": pd.Series([b"a", b"\xff"]),
    "days": pd.to_datetime(pd.Series(["2020-01-01", "2021-02-03"])),
    "seconds": pd.Series(pd.to_datetime(["2020-01-01 10:11:12", "2021-02-03"], format="mixed")).astype("datetime64[s]"),
    "nanoseconds": pd.to_datetime(pd.Series(["2020-01-01", "2021-02-03"])).astype("datetime64[ns]"),
    "times missing": pd.to_datetime(pd.Series(["2020-01-01", None])),
    "dates as objects": pd.Series([dt.date(2020, 1, 1), dt.date(2021, 2, 3)]),
}

# Where MLflow's own file would not be strict JSON, or could not be read back by itself.
BETTER = {"float32 missing", "float64 missing", "text missing", "times missing"}


def _describe(rows: Any, model: Any = None) -> Example:
    model = model or _Constant(np.zeros(len(rows)))
    return describe_example(choose(model, None), model, rows)


class _Constant:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, rows: Any) -> Any:
        return self.answer


def _read_by_mlflow(example: Example, folder: Path) -> Any:
    for name, text in example.files.items():
        (folder / name).write_text(text)
    document = {"flavors": {}, "signature": dict(example.signature), "saved_input_example_info": dict(example.info)}
    model = Model.from_dict(document)
    return model, model.load_input_example(str(folder))


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_what_mlflow_infers(kind: str) -> None:
    frame = pd.DataFrame({"x": COLUMNS[kind]})

    assert _describe(frame).signature["inputs"] == infer_signature(frame).to_dict()["inputs"]


@pytest.mark.parametrize("kind", COLUMNS)
def test_mlflow_reads_its_example_back_and_accepts_it(kind: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": COLUMNS[kind], "other": [1.0, 2.0]})

    model, loaded = _read_by_mlflow(_describe(frame), tmp_path)

    wanted = _enforce_schema(frame.copy(), model.signature.inputs)
    given = _enforce_schema(loaded.copy(), model.signature.inputs)
    assert given["x"].isna().tolist() == wanted["x"].isna().tolist()
    present = wanted["x"].notna()
    assert given["x"][present].tolist() == wanted["x"][present].tolist()


@pytest.mark.parametrize("kind", sorted(COLUMNS.keys() - BETTER))
def test_the_files_are_mlflow_s_own(kind: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": COLUMNS[kind]})
    theirs = Model()
    _save_example(theirs, frame, str(tmp_path))

    ours = _describe(frame)

    assert ours.info == theirs.saved_input_example_info
    assert ours.files == {name: (tmp_path / name).read_text() for name in ours.files}


@pytest.mark.parametrize("kind", sorted(BETTER))
def test_the_files_are_strict_json(kind: str) -> None:
    for text in _describe(pd.DataFrame({"x": COLUMNS[kind]})).files.values():
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_times_with_and_without_fractions_are_read_back(tmp_path: Path) -> None:
    times = ["2020-01-01 01:02:03.456", "2020-02-01", None, "2020-02-01 00:00:00.123456789"]
    frame = pd.DataFrame({"x": pd.to_datetime(pd.Series(times), format="mixed").astype("datetime64[ns]")})

    _, loaded = _read_by_mlflow(_describe(frame), tmp_path)

    pd.testing.assert_frame_equal(loaded, frame)


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option is deprecated")
def test_text_is_text_whether_or_not_pandas_has_a_type_for_it() -> None:
    with pd.option_context("future.infer_string", False):
        frame = pd.DataFrame({"x": pd.Series(["a", None], dtype=object)})

        assert _describe(frame).signature["inputs"] == infer_signature(frame).to_dict()["inputs"]


REFUSED: dict[str, tuple[Any, str]] = {
    "ints missing": (pd.Series([1, None], dtype="Int64"), r"'Int64' with missing values.*astype\('float64'\)"),
    "bools missing": (pd.Series([True, None], dtype="boolean"), r"'boolean' with missing values.*astype\('float64'\)"),
    "categories": (pd.Series(["a", "b"], dtype="category"), r"dtype 'category'.*astype\(str\)"),
    "zones": (pd.Series(pd.date_range("2020", periods=2, tz="UTC")), r"drop the time zone.*tz_localize\(None\)"),
    "uint64": (pd.Series([1, 2], dtype="uint64"), r"'uint64'.*astype\('int64'\)"),
    "UInt64": (pd.Series([1, 2], dtype="UInt64"), r"'UInt64'.*astype\('float64'\)"),
    "longdouble": (pd.Series([1, 2], dtype=np.longdouble), r"astype\('float64'\)"),
    "complex": (pd.Series([1j, 2]), "use plain numbers"),
    "durations": (pd.to_timedelta(pd.Series([1, 2])), "use plain numbers"),
    "periods": (pd.Series(pd.period_range("2020", periods=2)), "use plain numbers"),
    "sparse": (pd.Series([0, 1], dtype="Sparse[int64]"), r"sparse\.to_dense"),
    "mixed": (pd.Series([1, "a"], dtype=object), "use plain numbers"),
    "decimals": (pd.Series([decimal.Decimal(1)] * 2), "use plain numbers"),
    "lists": (pd.Series([[1], [2]]), "use plain numbers"),
    "nothing": (pd.Series([None, None], dtype=object), "use plain numbers"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_mlflow_cannot_hold_is_refused_with_the_fix(kind: str) -> None:
    series, message = REFUSED[kind]

    with pytest.raises(InvalidInput, match=rf"(?s)column 'x' of the input example.*{message}"):
        _describe(pd.DataFrame({"x": series}))


@pytest.mark.parametrize("labels", [[0, 1], [1, 2], ["a", 1], ["é", "b c"]])
def test_column_names_are_kept(labels: list[Any], tmp_path: Path) -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=labels)
    theirs = Model()
    _save_example(theirs, frame, str(tmp_path))

    ours = _describe(frame)

    assert ours.signature["inputs"] == infer_signature(frame).to_dict()["inputs"]
    assert ours.info == theirs.saved_input_example_info
    assert ours.files == {name: (tmp_path / name).read_text() for name in ours.files}


@pytest.mark.parametrize("labels", [[1.5, 2.5], ["a", "a"], [("a", "b"), ("a", "c")], [None, "b"], [True, False]])
def test_column_names_that_json_changes_are_refused(labels: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        _describe(pd.DataFrame([[1.0, 2.0]], columns=pd.Index(labels, tupleize_cols=False)))


ARRAYS: dict[str, Any] = {
    **{kind: np.ones((2, 3), dtype=kind) for kind in ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?")},
    "missing": np.array([[1.0, np.nan]]),
    "one dimension": np.ones(4),
    "three dimensions": np.ones((2, 2, 2)),
    "text": np.array([["a"], ["bcd"]]),
    "objects": np.array([["a", 1.5], [None, True]], dtype=object),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_is_what_mlflow_makes_of_it(kind: str, tmp_path: Path) -> None:
    rows = ARRAYS[kind]
    theirs = Model()
    _save_example(theirs, rows, str(tmp_path))

    ours = _describe(rows)

    assert ours.signature["inputs"] == infer_signature(rows).to_dict()["inputs"]
    assert ours.info == theirs.saved_input_example_info
    assert ours.files == {name: (tmp_path / name).read_text() for name in ours.files}
    np.testing.assert_array_equal(_read_by_mlflow(ours, tmp_path)[1], rows)


@pytest.mark.parametrize(
    "rows",
    [
        np.array(1.0),
        np.ones((0, 3)),
        np.array([1j]),
        np.array([b"a"]),
        np.array(["2020"], dtype="M8[s]"),
        np.ones(2, dtype=np.longdouble),
        np.array([object()]),
    ],
)
def test_an_array_that_mlflow_cannot_hold_is_refused(rows: Any) -> None:
    with pytest.raises(InvalidInput, match="input example"):
        _describe(rows, _Constant(None))


@pytest.mark.parametrize("rows", [[[1, 2]], {"a": [1]}, "text", FRAME["age"], FRAME.head(0), FRAME[[]]])
def test_other_examples_are_refused(rows: Any) -> None:
    with pytest.raises(InvalidInput, match="input example"):
        _describe(rows, fitted("logistic"))


ANSWERS: dict[str, Any] = {
    "floats": np.array([0.5, 1.0]),
    "ints": np.array([1, 2], dtype="int32"),
    "classes": np.array(["yes", "no"], dtype=object),
    "probabilities": np.ones((2, 3), dtype="float32"),
    "series": pd.Series([1.0, 2.0], name="score"),
    "unnamed series": pd.Series([True, False]),
    "frame": pd.DataFrame({"low": [1.0, None], "high": [2, 3]}),
    "list": [1.5, 2.5],
    "words": ["a", "b"],
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("rows", [FRAME.head(2), FRAME.head(2).to_numpy()], ids=["frame", "array"])
def test_an_answer_is_what_mlflow_infers(rows: Any, kind: str) -> None:
    answer = ANSWERS[kind]
    column_of_numbers = isinstance(rows, pd.DataFrame) and isinstance(answer, np.ndarray) and answer.ndim == 1
    theirs = infer_signature(rows, pd.Series(answer) if column_of_numbers else answer).to_dict()

    assert _describe(rows, _Constant(answer)).signature == theirs


def test_a_sparse_answer_is_a_tensor() -> None:
    import scipy.sparse  # type: ignore[import-untyped] # scipy publishes no types

    answer = scipy.sparse.csr_matrix(np.eye(2))

    assert _describe(FRAME.head(2), _Constant(answer)).signature == infer_signature(FRAME.head(2), answer).to_dict()


@pytest.mark.parametrize("answer", [object(), {"a": 1}, [1, "a"], [], np.array([1, 2], dtype="uint64"), [object()]])
def test_any_other_answer_is_any(answer: object) -> None:
    signature = _describe(FRAME.head(2), _Constant(answer)).signature

    assert json.loads(str(signature["outputs"])) == [{"type": "any", "required": True}]


def test_what_does_not_predict_has_no_outputs(tmp_path: Path) -> None:
    written = write(fitted("scaler"), tmp_path, input_example=FRAME.head(2))

    assert written.signature is not None
    assert written.signature["outputs"] is None
    assert Model.load(str(tmp_path)).signature.inputs.input_names() == ["age", "visits", "income"]


def test_an_example_that_the_model_cannot_predict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot predict the input example: ValueError: (?s:.*)feature"):
        write(fitted("logistic"), tmp_path, input_example=FRAME[["age"]])
    assert not list(tmp_path.iterdir())


class _Greedy(Doubler):
    def predict(self, rows: Any) -> Any:
        return rows.pop("age")


def test_the_model_is_given_a_copy() -> None:
    rows = FRAME.head(2).copy()

    _describe(rows, _Greedy())

    assert list(rows.columns) == list(FRAME.columns)


@pytest.mark.parametrize("kind", ["xgb_booster", "lgbm_booster", "xgb_classifier", "lgbm_classifier", "forest"])
def test_a_signature_agrees_with_what_mlflow_would_write(kind: str, tmp_path: Path) -> None:
    import mlflow

    model = fitted(kind)
    flavor: Any = {"x": mlflow.xgboost, "l": mlflow.lightgbm, "f": mlflow.sklearn}[kind[0]]
    more = {} if kind[0] == "x" else {"serialization_format": "pickle"}
    flavor.save_model(model, str(tmp_path / "theirs"), input_example=FRAME.head(2), pip_requirements=["x"], **more)
    (tmp_path / "ours").mkdir()

    written = write(model, tmp_path / "ours", input_example=FRAME.head(2))

    assert written.signature == Model.load(str(tmp_path / "theirs")).signature.to_dict()
