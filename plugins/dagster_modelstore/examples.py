"""Input examples as metadata: a few rows, a frame or an array, as JSON that Dagster's metadata takes, and back."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from modelstore_core import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["decoded", "encoded"]

Encoded: TypeAlias = dict[str, Any]

_LARGEST = 64 * 1024
_FIX = (
    "Pass a few rows as a pandas DataFrame or a numpy array, such as X.head(3), by `model_metadata(input_example=…)`."
)


def encoded(rows: object) -> Encoded:
    """The rows as JSON: their values and types.

    Raises:
        InvalidInput: It is no DataFrame and no array, or more than a few rows.
    """
    said = _encoded(rows)
    if len(json.dumps(said)) > _LARGEST:
        raise InvalidInput(
            f"The input example takes more than {_LARGEST} bytes as JSON: too much for an event log.",
            value=type(rows).__name__,
            fix=_FIX,
        )
    return said


def _encoded(rows: Any) -> Encoded:
    kind = type(rows)
    if kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas":
        text = rows.reset_index(drop=True).to_json(orient="split", index=False, date_format="iso", date_unit="ns")
        return {"dtypes": [str(dtype) for dtype in rows.dtypes], **json.loads(text)}
    if kind.__name__ == "ndarray" and rows.dtype.kind in "biuf":
        return {"dtype": str(rows.dtype), "array": _finite(rows.tolist())}
    raise InvalidInput(f"The input example is a {kind.__name__}.", value=kind.__name__, fix=_FIX)


def decoded(said: object) -> "pd.DataFrame | np.ndarray[Any, Any]":
    """The rows that were encoded.

    Raises:
        InvalidInput: It is nothing that `encoded` gives.
    """
    try:
        return _decoded(said)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"The metadata 'modelstore/input_example' is {str(said)[:100]!r}, not rows.", value=said, fix=_FIX
        ) from error


def _decoded(said: object) -> "pd.DataFrame | np.ndarray[Any, Any]":
    if not isinstance(said, Mapping):
        raise TypeError
    if "array" in said:
        import numpy as np

        return np.array(said["array"], dtype=said["dtype"])
    import pandas as pd

    frame = pd.DataFrame(said["data"], columns=said["columns"])
    return frame.astype(dict(zip(said["columns"], said["dtypes"], strict=True)))


def _finite(value: Any) -> Any:
    """Lists in which a text stands for a number that JSON cannot hold: numpy reads both."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
