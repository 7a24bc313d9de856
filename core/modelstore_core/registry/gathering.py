"""All models of a store as they are now: from memory and the catalog where no hint has changed, else from logs.

The hints are listed first and whatever follows is read after: a model whose hint has the etag that it had when its log
was last read has had no acknowledged change since. So an answer costs the listing, and what has changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

from modelstore_core.documents.catalog import MOST_VERSIONS, Snapshot, kept_rows
from modelstore_core.documents.commit import Commit
from modelstore_core.documents.segments import Index, Rows, write_row
from modelstore_core.errors import Corrupt, StoreTooNew
from modelstore_core.journal.catalog import documents
from modelstore_core.journal.log import Journal
from modelstore_core.model.names import folder_of
from modelstore_core.model.state import State
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.hints import heads_of, hints, lives_in
from modelstore_core.registry.indexed import Indexed, Listing, row_of
from modelstore_core.registry.memory import Held, Memory
from modelstore_core.registry.snapshots import as_index
from modelstore_core.storage.protocol import ObjectInfo, Storage

__all__ = ["FEW", "Gathering"]

FEW = 4
"""So many unknown models are asked for one by one rather than ask for the catalog."""

_FAR = 64
"""From so many commits on, a model's own index is asked for."""

_AT_ONCE = 1024
"""So many models' logs are in memory at the same time."""

Hints = Mapping[str, ObjectInfo]
Found = tuple[Journal, Commit | None]
Wanted = Callable[[State], bool]  # whether the versions of a model in this state are


class Gathering:
    """Reads all models of one storage.

    Args:
        storage: The storage.
        journal_of: The journal of a model, for one reading.
        memory: What is known from earlier readings, and what will be from this one.
        catalog: Whether the stored catalog may be asked; without it, everything comes from the logs.
    """

    def __init__(
        self, storage: Storage, journal_of: Callable[[str], Journal], memory: Memory, *, catalog: bool = True
    ) -> None:
        self._storage = storage
        self._journal_of = journal_of
        self._memory = memory
        self._catalog = catalog

    def models(self, *, versions: bool, deleted: bool = False) -> Iterator[Held]:
        """Every model that is to be had, in no promised order; with what tells of its versions, if they are wanted.

        Where it is asked for, deleted ones too.

        Raises:
            Corrupt, StoreTooNew: A log cannot be read.
        """
        moving: list[Held] = []
        moved: set[tuple[str | None, str | None]] = set()
        for held in self.everything(versions=versions):
            name, state = held.snapshot.model, held.snapshot.state
            if state.coming is not None:
                moving.append(held)
            elif state.closed is not None:
                moved.add((name, state.closed.to))
                if deleted and state.closed.to is None:
                    yield held
            elif held.snapshot.seq:
                yield held
        # A rename that was killed after its instant: the old name says that the model is here.
        yield from (held for held in moving if (held.snapshot.state.moving, held.snapshot.model) in moved)

    def everything(self, *, versions: bool, long: bool = True) -> Iterator[Held]:
        """Every model that has a hint, closed ones and those without a commit too.

        Args:
            versions: Whether their versions are wanted.
            long: Whether also those of models that have many, which no snapshot holds.
        """

        def wanted(state: State) -> bool:
            return versions and (long or not _is_long(state))

        listed = hints(self._storage)
        self._memory.keep_only(listed)
        rest: dict[str, Held | None] = {}
        for folder, hint in listed.items():
            held = self._memory.get(folder)
            if held is not None and _answers(held, hint, wanted):
                yield held
            else:
                rest[folder] = held
        if self._catalog and sum(_is_strange(held) for held in rest.values()) > FEW:
            yield from self._catalogued(listed, rest, wanted)
        step = _AT_ONCE if versions else max(len(rest), 1)
        folders = [*rest]
        for first in range(0, len(folders), step):
            some = {folder: rest[folder] for folder in folders[first : first + step]}
            yield from self._read(listed, some, wanted)

    def again(self, held: Held) -> Held:
        """The model from its log alone, with its versions: what was known of it is not what its own state says.

        Raises:
            Corrupt: It is not there any more.
        """
        snapshot = held.snapshot
        folder = folder_of(snapshot.model)
        hint = ObjectInfo(key="", size=0, etag=snapshot.etag, modified=snapshot.modified)
        for found in self._read({folder: hint}, {folder: None}, lambda _: True):
            return found
        raise Corrupt(f"The log of {snapshot.model!r} is gone.", value=snapshot.model, fix="Ask again.")

    def _catalogued(self, listed: Hints, rest: dict[str, Held | None], wanted: Wanted) -> Iterator[Held]:
        """What the catalog has of the rest, which is the less for it; what is old there is something to go on from."""
        for snapshot in documents(self._storage):
            folder = folder_of(snapshot.model)
            if folder not in rest or not lives_in(folder, snapshot.model):
                continue
            held, known = Held(snapshot=snapshot), rest[folder]
            if _answers(held, listed[folder], wanted):
                del rest[folder]
                self._memory.keep(folder, held)
                yield held
            elif known is None or known.snapshot.seq <= snapshot.seq:
                rest[folder] = held

    def _read(self, listed: Hints, known: Mapping[str, Held | None], wanted: Wanted) -> Iterator[Held]:
        """These models from their logs, going on from what is known of them."""
        found = heads_of(self._storage, known, self._journal_of)
        bases = {folder: _base(known[folder]) for folder in found}
        asked = {folder: one for folder, one in found.items() if one[1] is not None and wanted(one[1].state)}
        for folder, (journal, head) in (found | self._fetched(asked, bases)).items():
            held = _held(journal, head, bases[folder], listed[folder], wanted)
            self._memory.keep(folder, held)
            yield held

    def _fetched(self, found: Mapping[str, Found], bases: dict[str, Snapshot | None]) -> dict[str, Found]:
        """The heads, after all that their versions are folded from has been read, side by side."""
        first = {folder: _first(head, bases, folder) for folder, (_, head) in found.items()}
        far = {
            folder: (journal, head)
            for folder, (journal, head) in found.items()
            if head is not None and head.seq - first[folder] > _FAR
        }
        self._storage.together([partial(journal.segments.look, head.seq) for journal, head in far.values()])
        heads = dict(found)
        calls: list[Callable[[], object]] = []
        for folder, (journal, head) in far.items():
            index = journal.segments.known
            if index is not None and index.seq > first[folder]:
                # One that was made in this very moment is of a commit after the head.
                heads[folder] = (journal, journal.newest(head) if index.seq > head.seq else head)
                bases[folder], first[folder] = None, index.seq
                calls += journal.segments.fetches(index.segments)
        while calls := [*calls, *_fetches(heads, first)]:
            self._storage.together(calls)
            calls = []
        return heads


