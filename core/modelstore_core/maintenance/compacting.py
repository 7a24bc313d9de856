"""What of a model can be derived from its log: blocks, the index and segments. Held to the log, and written anew.

Nothing here decides anything: whatever is missing or wrong costs readers time and no more. So it may run beside every
writer, reader and collector, any number of times at once, and be killed at any moment. But for `refresh`, each function
wants a journal of its own, which it makes forget what it has read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from modelstore_core.documents.canonical import encode
from modelstore_core.documents.commit import BLOCK, Commit
from modelstore_core.documents.segments import Index, Rows
from modelstore_core.errors import Corrupt, StoreTooNew
from modelstore_core.journal.log import Journal
from modelstore_core.journal.segments import STRIDE
from modelstore_core.maintenance.building import LARGE, SMALL, Builder
from modelstore_core.model.json import JsonObject
from modelstore_core.model.upkeep import Maintained
from modelstore_core.registry.view import NOTHING
from modelstore_core.storage.protocol import Storage

__all__ = ["Flaw", "differences", "is_row", "maintain", "rebuild", "refresh", "remove_old"]

_WINDOW = 64
_MOST_BEHIND = 8 * STRIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A derived object that is not what the log says.

    Attributes:
        key: Where it lies.
        problem: What is wrong with it, as the end of a sentence: "is missing", "is not what the log says".
    """

    key: str
    problem: str


def refresh(journal: Journal, head: Commit) -> None:
    """Bring the index up to the head, unless it is so far behind that `maintain` should.

    Raises:
        Corrupt: The index or a segment is not whole; `maintain` makes it anew.
    """
    journal.segments.look(head.seq)
    base = _proven(journal, head)
    seq = 0 if base is None else base.seq
    if seq < head.seq <= seq + _MOST_BEHIND:
        builder = Builder(journal, base)
        builder.take(journal.entries(seq + 1, head))
        _finish(journal, builder, head, SMALL, fully=False)


def maintain(journal: Journal, head: Commit) -> Maintained:
    """Write blocks that are missing or damaged, and bring the index and segments up to the head, in large segments.

    Raises:
        Corrupt: The log itself has a hole or is damaged.
    """
    journal.segments.look(head.seq)
    base = _proven(journal, head)
    if base is not None:
        journal.together(journal.segments.fetches(base.segments))
        if not all(journal.segments.rows(segment) for segment in base.segments):
            base = None
    try:
        return _maintained(journal, head, Builder(journal, base), 0 if base is None else base.seq)
    except (Corrupt, StoreTooNew):
        if base is None:
            raise
        return rebuild(journal, head)


def rebuild(journal: Journal, head: Commit) -> Maintained:
    """Write blocks that are missing or damaged, and the index and segments from the log alone.

    Raises:
        Corrupt: The log itself has a hole or is damaged.
    """
    return _maintained(journal, head, Builder(journal), 0)


def remove_old(storage: Storage, journal: Journal, before: float) -> int:
    """Remove segments that the index does not name and that were stored before then, by the store's clock; how many.

    One that another's index is just about to name may be among them: who misses it then reads the log.
    """
    journal.segments.look(0)
    index = journal.segments.known
    named = set() if index is None else {journal.segments.key(segment) for segment in index.segments}
    named.add(journal.segments.index_key)
    listed = storage.list(journal.segments.folder)
    old = [info.key for info in listed if info.key not in named and info.modified < before]
    ours = [key for key in old if key.endswith(".json.gz")]
    storage.delete(ours)
    return len(ours)


def differences(journal: Journal, head: Commit) -> tuple[Flaw, ...]:
    """What of the index and segments is damaged, or not what the log up to the head says.

    The log is read by its blocks, which are believed: hold those to the commits first. No index is no flaw, and one
    that stops before the head is held to the log up to where it stops.

    Raises:
        Corrupt: The log itself has a hole or is damaged.
    """
    there, key, index = journal.segments.look(head.seq), journal.segments.index_key, journal.segments.known
    if index is None:
        return (Flaw(key=key, problem="is damaged"),) if there else ()
    if _proven(journal, head) is None:
        return (Flaw(key=key, problem="is of a commit that the log does not have"),)
    truth = Builder(journal)
    for first in range(1, index.seq + 1, _WINDOW * BLOCK):
        last = min(first + _WINDOW * BLOCK - 1, index.seq)
        truth.take(journal.entries(first, head, last=last))
        journal.forget(first, last)
    journal.together(journal.segments.fetches(index.segments))
    return tuple(_flaws(journal, index, truth))


