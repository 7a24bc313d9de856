"""The signature of a model, inferred from a few rows of input, and those rows as MLflow stores and reads them.

What MLflow's schema enforcement would refuse, or hand to the model changed, is refused here, when it is still easy to
mend: MLflow itself writes such signatures and then fails on its own example.
"""

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.objects import Predicts, class_name, is_a
from modelstore_core.formats.protocol import Format

__all__ = ["Example", "describe_example"]

_EXAMPLE: Final = "input_example.json"
_SERVING: Final = "serving_input_example.json"
_FRAME: Final = ("pandas.DataFrame", "pandas.core.frame.DataFrame")
_SERIES: Final = ("pandas.Series", "pandas.core.series.Series")
_ARRAY: Final = ("numpy.ndarray",)
_SPARSE: Final = tuple(f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("csr", "csc") for form in ("matrix", "array"))

# pandas' own types that MLflow casts to a plain numpy type, as long as nothing is missing
_MASKED: Final = {f"{kind}{bits}Dtype" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)} | {"BooleanDtype"}
_FLOATING: Final = {"Float32Dtype", "Float64Dtype"}
_FIXES: Final = {
    "CategoricalDtype": "store the categories themselves: frame[column].astype(str), or .astype(int)",
    "DatetimeTZDtype": 'drop the time zone: frame[column].dt.tz_convert("UTC").dt.tz_localize(None)',
    "SparseDtype": "make it dense: frame[column].sparse.to_dense()",
    "uint64": "cast it: frame[column].astype('int64')",
    "float128": "cast it: frame[column].astype('float64')",
}
_INTEGER_BYTES: Final = 4
_LONG_BYTES: Final = 8
_PLAIN: Final = {
    "builtins.bool": "boolean",
    "builtins.float": "double",
    "builtins.int": "long",
    "builtins.str": "string",
}
_ANY: Final = [{"type": "any", "required": True}]

