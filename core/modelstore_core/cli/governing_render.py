"""Rules, what they found, and approvals, as people read them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from modelstore_core.cli.output import Screen, Shown
from modelstore_core.model.gates import Gate
from modelstore_core.model.operations import Finding
from modelstore_core.model.reviews import Approval
from modelstore_core.model.tables import Row, cell, fitting, text_table

__all__ = ["approvals", "evidence", "rules"]

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


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
    return _table(rows, ("verdict", "rule", "candidate", "current", "found"), screen)


def rules(found: Mapping[str, Sequence[Gate]], screen: Screen) -> Shown:
    """The rules of each alias, a line each."""
    rows = [{"alias": alias, "rule": str(rule)} for alias, gates in found.items() for rule in gates]
    return _table(rows, ("alias", "rule"), screen)


def approvals(found: Sequence[Approval], screen: Screen) -> Shown:
    """Approvals, a line each."""
    rows = [{**one.row(), "requested_at": _time(one.requested_at, screen)} for one in found]
    return _table(rows, ("version", "alias", "state", "requested_by", "requested_at", "comment", "votes"), screen)


def _time(moment: datetime | None, screen: Screen) -> str:
    precision = "seconds" if screen.width is None else "minutes"
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _table(rows: Sequence[Row], columns: Sequence[str], screen: Screen) -> Shown:
    known = [name for name in columns if any(cell(row.get(name)) for row in rows)]
    if screen.width is None:
        return Shown(text=text_table(rows, known, longest=None))
    fit = fitting(rows, known, screen.width)
    text = text_table(rows, fit, screen.width, paint=_paint if screen.colour else None)
    return Shown(text=text, left_out=tuple(name for name in known if name not in fit))


def _paint(column: str, row: Row | None, text: str) -> str:
    if row is None or column not in {"verdict", "state"}:
        return text
    return f"{_RED if text in {'refused', 'rejected'} else _GREEN}{text}{_PLAIN}"
