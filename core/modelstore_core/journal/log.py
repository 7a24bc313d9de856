"""Reading and extending one model's log by the rules of `docs/format.md`, "Algorithms"."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from modelstore_core.documents.commit import BLOCK, Commit, read_commit, write_commit
from modelstore_core.documents.sidecars import (
    Claim,
    Hashed,
    Mark,
    read_block,
    read_claim,
    read_hint,
    write_block,
    write_claim,
    write_hint,
)
from modelstore_core.errors import CommitUncertain, Corrupt, StorageError, StorageUnavailable
from modelstore_core.journal.owning import RETRY_FIX, Owning
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.segments import Segments
from modelstore_core.model.names import folder_of
from modelstore_core.model.operations import Entry
from modelstore_core.model.state import State
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["Journal", "hint_key"]

_BEGINNING = Mark(seq=0, op_id="")
_ENTRY = 2048  # about what an entry takes in memory


def hint_key(folder: str) -> str:
    """Where a model's hint lies."""
    return f"heads/{folder}.json"


class Journal:
    """One model's log in one storage; remembers the newest commit it has read, and every entry.

    Safe to share between threads: what it remembers never becomes wrong, only old.
    """

    def __init__(self, storage: Storage, model: str, ports: Ports, patience: float) -> None:
        self.model = model
        self.folder = folder_of(model)
        self.root = f"models/{self.folder}"
        self.segments = Segments(storage, self.root, model)
        self._storage = storage
        self._ports = ports
        self._seconds = patience
        self._owning = Owning(storage, model, ports, patience)
        self._rows: dict[int, Hashed] = {}
        self._without: set[int] = set()  # blocks that were asked for and were not whole
        self._known: Commit | None = None

    def known(self) -> Commit | None:
        """The newest commit read so far, if it is still there: a folder may be removed by hand between two calls."""
        if self._known is not None:
            path = self._storage.local_path(self._log_key(self._known.seq))
            if path is not None and not path.exists():
                self._known, self._rows, self._without = None, {}, set()
                self.segments.forget()
        return self._known

    def beside(self, model: str) -> "Journal":
        """The journal of another model of the same storage."""
        return Journal(self._storage, model, self._ports, self._seconds)

    @property
    def size(self) -> int:
        """How many bytes of memory all that is remembered takes, about."""
        return self.segments.size + _ENTRY * len(self._rows)

    def hinted(self) -> Mark:
        """The hint's word, seq 0 if there is none: a place to start looking, proven only by its op id."""
        found = read_hint(self._storage.get(hint_key(self.folder)))
        return found[1] if found is not None and found[0] == self.model else _BEGINNING

    def read(self, seq: int, after: Commit | None = None) -> Commit | None:
        """The commit at this position, or None if the log ends before it; with `after`, it must follow that one."""
        raw = self._storage.get(self._log_key(seq))
        return None if raw is None else self._accept(raw, seq, after)

    def newest(
        self, start: Commit | None = None, mark: Mark | None = None, beside: Sequence[Callable[[], object]] = ()
    ) -> Commit | None:
        """The head of the log; with a commit to start from, or what the hint said, no hint is asked.

        What is to be done `beside` is done in the same round as the commits are looked at.
        """
        if start is None and mark is None:
            mark = self.hinted()
        calls, head = self.sighting(start, mark or _BEGINNING)
        self._storage.together([*calls, *beside])
        return head()

    def sighting(
        self, start: Commit | None, mark: Mark
    ) -> tuple[list[Callable[[], object]], Callable[[], Commit | None]]:
        """The calls that look where the head should be, free to run side by side; and what finds it after them."""
        found: dict[int, Commit | None] = {}

        def look(seq: int, after: Commit | None = None) -> None:
            found[seq] = self.read(seq, after)

        if start is not None:
            return [partial(look, start.seq + 1, start)], lambda: self._head(start, found[start.seq + 1])
        if mark.seq:
            calls: list[Callable[[], object]] = [partial(look, mark.seq), partial(look, mark.seq + 1)]
            return calls, lambda: self._head(found[mark.seq], found[mark.seq + 1])
        return [partial(look, 1)], lambda: None if found[1] is None else self._gallop(found[1])

    def _head(self, here: Commit | None, after: Commit | None) -> Commit | None:
        """The head, where a commit and its successor were looked at; from the beginning on if neither is there."""
        if here is not None:
            return here if after is None else self._gallop(after)
        first = self.read(1)
        return None if first is None else self._gallop(first)

    def together(self, calls: Sequence[Callable[[], object]]) -> None:
        """Run independent calls on this storage in one round."""
        self._storage.together(calls)

    def entries(
        self, first: int, head: Commit, needs: frozenset[str] | None = None, last: int | None = None
    ) -> list[Entry]:
        """The entries from `first` to `last` (the head), in order, with at least the fields `needs` (None: all)."""
        while calls := self.fetches(first, head, needs, last):
            self._storage.together(calls)
        have = {e.seq: e for e in (*head.recent, head.entry) if _suffices(e, needs)}
        return [have[seq] if seq in have else self._rows[seq].entry for seq in _span(first, head, last)]

    def fetches(
        self, first: int, head: Commit, needs: frozenset[str] | None = None, last: int | None = None
    ) -> list[Callable[[], object]]:
        """The calls that fetch what `entries` is to give and is not here yet, free to run side by side.

        A block that turns out not to be whole is replaced by the commits themselves, in the calls after these.
        """
        have = {e.seq for e in (*head.recent, head.entry) if _suffices(e, needs)}
        missing = [seq for seq in _span(first, head, last) if seq not in self._rows and seq not in have]
        in_blocks = (head.seq - 1) // BLOCK  # the block that a later commit has not yet made is not there
        blocks = {index for seq in missing if (index := (seq - 1) // BLOCK) < in_blocks} - self._without
        loose = [seq for seq in missing if (seq - 1) // BLOCK not in blocks]
        calls: list[Callable[[], object]] = [partial(self.take_block, index) for index in sorted(blocks)]
        return [*calls, *(partial(self._fetch_commit, seq) for seq in loose)]

    def distance(self, first: int, head: Commit) -> int:
        """How many blocks from `first` on are not here yet: what `entries` costs at least."""
        in_blocks = (head.seq - 1) // BLOCK
        return sum(i * BLOCK + 1 not in self._rows for i in range((max(first, 1) - 1) // BLOCK, in_blocks))

    def entry(self, seq: int, head: Commit, needs: frozenset[str] | None = None) -> Entry:
        """One entry, with at least the fields `needs` (None: all)."""
        if seq in self._rows:
            return self._rows[seq].entry
        for entry in (*head.recent, head.entry):
            if entry.seq == seq and _suffices(entry, needs):
                return entry
        self._fetch_commit(seq)
        return self._rows[seq].entry

    def forget(self, first: int, last: int) -> None:
        """Forget these entries: who reads a whole long log need not keep it."""
        for seq in range(first, last + 1):
            self._rows.pop(seq, None)

    def sum_of(self, seq: int) -> str | None:
        """The sha256 of a commit's stored bytes, if the commit or its block was read."""
        row = self._rows.get(seq)
        return None if row is None else row.sha256

    def claim(self, key: str, mark: Mark, data_id: str = "") -> Claim:
        """Stake the key from `mark` on, or learn from where it was staked first; a mark counts only if proven.

        The answer has the `data_id` of whoever staked it first.
        """
        claim_key = f"{self.root}/keys/{hashlib.sha256(key.encode()).hexdigest()}.json"
        claim = Claim(mark=mark, data_id=data_id)
        body = write_claim(key, claim)
        taken = self._owning.create(claim_key, body, lambda raw: raw == body, mark)
        if taken is None:
            return claim
        self._keep(claim_key)
        return read_claim(taken) or Claim(mark=_BEGINNING, data_id="")

    def append(self, base: Commit | None, entry: Entry, state: State) -> tuple[bool, Commit]:
        """Offer the commit after `base`: (True, it), or (False, the other's commit that stands there).

        Atomic and durable when it returns True; the head is then announced by the caller.

        Raises:
            CommitUncertain: The storage did not say in time whether the commit took place.
            TooLarge: The operation is beyond what one commit holds; nothing was written.
        """
        commit, raw = self._prepared(base, entry, state)
        mark = Mark(seq=entry.seq, op_id=entry.op_id)

        def mine(there: bytes) -> bool:
            return self._accept(there, entry.seq, base).entry.op_id == entry.op_id

        taken = self._owning.create(self._log_key(entry.seq), raw, mine, mark)
        if taken is None:
            self._remember(commit)
            return True, commit
        return False, self._accept(taken, entry.seq, base)

    def repeat(self, base: Commit | None, entry: Entry, state: State) -> Commit:
        """The commit after `base`, made by this call or found there, and durable: any number may repeat one log.

        Whether what was found is what was to be there is for the caller to see.

        Raises:
            CommitUncertain: As for `append`.
        """
        commit, raw = self._prepared(base, entry, state)
        key, mark = self._log_key(entry.seq), Mark(seq=entry.seq, op_id=entry.op_id)
        found = self._owning.create(key, raw, lambda there: there is raw, mark)
        if found is not None:
            commit = self._accept(found, entry.seq, base)
            self._keep(key)
        self._remember(commit)
        return commit

    def _prepared(self, base: Commit | None, entry: Entry, state: State) -> tuple[Commit, bytes]:
        """The commit after `base` and its bytes, once the block before it is written."""
        prepared = write_commit(self.model, base, entry, state)
        if base is not None and base.seq % BLOCK == 0:
            self.write_block(base.seq // BLOCK - 1)
        return prepared

    def keep(self, seq: int) -> None:
        """Make the log durable up to a commit that was found there, before anything is said or done on its word.

        In a folder, its writer may have been killed between giving it its name and syncing that: everybody sees it
        then, and a power cut could still take it away. A commit of one's own after it does the same, by its own sync.
        """
        if seq:
            self._keep(self._log_key(seq))

    def _keep(self, key: str) -> None:
        if self._storage.local_path(key) is not None:
            self._storage.settle([key])

    def announce(self, mark: Mark) -> None:
        """Put the hint, a fresh nonce for each try, until it stands, or until one of a later commit is found there.

        Some services take one write a second of one object, so of many writers most find the hint of another. It
        will do if its commit is in the log and later than ours: it was put after that commit was made, so after ours,
        and whoever watches and has seen it reads the log after that.

        Raises:
            CommitUncertain: It could not be put in time, though the commit at `mark` stands.
        """
        patience = Patience(self._ports, self._seconds)
        while True:
            try:
                return self._storage.put(hint_key(self.folder), write_hint(self.model, mark, self._ports.token()))
            except StorageError as error:
                if not isinstance(error, StorageUnavailable) or patience.spent():
                    if mark == _BEGINNING:
                        raise
                    raise CommitUncertain(
                        f"The change of {self.model!r} stands at log/{mark.seq}, but could not be announced: {error}",
                        value=self.model,
                        fix=RETRY_FIX,
                        op_id=mark.op_id,
                        seq=mark.seq,
                    ) from error
            if self._overtaken(mark):
                return None
            patience.wait()

    def _overtaken(self, mark: Mark) -> bool:
        """Whether the hint is of a later commit, which has been read."""
        try:
            found = self.hinted()
            later = self.read(found.seq) if found.seq > mark.seq else None
        except (StorageError, Corrupt):  # whatever is wrong there, it is not what was asked for
            return False
        return later is not None and later.entry.op_id == found.op_id

    def _log_key(self, seq: int) -> str:
        return f"{self.root}/log/{seq:020}.json"

    def _accept(self, raw: bytes, seq: int, after: Commit | None) -> Commit:
        """The commit in these bytes; remembered only once it is known to stand where it should."""
        commit = read_commit(raw, f"log/{seq} of {self.model!r}")
        if commit.seq != seq or commit.model != self.model:
            raise Corrupt(
                f"log/{seq} of {self.model!r} says it is log/{commit.seq} of {commit.model!r}.",
                value=self.model,
                fix="Restore the log from a backup.",
            )
        if (seq == 1 and commit.prev is not None) or (after is not None and commit.prev != after.sha256):
            raise Corrupt(
                f"log/{seq} of {self.model!r} does not follow the commit before it.",
                value=seq,
                fix="The log was changed behind the store's back: open the store anew, or restore a backup.",
            )
        self._remember(commit)
        return commit

    def _remember(self, commit: Commit) -> None:
        self._rows[commit.seq] = Hashed(entry=commit.entry, sha256=commit.sha256)
        if self._known is None or commit.seq > self._known.seq:
            self._known = commit

    def _gallop(self, start: Commit) -> Commit:
        low, step = start, 1
        while (found := self.read(low.seq + step, low if step == 1 else None)) is not None:
            low, step = found, step * 2
        high = low.seq + step
        while high - low.seq > 1:
            middle = (low.seq + high) // 2
            found = self.read(middle)
            low, high = (found, high) if found is not None else (low, middle)
        return low

    def take_block(self, index: int) -> bool:
        """Take in a block, counted from 0; whether it is there, and whole."""
        first, last = index * BLOCK + 1, (index + 1) * BLOCK
        raw = self._storage.get(self._block_key(first, last))
        rows = None if raw is None else read_block(raw, self.model, first, last)
        if rows is None:
            self._without.add(index)
            return False
        self._without.discard(index)
        self._rows.update({row.entry.seq: row for row in rows})
        return True

    def _fetch_commit(self, seq: int) -> None:
        if self.read(seq) is None:
            raise Corrupt(
                f"The log of {self.model!r} has a hole at {seq}.", value=seq, fix="Restore the log from a backup."
            )

    def _fetch_commits(self, seqs: Sequence[int]) -> None:
        self._storage.together([partial(self._fetch_commit, seq) for seq in seqs])

    def _block_key(self, first: int, last: int) -> str:
        return f"{self.root}/blocks/{first:020}-{last:020}.json"

    def write_block(self, index: int) -> None:
        """Write a block, counted from 0, all of whose commits are in the log: the same bytes as everybody's."""
        first, last = index * BLOCK + 1, (index + 1) * BLOCK
        self._fetch_commits([seq for seq in range(first, last + 1) if seq not in self._rows])
        body = write_block(self.model, [self._rows[seq] for seq in range(first, last + 1)])
        patience = Patience(self._ports, self._seconds)
        while True:
            try:
                self._storage.put(self._block_key(first, last), body)
                return self._without.discard(index)
            except StorageUnavailable:
                if patience.spent():
                    raise
            patience.wait()


def _span(first: int, head: Commit, last: int | None) -> range:
    return range(max(first, 1), (head.seq if last is None else last) + 1)


def _suffices(entry: Entry, needs: frozenset[str] | None) -> bool:
    return not (entry.cut if needs is None else entry.cut & needs)
