"""Files in the making beside their place: written or cloned under a temporary name, synced, then named."""

import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from modelstore_core.storage.exclusive import How, exists, name_exclusively
from modelstore_core.storage.files import hash_to, pieces

__all__ = ["READ", "Staged", "unlink_quietly"]

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How files of a folder are opened: never through a symlink, and never waiting for the other end of a pipe."""

_FICLONE = 0x40049409  # Linux's request to share the blocks of another file; elsewhere, and where it fails, we copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A temporary file beside its place; whatever happens, its temporary name is gone in the end.

    Attributes:
        folder: The descriptor of the folder it lies in.
        temporary: Its name there.
        name: The name it is to have.
        file: Open for writing.
    """

    folder: int
    temporary: str
    name: str
    file: BinaryIO

    def target_exists(self) -> bool:
        """Whether the name it is to have is taken."""
        return exists(self.name, self.folder)

    def fill(self, file: FileIO, path: Path) -> str:
        """Take over the bytes of an open file, as cheaply as the file system can; the sha256 of what is there now.

        Blocks are shared if they can be. Else a file that nobody may write becomes a second name of the same file.
        What goes wrong with either is no error: copying the bytes meets the same trouble, or none.

        Args:
            file: The file, at its beginning.
            path: Where it lies.
        """
        if self._clone(file):
            with open(self.temporary, "rb", buffering=0, opener=self._opened) as clone:
                return hash_to(pieces(clone)).sha256
        if self._become(file, path):
            os.fsync(file.fileno())
            return hash_to(pieces(file)).sha256
        return hash_to(pieces(file), self.file).sha256

    def _opened(self, name: str, _flags: int) -> int:
        return os.open(name, READ, dir_fd=self.folder)

    def _clone(self, file: FileIO) -> bool:
        if sys.platform != "linux":
            return False
        from fcntl import ioctl

        try:
            ioctl(self.file.fileno(), _FICLONE, file.fileno())
        except OSError:
            os.ftruncate(self.file.fileno(), 0)
            return False
        return True

    def _become(self, file: FileIO, path: Path) -> bool:
        found = os.fstat(file.fileno())
        if stat.S_IMODE(found.st_mode) & 0o222:
            return False
        second = f"{self.temporary}~"
        try:
            os.link(path, second, dst_dir_fd=self.folder, follow_symlinks=False)
        except OSError:
            return False
        # What was linked by its name must be what is hashed by its descriptor.
        if not os.path.samestat(os.stat(second, dir_fd=self.folder, follow_symlinks=False), found):
            unlink_quietly(second, self.folder)
            return False
        os.replace(second, self.temporary, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        return True

    def sync(self) -> None:
        """Make the bytes durable."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def tell_apart(self) -> None:
        """Stamp the file with this moment.

        Kernels stamp files by a coarse clock and give out inode numbers again: without this, the third of three
        quick overwrites could have the etag of the first.
        """
        self.file.flush()
        now = time.time_ns()
        os.utime(self.file.fileno(), ns=(now, now))

    def rename(self) -> None:
        """Give the file its name, whatever has had it before."""
        self.file.flush()
        os.replace(self.temporary, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def name_exclusively(self) -> tuple[bool, How]:
        """Give the file its name if that is free: whether it was, and by what means."""
        return name_exclusively(self.folder, self.temporary, self.name)


def unlink_quietly(name: str, folder: int) -> None:
    """Remove a temporary name, if it is still there.

    After a rename it is gone; after any other trouble it lies there, unseen, and must not hide what happened.
    """
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)
