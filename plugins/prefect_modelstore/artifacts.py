"""Showing in Prefect's UI what became of a model: a card of the version and a table of the newest ones."""

import json
import logging

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging.loggers import get_logger, get_run_logger

from modelstore_core import ModelStore, ModelVersion
from prefect_modelstore.cards import artifact_key, markdown_card, version_rows

__all__ = ["run_log", "show"]

_SHOWN_VERSIONS = 20


def show(store: ModelStore, version: ModelVersion) -> None:
    """Put the version's card and its model's table among the run's artifacts; outside of a run, do nothing.

    Never fails: what could not be shown is logged.
    """
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    try:
        versions = store.versions(version.name, limit=_SHOWN_VERSIONS)
        card, table = markdown_card(version), json.dumps(version_rows(versions))
        _create(
            _artifact("markdown", "model", version.name, card, f"Version {version.ref}"),
            _artifact("table", "versions", version.name, table, f"The newest versions of {version.name}"),
        )
    except Exception as error:  # noqa: BLE001 - the version is published: no trouble with its picture may undo that
        run_log().warning("%s was published, but not shown as an artifact: %r", version.ref, error)


def _artifact(kind: str, prefix: str, name: str, data: str, description: str) -> ArtifactCreate:
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    return ArtifactCreate(
        type=kind,
        key=artifact_key(prefix, name),
        data=data,
        description=description,
        flow_run_id=None if flow is None or flow.flow_run is None else flow.flow_run.id,
        task_run_id=None if task is None else task.task_run.id,
    )


def _create(*artifacts: ArtifactCreate) -> None:
    # Not `create_*_artifact`: in an async flow these give coroutines even to a sync caller. And one client for all: to
    # make one takes longer than to send what it sends.
    with get_client(sync_client=True) as client:
        for artifact in artifacts:
            client.create_artifact(artifact)


def run_log() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """The run's logger, which the UI shows; outside of a run, an ordinary one."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("modelstore")
