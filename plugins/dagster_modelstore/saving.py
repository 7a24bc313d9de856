"""From a step's output to versions: one live version per output and partition, however often the step is tried."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from dagster_modelstore.announcing import event_of, moved, of_repository, repository_of
from dagster_modelstore.cards import signature_metadata, version_metadata, versions_table
from dagster_modelstore.collisions import refuse_shared_names
from dagster_modelstore.lineage import Origin, attempt_of, known, lineage_of, origin_of, partition_of
from dagster_modelstore.options import SaveOptions, metrics_of, save_options
from dagster_modelstore.partitions import Partition, filled_alias
from modelstore_core import InvalidInput, ModelVersion

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["save_output"]

_PARTITION_TAG = "dagster/partition"
_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be saved: from where, and how.

    Attributes:
        store: Where to.
        context: The output's.
        origin: Which output it is.
        options: What its metadata say.
        webserver: Where Dagster's web server is, if that is known.
    """

    store: "ModelStore"
    context: dg.OutputContext
    origin: Origin
    options: SaveOptions
    webserver: str | None


def save_output(store: "ModelStore", context: dg.OutputContext, obj: object, *, webserver: str | None = None) -> None:
    """Save what the step yielded, and say on its materialization what was saved.

    Raises:
        InvalidInput: Its metadata or its partitions are not what they must be.
        ModelStoreError: The store cannot save it; nothing is published then.
    """
    options = save_options(context.definition_metadata, context.output_metadata)
    work = Work(store=store, context=context, origin=origin_of(context), options=options, webserver=webserver)
    refuse_shared_names(context, work.origin)
    partitions = known(lambda: context.asset_partition_keys) if context.has_asset_partitions else None
    if partitions is None:
        _describe(work, {None: _save(work, obj, None)})
        return
    models = _by_partition(context, partitions, obj)
    found = {key: partition_of(context, key) for key in models}
    _describe(work, {key: _save(work, model, found[key]) for key, model in models.items()})


def _save(work: Work, obj: object, partition: Partition | None) -> ModelVersion | None:
    context, origin, options = work.context, work.origin, work.options
    name = origin.name(partition)
    if obj is None:
        context.log.warning("%r: None was yielded, so no version was saved. Or annotate it `-> None`.", name)
        return None
    return work.store.save(
        obj,
        name,
        metrics=metrics_of(context.output_metadata),
        params=options.params,
        tags=options.tags if partition is None else {_PARTITION_TAG: partition.key, **options.tags},
        description=options.description,
        lineage=lineage_of(context, origin, partition, work.webserver),
        input_example=options.input_example,
        extra_files=options.extra_files,
        aliases=[filled_alias(alias, partition) for alias in options.aliases],
        format=options.format,
        key=origin.key(partition),
        attempt=attempt_of(context),
        prove=options.prove,
    )


def _by_partition(context: dg.OutputContext, partitions: Sequence[str], obj: object) -> dict[str, object]:
    """The model of each partition: a run over several of them yields a mapping, one model each."""
    keys = sorted(partitions)
    if isinstance(obj, Mapping) and set(obj) == set(keys):
        return {key: obj[key] for key in keys}
    if len(keys) == 1:
        return {keys[0]: obj}
    got = f"the keys {sorted(map(str, obj))}" if isinstance(obj, Mapping) else f"a {type(obj).__name__}"
    raise InvalidInput(
        f"The run covers the partitions {keys} of {context.asset_key.to_user_string()!r}, but yielded {got}.",
        value=got,
        fix="Yield a dict with one model for each partition; None for one that has none.",
    )


def _describe(work: Work, saved: Mapping[str | None, ModelVersion | None]) -> None:
    versions = {partition: version for partition, version in saved.items() if version is not None}
    context = work.context
    if not versions:
        return
    for partition, version in versions.items():
        said = _metadata(work.store, version)
        if len(saved) == 1:
            context.add_output_metadata(said)
        else:
            context.step_context.add_asset_metadata(said, context.asset_key, partition)
    _tell_of_aliases(work, list(versions.values()))
    if context.has_asset_key:
        _set_data_version(context, sorted(version.digest for version in versions.values()))


def _tell_of_aliases(work: Work, versions: Sequence[ModelVersion]) -> None:
    """Materialize the assets that stand for the aliases which the versions got: what depends on them becomes stale."""
    step = known(lambda: work.context.step_context)
    if step is None or not work.options.aliases:
        return
    among = of_repository(repository_of(step))
    for version in versions:
        for alias in version.aliases if among else ():
            event = event_of(work.store, version, alias, version.key)
            if event is not None:  # another alias, or set by somebody else since, is not this save's to tell
                for materialization in moved(among, step.instance, version, alias, event.id):
                    work.context.log_event(materialization)


def _metadata(store: "ModelStore", version: ModelVersion) -> dict[str, dg.MetadataValue]:
    newest = store.versions(version.name, limit=_LISTED)
    return {**version_metadata(version), **signature_metadata(version), "modelstore/versions": versions_table(newest)}


def _set_data_version(context: dg.OutputContext, digests: list[str]) -> None:
    """The content's digest as the asset's data version: equal bytes make nothing downstream stale."""
    step = known(lambda: context.step_context)
    # Semi-internal to Dagster. Without it the asset only loses a data version that follows its content.
    if step is None or not hasattr(step, "set_data_version") or not hasattr(step, "has_data_version"):
        return
    if step.has_data_version(context.asset_key):  # the user's own wins
        return
    joined = digests[0] if len(digests) == 1 else f"sha256:{hashlib.sha256(' '.join(digests).encode()).hexdigest()}"
    step.set_data_version(context.asset_key, dg.DataVersion(joined))