Spec = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An input example and what follows from it.

    Attributes:
        signature: MLflow's signature section.
        info: MLflow's `saved_input_example_info` section.
        files: File name → text.
    """

    signature: Mapping[str, object]
    info: Mapping[str, object]
    files: Mapping[str, str]


def describe_example(chosen: Format, model: object, rows: object) -> Example:
    """The signature that the rows and the model's answer to them imply, and the files that hold the rows.

    Raises:
        InvalidInput: The rows are of a kind MLflow cannot hold, or the model cannot predict them.
    """
    if is_a(rows, *_FRAME):
        inputs, data, info = _frame(rows)
        serving = {"dataframe_split": data}
    elif is_a(rows, *_ARRAY):
        inputs, data, info = _array(rows)
        serving = {"inputs": data}
    else:
        raise InvalidInput(
            f"The input example is a {class_name(rows)}.",
            value=class_name(rows),
            fix="Pass a pandas DataFrame (series.to_frame()) or a numpy array (sparse.toarray()).",
        )
    outputs = _outputs(_predict(chosen, model, rows), columns=is_a(rows, *_FRAME))
    return Example(
        signature={"inputs": json.dumps(inputs), "outputs": outputs and json.dumps(outputs), "params": None},
        info={"artifact_path": _EXAMPLE, "serving_input_path": _SERVING, **info},
        files={_EXAMPLE: json.dumps(data), _SERVING: json.dumps(serving, indent=2)},
    )


def _predict(chosen: Format, model: object, rows: Any) -> object:
    predict = getattr(model, "predict", None)
    try:
        if isinstance(chosen, Predicts):
            return chosen.predict(model, rows.copy())
        return predict(rows.copy()) if callable(predict) else None
    except Exception as error:
        raise InvalidInput(
            f"The model cannot predict the input example: {type(error).__name__}: {error}",
            value=class_name(model),
            fix="Pass rows as `predict` takes them, from a fitted model.",
        ) from error


def _frame(rows: Any) -> tuple[list[Spec], object, dict[str, str]]:
    labels = [_label(label) for label in rows.columns.tolist()]
    if len(set(labels)) < len(labels) or not len(rows) or not labels:
        raise InvalidInput("The input example has no rows, no columns, or two columns of one name.", value=repr(labels))
    columns = [_Column(label, rows[label]) for label in rows.columns]
    values = [list(row) for row in zip(*(column.values() for column in columns), strict=True)]
    specs = [column.spec(name=label) for label, column in zip(labels, columns, strict=True)]
    if labels == list(range(len(labels))):
        return specs, {"data": values}, {"type": "dataframe", "pandas_orient": "values"}
    return specs, {"columns": labels, "data": values}, {"type": "dataframe", "pandas_orient": "split"}


def _label(label: object) -> str | int:
    if isinstance(label, str) or (isinstance(label, int) and not isinstance(label, bool)):
        return label
    raise InvalidInput(
        f"The input example has a column named {label!r}.",
        value=repr(label),
        fix="Name columns by text or whole numbers: MLflow's JSON has no other names.",
    )


class _Column:
    """One column of a frame: what MLflow calls its type, and its values as JSON."""

    def __init__(self, label: object, series: Any) -> None:
        self._label = label
        self._series = series.infer_objects() if series.dtype.kind == "O" else series
        self._complete = bool(series.notna().all())
        self._type = self._kind()

    def spec(self, *, name: str | int | None) -> Spec:
        named: Spec = {} if name is None else {"name": name}
        return {"type": self._type, **named, "required": self._complete}

    def values(self) -> list[object]:
        present = self._series.notna().tolist()
        return [value if there else None for value, there in zip(self._raw(), present, strict=True)]

    def _raw(self) -> list[object]:
        series: Any = self._series
        if self._type == "datetime":
            return _texts_of_times(series)
        values: list[Any] = series.tolist()
        if self._type == "binary":
            return [base64.encodebytes(value).decode("ascii") if value else value for value in values]
        return [*values]

    def _kind(self) -> str:
        dtype = self._series.dtype
        extension = type(dtype).__name__
        if extension == "StringDtype":
            return "string"
        if type(dtype).__module__.startswith("numpy") or extension in _FLOATING:
            return _numpy_kind(dtype) or self._object_kind()
        if extension in _MASKED and self._complete:
            return _numpy_kind(dtype) or self._refuse()
        return self._refuse()

    def _object_kind(self) -> str:
        if self._series.dtype.kind != "O":
            return self._refuse()
        kinds = {class_name(value) for value in self._series[self._series.notna()]}
        if kinds == {"builtins.str"}:
            return "string"
        if kinds == {"builtins.bytes"}:
            return "binary"
        if kinds and kinds <= {"datetime.date", "datetime.datetime"}:
            return "datetime"
        return self._refuse()

    def _refuse(self) -> str:
        dtype = self._series.dtype
        what = f"dtype {str(dtype)!r}{'' if self._complete else ' with missing values'}"
        fix = _FIXES.get(type(dtype).__name__) or _FIXES.get(str(dtype))
        if fix is None and type(dtype).__name__ in _MASKED:
            fix = "where values may be missing, pass floats: frame[column].astype('float64')"
        raise InvalidInput(
            f"MLflow's schema cannot hold column {self._label!r} of the input example: {what}.",
            value=str(dtype),
            fix=f"In the input example, {fix or 'use plain numbers, booleans, text or dates'}.",
        )


def _numpy_kind(dtype: Any) -> str | None:
    kind, size = dtype.kind, dtype.itemsize
    if kind == "b":
        return "boolean"
    if kind in "iu":
        if size < _INTEGER_BYTES or (kind, size) == ("i", _INTEGER_BYTES):
            return "integer"
        return "long" if size < _LONG_BYTES or kind == "i" else None
    if kind == "f":
        return "float" if size <= _INTEGER_BYTES else "double" if size <= _LONG_BYTES else None
    return {"M": "datetime", "U": "string"}.get(kind)


def _texts_of_times(series: Any) -> list[object]:
    """ISO texts, all with or all without fractions: pandas reads a column in the form of its first value."""
    texts = [value.isoformat() if there else None for value, there in zip(series.tolist(), series.notna(), strict=True)]
    if any(text and "." in text for text in texts):
        return [text and (text if "." in text else f"{text}.000000") for text in texts]
    return [*texts]


def _array(rows: Any) -> tuple[list[Spec], object, dict[str, str]]:
    if not rows.ndim or not rows.size:
        raise InvalidInput(f"The input example is an array of shape {rows.shape}.", value=str(rows.shape))
    if not _is_json(rows):
        raise InvalidInput(
            f"MLflow's schema cannot hold an input example of dtype {str(rows.dtype)!r}.",
            value=str(rows.dtype),
            fix="Use plain numbers, booleans or text, or a pandas DataFrame.",
        )
    return [_tensor(rows.dtype, rows.shape)], _without_nan(rows.tolist()), {"type": "ndarray"}


def _is_json(rows: Any) -> bool:
    if rows.dtype.kind == "O":
        return all(isinstance(value, str | int | float | None) for value in rows.ravel().tolist())
    return rows.dtype.kind in "biuU" or (rows.dtype.kind == "f" and rows.dtype.itemsize <= _LONG_BYTES)


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


def _tensor(dtype: Any, shape: Sequence[int]) -> Spec:
    name = {"U": "str", "S": "bytes"}.get(dtype.kind, dtype.name)
    return {"type": "tensor", "tensor-spec": {"dtype": name, "shape": [-1, *shape[1:]]}}


def _outputs(answer: Any, *, columns: bool) -> Sequence[Mapping[str, object]] | None:
    """The schema of what `predict` gave; where MLflow has no word for it, its "any"."""
    if answer is None:
        return None
    try:
        return _schema(answer, columns=columns)
    except InvalidInput:
        return _ANY


def _schema(answer: Any, *, columns: bool) -> Sequence[Mapping[str, object]]:
    if is_a(answer, *_FRAME):
        return [_Column(label, answer[label]).spec(name=_label(label)) for label in answer.columns.tolist()]
    if is_a(answer, *_SERIES):
        return [_Column(answer.name, answer).spec(name=None if answer.name is None else _label(answer.name))]
    if is_a(answer, *_ARRAY) and answer.ndim:
        if columns and answer.ndim == 1:
            # rows were given as columns, so that one number a row is a column too
            return [_Column(None, sys.modules["pandas"].Series(answer)).spec(name=None)]
        return [_tensor(answer.dtype, answer.shape)]
    if is_a(answer, *_SPARSE):
        return [_tensor(answer.data.dtype, answer.shape)]
    if isinstance(answer, list) and len(kinds := {class_name(value) for value in answer}) == 1:
        return [{"type": kind, "required": True}] if (kind := _PLAIN.get(kinds.pop())) else _ANY
    return _ANY
