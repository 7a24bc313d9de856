"""Making room in the cache: what was not used for longest goes first, and what is in use never."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from modelstore_core.artifacts.locks import Lock

__all__ = ["trim"]


def trim(root: Path, limit: int) -> None:
    """Remove what crashed processes have left, then folders until no more than the limit is there.

    Safe beside any number of readers and writers of the cache, and beside another process that trims.

    Raises:
        OSError: The cache cannot be read.
    """
    alone = Lock.alone(root / "trim.lock")
    if alone is None:
        return
    with alone:
        _remove_left_behind(root)
        _Usage(root).shrink(limit)


class _Usage:
    """What lies in the cache, each file once however many names it has."""

    def __init__(self, root: Path) -> None:
        self._entries = {found.st_ino: (path, found.st_size) for path, found in _files(root / "files")}
        self._folders = {
            path: [(found.st_ino, found.st_size) for _, found in _files(path)]
            for path in (root / "folders").iterdir()
            if path.suffix != ".lock"
        }
        self._names = Counter(inode for files in self._folders.values() for inode, _ in files)
        sizes = {inode: size for files in self._folders.values() for inode, size in files}
        self._sizes = sizes | {inode: size for inode, (_, size) in self._entries.items()}
        self._total = sum(self._sizes.values())

    def shrink(self, limit: int) -> None:
        for inode in [*self._entries]:
            if not self._names[inode]:
                self._forget(inode)
        for folder in sorted(self._folders, key=_last_used):
            if self._total <= limit:
                return
            if _removed(folder):
                for inode, _ in self._folders[folder]:
                    self._names[inode] -= 1
                    if not self._names[inode]:
                        self._forget(inode)

    def _forget(self, inode: int) -> None:
        if inode in self._entries:
            with suppress(FileNotFoundError):
                self._entries[inode][0].unlink()
        self._total -= self._sizes[inode]


def _remove_left_behind(root: Path) -> None:
    """Remove what processes were filling that are no more: their locks are free."""
    for lock_file in (root / "filling").glob("*.lock"):
        lock = Lock.alone(lock_file)
        if lock is not None:
            shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
            lock.release(remove=True)


def _removed(folder: Path) -> bool:
    """Whether the folder, unused, is gone now; who waits for its lock meanwhile makes it anew."""
    lock = Lock.alone(_lock_of(folder))
    if lock is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        lock.release(remove=True)
    return True


def _last_used(folder: Path) -> float:
    try:
        return _lock_of(folder).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            if not path.is_dir():
                yield path, found
