"""A log read from its first commit to its last, each commit held to the bytes before it and to the fold of the log."""

from collections.abc import Iterator
from functools import partial

from modelstore_core.documents.canonical import parse
from modelstore_core.documents.commit import BLOCK, Commit, read_commit
from modelstore_core.documents.entries import write_entry
from modelstore_core.documents.sidecars import Hashed, read_block
from modelstore_core.errors import Corrupt, ModelStoreError, StorageError
from modelstore_core.maintenance.findings import RESTORE, Findings
from modelstore_core.maintenance.ledger import Ledger
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.names import folder_of
from modelstore_core.model.operations import Entry
from modelstore_core.storage.protocol import Storage

__all__ = ["Recital", "readable"]

_AT_ONCE = 64
_KNOWN = frozenset({"entry", "format", "model", "prev", "recent", "state", "sum"})


class Recital:
    """Reads one log once, in batches, and keeps of it what `Ledger` keeps, and the last block's entries.

    Attributes:
        ledger: The fold of what was read.
        head: The last commit that could be read, and None if none could.
        met: Whether a commit had the sha256 that was remembered; True if none was.
    """

    def __init__(self, storage: Storage, folder: str, findings: Findings, remembered: str | None) -> None:
        self.ledger = Ledger()
        self.head: Commit | None = None
        self.met = remembered is None
        self._storage = storage
        self._folder = folder
        self._root = f"models/{folder}"
        self._findings = findings
        self._remembered = remembered
        self._before: tuple[str | None, bool] = (None, True)  # sha256 of the commit before, and whether it was readable
        self._window: list[Hashed | None] = []
        self._recent: list[Json] = []

    def key(self, seq: int) -> str:
        """Where a commit lies."""
        return f"{self._root}/log/{seq:020}.json"

    def read(self, last: int) -> Iterator[tuple[int, list[Hashed]]]:
        """Read the commits up to this one; gives the last seq of each block, and its entries if all are readable."""
        for first in range(1, last + 1, _AT_ONCE):
            seqs = range(first, min(first + _AT_ONCE, last + 1))
            raws = self._storage.together([partial(readable, self._storage, self.key(seq)) for seq in seqs])
            for seq, raw in zip(seqs, raws, strict=True):
                self._take(seq, raw)
                if seq % BLOCK == 0:
                    yield seq, [row for row in self._window if row is not None]
                    self._window, self._recent = [], []

    def _take(self, seq: int, raw: bytes | str | None) -> None:
        commit = None
        if isinstance(raw, bytes):
            commit = self._parsed(seq, raw)
        else:
            what = "The log has a hole here: the commit is missing." if raw is None else raw
            self._findings.damage(self.key(seq), what, self._cure(seq))
        if commit is None or not isinstance(raw, bytes):
            self._pass_over(seq)
            return
        self.met = self.met or commit.sha256 == self._remembered
        self._follow(seq, commit)
        for problem in self.ledger.tell(commit.entry, commit.state):
            self._findings.damage(self.key(seq), f"log/{seq} {problem}.", _REWRITTEN)
        self._compare_recent(seq, commit, parse(raw, "it"))
        self._window.append(Hashed(entry=commit.entry, sha256=commit.sha256))
        self.head = commit

    def _parsed(self, seq: int, raw: bytes) -> Commit | None:
        """The commit, if it can be read and belongs here; else what is wrong with it is noted."""
        try:
            commit = read_commit(raw, f"log/{seq}")
        except Corrupt as error:
            self._findings.damage(self.key(seq), error.what, self._cure(seq))
            return None
        if commit.seq != seq or folder_of(commit.model) != self._folder:
            what = f"log/{seq} says that it is log/{commit.seq} of {commit.model!r}."
            self._findings.damage(self.key(seq), what, self._cure(seq))
            return None
        return commit

    def _follow(self, seq: int, commit: Commit) -> None:
        before, readable = self._before
        if readable and commit.prev != before:
            what = f"log/{seq} was not made after log/{seq - 1}, or that has changed since: `prev` is not its sha256."
            self._findings.damage(self.key(max(seq - 1, 1)), what, _REWRITTEN)
        self._before = (commit.sha256, True)

    def _pass_over(self, seq: int) -> None:
        """Go on after a commit that cannot be read, with what a block or a later commit says it was."""
        self._before = (None, False)
        found = self.recovered(seq)
        if found is None:
            self.ledger.skip()
        else:
            self.ledger.tell(found, None)
        self._window.append(None)
        self._recent = []

    def recovered(self, seq: int) -> Entry | None:
        """The entry of a commit that cannot be read, complete, if a block or one of the next commits has it."""
        first = (seq - 1) // BLOCK * BLOCK + 1
        raw = self._storage.get(f"{self._root}/blocks/{first:020}-{first + BLOCK - 1:020}.json")
        for entry in _entries_of_block(raw, first):
            if entry.seq == seq:
                return entry
        for later in range(seq + 1, first + BLOCK):
            raw = self._storage.get(self.key(later))
            for entry in _recent_of(raw):
                if entry.seq == seq and not entry.cut:
                    return entry
        return None

    def _cure(self, seq: int) -> str:
        found = self.recovered(seq)
        if found is None:
            return RESTORE
        return f"{RESTORE} What it said ({found.verb} by {found.actor}) stands in a block or in the next commits."

    def _compare_recent(self, seq: int, commit: Commit, document: JsonObject) -> None:
        unknown = sorted(set(document) - _KNOWN)
        if unknown:
            what = f"log/{seq} has {', '.join(map(repr, unknown))}, which this release does not know."
            self._findings.note(self.key(seq), what, "Fine if a later release wrote it; else its bytes have changed.")
        said = document.get("recent", [])  # where it is none, readers take it for empty, and so does the check
        assert isinstance(said, list)
        known = len(self._recent) if said[: len(self._recent)] == self._recent else 0
        wholes = [row.entry if row else None for row in self._window]
        pairs = zip(commit.recent[known:], wholes[known:], strict=True)
        if not all(whole is None or _is_short(short, whole) for short, whole in pairs):
            what = f"log/{seq} repeats the commits before it otherwise than they are (in `recent`)."
            self._findings.damage(self.key(seq), what, _REWRITTEN)
        self._recent = said


