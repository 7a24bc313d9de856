"""What a refused promotion is told: what every rule found, and where a metric that is missing is to be had."""

from collections.abc import Sequence

from modelstore_core.errors import Corrupt, GateRefused, NotFound, StorageError
from modelstore_core.model.operations import Finding, RefuseAlias
from modelstore_core.registry.fold import Folded
from modelstore_core.store.handle import Handle

__all__ = ["refused"]

_LOOKED_AT = 100
_NAMED = 3


def refused(handle: Handle, name: str, op: RefuseAlias) -> GateRefused:
    """The error for a promotion that was refused by this commit."""
    ref = f"{name}@{op.number}"
    said = "; ".join(finding.message for finding in op.evidence if not finding.passed)
    missing = [*dict.fromkeys(finding.metric for finding in op.evidence if _lacks(finding, op))]
    where = f" {_whereabouts(handle, name, missing)}" if missing else ""
    return GateRefused(
        f"{ref} was not promoted to {op.alias!r}: {said}.",
        value=ref,
        fix=f"Improve the model or change the gates; the refusal stands in the model's history.{where}",
        evidence=op.evidence,
    )


def _lacks(finding: Finding, op: RefuseAlias) -> bool:
    """Whether it failed for want of a number."""
    against = op.current is not None and finding.current is None
    return bool(finding.metric) and not finding.passed and (finding.candidate is None or against)


def _whereabouts(handle: Handle, name: str, metrics: Sequence[str]) -> str:
    """Which of the newest versions have the metrics; a help only, so that nothing it meets hides the refusal."""
    try:
        newest = handle.reading(name, _LOOKED_AT).newest_versions(_LOOKED_AT, lambda one: one, deleted=False)
    except (StorageError, Corrupt, NotFound):
        return "`annotate` adds a metric that is missing."
    return " ".join([*(_having(name, metric, newest) for metric in metrics), "`annotate` adds a metric later."])


def _having(name: str, metric: str, versions: Sequence[Folded]) -> str:
    having = [f"{name}@{one.number}" for one in versions if metric in one.metrics]
    if not having:
        known = sorted({key for one in versions for key in one.metrics})
        return f"No version of the newest {len(versions)} has {metric}; they have: {', '.join(known) or 'none'}."
    more = f" and {len(having) - _NAMED} more" if len(having) > _NAMED else ""
    return f"{', '.join(having[:_NAMED])}{more} {'has' if len(having) == 1 else 'have'} {metric}."
