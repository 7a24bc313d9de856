"""Who made an output: the run, step and partition, as an idempotency key and as a record's lineage.

Contexts that users build for tests have no step, run or job, and some of what is read here is semi-internal to
Dagster: whatever a context does not know is left out, and nothing else depends on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import dagster as dg

from dagster_modelstore.naming import model_name, op_model_name, work_key
from dagster_modelstore.options import name_option
from dagster_modelstore.partitions import Partition, filled_name
from modelstore_core import InvalidInput

__all__ = ["Origin", "attempt_of", "known", "lineage_of", "origin_of", "partition_by_key", "partition_of"]

T = TypeVar("T")

_NO_RUN = "__EPHEMERAL_RUN_ID"
"""What Dagster 1.13 says for the run of an output that no run of this process made; earlier releases raise."""


def known(read: Callable[[], T]) -> T | None:
    """What the context says, or None if it does not know."""
    try:
        return read()
    except dg.DagsterInvariantViolationError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One output of one step.

    Attributes:
        template: Its model's name, which may have places for the partition.
        asset: Its asset key; None for an op's output that is no asset.
        run_id: The run that made it; None if none is known.
        job, step, output, mapping: Where in the run.
    """

    template: str
    asset: tuple[str, ...] | None
    run_id: str | None
    job: str | None
    step: str | None
    output: str | None
    mapping: str | None

    def name(self, partition: Partition | None) -> str:
        """The model's name for the partition.

        Raises:
            InvalidInput: The name has a place that nothing fills.
        """
        return filled_name(self.template, partition)

    def key(self, partition: Partition | None) -> str | None:
        """The idempotency key of this output's partition: the same for each attempt at it, and for who loads it."""
        if self.run_id is None:
            return None
        # Step keys of different assets may be equal, so an asset is known by its asset key.
        if self.asset is not None:
            parts = [] if partition is None else [partition.key]
            return work_key(self.run_id, "asset", model_name(self.asset), *parts)
        job, step, output = self.job or "", self.step or "", self.output or ""
        mapping = [] if self.mapping is None else [self.mapping]
        return work_key(self.run_id, "op", op_model_name(job, step, output), step, *mapping)


def origin_of(context: dg.OutputContext) -> Origin:
    """The output that the context is about, seen from the step that makes it or from one that loads it.

    Raises:
        InvalidInput: It has neither an asset key nor a step: there is nothing to name its model by.
    """
    asset = tuple(context.asset_key.path) if context.has_asset_key else None
    job, step, output = known(lambda: context.job_name), known(lambda: context.step_key), known(lambda: context.name)
    run_id = known(lambda: context.run_id)
    return Origin(
        template=name_option(context.definition_metadata) or _default_name(asset, job, step, output),
        asset=asset,
        run_id=None if run_id == _NO_RUN else run_id,
        job=job,
        step=step,
        output=output,
        mapping=context.mapping_key,
    )


def _default_name(asset: tuple[str, ...] | None, job: str | None, step: str | None, output: str | None) -> str:
    if asset is not None:
        return model_name(asset)
    if step is not None and output is not None:
        return op_model_name(job or "", step, output)
    raise InvalidInput(
        "The output has neither an asset key nor a step to name its model by.",
        fix="Give its definition the metadata 'modelstore/name'.",
    )


def partition_of(context: dg.InputContext | dg.OutputContext, key: str) -> Partition:
    """The partition of the context's asset that has this key."""
    return partition_by_key(known(lambda: context.asset_partitions_def), key)


def partition_by_key(definition: dg.PartitionsDefinition[str] | None, key: str) -> Partition:
    """The partition that has this key."""
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return Partition(key=str(key), dimensions=definition.get_partition_key_from_str(key).keys_by_dimension)
    return Partition(key=str(key), dimensions={})


def attempt_of(context: dg.OutputContext) -> int:
    """How many attempts the step's retry policy has made before this one."""
    step = known(lambda: context.step_context)
    return int(getattr(step, "previous_attempt_count", 0))


def lineage_of(
    context: dg.OutputContext, origin: Origin, partition: Partition | None, webserver: str | None
) -> dict[str, object]:
    """Where a version comes from, as its record keeps it; what is not known is left out."""
    run = getattr(known(lambda: context.step_context), "dagster_run", None)
    spec = known(lambda: context.asset_spec) if context.has_asset_key else None
    said: dict[str, object] = {
        "platform": "dagster",
        "run_id": origin.run_id,
        "run_url": f"{webserver.rstrip('/')}/runs/{origin.run_id}" if webserver and origin.run_id else None,
        "parent_run_id": getattr(run, "parent_run_id", None),
        "job": origin.job,
        "step": origin.step,
        "output": origin.output,
        "mapping": origin.mapping,
        "asset": None if origin.asset is None else list(origin.asset),
        "partition": partition.key if partition is not None else _run_partition(context, origin),
        "code_version": None if spec is None else spec.code_version,
        "upstream": _upstream(context) or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _run_partition(context: dg.OutputContext, origin: Origin) -> str | None:
    """An op's partition is its run's; an asset without partitions has none, whatever the run is about."""
    return known(lambda: context.partition_key) if origin.asset is None and context.has_partition_key else None


def _upstream(context: dg.OutputContext) -> list[dict[str, object]]:
    """The data versions of the assets that the step depends on, as Dagster looked them up before it ran."""
    records = getattr(known(lambda: context.step_context), "input_asset_records", None)
    if not isinstance(records, Mapping):
        return []
    versions = {key: getattr(record, "data_version", None) for key, record in records.items()}
    return [{"asset": list(key.path), "data_version": v.value} for key, v in versions.items() if v is not None]
