"""`retrain_and_promote`: a flow to deploy, so that a model is retrained and promoted from a form in Prefect's UI."""

import importlib
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from modelstore_core import InvalidInput
from prefect_modelstore.forms import NOTHING, Alias, Direction, ImportPath, Margin, ModelName, gates_of
from prefect_modelstore.tasks import promote_model, save_model
from prefect_modelstore.trained import Trained, trained_from

__all__ = ["Trained", "retrain_and_promote"]


@flow(name="retrain-and-promote", flow_run_name="retrain {name}")
def retrain_and_promote(  # noqa: PLR0913 - one parameter for each field of the form
    train: ImportPath,
    name: ModelName,
    *,
    alias: Alias = "champion",
    store: str | None = None,
    parameters: dict[str, Any] = NOTHING,
    metric: str | None = None,
    threshold: float | None = None,
    must_improve: bool = True,
    improve_by: Margin = 0.0,
    direction: Direction = "max",
    reason: str = "",
) -> str:
    """Train a model, save it as the next version, and let the gates decide whether the alias moves to it.

    The run fails if a gate refuses, with both sides' numbers in its message; the version stays saved, and the
    refusal stands in the model's history.

    Args:
        train: The training function, as module:function; importable where the flow runs, and one of those that
            MODELSTORE_TRAINING allows there. It returns a model, a model and a dict of metrics, or a Trained.
        name: The model's name, such as risk.churn.
        alias: The alias to move: letters, digits, - and _.
        store: A URL, a path, or model-store/NAME of a saved block. If left out, MODELSTORE_URL of the worker.
        parameters: What the training function is called with, as JSON.
        metric: The metric that decides; without one, the new version is promoted whatever it is like.
        threshold: The least value of the metric that will do.
        must_improve: Whether the metric must be better than that of the version the alias points to.
        improve_by: By how much, at least.
        direction: Whether more or less of the metric is better.
        reason: Why, for the model's history.

    Returns:
        The new version's reference, such as `risk.churn@3`.
    """
    gates = gates_of(metric, threshold, improve_by if must_improve else None, direction)
    trained = train_model(train, parameters)
    version = save_model(
        trained.model,
        name,
        store=store,
        metrics=trained.metrics,
        params=parameters if trained.params is None else trained.params,
        tags=trained.tags,
        description=trained.description,
        input_example=trained.input_example,
        extra_files=trained.extra_files,
        lineage=trained.lineage,
    )
    promote_model(version, alias, store=store, gates=gates, reason=reason)
    return version.ref


@task(name="train_model", task_run_name="train {train}", cache_policy=NO_CACHE, persist_result=False)
def train_model(train: str, parameters: Mapping[str, Any]) -> Trained:
    """Call the training function.

    Raises:
        InvalidInput: There is no such function, or it is none of those that MODELSTORE_TRAINING allows.
    """
    _check_allowed(train)
    return trained_from(_function(train)(**parameters))


def _check_allowed(path: str) -> None:
    """Ask what this process allows, before anything is imported."""
    said = os.environ.get("MODELSTORE_TRAINING")
    if said is None or any(fnmatchcase(path, pattern.strip()) for pattern in said.split(",")):
        return
    raise InvalidInput(
        f"{path!r} may not be called here: MODELSTORE_TRAINING allows {said!r}.",
        value=path,
        fix="Name a function that it allows, or set it where the flow runs, such as to 'risk.train:fit,credit.*'.",
    )


def _function(path: str) -> Callable[..., object]:
    """The function that an import path names; errors of the module itself pass as they are."""
    module, _, name = path.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name not in _and_parents(module):
            raise
        raise _no_function(path, str(error)) from error
    if not callable(found):
        raise _no_function(path, f"it is a {type(found).__name__}")
    return cast("Callable[..., object]", found)


def _and_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _no_function(path: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path!r} is no training function: {why}.",
        value=path,
        fix="Write 'module:function', and see that the process that runs the flow can import the module.",
    )
