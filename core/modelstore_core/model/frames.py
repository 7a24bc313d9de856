"""Rows as data frames, with columns of the types they are meant to have: also where values are missing, or all rows."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelstore_core.errors import MissingExtra

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Kind", "data_frame", "kind_of"]

Kind: TypeAlias = Literal["text", "int", "float", "metric", "time", "flag", "json"]
"""What a column holds, and its type in a data frame; what is missing is `<NA>`, and NaN among floats.

- `text`: `string`.
- `int`: `Int64`; `float64` if a number is too large for it.
- `float`: `float64`.
- `metric`: `Int64` if all numbers are integers, else `float64`.
- `time`: `datetime64[ns, UTC]`; in microseconds if a year is beyond what nanoseconds can say.
- `flag`: `boolean`.
- `json`: whichever of these all values fit, else `object`.
"""

_LARGEST = 2**63


def kind_of(column: str, kinds: Mapping[str, Kind]) -> Kind:
    """What a column holds: by its name, or as `metrics.auc` by `metrics.*`."""
    family = f"{column.partition('.')[0]}.*"
    return kinds.get(column) or kinds.get(family, "json")


def data_frame(rows: Sequence[Mapping[str, object]], columns: Sequence[str], kinds: Mapping[str, Kind]) -> "DataFrame":
    """The rows as a data frame with these columns, and no other.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra(
            "Data frames need pandas.", value="pandas", fix='Run: pip install "modelstore-pipelines[pandas]"'
        ) from error
    made = {column: _series([row.get(column) for row in rows], kind_of(column, kinds)) for column in columns}
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows)), columns=list(columns))


def _series(values: list[object], kind: Kind) -> "Series":
    import pandas as pd

    match _settled(kind, [value for value in values if value is not None]):
        case "text":
            # in Python's own strings: those of Arrow hold no lone surrogate, and JSON does
            return pd.Series([None if v is None else str(v) for v in values], dtype=pd.StringDtype("python"))
        case "int":
            return pd.Series(values, dtype="Int64")
        case "float":
            return pd.Series([float("nan") if v is None else float(str(v)) for v in values], dtype="float64")
        case "time":
            return _times(values)
        case "flag":
            return pd.Series(values, dtype="boolean")
        case _:
            return pd.Series(values, dtype="object")


def _settled(kind: Kind, known: Sequence[object]) -> Kind:
    """What a column of these values is after all."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    integers = numbers and all(isinstance(value, int) and -_LARGEST <= value < _LARGEST for value in known)
    match kind:
        case "int":
            return "int" if integers else "float"
        case "metric":
            return "int" if integers and known else "float"
        case "json" if known:
            if all(isinstance(value, bool) for value in known):
                return "flag"
            if all(isinstance(value, str) for value in known):
                return "text"
            return "int" if integers else "float" if numbers and all(map(_fits, known)) else "json"
        case _:
            return kind


def _fits(number: object) -> bool:
    return not isinstance(number, int) or abs(number) <= sys.float_info.max


def _times(values: list[object]) -> "Series":
    import pandas as pd

    times = pd.Series(values, dtype="datetime64[us, UTC]")
    try:
        return times.astype("datetime64[ns, UTC]")
    except pd.errors.OutOfBoundsDatetime:
        return times
