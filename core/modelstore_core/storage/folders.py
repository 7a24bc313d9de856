"""Folders of a local storage, walked by descriptor: no symlink on the way is followed, and made ones last.

Every step is an `openat` with O_NOFOLLOW relative to the folder before it, so nobody can exchange a folder for a
symlink between a check and the use of what was checked.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from modelstore_core.errors import StorageError

__all__ = ["Folders"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Folders:
    """The folders below a root, by the parts of their path.

    The root itself may be reached by symlinks: whoever named it meant what it points to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # Folders whose own entry this process has made durable. Only ever saves an fsync: if such a folder is removed
        # and made again, whoever makes it does the fsync.
        self._durable: set[tuple[str, ...]] = set()

    @contextmanager
    def opened(self, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """Give a descriptor of the folder, made if wanted; raises `OSError` as the system does."""
        descriptor = self._open_root(make=make)
        try:
            for depth in range(len(parts)):
                below = self._step(descriptor, parts[: depth + 1], make=make)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_root(self, *, make: bool) -> int:
        try:
            return os.open(self.root, _FOLDER)
        except NotADirectoryError as error:
            raise StorageError(
                f"The store's root {str(self.root)!r} is a file, not a folder.",
                value=str(self.root),
                fix="Move the file away, or choose another folder.",
            ) from error
        except FileNotFoundError:
            if not make:
                raise
        _make_path(self.root)
        return os.open(self.root, _FOLDER)

    def _step(self, descriptor: int, parts: Sequence[str], *, make: bool) -> int:
        try:
            return self._open_in(descriptor, parts)
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError):
            os.mkdir(parts[-1], dir_fd=descriptor)
            os.fsync(descriptor)
            self._durable.add(tuple(parts))
        return self._open_in(descriptor, parts)

    def _open_in(self, descriptor: int, parts: Sequence[str]) -> int:
        try:
            return os.open(parts[-1], _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        except NotADirectoryError as error:
            if not _is_symlink(parts[-1], descriptor):
                raise
            raise StorageError(
                f"{'/'.join(parts)!r} under {str(self.root)!r} is a symbolic link, which is not followed.",
                value=str(self.root.joinpath(*parts)),
                fix="Put the real folder in its place, or mount it there.",
            ) from error

    def keep(self, folders: set[tuple[str, ...]]) -> None:
        """Make the entries in these folders durable, and the folders' own entries in those above them."""
        above = {parts[:depth] for parts in folders for depth in range(len(parts) + 1)}
        fresh = {parts for parts in above if parts and parts not in self._durable}
        for parts in sorted(folders | {parts[:-1] for parts in fresh}, key=len, reverse=True):
            with self.opened(parts) as descriptor:
                os.fsync(descriptor)
        self._durable |= fresh

    def prune(self, parts: Sequence[str]) -> None:
        """Remove the folder and those above it as far as they are empty; somebody else's new file ends it."""
        for depth in range(len(parts), 0, -1):
            try:
                with self.opened(parts[: depth - 1]) as descriptor:
                    os.rmdir(parts[depth - 1], dir_fd=descriptor)
            except OSError:
                return
            self._durable.discard(tuple(parts[:depth]))


def _make_path(path: Path) -> None:
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder.parent, _FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_symlink(name: str, descriptor: int) -> bool:
    try:
        os.readlink(name, dir_fd=descriptor)
    except OSError:
        return False
    return True
