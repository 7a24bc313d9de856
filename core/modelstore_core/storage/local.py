"""A storage in a folder: create-if-absent by `link`, overwrite by `rename`, durable by fsync of file and folder.

A file appears under its name only when it is whole: it is written under a temporary name beside its place, synced,
then linked or renamed. What a crash leaves behind is such a temporary file, which no listing shows and nobody reads.
Folders are made when something is written into them; reading writes nothing, so read-only users can read.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from modelstore_core.errors import StorageError, UnsafeStorage
from modelstore_core.storage.calls import one_by_one
from modelstore_core.storage.files import fetched_file, hash_to, open_source, pieces, typed_errors
from modelstore_core.storage.folders import Folders
from modelstore_core.storage.keys import TEMPORARY, check_key, check_prefix, is_key
from modelstore_core.storage.protocol import Location, ObjectInfo, Received

T = TypeVar("T")

__all__ = ["LocalStorage"]

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_WRITTEN_ONCE, _REWRITTEN = 0o444, 0o666
_TRIES = 16


def _may_be_lost(key: str) -> bool:
    """Whether an overwrite of this key need not outlive a power cut: then it is spared two fsyncs.

    True for `heads/` only. What lies there are hints: they say where to look first, decide nothing, may lag or lie,
    and are put after each commit. The first put of such a key is durable like any other, so that it can be found.
    """
    return key.startswith("heads/")


class LocalStorage:
    """Bytes under keys in a folder, safe under any number of threads and processes.

    Needs a POSIX file system with hard links, atomic rename and fsync. The root is made by the first write; until
    then it reads as empty. No symlink below the root is followed, neither to write nor to read.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 -- Path.resolve would follow symlinks
        self._folders = Folders(self.root)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r})"

    def __reduce__(self) -> tuple[type["LocalStorage"], tuple[Path]]:
        return type(self), (self.root,)

    @property
    def url(self) -> str:
        """The root's absolute path."""
        return str(self.root)

    def location(self) -> Location:
        """The root's absolute path as the prefix; folders have no versioning."""
        return Location(scheme="file", endpoint="", container="", prefix=self.url, versioning="off")

    def get(self, key: str) -> bytes | None:
        """The file's bytes, or None."""
        with self._errors("read", key), self._reading(key) as file:
            return file.readall() if file else None

    def fetch(self, key: str, target: Path) -> Received | None:
        """Copy the file, hashing it on the way."""
        with self._errors("read", key), self._reading(key) as file:
            if file is None:
                return None
            with typed_errors("write", target), fetched_file(target) as copy:
                return hash_to(pieces(file), copy)

    def create(self, key: str, body: bytes) -> bool:
        """Link the whole, synced file to its name, which fails if the name is taken."""
        with self._errors("create", key), self._staged(key, _WRITTEN_ONCE) as staged:
            # A look first: who comes too late should not pay for the fsync of a file nobody will see.
            if staged.target_exists():
                return False
            staged.file.write(body)
            staged.sync()
            created = staged.link()
            os.fsync(staged.folder)
            return created

    def put(self, key: str, body: bytes) -> None:
        """Rename the whole, synced file over whatever has its name."""
        with self._errors("write", key), self._staged(key, _REWRITTEN) as staged:
            durable = not (_may_be_lost(key) and staged.target_exists())
            staged.file.write(body)
            staged.tell_apart()
            if durable:
                staged.sync()
            staged.rename()
            if durable:
                os.fsync(staged.folder)

    def send(self, key: str, source: Path) -> Received:
        """Copy the file, hashing it on the way; one that lies in its place already is hashed and settled."""
        check_key(key)
        with self._errors("write", key), open_source(source) as file:
            if self._is_in_place(key, source):
                self.settle([key])
                return hash_to(pieces(file))
            with self._staged(key, _WRITTEN_ONCE) as staged:
                received = hash_to(pieces(file), staged.file)
                staged.sync()
                staged.rename()
                os.fsync(staged.folder)
                return received

    def delete(self, keys: Iterable[str]) -> None:
        """Unlink the files and remove the folders this leaves empty."""
        folders: set[tuple[str, ...]] = set()
        for key in keys:
            *parts, name = check_key(key).split("/")
            folders.add(tuple(parts))
            with (
                self._errors("delete", key),
                suppress(FileNotFoundError, NotADirectoryError),
                self._folders.opened(parts) as folder,
            ):
                os.unlink(name, dir_fd=folder)
        for folder_parts in folders:
            self._folders.prune(folder_parts)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All regular files below the prefix, folder by folder; the files of one folder are seen at one time."""
        check_prefix(prefix)
        return self._listed(tuple(prefix.split("/")[:-1]))

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Run the calls one by one: on a disk nothing is won by more."""
        return one_by_one(calls)

    def local_path(self, key: str) -> Path | None:
        """Where the object of this key lies or would lie."""
        return self.root / check_key(key)

    def settle(self, keys: Sequence[str]) -> None:
        """Make the files durable and read-only (0444), and the folders they lie in durable, each once."""
        folders = set()
        for key in keys:
            *parts, name = check_key(key).split("/")
            folders.add(tuple(parts))
            with self._errors("settle", key), self._folders.opened(parts) as folder:
                _settle_file(name, folder)
        with self._errors("settle", ""):
            self._folders.keep(folders)

    def _errors(self, what: str, key: str) -> AbstractContextManager[None]:
        return typed_errors(what, self.root / key)

    @contextmanager
    def _reading(self, key: str) -> Iterator[FileIO | None]:
        descriptor = self._open(key)
        if descriptor is None:
            yield None
            return
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            yield file

    def _open(self, key: str) -> int | None:
        *parts, name = check_key(key).split("/")
        try:
            with self._folders.opened(parts) as folder:
                descriptor = os.open(name, _READ, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return descriptor
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            return None
        raise StorageError(f"{str(self.root / key)!r} is not a regular file.", value=key, fix="Move it away.")

    def _is_in_place(self, key: str, source: Path) -> bool:
        try:
            return (self.root / key).samefile(source)
        except OSError:
            return False

    @contextmanager
    def _staged(self, key: str, mode: int) -> "Iterator[_Staged]":
        *parts, name = check_key(key).split("/")
        with ExitStack() as stack:
            folder, temporary, descriptor = self._stage(stack, parts, mode)
            with os.fdopen(descriptor, "wb") as file:
                yield _Staged(folder=folder, temporary=temporary, name=name, file=file)

    def _stage(self, stack: ExitStack, parts: Sequence[str], mode: int) -> tuple[int, str, int]:
        tries = 0
        while True:
            tries += 1
            try:
                with ExitStack() as attempt:
                    folder = attempt.enter_context(self._folders.opened(parts, make=True))
                    temporary = TEMPORARY + secrets.token_hex(8)
                    descriptor = os.open(temporary, _NEW, mode, dir_fd=folder)
                    attempt.callback(_unlink_quietly, temporary, folder)
                    stack.enter_context(attempt.pop_all())
                    return folder, temporary, descriptor
            except FileNotFoundError:
                # Somebody's delete removed the folder while it was still empty: make it again.
                if tries == _TRIES:
                    raise

    def _listed(self, top: tuple[str, ...]) -> Iterator[ObjectInfo]:
        pending = [top]
        while pending:
            parts = pending.pop()
            with self._errors("list", "/".join(parts)):
                infos, below = self._scan(parts)
            pending += below
            yield from infos

    def _scan(self, parts: tuple[str, ...]) -> tuple[Sequence[ObjectInfo], Sequence[tuple[str, ...]]]:
        infos, below = [], []
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            self._folders.opened(parts) as folder,
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                key = "/".join((*parts, entry.name))
                if entry.is_dir(follow_symlinks=False):
                    below.append((*parts, entry.name))
                elif entry.is_file(follow_symlinks=False) and is_key(key):
                    with suppress(FileNotFoundError):
                        infos.append(_info(key, entry.stat(follow_symlinks=False)))
        return infos, below


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A temporary file beside its place; whatever happens, its temporary name is gone in the end."""

    folder: int
    temporary: str
    name: str
    file: BinaryIO

    def target_exists(self) -> bool:
        try:
            os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())

    def tell_apart(self) -> None:
        # Kernels stamp files by a coarse clock and give out inode numbers again: without this, the third of three
        # quick overwrites could have the etag of the first.
        self.file.flush()
        now = time.time_ns()
        os.utime(self.file.fileno(), ns=(now, now))

    def rename(self) -> None:
        self.file.flush()
        os.replace(self.temporary, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def link(self) -> bool:
        try:
            os.link(
                self.temporary,
                self.name,
                src_dir_fd=self.folder,
                dst_dir_fd=self.folder,
                follow_symlinks=False,
            )
        except OSError as error:
            # NFS may report a failure of a link that it made: the number of names tells.
            if os.fstat(self.file.fileno()).st_nlink == 2:  # noqa: PLR2004 -- the temporary name and the real one
                return True
            if isinstance(error, FileExistsError):
                return False
            if error.errno in _NO_LINKS:
                raise UnsafeStorage(
                    f"The file system cannot make hard links ({error.strerror}), so nothing there can be created "
                    "only if absent.",
                    value=self.name,
                    fix="Keep the store on a file system with hard links (ext4, xfs, btrfs, apfs, NFS).",
                ) from error
            raise
        return True


def _settle_file(name: str, folder: int) -> None:
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        os.fchmod(descriptor, _WRITTEN_ONCE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink_quietly(name: str, folder: int) -> None:
    # After a rename it is gone; after any other trouble it lies there, unseen, and must not hide what happened.
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
    return ObjectInfo(key=key, size=found.st_size, etag=etag, modified=found.st_mtime)