def _proven(journal: Journal, head: Commit) -> Index | None:
    """The index, if the log has the commit that it names."""
    index = journal.segments.known
    if index is None or index.seq > head.seq:
        return None
    there = journal.entry(index.seq, head, NOTHING)
    proven = there.op_id == index.op_id and journal.sum_of(index.seq) in {None, index.sha256}
    return index if proven else None


def _maintained(journal: Journal, head: Commit, builder: Builder, seq: int) -> Maintained:
    """Read the log by its blocks, which are mended on the way, and have the builder take in what comes after `seq`."""
    written = 0
    for first in range(0, (head.seq - 1) // BLOCK, _WINDOW):
        blocks = range(first, min(first + _WINDOW, (head.seq - 1) // BLOCK))
        written += _mend(journal, blocks)
        start, end = first * BLOCK + 1, blocks[-1] * BLOCK + BLOCK
        builder.take(journal.entries(max(start, seq + 1), head, last=end))
        journal.forget(start, end)
    rest = max((head.seq - 1) // BLOCK * BLOCK, seq) + 1
    builder.take(journal.entries(rest, head))
    stored = _finish(journal, builder, head, LARGE, fully=True)
    versions = builder.versions
    return Maintained(name=journal.model, commits=head.seq, versions=versions, blocks=written, segments=stored)


def _mend(journal: Journal, blocks: Sequence[int]) -> int:
    """Read the blocks, and write those that are missing or damaged; how many these are."""
    whole: dict[int, bool] = {}

    def take(index: int) -> None:
        whole[index] = journal.take_block(index)

    journal.together([partial(take, index) for index in blocks])
    lacking = [index for index in blocks if not whole[index]]
    for index in lacking:
        journal.write_block(index)
    return len(lacking)


def _finish(journal: Journal, builder: Builder, head: Commit, most: int, *, fully: bool) -> int:
    """Compact what was built and store it, the index last; how many segments were new."""
    builder.compact(most, fully=fully)
    stored = builder.store()
    body = builder.index(head.seq, head.entry.op_id, head.sha256)
    journal.segments.put_index(body, head.seq)
    return stored


def _flaws(journal: Journal, index: Index, truth: Builder) -> Iterator[Flaw]:
    """Hold every row of the index and its segments to the true one."""
    if index.rows.last != truth.versions:
        yield Flaw(key=journal.segments.index_key, problem=f"ends at version {index.rows.last}, not {truth.versions}")
        return
    true = truth.rows_in_order()
    in_index = False
    for segment in index.segments:
        rows, key = journal.segments.rows(segment), journal.segments.key(segment)
        expected = [*islice(true, segment.count)]
        if rows is None:
            yield Flaw(key=key, problem="is missing or damaged")
            continue
        wrong = {n for n, row in expected if not is_row(row, rows, n, index.changes.get(n))}
        in_index = in_index or not wrong.isdisjoint(index.changes)
        if wrong - {*index.changes}:
            yield Flaw(key=key, problem="is not what the log says")
    if in_index or not all(is_row(row, index.rows, number) for number, row in true):
        yield Flaw(key=journal.segments.index_key, problem="is not what the log says")


def is_row(true: JsonObject, rows: Rows, number: int, change: JsonObject | None = None) -> bool:
    """Whether the row of this number, with `change` on top, is the true one."""
    try:
        return encode(_plain(true)) == encode(_plain(rows.document(number, change)))
    except Corrupt:
        return False


def _plain(row: JsonObject) -> JsonObject:
    return {name: value for name, value in row.items() if value not in (None, False)}
