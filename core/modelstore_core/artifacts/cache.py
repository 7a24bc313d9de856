"""Files fetched from a store, kept on this machine for the next load, by any process of the same user.

    <cache>/u<uid>/files/<aa>/<sha256>      each file once, read-only
    <cache>/u<uid>/folders/<digest>/…       the files of a version under their names: hard links to those
    <cache>/u<uid>/folders/<digest>.lock    held by those who read the folder; stamped at each use
    <cache>/u<uid>/filling/<random>/…       what is being fetched; its lock is held by who fetches

Nothing here is believed: every file is hashed at every use, before anything reads it, and a wrong one is fetched again.
A file is put in its place by a rename, so a reader who has found it right keeps it, whatever others do; and a folder
that somebody holds is not removed. Should anything go wrong with the cache itself, the caller loads without it.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from modelstore_core.artifacts.eviction import trim
from modelstore_core.artifacts.locks import Lock
from modelstore_core.errors import InvalidInput
from modelstore_core.model.digest import FileEntry, hash_file
from modelstore_core.storage.protocol import Passed, unwatched

__all__ = ["Cache", "CachedFolder"]

Fetch: TypeAlias = Callable[[FileEntry, Path], None]
"""Puts a file, checked, at a new path."""

Together: TypeAlias = Callable[[Sequence[Callable[[], None]]], object]
"""Runs calls side by side, as `Storage.together` does."""

_kept: dict[Path, Lock] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A place for files that were fetched, and how much of it there may be.

    Attributes:
        path: A folder, made on first use; each user has one of his own in it.
        limit: In bytes. What is in use is kept beyond it.
    """

    path: Path
    limit: int

    def hold(self, digest: str) -> "CachedFolder":
        """The folder for the files of this digest, empty at first; it stays as long as it is held.

        Raises:
            InvalidInput: The place in the cache is not the user's own.
            OSError: It cannot be made.
        """
        root = self._own_root()
        for name in ("files", "folders", "filling"):
            (root / name).mkdir(mode=0o700, exist_ok=True)
        name = digest.removeprefix("sha256:")
        lock = Lock.shared(root / "folders" / f"{name}.lock")
        try:
            lock.touch()
            (root / "folders" / name).mkdir(mode=0o700, exist_ok=True)
        except BaseException:
            lock.release()
            raise
        return CachedFolder(root, name, lock, self.limit)

    def _own_root(self) -> Path:
        uid = os.geteuid()
        root = self.path / f"u{uid}"
        if not root.is_dir():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = root.lstat()
        # What another user can exchange after it was checked is no better than what was never checked.
        if root.is_symlink() or found.st_uid != uid or found.st_mode & 0o077:
            raise InvalidInput(
                f"The cache folder {str(root)!r} can be changed by others than its user.",
                value=str(root),
                fix=f"Remove it, or name another folder, or run: chmod 700 {root}",
            )
        return root


class CachedFolder:
    """A held folder of the cache; a context at whose end it is let go."""

    def __init__(self, root: Path, name: str, lock: Lock, limit: int) -> None:
        self.path = root / "folders" / name
        self._root = root
        self._lock = lock
        self._limit = limit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let the folder go."""
        self._lock.release()

    def keep(self) -> Path:
        """Hold the folder until the process ends."""
        if _kept.setdefault(self.path, self._lock) is not self._lock:
            self._lock.release()
        return self.path

    def fill(self, files: Sequence[FileEntry], fetch: Fetch, together: Together, passed: Passed) -> None:
        """Check the files, and put what is missing or wrong in its place: from elsewhere in the cache, or fetched.

        Raises:
            OSError: The cache cannot take it.
            ModelStoreError: What the fetch raised.
        """
        missing = [file for file in files if not _is(self.path / file.path, file, passed)]
        if not missing:
            return
        room = self._root / "filling" / secrets.token_hex(8)
        lock = Lock.alone(room.with_suffix(".lock"))
        assert lock is not None, "nobody else knows a random name"
        try:
            room.mkdir(mode=0o700)
            together([partial(self._put, file, room / str(number), fetch) for number, file in enumerate(missing)])
        finally:
            shutil.rmtree(room, ignore_errors=True)
            lock.release(remove=True)
        with suppress(OSError):  # too much in the cache is no reason to fail
            trim(self._root, self._limit)

    def _put(self, file: FileEntry, new: Path, fetch: Fetch) -> None:
        entry = self._root / "files" / file.sha256[:2] / file.sha256
        if not _adopted(entry, new, file):
            fetch(file, new)
            new.chmod(0o444)
            with suppress(OSError):  # without hard links the folder has the file for itself
                _publish(new, entry)
        path = self.path / file.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.replace(path)


def _adopted(entry: Path, new: Path, file: FileEntry) -> bool:
    """Whether `new` is now another name of the entry, and right."""
    try:
        new.hardlink_to(entry)
    except OSError:
        return False
    if _is(new, file):
        return True
    new.unlink()
    return False


def _publish(new: Path, entry: Path) -> None:
    second = new.with_suffix(".entry")
    entry.parent.mkdir(mode=0o700, exist_ok=True)
    second.hardlink_to(new)
    second.replace(entry)


def _is(path: Path, file: FileEntry, passed: Passed = unwatched) -> bool:
    try:
        return not path.is_symlink() and hash_file(path, passed) == (file.size, file.sha256)
    except OSError:
        return False
