"""`promote`, `rollback` and `collect`: flows to deploy, so that these are done from forms in Prefect's UI."""

import json
from typing import Annotated

from prefect import flow
from pydantic import Field

from prefect_modelstore.artifacts import artifact, create, run_log
from prefect_modelstore.blocks import open_store
from prefect_modelstore.cards import artifact_key
from prefect_modelstore.forms import Alias, Direction, Margin, ModelName, Reference, gates_of
from prefect_modelstore.tasks import promote_model
from prefect_modelstore.verbs import rollback_model

__all__ = ["collect", "promote", "rollback"]


@flow(name="promote-model", flow_run_name="promote {reference} to {alias}")
def promote(  # noqa: PLR0913 - one parameter for each field of the form
    reference: Reference,
    *,
    alias: Alias = "champion",
    store: str | None = None,
    metric: str | None = None,
    threshold: float | None = None,
    must_improve: bool = True,
    improve_by: Margin = 0.0,
    direction: Direction = "max",
    override: bool = False,
    reason: str = "",
) -> str:
    """Point an alias to a version, if the gates and the rules that guard the alias let it pass.

    The run fails if one of them refuses, with both sides' numbers in its message and in an artifact.

    Args:
        reference: The version, such as risk.churn@3; with the name alone, the newest.
        alias: The alias to move: letters, digits, - and _.
        store: A URL, a path, or model-store/NAME of a saved block. If left out, MODELSTORE_URL of the worker.
        metric: The metric that decides; without one, only the alias's own rules do.
        threshold: The least value of the metric that will do.
        must_improve: Whether the metric must be better than that of the version the alias points to.
        improve_by: By how much, at least.
        direction: Whether more or less of the metric is better.
        override: Move the alias although rules refuse. It needs a reason, and history shows it.
        reason: Why, for the model's history.

    Returns:
        The version that the alias points to now, such as `risk.churn@3`.
    """
    gates = gates_of(metric, threshold, improve_by if must_improve else None, direction)
    return promote_model(reference, alias, store=store, gates=gates, override=override, reason=reason).ref


@flow(name="rollback-model", flow_run_name="roll back {name} {alias}")
def rollback(
    name: ModelName,
    *,
    alias: Alias = "champion",
    store: str | None = None,
    steps: Annotated[int, Field(ge=1)] = 1,
    reason: str = "",
) -> str:
    """Point an alias to what it pointed to before. Rules are not asked: each of these versions was promoted once.

    Args:
        name: The model's name, such as risk.churn.
        alias: The alias to move: letters, digits, - and _.
        store: A URL, a path, or model-store/NAME of a saved block. If left out, MODELSTORE_URL of the worker.
        steps: How many promotions to go back.
        reason: Why, for the model's history.

    Returns:
        The version that the alias points to now, such as `risk.churn@1`.
    """
    return rollback_model(name, alias, store=store, steps=steps, reason=reason).ref


@flow(name="collect-models")
def collect(
    name: ModelName | None = None,
    *,
    store: str | None = None,
    older_than_hours: Annotated[float, Field(ge=0)] = 24.0,
    dry_run: bool = False,
) -> str:
    """Remove the files of deleted and superseded versions, and what broken-off saves have left. For good.

    Args:
        name: The model's name; all models if left out.
        store: A URL, a path, or model-store/NAME of a saved block. If left out, MODELSTORE_URL of the worker.
        older_than_hours: What was written, deleted or superseded within that time is left alone.
        dry_run: Remove nothing, and report what would be removed.

    Returns:
        A sentence.
    """
    opened = open_store(store)
    collection = opened.collect(name, older_than=older_than_hours * 3600, dry_run=dry_run)
    said = collection.summary()
    run_log().info("%s: %s.", opened.url, said)
    rows = json.dumps([{column: str(cell) for column, cell in row.items()} for row in collection.removed.rows()])
    create(artifact("table", artifact_key("collected", name or "all"), rows, said))
    return said
