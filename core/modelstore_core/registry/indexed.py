"""A model as readers see it: what lies far back comes from the index, where that is proven, and else from the log.

For readers only. The decisions of writers and collectors rest on a `View`, which knows the log and nothing derived.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TypeVar

from modelstore_core.documents.commit import BLOCK, Commit
from modelstore_core.documents.segments import Index, Row, Rows, Segment
from modelstore_core.errors import Corrupt, StoreTooNew
from modelstore_core.journal.log import Journal
from modelstore_core.model.operations import Entry
from modelstore_core.model.state import State
from modelstore_core.registry.fold import Folded, changes_of, fold, step
from modelstore_core.registry.view import View

T = TypeVar("T")

__all__ = ["Indexed", "Listing", "folded", "held_to", "look", "row_of"]

_FEW = 64
"""So many commits back, an index is not worth a request, though it would take no round of its own."""

_NEAR = 4
"""So many blocks are read rather than ask whether there is an index, and then to read that."""

_PROBES = 16


def look(journal: Journal, span: int | None = 0) -> "Indexed":
    """The model as it is now, for a question that will look back over `span` commits (None: all of them).

    Where the log is long enough for it to pay, the index is asked for in the same round as the newest commit.
    """
    known = journal.known()
    if known is not None:
        return Indexed(journal, journal.newest(known))
    mark = journal.hinted()
    far = mark.seq if span is None else min(span, mark.seq)
    head = journal.newest(None, mark, [lambda: journal.segments.look(mark.seq)] if far > _FEW else ())
    index = journal.segments.known
    if head is not None and index is not None and index.seq > head.seq:  # committed and indexed in this very moment
        head = journal.newest(head)
    return Indexed(journal, head)


class Indexed(View):
    """One model at one commit, as a reader sees it."""

    def newest_versions(self, limit: int | None, shown: Callable[[Folded], T], *, deleted: bool) -> list[T]:
        """The newest versions, live ones or (if asked for) all, newest first; looks back only as far as needed.

        Each is turned into what is `shown` of it at once, so that of a long history no more than that is kept.
        """
        head = self.require()
        window = head.seq if limit is None else max(BLOCK, limit)
        while True:
            first = max(head.seq - window + 1, 1)
            listing = self._listing(first, whole=limit is None)
            listed = None if listing is None else self._chosen(listing, limit, shown, deleted=deleted)
            if listed is not None:
                return listed
            versions = fold(self.entries(first))
            chosen = [versions[n] for n in sorted(versions, reverse=True) if deleted or versions[n].live]
            if first == 1 or (limit is not None and len(chosen) >= limit):
                return [shown(version) for version in chosen[:limit]]
            window *= 4

    def _far(self, number: int, needs: frozenset[str] | None) -> Folded:
        listing = self._listing(number)
        if listing is not None:
            try:
                return self.complete(listing.version(number), needs)
            except (Corrupt, StoreTooNew):
                self.journal.segments.distrust()
        all_live = (
            self.state.live == self.state.next - 1
        )  # then its record is all there is to know, but for annotations
        if needs is not None and all_live and self.journal.distance(number, self.require()) > _NEAR:
            return self._search(number, needs)
        return super()._far(number, needs)

    def _search(self, number: int, needs: frozenset[str]) -> Folded:
        """The version's record, found by what commits say was the next number: many at once, so that rounds are few."""
        head = self.require()
        low, high = number, head.seq - (self.state.next - 1 - number)  # a version takes one commit at least
        while low < high:
            probes = sorted({low + (high - low) * i // _PROBES for i in range(_PROBES)})
            found: dict[int, Commit | None] = {}
            self.journal.together([partial(self._probe, seq, found) for seq in probes])
            for seq, there in found.items():
                if there is None:
                    raise self.corrupt(f"has a hole at {seq}")
                before = number - there.state.next  # how many versions come between the commit and this one
                low, high = (max(low, seq + before + 1), high) if before >= 0 else (low, min(high, seq + before + 1))
        return self.complete(Folded(record=self.journal.entry(low, head, needs)), needs)

    def _probe(self, seq: int, found: dict[int, Commit | None]) -> None:
        found[seq] = self.journal.read(seq)

    def _listing(self, first: int, *, whole: bool = False) -> "Listing | None":
        """The versions by the index and what came after it, if that is proven and nearer than the log from `first`."""
        head, segments = self.require(), self.journal.segments
        distance = self.journal.distance(first, head)
        index = segments.known if distance <= _NEAR else segments.index(head.seq)
        if index is None or index.seq > head.seq or self.journal.distance(index.seq, head) >= distance:
            return None
        listing = Listing(self.journal, head, index, whole=whole)
        if not listing.proven:
            segments.distrust()
            return None
        return listing

    def _chosen(
        self, listing: "Listing", limit: int | None, shown: Callable[[Folded], T], *, deleted: bool
    ) -> list[T] | None:
        """The newest versions by the listing, or None if it is not what the head says."""
        try:
            return listing.newest(limit, shown, deleted=deleted)
        except (Corrupt, StoreTooNew):
            self.journal.segments.distrust()
            return None


class Listing:
    """The versions of a model by its index, and by the commits after the one of the index.

    Attributes:
        proven: Whether the log has the index's commit, and goes on from the index's newest version.
    """

    def __init__(self, journal: Journal, head: Commit, index: Index, *, whole: bool) -> None:
        self._journal = journal
        self._state = head.state
        self._index = index
        segments = journal.segments.fetches(index.segments) if whole else []
        journal.together([*segments, *journal.fetches(index.seq, head)])
        at, *later = journal.entries(index.seq, head)
        self._fresh = fold(later)
        self._steps: dict[int, list[Entry]] = {}
        for entry in later:
            number = changes_of(entry)
            if number is not None and number not in self._fresh:
                self._steps.setdefault(number, []).append(entry)
        goes_on = [*self._fresh] == [*range(index.rows.last + 1, head.state.next)]
        self.proven = at.op_id == index.op_id and journal.sum_of(index.seq) in {None, index.sha256} and goes_on

    def newest(self, limit: int | None, shown: Callable[[Folded], T], *, deleted: bool) -> list[T]:
        """The newest versions, live ones or all.

        Raises:
            Corrupt, StoreTooNew: Of what had to be read, something is not whole, or not what the head says.
        """
        versions = chain(reversed(self._fresh.values()), self._older())
        return held_to(self._journal.model, self._state, versions, shown, limit=limit, deleted=deleted)

    def version(self, number: int) -> Folded:
        """One version that is not among the newest few.

        Raises:
            Corrupt, StoreTooNew: It cannot be read.
        """
        if number in self._fresh:
            return self._fresh[number]
        if number >= self._index.rows.first:
            return self._folded(self._index.rows, number)
        segment = next(s for s in self._index.segments if s.last >= number)
        return self._folded(self._rows(segment), number)

    def _older(self) -> Iterator[Folded]:
        """The versions that the index had, newest first; segments one by one, as they are needed."""
        yield from self._backwards(self._index.rows)
        for segment in reversed(self._index.segments):
            yield from self._backwards(self._rows(segment))

    def _backwards(self, rows: Rows) -> Iterator[Folded]:
        return (self._folded(rows, number) for number in range(rows.last, rows.first - 1, -1))

    def _rows(self, segment: Segment) -> Rows:
        rows = self._journal.segments.rows(segment)
        if rows is None:
            self._journal.together(self._journal.segments.fetches([segment]))
            rows = self._journal.segments.rows(segment)
        if rows is None:
            raise _contradicts(self._journal.model)
        return rows

    def _folded(self, rows: Rows, number: int) -> Folded:
        change = None if rows is self._index.rows else self._index.changes.get(number)
        version = folded(rows.row(number, change))
        if max(version.record.seq, version.annotated or 0) > self._index.seq:
            raise _contradicts(self._journal.model)
        for entry in self._steps.get(number, ()):
            version = step(version, entry)
        return version


def folded(row: Row) -> Folded:
    """The version in a row."""
    return Folded(
        record=row.record,
        annotated=None if row.annotation is None else row.annotation.seq,
        annotation=row.annotation,
        deleted=row.deleted,
        purged=row.purged,
        superseded_by=row.superseded_by,
    )


def row_of(version: Folded) -> Row:
    """The version as a row."""
    return Row(
        record=version.record,
        annotation=version.annotation,
        deleted=version.deleted,
        purged=version.purged,
        superseded_by=version.superseded_by,
    )


def held_to(
    model: str,
    state: State,
    versions: Iterable[Folded],
    shown: Callable[[Folded], T],
    *,
    limit: int | None = None,
    deleted: bool = True,
) -> list[T]:
    """What is shown of the newest versions, live ones or all; they come newest first, and must be as the state says.

    Raises:
        Corrupt: They are not.
    """
    newest = None if state.newest is None else state.newest.number
    chosen: list[T] = []
    live = 0
    for version in versions:
        live += version.live
        if live == 1 and version.live and version.pointer.number != newest:
            raise _contradicts(model)
        if deleted or version.live:
            chosen.append(shown(version))
        if len(chosen) == limit:
            return chosen
    if live != state.live:
        raise _contradicts(model)
    return chosen


def _contradicts(model: str) -> Corrupt:
    return Corrupt(f"The index of {model!r} is not what the log says.", value=model, fix="")
