"""Showing in Prefect's UI what became of a model: artifacts of the run, and events.

All of it is best effort: what was committed stands, whatever becomes of its picture. What could not be shown is
logged; and an event that was not sent is sent by `bridge`, where that is deployed.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import FlowRunContext, SettingsContext, TaskRunContext, get_settings_context
from prefect.exceptions import MissingContextError
from prefect.logging.loggers import get_logger, get_run_logger

from modelstore_core import Event, GateRefused, ModelStore, ModelVersion
from prefect_modelstore.assets import describe_asset
from prefect_modelstore.cards import artifact_key, history_card, markdown_card, refusal_card, version_rows
from prefect_modelstore.events import events_of, send
from prefect_modelstore.pages import page_of
from prefect_modelstore.pictures import metric_history

__all__ = ["artifact", "create", "run_log", "show", "show_refusal"]

_SHOWN_VERSIONS = 20
_RETRIES = 2


def show(store: ModelStore, version: ModelVersion, key: str | None) -> None:
    """Put a card of the version, and its model's table and picture, among the run's artifacts, and send the events.

    Outside of a run, do nothing. Never fails.

    Args:
        store: Where it is.
        version: What was committed.
        key: That of the commit.
    """

    def found() -> tuple[Iterable[ArtifactCreate], Iterable[Event]]:
        describe_asset(version)
        versions = store.versions(version.name, limit=_SHOWN_VERSIONS)
        return _pictures(version, versions, page_of(store, version.url)), events_of(
            store, version.name, version.number, key
        )

    _show(store, found, f"{version.ref} was published, but not shown")


def show_refusal(store: ModelStore, version: ModelVersion, alias: str, error: GateRefused, key: str | None) -> None:
    """Put what the rules found among the run's artifacts, and send the event.

    Outside of a run, do nothing. Never fails.
    """

    def found() -> tuple[Iterable[ArtifactCreate], Iterable[Event]]:
        card = refusal_card(version, alias, error)
        said = f"Why {version.ref} is not {alias}"
        shown = artifact("markdown", artifact_key("refused", version.name), card, said)
        return [shown], events_of(store, version.name, version.number, key)

    _show(store, found, f"The refusal of {version.ref} stands in its model's history, but was not shown")


def _pictures(version: ModelVersion, newest: Sequence[ModelVersion], page: str | None) -> Iterator[ArtifactCreate]:
    name, table = version.name, json.dumps(version_rows(newest))
    said = ", ".join((f"Version {version.ref}", *version.aliases))
    yield artifact("markdown", artifact_key("model", name), markdown_card(version, page), said)
    yield artifact("table", artifact_key("versions", name), table, f"The newest versions of {name}")
    picture = metric_history(newest[::-1])
    if picture is not None:
        # Not an image artifact: below one, the UI writes its whole URL, across the page.
        card = history_card(newest, picture)
        yield artifact("markdown", artifact_key("history", name), card, f"The metrics of {name}, version by version")


def _show(
    store: ModelStore, find: Callable[[], tuple[Iterable[ArtifactCreate], Iterable[Event]]], without: str
) -> None:
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    try:
        artifacts, events = find()
        # One client for all: to make one takes longer than to send what it sends.
        with _with_little_patience(), get_client(sync_client=True) as client:
            for one in artifacts:
                client.create_artifact(one)
            send(client, list(events), store.url)
    except Exception as error:  # noqa: BLE001 - the version is published: no trouble with its picture may undo that
        run_log().warning("%s in Prefect: %r", without, error)


@contextmanager
def _with_little_patience() -> Iterator[None]:
    """Let Prefect's client give up on a server that is down within seconds, and not after more than a minute."""
    before = get_settings_context()
    client = before.settings.client.model_copy(update={"max_retries": _RETRIES})
    # Not `temporary_settings`, which validates all settings anew: that takes longer than the rest together.
    with SettingsContext(profile=before.profile, settings=before.settings.model_copy(update={"client": client})):
        yield


def artifact(kind: str, key: str, data: str, description: str) -> ArtifactCreate:
    """An artifact of the run that runs here."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    return ArtifactCreate(
        type=kind,
        key=key,
        data=data,
        description=description,
        flow_run_id=None if flow is None or flow.flow_run is None else flow.flow_run.id,
        task_run_id=None if task is None else task.task_run.id,
    )


def create(one: ArtifactCreate) -> None:
    """Store the artifact."""
    # Not `create_*_artifact`: in an async flow these give coroutines even to a sync caller.
    with get_client(sync_client=True) as client:
        client.create_artifact(one)


def run_log() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """The run's logger, which the UI shows; outside of a run, an ordinary one."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("modelstore")
