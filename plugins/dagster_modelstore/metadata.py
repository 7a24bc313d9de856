"""`model_metadata`: all that is to be said about a model, as the metadata of an `Output` or of an asset."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from modelstore_core import InvalidInput

__all__ = ["model_metadata"]

Plain: TypeAlias = str | int | float | bool | list["Plain"] | dict[str, "Plain"] | None


def model_metadata(
    *,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
) -> dict[str, Plain]:
    """Metadata for `Output`, `MaterializeResult`, `add_output_metadata` or an asset, which saving understands.

    Metrics stand under their own names, the rest under `modelstore/…`. numpy's numbers, which Dagster's metadata
    refuses, become plain ones, and params that JSON cannot hold become texts.

    Raises:
        InvalidInput: A metric is not one number.
    """
    ours: dict[str, Plain] = {
        "aliases": list(aliases),
        "description": description,
        "format": format,
        "params": {name: _plain(value) for name, value in (params or {}).items()},
        "tags": {**(tags or {})},
    }
    numbers: dict[str, Plain] = {name: _number(name, value) for name, value in (metrics or {}).items()}
    return numbers | {f"modelstore/{key}": value for key, value in ours.items() if value}


def _number(name: str, value: object) -> int | float:
    plain = _scalar(value)
    if isinstance(plain, int | float):
        return plain
    raise InvalidInput(
        f"The metric {name!r} is {value!r} ({type(value).__name__}), not a number.",
        value=value,
        fix="Metrics are numbers; text goes into tags= or params=.",
    )


def _scalar(value: object) -> object:
    """A numpy number as the Python number that it stands for."""
    item = getattr(value, "item", None)
    return item() if item is not None and getattr(value, "ndim", None) == 0 else value


def _plain(value: object) -> Plain:
    scalar = _scalar(value)
    if isinstance(scalar, Mapping):
        return {str(key): _plain(item) for key, item in scalar.items()}
    if isinstance(scalar, list | tuple):
        return [_plain(item) for item in scalar]
    if isinstance(scalar, float) and not math.isfinite(scalar):
        return str(scalar)  # JSON has no NaN: the web page could not read it
    return scalar if scalar is None or isinstance(scalar, str | int | float | bool) else str(scalar)
