"""A storage in a folder: create-if-absent by `link`, overwrite by `rename`, durable by fsync of file and folder.

Where there are no hard links, `exclusive` knows what does instead.

A file appears under its name only when it is whole: it is written under a temporary name beside its place, synced,
then given its name. What a crash leaves behind is such a temporary file, which no listing shows and nobody reads.
Folders are made when something is written into them; reading writes nothing, so read-only users can read.
"""

import os
import secrets
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from modelstore_core.errors import StorageError, StorageUnavailable
from modelstore_core.storage.calls import one_by_one
from modelstore_core.storage.exclusive import How, drop_claim, is_claim
from modelstore_core.storage.files import fetched_file, hash_to, open_source, pieces, typed_errors
from modelstore_core.storage.folders import Folders
from modelstore_core.storage.keys import TEMPORARY, check_key, check_prefix, is_key
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched
from modelstore_core.storage.staging import READ, Staged, unlink_quietly

T = TypeVar("T")

__all__ = ["LocalStorage"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
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

    Needs a file system with atomic rename, `O_EXCL` and fsync, and is at its best with hard links. The root is made
    by the first write; until then it reads as empty. No symlink below the root is followed, neither to write nor to
    read.

    Attributes:
        root: The folder.
        creates_by: What the last `create` that wrote was made atomic by; None before the first.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 -- Path.resolve would follow symlinks
        self.creates_by: How | None = None
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
        with self._errors("read", key), self.reading(key) as file:
            return file.readall() if file else None

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Copy the file, hashing it on the way."""
        with self._errors("read", key), self.reading(key) as file:
            if file is None:
                return None
            with typed_errors("write", target), fetched_file(target) as copy:
                return hash_to(pieces(file), copy, passed)

    def create(self, key: str, body: bytes) -> bool:
        """Give the whole, synced file its name, by a link or else a rename that fails if the name is taken.

        Where the file system has neither, by a claim, and a warning says so once.
        """
        with self._errors("create", key), self._staged(key, _WRITTEN_ONCE) as staged:
            # A look first: who comes too late should not pay for the fsync of a file nobody will see.
            if staged.target_exists():
                return False
            staged.file.write(body)
            staged.sync()
            created, how = staged.name_exclusively()
            os.fsync(staged.folder)
            if created:
                self._tell(how)
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

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Copy the file, hashing it on the way; one that lies in its place already is hashed and settled."""
        check_key(key)
        with self._errors("write", key), open_source(source) as file:
            if self._is_in_place(key, source):
                self.settle([key])
                return hash_to(pieces(file), passed=passed)
            with self._staged(key, _WRITTEN_ONCE) as staged:
                received = hash_to(pieces(file), staged.file, passed)
                staged.sync()
                staged.rename()
                os.fsync(staged.folder)
                return received

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """Share the file's blocks where the file system can, or link it if nobody may write it, else copy it."""
        check_key(target)
        home = self if origin is None else origin
        if not isinstance(home, LocalStorage):
            return False
        with self._errors("copy", target), home.reading(source) as file:
            if file is None:
                return False
            with self._staged(target, _WRITTEN_ONCE) as staged:
                if staged.fill(file, home.root / source) != sha256:
                    return False
                staged.sync()
                staged.rename()
                os.fsync(staged.folder)
                return True

    def delete(self, keys: Iterable[str]) -> None:
        """Unlink the files and remove the folders this leaves empty."""
        self._unlink(check_key(key) for key in keys)

    def _unlink(self, keys: Iterable[str]) -> None:
        folders: set[tuple[str, ...]] = set()
        for key in keys:
            *parts, name = key.split("/")
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
        return self._listed(tuple(prefix.split("/")[:-1]), is_key)

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Unlink what killed writers left, temporary files and claims, and remove the folders this leaves empty.

        The claim of a writer that is alive is never dropped, as far as the file system's locks reach.
        """
        check_prefix(prefix)
        found = self._listed(tuple(prefix.split("/")[:-1]), _is_temporary)
        left = [info for info in found if info.modified < before]
        return left if dry_run else [info for info in left if self._drop(info.key)]

    def _drop(self, key: str) -> bool:
        *parts, name = key.split("/")
        if not is_claim(name):
            self._unlink([key])
            return True
        with self._errors("delete", key), self._folders.opened(parts) as folder:
            return drop_claim(name, folder)

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

    def _tell(self, how: How) -> None:
        if how == "claim" and self.creates_by != how:
            warnings.warn(
                f"The file system of {self.url!r} has neither hard links nor a rename that replaces nothing: what must "
                "be created only if absent is guarded by claims there. A writer that is killed in the middle of one "
                "blocks its model until `mstore collect` sweeps the claim.",
                stacklevel=3,
            )
        self.creates_by = how

    def _errors(self, what: str, key: str) -> AbstractContextManager[None]:
        return typed_errors(what, self.root / key)

    @contextmanager
    def reading(self, key: str) -> Iterator[FileIO | None]:
        """Give the open file of this key, None if there is none."""
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
                descriptor = os.open(name, READ, dir_fd=folder)
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
    def _staged(self, key: str, mode: int) -> Iterator[Staged]:
        *parts, name = check_key(key).split("/")
        with ExitStack() as stack:
            folder, temporary, descriptor = self._stage(stack, parts, mode)
            with os.fdopen(descriptor, "wb") as file:
                try:
                    yield Staged(folder=folder, temporary=temporary, name=name, file=file)
                except FileNotFoundError as error:
                    raise StorageUnavailable(
                        f"What was being written to {key!r} was swept away by somebody as if it had been left.",
                        value=key,
                        fix="Try again, and do not sweep what is younger than a write may take.",
                    ) from error

    def _stage(self, stack: ExitStack, parts: Sequence[str], mode: int) -> tuple[int, str, int]:
        tries = 0
        while True:
            tries += 1
            try:
                with ExitStack() as attempt:
                    folder = attempt.enter_context(self._folders.opened(parts, make=True))
                    temporary = TEMPORARY + secrets.token_hex(8)
                    descriptor = os.open(temporary, _NEW, mode, dir_fd=folder)
                    attempt.callback(unlink_quietly, temporary, folder)
                    stack.enter_context(attempt.pop_all())
                    return folder, temporary, descriptor
            except FileNotFoundError:
                # Somebody's delete removed the folder while it was still empty: make it again.
                if tries == _TRIES:
                    raise

    def _listed(self, top: tuple[str, ...], wanted: Callable[[str], bool]) -> Iterator[ObjectInfo]:
        pending = [top]
        while pending:
            parts = pending.pop()
            with self._errors("list", "/".join(parts)):
                infos, below = self._scan(parts, wanted)
            pending += below
            yield from infos

    def _scan(
        self, parts: tuple[str, ...], wanted: Callable[[str], bool]
    ) -> tuple[Sequence[ObjectInfo], Sequence[tuple[str, ...]]]:
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
                elif entry.is_file(follow_symlinks=False) and wanted(key):
                    with suppress(FileNotFoundError):
                        infos.append(_info(key, entry.stat(follow_symlinks=False)))
        return infos, below


def _settle_file(name: str, folder: int) -> None:
    descriptor = os.open(name, READ, dir_fd=folder)
    try:
        _protect(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _protect(descriptor: int) -> None:
    try:
        os.fchmod(descriptor, _WRITTEN_ONCE)
    except PermissionError:
        # FAT has no modes to change, not even for the owner; and what another user has protected is protected.
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() and found.st_mode & 0o222:
            raise


def _is_temporary(key: str) -> bool:
    return key.rpartition("/")[2].startswith(TEMPORARY)


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
    # The time of the last change of any kind, which nobody can set: a new name of an old file is new.
    return ObjectInfo(key=key, size=found.st_size, etag=etag, modified=found.st_ctime)
