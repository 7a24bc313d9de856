"""An index in the making: the fold of a log, taken in run by run, with its older versions packed into segments."""

from collections.abc import Iterator, Sequence
from functools import partial

from modelstore_core.documents.canonical import encode
from modelstore_core.documents.entries import write_entry
from modelstore_core.documents.segments import (
    LARGEST,
    Index,
    Rows,
    Segment,
    pack,
    read_segment,
    write_index,
    write_row,
)
from modelstore_core.errors import Corrupt
from modelstore_core.journal.log import Journal
from modelstore_core.journal.segments import STRIDE
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import AddVersion, Annotate, Delete, Entry, Restore
from modelstore_core.registry.fold import Folded, changes_of, fold
from modelstore_core.registry.indexed import folded, row_of

__all__ = ["LARGE", "SMALL", "Builder", "grouped"]

SMALL, LARGE = 8 * STRIDE, 32 * STRIDE
"""Up to so many versions segments are merged beside a commit, and by `maintain`."""

_MOST_TAIL = 4 * 1024 * 1024
_MOST_CHANGES = 2 * 1024 * 1024
_SPREAD = 16


class Builder:
    """The listing of a model so far; nothing is stored before `store`.

    Args:
        journal: The model's.
        base: The index to go on from; the beginning if left out.

    Raises:
        Corrupt, StoreTooNew: The base is not whole.
    """

    def __init__(self, journal: Journal, base: Index | None = None) -> None:
        self.segments: list[Segment] = []
        self.changes: dict[int, JsonObject] = {}
        self._journal = journal
        self._tail: dict[int, Folded] = {}
        self._bodies: dict[str, bytes] = {}
        if base is not None:
            self.segments = [*base.segments]
            self.changes = dict(base.changes)
            numbers = range(base.rows.first, base.rows.last + 1)
            self._tail = {number: folded(base.rows.row(number)) for number in numbers}

    @property
    def versions(self) -> int:
        """How many versions there are."""
        return self._first + len(self._tail) - 1

    @property
    def _first(self) -> int:
        """The first version that is in no segment."""
        return self.segments[-1].last + 1 if self.segments else 1

    def take(self, entries: Sequence[Entry]) -> None:
        """Take in the next entries, all of them complete."""
        fold(entries, self._tail)
        for entry in entries:
            number = changes_of(entry)
            if number is not None and number not in self._tail:
                self.changes[number] = {**self.changes.get(number, {}), **_change(entry)}
        if len(self._tail) >= 2 * STRIDE:
            self._cut((len(self._tail) - STRIDE) // STRIDE * STRIDE)

    def compact(self, most: int, *, fully: bool) -> None:
        """Merge neighbouring segments up to so many versions, and work in changes where they are too many.

        Fully: any neighbours that fit together. Else only the newest ones, each with one that is no larger than what
        follows it: so a version is rewritten a few times in all, however long the log grows.

        Raises:
            Corrupt: A segment is not whole.
        """
        self._shorten()
        groups = grouped(self.segments, most) if fully else _newest_together(self.segments, most)
        self.segments = [s for group in groups for s in (self._rewritten(group, most) if len(group) > 1 else group)]
        while self._crowded():
            one = max(self.segments, key=lambda s: sum(s.first <= number <= s.last for number in self.changes))
            place = self.segments.index(one)
            self.segments[place : place + 1] = self._rewritten([one], most)

    def index(self, seq: int, op_id: str, sha256: str) -> bytes:
        """The index's bytes, as of the commit up to which entries were taken."""
        rows = Rows(self._first, [], [], "")
        segments = tuple(self.segments)
        index = Index(seq=seq, op_id=op_id, sha256=sha256, segments=segments, changes=self.changes, rows=rows)
        return write_index(self._journal.model, index, map(_document, self._tail.values()))

    def store(self) -> int:
        """Store the segments that are new; how many there are."""
        new = [segment for segment in self.segments if segment.name in self._bodies]
        puts = [partial(self._journal.segments.put, segment, self._bodies[segment.name]) for segment in new]
        self._journal.together(puts)
        return len(new)

    def _rows(self, segment: Segment) -> Rows:
        """The rows of a segment, stored or not."""
        body, stored = self._bodies.get(segment.name), self._journal.segments
        rows = stored.rows(segment) if body is None else read_segment(body, segment, self._journal.model)
        if rows is None:
            self._journal.together(stored.fetches([segment]))
            rows = stored.rows(segment)
        if rows is None:
            key = self._journal.segments.key(segment)
            raise Corrupt(f"{key!r} is not what its index says.", value=key, fix="`maintain` writes it anew.")
        return rows

    def rows_in_order(self) -> Iterator[tuple[int, JsonObject]]:
        """All rows as JSON, by number; to be gone through once, and no changes are left then.

        Raises:
            Corrupt: A segment is not whole.
        """
        for segment in self.segments:
            yield from zip(range(segment.first, segment.last + 1), self._documents(segment), strict=True)
        yield from ((number, _document(version)) for number, version in self._tail.items())

    def _cut(self, count: int) -> None:
        """Put the oldest so many versions of the tail into segments."""
        cut = [self._tail.pop(number) for number in [*self._tail][:count]]
        first = cut[0].number
        self._keep(pack(self._journal.model, first, map(_document, cut), LARGE), self.segments)

    def _shorten(self) -> None:
        """Leave no more in the index than is read in passing, however long the records are."""
        sizes = [len(encode(_document(version))) for version in self._tail.values()]
        total, count = sum(sizes), 0
        if total > _MOST_TAIL:
            while total > _MOST_TAIL // 2 and count < len(sizes):
                total -= sizes[count]
                count += 1
            self._cut(count)

    def _documents(self, segment: Segment) -> Iterator[JsonObject]:
        """The rows of a segment as JSON, with their changes, which are thereby done with."""
        rows = self._rows(segment)
        return (rows.document(n, self.changes.pop(n, None)) for n in range(rows.first, rows.last + 1))

    def _rewritten(self, group: Sequence[Segment], most: int) -> list[Segment]:
        rows = (document for segment in group for document in self._documents(segment))
        made: list[Segment] = []
        self._keep(pack(self._journal.model, group[0].first, rows, max(most, group[0].count)), made)
        return made

    def _keep(self, packed: Iterator[tuple[Segment, bytes]], segments: list[Segment]) -> None:
        for segment, body in packed:
            segments.append(segment)
            self._bodies[segment.name] = body

    def _crowded(self) -> bool:
        """Whether the changes are more than a reader of a few versions should have to take along."""
        many = len(self.changes) > max(STRIDE, (self._first - 1) // _SPREAD)
        return many or sum(len(encode(change)) for change in self.changes.values()) > _MOST_CHANGES


def _document(version: Folded) -> JsonObject:
    return write_row(row_of(version))


def _change(entry: Entry) -> JsonObject:
    """What an entry changes of an earlier version's row."""
    match entry.op:
        case AddVersion(number=number):
            return {"superseded_by": number}
        case Annotate():
            return {"annotation": write_entry(entry)}
        case Delete():
            return {"deleted": True}
        case Restore():
            return {"deleted": False}
        case _:
            return {"purged": True}


def _fits(group: Sequence[Segment], most: int) -> bool:
    return sum(s.count for s in group) <= most and sum(s.expanded for s in group) <= LARGEST


def grouped(segments: Sequence[Segment], most: int) -> list[list[Segment]]:
    """The segments in groups that fit into one each."""
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and _fits([*groups[-1], segment], most):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


def _newest_together(segments: Sequence[Segment], most: int) -> list[list[Segment]]:
    """The newest segments in one group, as far back as each is no larger than all that follow; the others singly."""
    rest, group = [*segments], [*segments[-1:]]
    rest = rest[: len(rest) - len(group)]
    while rest and rest[-1].count <= sum(s.count for s in group) and _fits([rest[-1], *group], most):
        group.insert(0, rest.pop())
    return [*([segment] for segment in rest), *([group] if group else [])]
