"""Telling Dagster what happened in the store: materializations of the assets that stand for models and aliases.

Which assets those are is asked of the code location. Nothing is told twice: what is told of an alias has the id of
the event in the store's log, and a later one tells more than an earlier one. That an alias was removed is an
observation: there is no version to be materialized, and nothing that depends on it could be made anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from dagster_shared.check import CheckError

from dagster_modelstore.aliases import model_key
from dagster_modelstore.cards import version_metadata
from dagster_modelstore.lineage import partition_by_key
from dagster_modelstore.naming import model_name
from dagster_modelstore.options import alias_option, name_option
from dagster_modelstore.partitions import filled_alias, filled_name, has_places, without_places
from modelstore_core import Event, ModelVersion

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = [
    "Standin",
    "event_of",
    "moved",
    "of_assets",
    "of_repository",
    "removed",
    "repository_of",
    "saved",
    "standins",
]

_DATA_VERSION = "dagster/data_version"
_EVENT = "modelstore/event"
_VERSION = "modelstore/version"
_RECENT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Standin:
    """An asset that stands for a model, or for an alias of one.

    Attributes:
        key: The asset's.
        name: The model's name, which may have places for the partition.
        alias: The alias, which may have places too; None if the asset is the model itself.
        partitions: The asset's.
    """

    key: dg.AssetKey
    name: str
    alias: str | None
    partitions: dg.PartitionsDefinition[str] | None

    def means(
        self, model: str, alias: str | None, partition: object, instance: dg.DagsterInstance
    ) -> Iterator[str | None]:
        """The partitions of the asset that are this model's or alias's; None if it has no partitions at all."""
        if self.partitions is None:
            if (self.name, self.alias) == (model, alias):
                yield None
            return
        for key in self.partitions.get_partition_keys(dynamic_partitions_store=instance):
            found = partition_by_key(self.partitions, key)
            of = filled_alias(self.alias, found) if self.alias is not None else None
            if (filled_name(self.name, found), of) != (model, alias):
                continue
            # Where neither name nor alias tells partitions apart, the version does.
            if has_places(f"{self.name}{self.alias or ''}") or key == partition:
                yield key


def of_repository(repository: object) -> list[Standin]:
    """The code location's assets that stand for aliases, or for models that are not made there."""
    graph = getattr(repository, "asset_graph", None)
    if graph is None:
        return []
    nodes = [graph.get(key) for key in sorted(graph.get_all_asset_keys())]
    return [
        found
        for node in nodes
        if not node.is_observable
        and (found := _standin(node.key, node.metadata, node.partitions_def)) is not None
        and (found.alias is not None or (node.is_external and name_option(node.metadata) is not None))
    ]


