"""A storage of a third party: whatever fsspec can open (HDFS, SFTP, SMB, WebDAV, …) as a place for a model store.

This module, and the entry points in the `pyproject.toml` beside it, are all that a package needs to add schemes. With
it installed, `ModelStore("hdfs://namenode/models", single_writer=True)` works, and so does `mstore --store hdfs://…
--single-writer`. Options go to fsspec as they are: `ModelStore("sftp://host/models", username="ada", …)`.

Many writers at once need a create that takes place only if the name is free. fsspec promises none. Where a file
system has hard links there is one, and only there: anywhere else a store is refused unless `single_writer=True`.
"""

import errno
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from fsspec.core import url_to_fs

from modelstore_core.errors import InvalidLocation, StorageUnavailable
from modelstore_core.storage.calls import side_by_side
from modelstore_core.storage.files import fetched_file, hash_to, open_source, pieces, typed_errors
from modelstore_core.storage.keys import TEMPORARY, check_key, check_prefix, is_key
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched

T = TypeVar("T")

_AT_ONCE = 8
_PART = 8 << 20
_TRIES = 16
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def open_fsspec(url: str, **options: object) -> "FsspecStorage":
    """What the entry points name. `fsspec+file://…` is fsspec's `file://`, for schemes that are taken."""
    return FsspecStorage(url.removeprefix("fsspec+"), options)