def _answers(held: Held, hint: ObjectInfo, wanted: Wanted) -> bool:
    return held.is_of(hint) and (held.has_versions or not wanted(held.snapshot.state))


def _is_strange(held: Held | None) -> bool:
    """Whether the catalog may know what memory does not."""
    return held is None or not (held.has_versions or held.base is not None or _is_long(held.snapshot.state))


def _is_long(state: State) -> bool:
    return state.next - 1 > MOST_VERSIONS


def _base(held: Held | None) -> Snapshot | None:
    """What of a model is known of an earlier commit, its versions included."""
    if held is None:
        return None
    return held.snapshot if held.snapshot.rows is not None else held.base


def _first(head: Commit | None, bases: dict[str, Snapshot | None], folder: str) -> int:
    """From where a log is news; a base of a commit that it does not have is none."""
    base = bases[folder]
    if head is None or base is None or not 0 < base.seq <= head.seq:
        bases[folder] = None
        return 1
    return base.seq


def _fetches(heads: Mapping[str, Found], first: Mapping[str, int]) -> Iterator[Callable[[], object]]:
    for folder, (journal, head) in heads.items():
        if head is not None:
            yield from journal.fetches(first[folder], head)


def _held(journal: Journal, head: Commit | None, base: Snapshot | None, hint: ObjectInfo, wanted: Wanted) -> Held:
    """The model at its head, under the etag that its hint had before that was looked for."""
    state = State() if head is None else head.state
    rows = None
    if wanted(state) and not _is_long(state):
        rows = Rows(1, (), (), "") if head is None else _rows(journal, head, base)
    snapshot = Snapshot(
        model=journal.model,
        etag=hint.etag,
        modified=hint.modified,
        seq=0 if head is None else head.seq,
        op_id="" if head is None else head.entry.op_id,
        sha256="" if head is None else head.sha256,
        time="" if head is None else head.entry.time,
        state=state,
        rows=rows,
    )
    if not wanted(state):
        return Held(snapshot=snapshot, base=base)
    return Held(snapshot=snapshot, view=Indexed(journal, head) if rows is None else None)


def _rows(journal: Journal, head: Commit, base: Snapshot | None) -> Rows | None:
    """The rows of all versions, or None if they are too large to keep."""
    versions = _by_base(journal, head, None if base is None else as_index(base))
    if versions is None:
        versions = Indexed(journal, head).newest_versions(None, _itself, deleted=True)
    return kept_rows(write_row(row_of(version)) for version in reversed(versions))


def _by_base(journal: Journal, head: Commit, index: Index | None) -> Sequence[Folded] | None:
    """All versions, newest first, by an earlier listing and what came after; None if that is not what the log says."""
    listing = None if index is None else Listing(journal, head, index, whole=False)
    if listing is not None and listing.proven:
        with suppress(Corrupt, StoreTooNew):
            return listing.newest(None, _itself, deleted=True)
    return None


def _itself(version: Folded) -> Folded:
    return version
