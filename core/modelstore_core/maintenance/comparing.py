"""The files of a model's versions: there, of the recorded size, and (where that is asked) of the recorded bytes."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from modelstore_core.documents.commit import read_commit
from modelstore_core.errors import Corrupt, StorageError, StorageMissing
from modelstore_core.maintenance.inspecting import Inspection
from modelstore_core.maintenance.ledger import Contents, Held
from modelstore_core.model.digest import FileEntry, hash_file
from modelstore_core.model.operations import AddVersion, Purge
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.protocol import Received, Storage

__all__ = ["Comparison"]

_DATA = re.compile(r"([0-9a-f]{32})/(.+)")
_AT_ONCE = 16
_BYTES_AT_ONCE = 1 << 30  # what is fetched side by side lies on this machine's disk for a moment


@dataclass(slots=True)
class Comparison:
    """What was found of one model's files.

    Attributes:
        files: How many were found in place.
        files_read, bytes_read: How many of them were read, and how many bytes that were.
    """

    storage: Storage
    inspection: Inspection
    share: tuple[int, int]
    files: int = 0
    files_read: int = 0
    bytes_read: int = 0
    _folders: dict[str, Contents] = field(default_factory=dict)
    _purged: set[int] = field(default_factory=set)
    _end: int = 0

    def run(self) -> None:
        """List the data folders, and compare them with the versions' records; read the share's files."""
        self._end = self.inspection.last
        self._list()
        ledger = self.inspection.recital.ledger
        if ledger.state.moving is not None:
            self._note_moving(ledger.state.moving)
            return
        held = [version for version in ledger.versions.values() if not version.purged]
        for version in held:
            if self._folders.get(version.data) == version.contents:
                self.files += version.contents.count
                if self._in_share(version.data):
                    self._read(version, self._recorded(version))
            else:
                self._compare(version)
        self._report_strangers()

    def _note_moving(self, origin: str) -> None:
        """Whose files may not have been copied yet, and nobody can read before they are."""
        what = f"The model {origin!r} is being renamed to this name, or was given another one instead."
        fix = f"If nobody is at it, `rename` (`mstore rename`) of {origin!r} finishes it; its files are checked then."
        self.inspection.findings.note(self.inspection.root, what, fix)

    @property
    def _root(self) -> str:
        return f"{self.inspection.root}/data/"

    def _in_share(self, data_id: str) -> bool:
        part, parts = self.share
        return int(data_id[:16], 16) % parts == part - 1

    def _list(self) -> None:
        for info in self.storage.list(self._root):
            match = _DATA.fullmatch(info.key.removeprefix(self._root))
            if match:
                self._folders.setdefault(match[1], Contents()).add(match[2], info.size)

    def _recorded(self, version: Held) -> Sequence[FileEntry]:
        """The files that the version's record names."""
        raw = self.storage.get(self.inspection.recital.key(version.record))
        try:
            entry = None if raw is None else read_commit(raw, f"log/{version.record}").entry
        except Corrupt:
            entry = None
        if entry is None:
            entry = self.inspection.recital.recovered(version.record)
        return entry.op.files if entry is not None and isinstance(entry.op, AddVersion) else ()

    def _compare(self, version: Held) -> None:
        """Say which files of a version are missing or have another size, unless it was purged meanwhile."""
        if self._purged_since(version.number):
            return
        prefix = f"{self._root}{version.data}/"
        if self.inspection.findings.full:
            self.inspection.findings.damage(prefix, f"Files of version {version.number} are missing or changed.")
            return
        sizes = {info.key.removeprefix(prefix): info.size for info in self.storage.list(prefix)}
        whole = []
        for file in self._recorded(version):
            found = sizes.pop(file.path, None)
            if found == file.size:
                whole.append(file)
            else:
                there = "missing" if found is None else f"{found:,} bytes long, and was {file.size:,}"
                what = f"{file.path!r} of version {version.number} is {there}."
                self.inspection.findings.damage(f"{prefix}{file.path}", what, _LOST.format(file.sha256))
        for path in sorted(sizes):
            what = f"A file that version {version.number} does not have. Nobody reads it."
            self.inspection.findings.note(f"{prefix}{path}", what)
        self.files += len(whole)
        if self._in_share(version.data):
            self._read(version, whole)

    def _purged_since(self, number: int) -> bool:
        """Whether a commit after those that were read has purged the version."""
        while (raw := self.storage.get(self.inspection.recital.key(self._end + 1))) is not None:
            self._end += 1
            with suppress(Corrupt):
                op = read_commit(raw, f"log/{self._end}").entry.op
                self._purged |= {op.number} if isinstance(op, Purge) else set()
        return number in self._purged

    def _read(self, version: Held, files: Sequence[FileEntry]) -> None:
        """Read the files and compare their sha256; some at a time, and none of them as a whole in memory."""
        prefix = f"{self._root}{version.data}/"
        for some in _batches(files):
            with tempfile.TemporaryDirectory(prefix="modelstore-", ignore_cleanup_errors=True) as private:
                calls = [partial(self._hashed, prefix + f.path, Path(private) / str(i)) for i, f in enumerate(some)]
                for file, received in zip(some, self.storage.together(calls), strict=True):
                    self._judge(version, file, received)

    def _hashed(self, key: str, target: Path) -> Received | str | None:
        path = self.storage.local_path(key)
        try:
            if path is None:
                return self.storage.fetch(key, target)
            with typed_errors("read", path):
                size, sha256 = hash_file(path)
        except StorageMissing:
            return None
        except StorageError as error:
            if type(error) is not StorageError:
                raise
            return error.what  # a failing disk fails here and there: the other files are still to be read
        finally:
            target.unlink(missing_ok=True)
        return Received(size=size, sha256=sha256)

    def _judge(self, version: Held, file: FileEntry, received: Received | str | None) -> None:
        key = f"{self._root}{version.data}/{file.path}"
        if isinstance(received, Received):
            self.files_read += 1
            self.bytes_read += received.size
            if (received.size, received.sha256) == (file.size, file.sha256):
                return
        if self._purged_since(version.number):
            return
        there = "is missing"
        if isinstance(received, Received):
            there = f"is not what was saved: its sha256 is {received.sha256}"
        elif received is not None:
            there = f"cannot be read: {received}"
        what = f"{file.path!r} of version {version.number} {there}".removesuffix(".") + "."
        self.inspection.findings.damage(key, what, _LOST.format(file.sha256))

    def _report_strangers(self) -> None:
        """Folders that belong to no version, and those whose version or condemnation says that they may go."""
        ledger, findings = self.inspection.recital.ledger, self.inspection.findings
        strangers, leftovers = Contents(), Contents()
        for data_id, contents in sorted(self._folders.items()):
            owner = ledger.owners.get(data_id)
            if owner is None and data_id not in ledger.condemned:
                strangers.add(data_id, contents.size)
            elif owner is None or ledger.versions[owner].purged:
                leftovers.add(data_id, contents.size)
        if strangers.count and ledger.whole:
            what = f"{_folders(strangers)} that belong to no version: of saves under way, or of some that never ended."
            findings.note(self._root, what, "`collect` (`mstore collect`) removes those that are left over.")
        elif strangers.count:
            what = f"{_folders(strangers)} that belong to no version that can still be read."
            findings.note(self._root, what, "Keep them until the log is restored: some may belong to what it lost.")
        if leftovers.count:
            what = f"{_folders(leftovers)} that were purged or condemned, and not removed yet."
            findings.note(self._root, what, "The next `collect` (`mstore collect`) finishes it.")


_LOST = (
    "Its sha256 was {}. Put such a file back from a backup or another copy of the store; or delete the version, "
    "if it is to be had nowhere."
)


def _folders(found: Contents) -> str:
    return f"{found.count:,} folder{'' if found.count == 1 else 's'} of {found.size:,} bytes"


def _batches(files: Sequence[FileEntry]) -> Iterator[list[FileEntry]]:
    """The files in their order, a few at a time, and none beside a very large one."""
    some: list[FileEntry] = []
    for file in files:
        if some and (len(some) == _AT_ONCE or sum(f.size for f in some) + file.size > _BYTES_AT_ONCE):
            yield some
            some = []
        some.append(file)
    if some:
        yield some
