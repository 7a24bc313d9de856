"""Rules, what they found, and approvals, as people read them. Pure."""

from collections.abc import Mapping, Sequence

from modelstore_core.cli.output import Screen, Shown
from modelstore_core.cli.shown import moment, table
from modelstore_core.model.gates import Gate
from modelstore_core.model.operations import Finding
from modelstore_core.model.reviews import Approval

__all__ = ["approvals", "evidence", "rules"]


def evidence(found: Sequence[object], screen: Screen) -> Shown:
    """What each rule found, a line each: the rule, the candidate's number, the current version's, the verdict."""
    rows = [
        {
            "verdict": "passed" if finding.passed else "refused",
            "rule": finding.rule,
            "candidate": finding.candidate if finding.metric else None,
            "current": finding.current,
            "found": "" if finding.metric else finding.message,
        }
        for finding in found
        if isinstance(finding, Finding)
    ]
    return table(rows, ("verdict", "rule", "candidate", "current", "found"), screen)


def rules(found: Mapping[str, Sequence[Gate]], screen: Screen) -> Shown:
    """The rules of each alias, a line each."""
    rows = [{"alias": alias, "rule": str(rule)} for alias, gates in found.items() for rule in gates]
    return table(rows, ("alias", "rule"), screen)


def approvals(found: Sequence[Approval], screen: Screen) -> Shown:
    """Approvals, a line each."""
    rows = [{**one.row(), "requested_at": moment(one.requested_at, screen)} for one in found]
    return table(rows, ("version", "alias", "state", "requested_by", "requested_at", "comment", "votes"), screen)
