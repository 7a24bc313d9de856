"""What happens in a store, as Prefect's events: `modelstore.version.created`, `modelstore.alias.moved` and the like.

Each `Event` of the store becomes one of Prefect, named `modelstore.` and the event's kind. Its id follows from the
store, the model, the commit's number in the log and its time, so it is the same whoever sends it, however often: the
server recognises a repeat. For half an hour it remembers ids by itself; of what is older it is asked first.

Sent by POST, and not by `emit_event`, whose worker drops what it cannot send: who keeps a cursor must know.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from prefect.client.orchestration import SyncPrefectClient
from prefect.context import FlowRunContext
from prefect.events.schemas.events import Event as PrefectEvent
from prefect.events.schemas.events import RelatedResource, Resource

from modelstore_core import Event, ModelStore

__all__ = ["event_id", "events_of", "labels", "send"]

_NAMESPACE = UUID("6f2a1c1e-6a0b-5d57-9a3c-0a4d1f6b7e21")
_REMEMBERED = timedelta(minutes=10)  # less than the server's half hour: clocks differ
_PAGE = 50  # the most that the server answers with
_RECENT = 64


def event_id(event: Event, url: str) -> UUID:
    """The id under which Prefect knows the event of the store at this URL.

    The commit's time is in it because stores are also removed and made anew in the same place.
    """
    return uuid5(_NAMESPACE, f"{url}\n{event.id}\n{event.time.isoformat()}")


def events_of(store: ModelStore, name: str, number: int | None, key: str | None) -> list[Event]:
    """The events of the commit with this key that concern the version, oldest first; none if it is far back."""
    if key is None:
        return []
    recent = store.history(name, limit=_RECENT)
    return [event for event in reversed(recent) if event.key == key and event.number == number]


def send(client: SyncPrefectClient, events: Sequence[Event], url: str) -> int:
    """Send the events, in order, as those of the run that runs here, if any; return how many were news.

    Raises:
        httpx.HTTPError: The server is not there, or refuses; some may have been sent.
    """
    sent = 0
    for start in range(0, len(events), _PAGE):
        batch = events[start : start + _PAGE]
        known = _known(client, [event_id(event, url) for event in batch if _is_old(event)])
        news = [_prefect_event(event, url) for event in batch if event_id(event, url) not in known]
        if news:
            client.request("POST", "/events", json=[event.model_dump(mode="json") for event in news]).raise_for_status()
        sent += len(news)
    return sent


def _is_old(event: Event) -> bool:
    return datetime.now(UTC) - event.time > _REMEMBERED


def _known(client: SyncPrefectClient, ids: Iterable[UUID]) -> set[UUID]:
    """Which of these the server has."""
    asked = [str(one) for one in ids]
    if not asked:
        return set()
    answer = client.request("POST", "/events/filter", json={"filter": {"id": {"id": asked}}, "limit": _PAGE})
    return {UUID(one["id"]) for one in answer.raise_for_status().json()["events"]}


def _prefect_event(event: Event, url: str) -> PrefectEvent:
    # For Prefect it occurs now: a trigger that counts within a span of time passes over what is late. When it was
    # committed is in the payload.
    return PrefectEvent(
        id=event_id(event, url),
        event=f"modelstore.{event.kind}",
        resource=Resource(labels(event, url)),
        related=[RelatedResource(related) for related in _related()],
        payload=_payload(event, url),
    )


def labels(event: Event, url: str) -> dict[str, str]:
    """What the event is about, as triggers match it."""
    alias = {} if event.alias is None else {"modelstore.alias": event.alias}
    return {
        "prefect.resource.id": f"modelstore.model.{quote(event.model)}",
        "prefect.resource.name": _what(event),
        "modelstore.model": event.model,
        "modelstore.store": url,
        **alias,
    }


def _what(event: Event) -> str:
    """What the list of events shows of it: the version and its alias, not only the model."""
    version = event.model if event.number is None else f"{event.model}@{event.number}"
    return version if event.alias is None else f"{version} as {event.alias}"


def _related() -> Iterator[dict[str, str]]:
    flow = FlowRunContext.get()
    if flow is not None and flow.flow_run is not None:
        yield {
            "prefect.resource.id": f"prefect.flow-run.{flow.flow_run.id}",
            "prefect.resource.role": "flow-run",
            "prefect.resource.name": flow.flow_run.name,
        }


def _payload(event: Event, url: str) -> dict[str, Any]:
    """What a trigger's parameters are made of; numbers stay numbers."""
    return {
        "ref": None if event.number is None else f"{event.model}@{event.number}",
        "model": event.model,
        "number": event.number,
        "alias": event.alias,
        "previous": event.previous,
        "store": url,
        "verb": event.verb,
        "actor": event.actor,
        "reason": event.reason,
        "evidence": [finding.message for finding in event.evidence],
        "override": event.override,
        "time": event.time.isoformat(),
        "seq": event.seq,
        "id": event.id,
    }
