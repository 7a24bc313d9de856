"""From a step's output to versions: one live version per output and partition, however often the step is tried."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from dagster_modelstore.cards import version_metadata
from dagster_modelstore.lineage import attempt_of, known, lineage_of, origin_of
from dagster_modelstore.options import metrics_of, save_options
from modelstore_core import InvalidInput, ModelVersion

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["save_output"]

_PARTITION_TAG = "dagster/partition"


def save_output(store: "ModelStore", context: dg.OutputContext, obj: object) -> None:
    """Save what the step yielded, and say on its materialization what was saved.

    Raises:
        InvalidInput: Its metadata or its partitions are not what they must be.
        ModelStoreError: The store cannot save it; nothing is published then.
    """
    partitions = known(lambda: context.asset_partition_keys) if context.has_asset_partitions else None
    if partitions is None:
        _describe(context, {None: _save(store, context, obj, None)})
    else:
        models = _by_partition(context, partitions, obj)
        _describe(context, {key: _save(store, context, model, key) for key, model in models.items()})


def _save(store: "ModelStore", context: dg.OutputContext, obj: object, partition: str | None) -> ModelVersion | None:
    origin, options = origin_of(context), save_options(context.definition_metadata, context.output_metadata)
    if obj is None:
        context.log.warning("%r: None was yielded, so no version was saved. Or annotate it `-> None`.", origin.name)
        return None
    return store.save(
        obj,
        origin.name,
        metrics=metrics_of(context.output_metadata),
        params=options.params,
        tags=options.tags if partition is None else {_PARTITION_TAG: partition, **options.tags},
        description=options.description,
        lineage=lineage_of(context, origin, partition),
        aliases=options.aliases,
        format=options.format,
        key=origin.key(partition),
        attempt=attempt_of(context),
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


def _describe(context: dg.OutputContext, saved: Mapping[str | None, ModelVersion | None]) -> None:
    versions = {partition: version for partition, version in saved.items() if version is not None}
    if not versions:
        return
    if len(saved) == 1:
        context.add_output_metadata(version_metadata(next(iter(versions.values()))))
    else:
        for partition, version in versions.items():
            context.step_context.add_asset_metadata(version_metadata(version), context.asset_key, partition)
    if context.has_asset_key:
        _set_data_version(context, sorted(version.digest for version in versions.values()))


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
