"""`model_metadata`: all that is to be said about a model, as the metadata of an `Output` or of an asset."""

import math
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, TypeAlias

from dagster_modelstore.examples import encoded
from modelstore_core import InvalidInput

__all__ = ["model_metadata"]

Plain: TypeAlias = str | int | float | bool | list["Plain"] | dict[str, "Plain"] | None


def model_metadata(  # noqa: PLR0913 -- all that can be said, by keyword only
    *,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
    input_example: Any = None,
    extra_files: Sequence[str | PathLike[str]] | Mapping[str, str | PathLike[str]] = (),
    prove: bool | float = False,
) -> dict[str, Plain]:
    """Metadata for `Output`, `MaterializeResult`, `add_output_metadata` or an asset, which saving understands.

    Metrics stand under their own names, the rest under `modelstore/…`. numpy's numbers, which Dagster's metadata
    refuses, become plain ones, and params that JSON cannot hold become texts.

    Args:
        metrics: Numbers.
        params: What the training was told.
        tags: Texts.
        description: A sentence.
        aliases: Aliases that point to the version from its first moment; `{partition}` in one is filled.
        format: How the object is turned into files, instead of by its class.
        input_example: A few rows that the model's predict takes, a DataFrame or array: kept with the model, with the
            signature that they imply.
        extra_files: Files and folders that belong to the version too: paths, or names and paths.
        prove: Before the version is published, load it in a clean process, and predict the input example there.

    Raises:
        InvalidInput: A metric is not one number, or the input example no rows.
    """
    ours: dict[str, Plain] = {
        "aliases": list(aliases),
        "description": description,
        "format": format,
        "params": {name: _plain(value) for name, value in (params or {}).items()},
        "tags": {**(tags or {})},
        "input_example": None if input_example is None else encoded(input_example),
        "extra_files": _paths(extra_files),
        "prove": prove,
    }
    numbers: dict[str, Plain] = {name: _number(name, value) for name, value in (metrics or {}).items()}
    return numbers | {f"modelstore/{key}": value for key, value in ours.items() if value}


def _paths(files: Sequence[str | PathLike[str]] | Mapping[str, str | PathLike[str]]) -> Plain:
    if isinstance(files, Mapping):
        return {name: fspath(path) for name, path in files.items()}
    return [fspath(path) for path in files]


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