def of_assets(assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> list[Standin]:
    """These assets, whatever they are."""
    specs = [spec for asset in assets for spec in ([asset] if isinstance(asset, dg.AssetSpec) else asset.specs)]
    return [_standin(spec.key, spec.metadata, spec.partitions_def) for spec in specs]


def standins(context: object, model: str, alias: str) -> list[Standin]:
    """The assets that stand for an alias, as seen from a step.

    A run that knows no code location, in a notebook or a test, tells the asset that `alias_asset` makes by default.
    """
    repository = repository_of(context)
    if repository is not None:
        return of_repository(repository)
    key = dg.AssetKey([*model_key(model).path, without_places(alias)])
    return [Standin(key=key, name=model, alias=alias, partitions=None)]


def event_of(store: "ModelStore", version: ModelVersion, alias: str, key: str | None) -> Event | None:
    """What the call that has this key did to the alias, if it did anything."""
    if key is None:
        return None
    recent = store.history(version.name, limit=_RECENT)
    return next((event for event in recent if (event.key, event.alias) == (key, alias)), None)


def repository_of(context: object) -> object | None:
    """The code location of a running step; None where there is none."""
    try:
        return getattr(context, "repository_def", None)
    except CheckError:
        return None


def _standin(
    key: dg.AssetKey, metadata: Mapping[str, object], partitions: dg.PartitionsDefinition[str] | None
) -> Standin:
    name = name_option(metadata) or model_name(key.path)
    return Standin(key=key, name=name, alias=alias_option(metadata), partitions=partitions)


def moved(
    among: Iterable[Standin], instance: dg.DagsterInstance, version: ModelVersion, alias: str, event: str | None
) -> Iterator[dg.AssetMaterialization]:
    """The alias points to the version, since the event if one is named: the materializations that say so first.

    Without an event nothing moved, and it is told only where Dagster does not know what the alias points to.
    """
    partition = version.lineage.get("partition")
    for found in among:
        for at in found.means(version.name, alias, partition, instance):
            latest = _latest(instance, found.key, at)
            if not _knows(latest, version, event):
                said = {"modelstore/alias": alias, **({} if event is None else {_EVENT: event})}
                yield _materialization(found.key, at, version, said)


def removed(
    among: Iterable[Standin], instance: dg.DagsterInstance, version: ModelVersion, event: Event
) -> Iterator[dg.AssetObservation]:
    """The alias points nowhere since the event: observations that say so, where Dagster believes that it points on."""
    alias = event.alias or ""
    said = {
        "modelstore/alias": alias,
        "modelstore/removed": version.ref,
        "modelstore/by": event.actor,
        _EVENT: event.id,
    }
    why = f", for this reason: {event.reason}" if event.reason else ""
    for found in among:
        for at in found.means(version.name, alias, version.lineage.get("partition"), instance):
            if _points_on(instance, found.key, at, event.id):
                yield dg.AssetObservation(
                    asset_key=found.key,
                    partition=at,
                    description=f"{alias!r} was removed from {version.ref} by {event.actor}{why}",
                    metadata=said,
                )


def saved(
    among: Iterable[Standin], instance: dg.DagsterInstance, version: ModelVersion
) -> Iterator[dg.AssetMaterialization]:
    """There is a new version: the materializations that say so, unless a run of this instance has made and told it."""
    run = version.lineage.get("run_id")
    if version.lineage.get("platform") == "dagster" and isinstance(run, str) and instance.has_run(run):
        return
    for found in among:
        for at in found.means(version.name, None, version.lineage.get("partition"), instance):
            latest = _latest(instance, found.key, at)
            number = None if latest is None else latest.metadata.get(_VERSION)
            if not (isinstance(number, dg.IntMetadataValue) and (number.value or 0) >= version.number):
                yield _materialization(found.key, at, version, {})


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> dg.AssetMaterialization | None:
    asked = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    found = instance.fetch_materializations(asked, limit=1).records
    return found[0].asset_materialization if found else None


def _points_on(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, event: str) -> bool:
    """Whether Dagster was told what the alias points to, and neither of this removal nor of what came after it."""
    latest = _latest(instance, key, partition)
    if latest is None or _is_since(latest, event):
        return False
    return not any(_is_since(told, event) for told in _observed(instance, key, partition))


def _observed(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> list[dg.AssetObservation]:
    """The newest observations; each load of the asset is one, too."""
    asked = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    entries = [record.event_log_entry for record in instance.fetch_observations(asked, limit=_RECENT).records]
    return [entry.asset_observation for entry in entries if entry.asset_observation is not None]


def _knows(latest: dg.AssetMaterialization | None, version: ModelVersion, event: str | None) -> bool:
    """Whether this materialization says so much already, or tells of a later move."""
    if latest is None:
        return False
    if event is None or not isinstance(latest.metadata.get(_EVENT), dg.TextMetadataValue):
        return (latest.tags or {}).get(_DATA_VERSION) == version.digest
    return _is_since(latest, event)


def _is_since(told: dg.AssetMaterialization | dg.AssetObservation, event: str) -> bool:
    """Whether it tells of this event, or of a later one."""
    said = told.metadata.get(_EVENT)
    if not isinstance(said, dg.TextMetadataValue):
        return False
    (model, seq), (told_model, told_seq) = _place(event), _place(said.text or "")
    return model == told_model and told_seq >= seq


def _place(event: str) -> tuple[str, int]:
    """The model and the seq of an event's id: `model:seq`, or `model:seq:index`; a model's name has no colon."""
    model, _, rest = event.partition(":")
    seq = rest.partition(":")[0]
    return model, int(seq) if seq.isdecimal() else 0


def _materialization(
    key: dg.AssetKey, partition: str | None, version: ModelVersion, said: Mapping[str, str]
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset_key=key,
        partition=partition,
        description=f"{version.ref}",
        metadata={**version_metadata(version), **said},
        tags={_DATA_VERSION: version.digest},
    )
