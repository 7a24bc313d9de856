"""Where a log stood at some time, or after some commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TypeAlias

from modelstore_core.documents.commit import BLOCK, Commit
from modelstore_core.errors import InvalidInput
from modelstore_core.journal.log import Journal
from modelstore_core.registry.view import NOTHING

__all__ = ["Moment", "When", "commit_at", "parse_moment"]

When: TypeAlias = int | datetime | date | str
"""The seq of a commit, or a time; a day means its end, in UTC."""

_PROBES = 16
_FIX = "Pass the seq of a commit (an int), a datetime with its zone, or a text such as 2026-03-03 or 2026-03-03T12:00Z."


@dataclass(frozen=True, slots=True)
class Moment:
    """A seq or a time, exactly one of them."""

    seq: int | None = None
    time: datetime | None = None

    def __str__(self) -> str:
        return f"commit {self.seq}" if self.time is None else f"{self.time:%Y-%m-%d %H:%M:%S} UTC"


def parse_moment(when: object) -> Moment:
    """The moment that is meant.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(when, int) and not isinstance(when, bool) and when > 0:
        return Moment(seq=when)
    if isinstance(when, str):
        when = _parsed(when.strip())
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise InvalidInput(f"{when!r} has no zone.", value=when, fix="Add tzinfo=datetime.UTC, or a Z to a text.")
        return Moment(time=when.astimezone(UTC))
    if isinstance(when, date):
        # the last microsecond of the day, as "what was champion on 3 March" asks
        return Moment(time=datetime.combine(when, time.max, tzinfo=UTC))
    raise InvalidInput(f"{when!r} is no moment.", value=when, fix=_FIX)


def commit_at(journal: Journal, head: Commit | None, moment: Moment) -> Commit | None:
    """The commit that was the head then; None if the log had not begun.

    Times are those that writers recorded, by clocks of their own. Where they do not grow along the log, this is the
    last commit that is not later than the time, as far as clocks differ by less than 32 commits; beyond that, one of
    the places where the log passes it.

    Raises:
        InvalidInput: The log has no commit of that seq yet.
    """
    if head is None:
        return None
    if moment.time is None:
        assert moment.seq is not None
        if moment.seq > head.seq:
            raise InvalidInput(
                f"{journal.model!r} has {head.seq} commits, and none of seq {moment.seq}.",
                value=moment.seq,
                fix="`history` shows the seq of each change.",
            )
        return head if moment.seq == head.seq else journal.read(moment.seq)
    seq = _last_by(journal, head, moment.time)
    return head if seq == head.seq else journal.read(seq) if seq else None


def _last_by(journal: Journal, head: Commit, moment: datetime) -> int:
    """The seq of the last commit that is not later; 0 if all are."""
    if _time(head) <= moment:
        return head.seq
    low, high = 0, head.seq  # what is at `low` is not later, what is at `high` is
    while high - low > BLOCK:
        probes = sorted({low + (high - low) * i // (_PROBES + 1) for i in range(1, _PROBES + 1)} - {low, high})
        found = _times(journal, probes)
        low, high = _narrowed(low, high, moment, found)
    window = journal.entries(max(low - BLOCK, 1), head, NOTHING, min(high + BLOCK, head.seq))
    early = [entry.seq for entry in window if datetime.fromisoformat(entry.time) <= moment]
    return early[-1] if early else 0


def _narrowed(low: int, high: int, moment: datetime, found: dict[int, datetime]) -> tuple[int, int]:
    for seq in sorted(found):
        if found[seq] > moment:
            return low, seq
        low = seq
    return low, high


def _times(journal: Journal, seqs: Sequence[int]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}

    def look(seq: int) -> None:
        commit = journal.read(seq)
        if commit is not None:
            found[seq] = _time(commit)

    journal.together([partial(look, seq) for seq in seqs])
    return found


def _time(commit: Commit) -> datetime:
    return datetime.fromisoformat(commit.entry.time)


def _parsed(text: str) -> object:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-03-03") else datetime.fromisoformat(text)
    except ValueError:
        return text
