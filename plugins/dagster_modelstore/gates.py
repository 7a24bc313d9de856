"""`model_gate`: rules as an asset check, whose outcome the version keeps, so that promotions can ask for it."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from dagster_modelstore.aliases import ModelLike, described
from dagster_modelstore.cards import evidence_table
from dagster_modelstore.lineage import partition_by_key
from dagster_modelstore.naming import work_key
from dagster_modelstore.partitions import filled_alias, filled_name, has_places
from dagster_modelstore.resource import resource_of
from modelstore_core import (
    AliasNotFound,
    Approved,
    Finding,
    Gate,
    InvalidInput,
    ModelNotFound,
    ModelVersion,
    Side,
    VersionNotFound,
)

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["model_gate"]

_PARTITION = "dagster/partition"
_LONGEST = 2000
"""Of a recorded check's message, in bytes: the store takes 2 KiB."""


def model_gate(
    model: ModelLike,
    gates: Sequence[Gate],
    *,
    name: str = "gate",
    against: str = "champion",
    blocking: bool = True,
    store_key: str = "modelstore",
) -> dg.AssetChecksDefinition:
    """An asset check that judges the version which its run has made by the rules that promotions are judged by.

    It passes if all rules do. What each found is in its metadata; that it passed or failed, and why, is recorded on
    the version under the check's name. So `CheckPassed(name)` among the gates of a promotion, wherever it is made,
    refuses what failed here and what was never checked.

    Args:
        model: The model's asset, or its key, or its name in the store if that is made from the key.
        gates: The rules, such as `AtLeast("auc", 0.9)`. Several checks with other names may ask for other things.
        name: The check's name, in Dagster and on the version.
        against: The alias of the version that comparisons are made with; where it is not set they pass. It may have
            places, such as `champion-{partition}`.
        blocking: Whether what depends on the model waits, and is left out if the check fails.
        store_key: The key of the `ModelStoreResource`.

    Raises:
        InvalidInput: There are no rules, something is none, or one asks people (`Approved`): that is for promotions.
    """
    rules = _checked(gates)
    key, _, called, partitions = described(model)

    def judge(context: dg.AssetCheckExecutionContext, versions: Sequence[ModelVersion]) -> dg.AssetCheckResult:
        store = resource_of(context.resources, store_key).get_store()
        found = [_judged(store, each, rules, _alias_for(each, against, partitions)) for each in versions]
        for each, findings in zip(versions, found, strict=True):
            of = work_key(context.run.run_id, "check", each.ref, name)
            store.annotate(each.ref, checks={name: _outcome(findings)}, key=of)
        return _result(versions, [finding for findings in found for finding in findings])

    def gate(context: dg.AssetCheckExecutionContext, version: ModelVersion) -> dg.AssetCheckResult:
        return judge(context, [version])

    def partitioned_gate(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        store = resource_of(context.resources, store_key).get_store()
        return judge(context, _of_run(store, context, key, called, partitions))

    return dg.asset_check(
        asset=key,
        name=name,
        blocking=blocking,
        required_resource_keys={store_key},
        description="; ".join(map(str, rules)),
    )(gate if partitions is None else partitioned_gate)


def _of_run(
    store: "ModelStore",
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetKey,
    name: str,
    partitions: dg.PartitionsDefinition[str] | None,
) -> list[ModelVersion]:
    """What the run made of a partitioned asset, or the run of which it is a re-execution; else the newest.

    An input would not do: to Dagster a check has no partitions, so that its input is all of them.

    Raises:
        VersionNotFound: There is none of its partition at all.
    """
    run = context.run
    asked = run.tags.get(_PARTITION)
    definition = partitions if has_places(name) else None
    keys = [] if definition is None else [asked] if asked is not None else _keys(definition, context.instance)
    names = [filled_name(name, partition_by_key(definition, at)) for at in keys] or [name]
    found = [version for each in names for version in _versions(store, each) if _asset_of(version) == list(key.path)]
    for run_id in (run.run_id, run.parent_run_id, run.root_run_id):
        if of_run := [version for version in found if run_id and version.lineage.get("run_id") == run_id]:
            return of_run
    of_partition = [version for version in found if asked is None or version.lineage.get("partition") == asked]
    if of_partition:
        return of_partition[:1]
    of = f"the partition {asked!r} of " if asked is not None else ""
    raise VersionNotFound(
        f"{of}{key.to_user_string()!r} has no version to judge.", value=asked, fix="Materialize it first."
    )


def _keys(definition: dg.PartitionsDefinition[str], instance: dg.DagsterInstance) -> Sequence[str]:
    return definition.get_partition_keys(dynamic_partitions_store=instance)


def _versions(store: "ModelStore", name: str) -> Sequence[ModelVersion]:
    try:
        return store.versions(name)
    except ModelNotFound:
        return []


def _asset_of(version: ModelVersion) -> object:
    return version.lineage.get("asset")


def _alias_for(version: ModelVersion, against: str, partitions: dg.PartitionsDefinition[str] | None) -> str:
    at = version.lineage.get("partition")
    return filled_alias(against, partition_by_key(partitions, at) if isinstance(at, str) else None)


def _checked(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    wrong = [gate for gate in gates if isinstance(gate, Approved | type) or not hasattr(gate, "judge")]
    if wrong or not gates:
        raise InvalidInput(
            f"{wrong[0]!r} is no rule for a check." if wrong else "A gate without rules would let everything pass.",
            value=repr(wrong[0]) if wrong else None,
            fix="Pass AtLeast(…), Improves(…) or the like. Approvals are asked when a version is promoted.",
        )
    return tuple(gates)


def _judged(store: "ModelStore", version: ModelVersion, rules: Sequence[Gate], against: str) -> list[Finding]:
    candidate = store.get(version.ref)  # with what was said of it since it was loaded
    try:
        current = store.get(f"{version.name}@{against}")
    except (AliasNotFound, ModelNotFound):
        current = None
    if current is not None and current.number == candidate.number:
        current = None  # nothing can be better than itself: it was promoted by other means, or is checked again
    return [rule.judge(_side(candidate), None if current is None else _side(current)) for rule in rules]


def _side(version: ModelVersion) -> Side:
    return Side(
        ref=version.ref,
        metrics=version.metrics,
        tags=version.tags,
        signature=version.signature,
        checks=version.checks,
        proved=version.proved is not None,
        created_at=version.created_at,
        created_by=version.created_by,
        now=dt.datetime.now(dt.UTC),
    )


def _outcome(findings: Sequence[Finding]) -> tuple[bool, str]:
    failed = [finding.message for finding in findings if not finding.passed]
    return not failed, "; ".join(failed).encode()[:_LONGEST].decode(errors="ignore")


def _result(versions: Sequence[ModelVersion], findings: Sequence[Finding]) -> dg.AssetCheckResult:
    passed, why = _outcome(findings)
    return dg.AssetCheckResult(
        passed=passed,
        description=why or "; ".join(finding.message for finding in findings),
        metadata={
            "modelstore/ref": ", ".join(version.ref for version in versions),
            "modelstore/gates": evidence_table(findings),
            **{f"modelstore/rule/{finding.rule}": finding.message for finding in findings},
        },
    )
