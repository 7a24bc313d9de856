"""`build_modelstore_sensor`: what happens in the store, wherever it is done, reaches Dagster."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

from dagster_modelstore import places
from dagster_modelstore.announcing import Standin, moved, of_assets, of_repository, removed, saved
from dagster_modelstore.resource import resource_of
from modelstore_core import Conflict, Event, NotFound

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first tick that opens a store

__all__ = ["build_modelstore_sensor"]

_MOVED, _DROPPED, _CREATED = "alias.moved", "alias.dropped", "version.created"


Told: TypeAlias = dg.AssetMaterialization | dg.AssetObservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events request runs, and how.

    Attributes:
        models: Patterns of names.
        aliases: Aliases, of events that are about one; None: any.
        events: Kinds of events.
        request: What is requested for one; None of it requests nothing.
    """

    models: Sequence[str]
    aliases: Collection[str] | None
    events: Collection[str]
    request: Callable[[Event], dg.RunRequest | None] | None

    def runs(self, events: Sequence[Event]) -> Iterator[dg.RunRequest]:
        """The runs that the events request."""
        for event in filter(self._fits, events):
            asked = dg.RunRequest() if self.request is None else self.request(event)
            if asked is not None:
                yield _keyed(asked, event)

    def _fits(self, event: Event) -> bool:
        named = any(fnmatchcase(event.model, pattern) for pattern in self.models)
        of_alias = event.alias is None or self.aliases is None or event.alias in self.aliases
        return named and of_alias and event.kind in self.events


def build_modelstore_sensor(  # noqa: PLR0913 -- all of them by keyword only
    *,
    name: str = "modelstore_sensor",
    target: Any = None,
    models: str | Sequence[str] = "*",
    aliases: Collection[str] | None = None,
    events: Collection[str] = (_MOVED,),
    request: Callable[[Event], dg.RunRequest | None] | None = None,
    assets: Sequence[dg.AssetsDefinition | dg.AssetSpec] = (),
    minimum_interval_seconds: int = 30,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    store_key: str = "modelstore",
) -> dg.SensorDefinition:
    """A sensor that requests a run for each change in the store, and tells the assets that stand for what changed.

    Whoever made the change: a job here, a Prefect flow, the command line, another code location. Each change is heard
    of at least once after the sensor's first tick, and its run key is the event's id, `model:seq`, so that Dagster
    starts one run for it. The first tick only takes note of how things are: it requests no runs for the past.

    The assets are those of the code location that `alias_asset`, `model_asset` and `build_promotion_asset` made; they
    are materialized with the digest as their data version, unless Dagster knows of the change already. That an alias
    was removed is an observation of its asset; it requests a run only if `events` has `alias.dropped`.

    Args:
        name: The sensor's name.
        target: What is run: a job, or assets; nothing if left out.
        models: Which models request runs: a name, or patterns such as `risk.*`.
        aliases: Which aliases do, of events that are about one; any if left out.
        events: Which kinds of events do, such as `alias.moved`, `alias.dropped`, `version.created`, `check.recorded`.
        request: Makes the request from the `Event`, with a configuration or tags, say; None of it requests nothing.
        assets: Further assets, which are made here, to be told of versions that are saved elsewhere.
        minimum_interval_seconds: How often it looks.
        default_status: Whether it runs before somebody starts it.
        store_key: The key of the `ModelStoreResource`.
    """
    patterns = [models] if isinstance(models, str) else list(models)
    wanted = Wanted(models=patterns, aliases=aliases, events=set(events), request=request)

    def tick(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:  # called by hand, it gets resources
        store = resource_of(context.resources, store_key).get_store(progress=False)
        place = places.read(context.instance, context.cursor)
        feed = store.changes(place.feed)
        told = _told(store, context, of_repository(context.repository_def) + of_assets(assets), feed.events)
        is_start = place.feed is None and not place.lost
        asked = [] if is_start or (target is None and request is None) else list(wanted.runs(feed.events))
        return dg.SensorResult(
            run_requests=asked,
            asset_events=told,
            cursor=context.cursor if feed.cursor == place.feed else places.kept(context.instance, place, feed.cursor),
            skip_reason=None
            if asked
            else dg.SkipReason(_why(is_start=is_start, heard=len(feed.events), told=len(told))),
        )

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=tick,
        target=target,
        required_resource_keys={store_key},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description="Requests runs, and materializes assets, for what happens in the model store.",
    )


def _told(
    store: "ModelStore", context: dg.SensorEvaluationContext, among: list[Standin], events: Sequence[Event]
) -> list[Told]:
    """The asset events that the events amount to: of an alias only where it points in the end, or that it is gone."""
    of_alias = {_MOVED, _DROPPED}
    last = {(event.model, event.alias): event for event in events if event.kind in of_alias}
    telling = [e for e in events if e.kind == _CREATED or (e.kind in of_alias and e is last[e.model, e.alias])]
    return [told for event in telling if among for told in _of_event(store, context, among, event)]


def _of_event(
    store: "ModelStore", context: dg.SensorEvaluationContext, among: list[Standin], event: Event
) -> Iterator[Told]:
    try:
        version = store.get(f"{event.model}@{event.number}")
    except (NotFound, Conflict):  # the model is deleted since, or has another name, under which it is told of
        return
    if event.kind == _DROPPED:
        yield from removed(among, context.instance, version, event)
    elif event.alias is not None:
        yield from moved(among, context.instance, version, event.alias, event.id)
    elif version.state == "live":
        yield from saved(among, context.instance, version)


def _keyed(asked: dg.RunRequest, event: Event) -> dg.RunRequest:
    """The request with a key that makes it one of its kind, and tags that say why it was made."""
    said = {"modelstore/event": event.id, "modelstore/model": event.model}
    if event.number is not None:
        said["modelstore/ref"] = f"{event.model}@{event.number}"
    if event.alias is not None:
        said["modelstore/alias"] = event.alias
    return asked.with_replaced_attrs(run_key=asked.run_key or event.id, tags={**said, **asked.tags})


def _why(*, is_start: bool, heard: int, told: int) -> str:
    if is_start:
        return f"The first look: runs are requested for what changes from now on. Assets told: {told}."
    return f"Changes: {heard}, none of which requests a run. Assets told: {told}." if heard else "Nothing changed."
