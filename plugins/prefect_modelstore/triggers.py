"""Triggers for deployments: run when a version was saved, or when an alias has moved."""

from collections.abc import Mapping
from typing import Any

from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.events import ResourceSpecification

__all__ = ["on_alias_moved", "on_new_version"]

_REFERENCE = {"reference": "{{ event.payload.ref }}"}


def on_new_version(
    name: str | None = None, *, store: str | None = None, parameters: Mapping[str, Any] | None = None
) -> DeploymentEventTrigger:
    """Run the deployment whenever a version of the model is saved.

    Args:
        name: The model; any model if left out.
        store: The URL of the store, as the versions' events have it; any store if left out.
        parameters: Those of the run, as Prefect's templates: `{{ event.payload.ref }}` is such as `risk.churn@3`, and
            what else is in the payload is listed in the guide. If left out, `reference` is the version's.
    """
    return _trigger("version.created", f"a new version of {name or 'any model'}", _match(name, store), parameters)


def on_alias_moved(
    name: str | None = None,
    alias: str = "champion",
    *,
    store: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> DeploymentEventTrigger:
    """Run the deployment whenever the alias comes to a version: by a promotion, a rollback or a save.

    Args:
        name: The model; any model if left out.
        alias: The alias.
        store: The URL of the store, as the versions' events have it; any store if left out.
        parameters: As for `on_new_version`.
    """
    match = _match(name, store) | {"modelstore.alias": alias}
    return _trigger("alias.moved", f"{alias} of {name or 'any model'} has moved", match, parameters)


def _match(name: str | None, store: str | None) -> dict[str, str]:
    match = {"prefect.resource.id": "modelstore.model.*"}
    if name is not None:
        match["modelstore.model"] = name
    if store is not None:
        match["modelstore.store"] = store
    return match


def _trigger(
    kind: str, what: str, match: Mapping[str, str], parameters: Mapping[str, Any] | None
) -> DeploymentEventTrigger:
    return DeploymentEventTrigger(
        name=what,
        expect={f"modelstore.{kind}"},
        match=ResourceSpecification(dict(match)),
        parameters=dict(_REFERENCE if parameters is None else parameters),
    )