class FsspecStorage:
    """Bytes under keys, in a folder of a file system that fsspec knows.

    Pickles with its URL and options, so give no password as an option: fsspec's configuration files are for that.
    What it writes is as durable as the file system makes it on closing a file; fsspec has no fsync.
    """

    def __init__(self, url: str, options: Mapping[str, object]) -> None:
        self._given = url, dict(options)
        fs, root = url_to_fs(url, **options)
        self._fs: Any = fs
        self._root = str(root).rstrip("/")
        if set(self._root) & set("*?["):
            raise InvalidLocation(
                f"{url!r} has a character that fsspec takes for a pattern.",
                value=url,
                fix="Use a name without *, ?, [.",
            )
        self._pool = ThreadPoolExecutor(_AT_ONCE, "fsspec")

    def __reduce__(self) -> tuple[type["FsspecStorage"], tuple[str, dict[str, object]]]:
        return type(self), self._given

    @property
    def url(self) -> str:
        """The root as fsspec writes it, with its scheme."""
        return str(self._fs.unstrip_protocol(self._root)).rstrip("/")

    def location(self) -> Location:
        """Asks nothing."""
        scheme, _, rest = self.url.partition("://")
        return Location(scheme=scheme, endpoint="", container="", prefix=rest, versioning="unknown")

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None if there is none."""
        path = self._path(key)
        with self._typed("read", key):
            try:
                return bytes(self._fs.cat_file(path))
            except _ABSENT:
                return None

    def create(self, key: str, body: bytes) -> bool:
        """Atomic where there are hard links; elsewhere a look and then a write, which two writers can do at once.

        A look and a write would pass the self-test whenever nobody happens to be quick enough, so in the self-test
        (below `self-test/`) the look is left out: without hard links it fails each time, not by luck. For the same
        reason there is no lock here: it would satisfy the self-test, and stop no other process.
        """
        path = self._path(key)
        with self._typed("create", key), self._written(body) as whole:
            if hasattr(self._fs, "link"):
                try:
                    self._into_folder(path, lambda: self._fs.link(whole, path))
                except FileExistsError:
                    return False
                return True
            if not key.startswith("self-test/") and self._fs.exists(path):
                return False
            self._into_folder(path, lambda: self._fs.mv(whole, path))
            return True

    def put(self, key: str, body: bytes) -> None:
        """Written under another name and then moved: as atomic as the file system's own move."""
        path = self._path(key)
        with self._typed("write", key), self._written(body) as whole:
            self._into_folder(path, lambda: self._fs.mv(whole, path))

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Streamed under another name and then moved."""
        path = self._path(key)
        with typed_errors("read", source), open_source(source) as file, self._typed("write", key):
            with self._written(b"") as whole:
                with self._fs.open(whole, "wb") as target:
                    received = hash_to(pieces(file), target, passed)
                self._into_folder(path, lambda: self._fs.mv(whole, path))
            return received

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Read 8 MiB at a time."""
        path = self._path(key)
        with self._typed("read", key):
            try:
                info = self._fs.info(path)
            except _ABSENT:
                return None
        if info["type"] != "file":
            return None
        with typed_errors("write", target), fetched_file(target) as file:
            return hash_to(self._parts(key, int(info["size"])), file, passed)

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:  # noqa: ARG002
        """False: fsspec's copies prove no sha256."""
        check_key(source)
        check_key(target)
        return False

    def delete(self, keys: Iterable[str]) -> None:
        """One by one; folders that are empty afterwards go as well."""
        for key in [check_key(key) for key in keys]:
            with self._typed("delete", key), suppress(*_ABSENT):
                self._fs.rm_file(self._path(key))
                self._prune(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """By a walk through the folders. Hints are read: fsspec promises no etag, and theirs are watched."""
        check_prefix(prefix)
        return self._listed(prefix)

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Files under other names that were never moved; they lie in the root, whatever the prefix."""
        check_prefix(prefix)
        with self._typed("list", ""):
            found = [info for info in self._infos("") if info.key.startswith(TEMPORARY) and info.modified < before]
            for info in [] if dry_run else found:
                self._fs.rm_file(f"{self._root}/{info.key}")
        return found

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Up to 8 at a time. Also the self-test's race of writers is run by this: one by one it would prove nothing."""
        return side_by_side(calls, self._pool)

    def local_path(self, key: str) -> Path | None:
        """None, also where there is one: then `./path` is the better store."""
        check_key(key)
        return None

    def settle(self, keys: Sequence[str]) -> None:
        """Nothing to do without local paths."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    @contextmanager
    def _typed(self, what: str, key: str) -> Iterator[None]:
        where = f"{self.url}/{key}".rstrip("/")
        with typed_errors(what, where):
            try:
                yield
            except (ConnectionError, TimeoutError) as error:
                raise StorageUnavailable(
                    f"Could not {what} {where!r}: {error}.", value=where, fix="Check the server, and try again."
                ) from error

    @contextmanager
    def _written(self, body: bytes) -> Iterator[str]:
        """A file of another name that holds the body, gone at the end unless it was moved."""
        path = f"{self._root}/{TEMPORARY}{secrets.token_hex(8)}"
        self._into_folder(path, lambda: self._fs.pipe_file(path, body))
        try:
            yield path
        finally:
            with suppress(FileNotFoundError):
                self._fs.rm_file(path)

    def _into_folder(self, path: str, act: Callable[[], object]) -> None:
        """Act in a folder that somebody who deletes its last object may remove again before.

        Python's own `makedirs` says that a folder exists, whatever `exist_ok`, if it did and a moment later did not:
        that must not be heard as an answer to a create.
        """
        folder = path.rpartition("/")[0]
        for left in reversed(range(_TRIES)):
            try:
                self._fs.makedirs(folder, exist_ok=True)
            except FileExistsError as error:
                if not left:
                    raise NotADirectoryError(errno.ENOTDIR, "a file lies where a folder should", folder) from error
                continue
            try:
                act()
            except FileNotFoundError:
                if not left:
                    raise
            else:
                return

    def _prune(self, key: str) -> None:
        folders = key.split("/")[:-1]
        with suppress(OSError):  # not empty, or gone already
            for depth in range(len(folders), 0, -1):
                self._fs.rmdir("/".join([self._root, *folders[:depth]]))

    def _parts(self, key: str, size: int) -> Iterator[bytes]:
        with self._typed("read", key):
            for start in range(0, size, _PART):
                yield self._fs.cat_file(self._path(key), start=start, end=min(start + _PART, size))

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._typed("list", prefix):
            for info in self._infos(prefix):
                if is_key(info.key):
                    yield info

    def _infos(self, prefix: str) -> Iterator[ObjectInfo]:
        try:
            found: Mapping[str, Mapping[str, Any]] = self._fs.find(f"{self._root}/{prefix}".rstrip("/"), detail=True)
        except _ABSENT:
            return
        for path, info in found.items():
            key = path[len(self._root) + 1 :]
            if not key.startswith(prefix):
                continue
            modified = _seconds(info)
            etag = f"{modified}-{info['size']}"
            if key.startswith("heads/"):
                etag = hashlib.sha256(self.get(key) or b"").hexdigest()
            yield ObjectInfo(key=key, size=info["size"], etag=etag, modified=modified)


def _seconds(info: Mapping[str, Any]) -> float:
    """When it was last written, by whatever name the file system gives that."""
    time = next(info[name] for name in ("mtime", "LastModified", "last_modified", "created") if info.get(name))
    return float(time) if isinstance(time, int | float) else float(time.timestamp())