def readable(storage: Storage, key: str) -> bytes | str | None:
    """The object's bytes; what is said of it, if this very object cannot be read: a disk fails there, a link stands.

    Raises:
        StorageDenied, StorageMissing, StorageUnavailable: It is not about this object.
    """
    try:
        return storage.get(key)
    except StorageError as error:
        if type(error) is not StorageError:
            raise
        return error.what


_REWRITTEN = "Nobody should go on from here: compare the log with another copy of the store, or restore a backup."


def _is_short(short: Entry, whole: Entry) -> bool:
    """Whether one entry is the other with some fields of its operation left out, as it says."""
    said, full = write_entry(short), write_entry(whole)
    operation = full["op"]
    assert isinstance(operation, dict)
    kept = {name: value for name, value in operation.items() if name not in short.cut}
    return {**said, "cut": None} == {**full, "op": kept, "cut": None}


def _entries_of_block(raw: bytes | None, first: int) -> list[Entry]:
    """The entries of a block, if it is one; whose it is does not matter to who goes by op ids and seqs."""
    try:
        model = None if raw is None else parse(raw, "block").get("model")
        rows = None if raw is None else read_block(raw, str(model), first, first + BLOCK - 1)
    except ModelStoreError:
        return []
    return [row.entry for row in rows or ()]


def _recent_of(raw: bytes | None) -> tuple[Entry, ...]:
    try:
        return () if raw is None else read_commit(raw, "commit").recent
    except ModelStoreError:
        return ()
