"""Giving a model another name: its log is repeated under the new one and its files are copied, then one commit tells.

The first commit under the new name takes it: it says whose log is repeated there, and until all of it has come nobody
commits anything else to that log. Each step is found done by whoever does it again, and any number may do them at once:
what they make is the same. So there is nothing to take up or to clean up after a crash but to begin anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from modelstore_core.artifacts.budget import UNDER_WAY
from modelstore_core.artifacts.reading import Artifacts, MissingFile
from modelstore_core.documents.commit import BLOCK, Commit, write_state
from modelstore_core.documents.entries import write_entry
from modelstore_core.documents.sidecars import Mark
from modelstore_core.errors import Corrupt, ModelExists
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.maintenance.copying import CopiedFiles, Original, Target
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.operations import AddVersion, Entry, Purge
from modelstore_core.progress import Meter
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.standing import refuse_closed
from modelstore_core.storage.protocol import Received, Storage

__all__ = ["Repetition"]

_AT_ONCE = 64

Call: TypeAlias = Callable[[], object]


class Repetition:
    """The log of a model under another name, as far as it has come.

    Args:
        storage: Where both lie.
        source: The model's log, which it makes forget what it has read.
        target: The one under the new name, likewise.
        meter: Told of the bytes that are to be copied, and have been.

    Attributes:
        seq: The last commit that stands under both names.
    """

    def __init__(self, storage: Storage, source: Journal, target: Journal, meter: Meter) -> None:
        self.seq = 0
        self._storage = storage
        self._source = source
        self._target = target
        self._meter = meter
        self._artifacts = Artifacts(storage, source.root)
        self._heads: tuple[Commit | None, Commit | None] = (None, None)
        self._last = 0
        self._keys: set[str] = set()
        self._wanted: dict[int, Folded] = {}
        self._lying: dict[str, int] = {}

    def begin(self) -> None:
        """Look how far it came the last time.

        Raises:
            ModelExists: The name is another model's.
        """
        there = self._target.newest()
        if there is not None:
            first = self._target.read(1)
            if first is None or first.state.moving != self._source.model:
                raise self._taken()
            self._last = there.seq
        elif self._storage.get(hint_key(self._target.folder)) is None:
            self._target.announce(_mark(None))  # so that what is about to be made there is found

    def catch_up(self) -> bool:
        """Repeat what has been committed by now, and copy the files of all its versions.

        False if it has to be done again, because a version whose files were to be copied was purged meanwhile.

        Raises:
            ModelExists: Somebody else was faster under that name.
            ModelDeleted, ModelMoved: The model is closed by now.
            Corrupt: Something of it is damaged or missing.
        """
        head = self._source.newest(self._heads[0])
        if head is not None:
            refuse_closed(self._source.model, head.state)
            self._source.keep(head.seq)  # what a power cut takes away here must not stand there
            for first in range(self.seq + 1, head.seq + 1, _AT_ONCE):
                self._repeat(range(first, min(first + _AT_ONCE, head.seq + 1)))
        try:
            self._copy()
        except MissingFile:
            newest = self._source.newest(self._heads[0])
            if newest is None or newest.seq == self.seq:
                raise
            return False
        self._target.announce(_mark(self._heads[1]))
        return True

    def _repeat(self, seqs: range) -> None:
        here = self._storage.together([partial(self._source.read, seq) for seq in seqs])
        known = [seq for seq in seqs if seq <= self._last]
        there = dict(zip(known, self._storage.together([partial(self._target.read, s) for s in known]), strict=True))
        for seq, commit in zip(seqs, here, strict=True):
            before = self._heads[0]
            if commit is None or (before is not None and commit.prev != before.sha256):
                raise Corrupt(
                    f"log/{seq} of {self._source.model!r} is not what follows on log/{seq - 1}.",
                    value=seq,
                    fix="`verify` says what is damaged. Restore the log from a backup.",
                )
            self._heads = (commit, self._repeated(commit, there.get(seq)))
            self.seq = seq
            self._note(commit.entry)
        if known:  # whoever makes a commit has made those before it durable, but perhaps not this one yet
            self._target.keep(known[-1])
        for journal in (self._source, self._target):
            journal.forget(seqs[0] - BLOCK, seqs[-1] - BLOCK)

    def _repeated(self, commit: Commit, found: Commit | None) -> Commit:
        """The commit under the new name: found there, or made."""
        entry, before = commit.entry, self._heads[1]
        state = replace(commit.state, moving=self._source.model)
        if found is None:
            if entry.key is not None and entry.key not in self._keys:
                self._target.claim(entry.key, _mark(before))
            found = self._target.repeat(before, entry, state)
        same = write_entry(found.entry) == write_entry(entry) and write_state(found.state) == write_state(state)
        if not same or (before is not None and found.prev != before.sha256):
            raise self._taken()
        return found

    def _note(self, entry: Entry) -> None:
        if entry.key is not None:
            self._keys.add(entry.key)
        match entry.op:
            case AddVersion(number=number):
                self._wanted[number] = Folded(record=entry)
            case Purge(number=number):
                self._wanted.pop(number, None)
            case _:
                pass

    def _copy(self) -> None:
        prefix = f"{self._target.root}/data/"
        if self._last and not self._lying:
            self._lying = {info.key: info.size for info in self._storage.list(prefix)}
        self._meter.expect(file.size for version in self._wanted.values() for file in version.added.files)
        numbers = [*self._wanted]
        for first in range(0, len(numbers), _AT_ONCE):
            some = numbers[first : first + _AT_ONCE]
            self._storage.together([call for number in some for call in self._calls(self._wanted[number])])
            for number in some:
                del self._wanted[number]

    def _calls(self, version: Folded) -> Iterator[Call]:
        """The calls that bring the version's files under the new name, to the id that they have under the old one."""
        original = Original(
            name=self._source.model, version=version, storage=self._storage, root=self._source.root, store=""
        )
        target = Target(storage=self._storage, root=self._target.root, data_id=version.added.data)
        files = CopiedFiles(original, self._artifacts, target, self._meter.passed)
        calls = files.sends(target.data_id, _nothing, ())
        for file, call in zip(version.added.files, calls, strict=True):
            yield partial(self._bring, version.added.data, file, call)

    def _bring(self, data_id: str, file: FileEntry, call: Call) -> None:
        """Copy a file, unless it lies there: what an attempt that was interrupted has left counts once it is proven."""
        source, target = (f"{journal.root}/data/{data_id}/{file.path}" for journal in (self._source, self._target))
        lies = self._lying.get(target) == file.size
        if lies and (self._storage.copy(source, target, file.sha256) or self._is(target, file)):
            self._meter.passed(file.size)
        else:
            call()

    def _is(self, key: str, file: FileEntry) -> bool:
        with UNDER_WAY.taking(file.size), TemporaryDirectory(prefix="modelstore-") as private:
            received = self._storage.fetch(key, Path(private) / "file")
        return received == Received(size=file.size, sha256=file.sha256)

    def _taken(self) -> ModelExists:
        model = self._target.model
        return ModelExists(
            f"There is a model {model!r}, or there was: a name is not used again.", value=model, fix="Choose another."
        )


def _mark(commit: Commit | None) -> Mark:
    return Mark(seq=0, op_id="") if commit is None else Mark(seq=commit.seq, op_id=commit.entry.op_id)


def _nothing(_: object) -> None:
    """The files are known, and need not be told."""
