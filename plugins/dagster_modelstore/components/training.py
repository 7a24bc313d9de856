"""The function that a component's `train:` names, and what becomes of its result."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from dagster_modelstore.metadata import model_metadata
from modelstore_core import InvalidInput

__all__ = ["output_of", "training_of"]

_FIX = "Write `training.py:train` for a function in a file beside defs.yaml, or `package.module:function`."


def training_of(reference: str, context: dg.ComponentLoadContext) -> Callable[..., Any]:
    """The function that trains.

    Raises:
        InvalidInput: There is none.
    """
    where, _, name = reference.partition(":")
    if not where or not name:
        raise InvalidInput(f"train: {reference!r} names no function.", value=reference, fix=_FIX)
    found: object = getattr(_module(where, reference, context), name, None)
    if not callable(found):
        raise InvalidInput(f"train: there is no function {name!r} in {where!r}.", value=reference, fix=_FIX)
    return found


def _module(where: str, reference: str, context: dg.ComponentLoadContext) -> ModuleType:
    if where.endswith(".py"):
        if not (context.path / where).is_file():
            raise InvalidInput(f"train: there is no {where!r} in {context.path}.", value=reference, fix=_FIX)
        return context.load_defs_relative_python_module(Path(where))
    try:
        return import_module(where)
    except ModuleNotFoundError as error:
        raise InvalidInput(f"train: {where!r} cannot be imported: {error}.", value=reference, fix=_FIX) from error


def output_of(result: object, params: Mapping[str, object]) -> dg.Output[Any]:
    """What the asset yields: the model, its metrics if the training gave them, and with what it was trained."""
    if isinstance(result, dg.Output):
        return result
    match result:
        case (model, Mapping() as metrics):
            return dg.Output(model, metadata=model_metadata(metrics=metrics, params=params))
        case model:
            return dg.Output(model, metadata=model_metadata(params=params))
