"""JSON as types, and the coercion of what users hand in as metrics, params and tags."""

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeAlias

from modelstore_core.errors import InvalidInput

__all__ = ["Json", "JsonObject", "Scalar", "as_json", "as_metrics", "as_params", "as_tags"]

Scalar: TypeAlias = str | int | float | bool | None
if TYPE_CHECKING:
    Json: TypeAlias = Scalar | list["Json"] | dict[str, "Json"]
else:
    Json = Any  # who reads annotations at run time, as pydantic does of records, cannot follow one that names itself
JsonObject: TypeAlias = dict[str, Json]

_MAX_PARAM_TEXT = 500


def as_metrics(values: Mapping[str, object] | None) -> dict[str, float | int]:
    """Metrics as plain numbers; numpy scalars and zero-dimensional arrays count as numbers, booleans as 0 and 1.

    Raises:
        InvalidInput: A name is not text, or a value is not one number.
    """
    return {_name(key, "metric"): _number(key, value) for key, value in _mapping(values, "metrics").items()}


def as_params(values: Mapping[str, object] | None) -> JsonObject:
    """Params as JSON; what JSON cannot say (an estimator, a function) is kept as its text, shortened.

    Raises:
        InvalidInput: A name is not text.
    """
    return {_name(key, "param"): _loose(value) for key, value in _mapping(values, "params").items()}


def as_tags(values: Mapping[str, object] | None) -> dict[str, str]:
    """Tags as text; numbers and booleans become their text.

    Raises:
        InvalidInput: A name is not text, or a value is neither text nor a number.
    """
    return {_name(key, "tag"): _tag(key, value) for key, value in _mapping(values, "tags").items()}


def as_json(value: object, where: str) -> Json:
    """The value as plain JSON.

    Raises:
        InvalidInput: Something in it is not JSON; the message says where.
    """
    plain = _plain(value)
    if plain is None or isinstance(plain, str | bool | int):
        return plain
    if isinstance(plain, float):
        if math.isfinite(plain):
            return plain
        raise InvalidInput(f"{where} is {plain!r}, which JSON cannot hold.", value=plain, fix="Leave it out.")
    if isinstance(plain, Mapping):
        return {_name(key, where): as_json(item, f"{where}.{key}") for key, item in plain.items()}
    if isinstance(plain, list | tuple):
        return [as_json(item, f"{where}[{i}]") for i, item in enumerate(plain)]
    raise InvalidInput(
        f"{where} is a {type(plain).__name__}, which JSON cannot hold.", value=value, fix="Pass text or numbers."
    )


def _mapping(values: Mapping[str, object] | None, what: str) -> Mapping[str, object]:
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidInput(
            f"`{what}` must be a mapping, not {type(values).__name__}.", value=values, fix=f"Pass {what}={{'name': …}}."
        )
    return values


def _name(key: object, what: str) -> str:
    if not isinstance(key, str) or not key:
        raise InvalidInput(f"The {what} name {key!r} is not text.", value=key, fix="Names must be non-empty text.")
    return key


def _plain(value: object) -> object:
    """A numpy scalar as the Python number it stands for, without importing numpy."""
    if isinstance(value, str | int | float | bool) and type(value).__module__ != "builtins":
        return next(t(value) for t in (bool, int, float, str) if isinstance(value, t))
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return item()
    return value


def _number(key: str, value: object) -> float | int:
    plain = _plain(value)
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, float) or (isinstance(plain, int) and abs(plain) <= sys.float_info.max):
        return plain
    if isinstance(plain, SupportsFloat) and not isinstance(plain, str):
        try:
            return float(plain)
        except (TypeError, ValueError, OverflowError):
            pass
    raise InvalidInput(
        f"The metric {key!r} is {value!r} ({type(value).__name__}), not a number.",
        value=value,
        fix="Metrics are numbers; text goes into tags= or params=.",
    )


def _tag(key: str, value: object) -> str:
    plain = _plain(value)
    if isinstance(plain, str | int | float):
        return str(plain)
    raise InvalidInput(
        f"The tag {key!r} is a {type(value).__name__}, not text.", value=value, fix="Tags are text: pass str(value)."
    )


def _loose(value: object) -> Json:
    plain = _plain(value)
    if isinstance(plain, Mapping):
        return {str(key): _loose(item) for key, item in plain.items()}
    if isinstance(plain, list | tuple):
        return [_loose(item) for item in plain]
    if plain is None or isinstance(plain, str | bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    text = str(plain)
    return text if len(text) <= _MAX_PARAM_TEXT else text[: _MAX_PARAM_TEXT - 1] + "…"
