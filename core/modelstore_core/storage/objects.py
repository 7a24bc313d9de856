"""What the storages in object stores have in common: one connection for what must not be retried, one for the rest.

A service's own module says how to connect, how its errors read, and what it adds. See `connections` for the clients.
"""

import hashlib
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import ClassVar, TypeVar

from modelstore_core.errors import StorageError
from modelstore_core.storage.calls import side_by_side
from modelstore_core.storage.connections import Clients, refuse_forked_process
from modelstore_core.storage.files import fetched_file, hash_to, open_source, typed_errors
from modelstore_core.storage.keys import check_key, check_prefix, is_key
from modelstore_core.storage.protocol import ObjectInfo, Passed, Received, Storage, unwatched

T = TypeVar("T")

__all__ = ["ObjectStorage"]

_PART = 8 << 20
_AHEAD = 8  # parts of one object under way at a time: what bounds the memory of a transfer
_MOST_PARTS = 10_000  # S3's limit, and the lowest


class ObjectStorage(ABC):
    """Bytes under keys in a bucket, below a prefix.

    Holds configuration only: it connects on first use, in each process anew. A subclass adds `location`, pickling
    without secrets, `_connect` and `_error`.

    Attributes:
        scheme: Of its URLs.
        service: The service's name, for people.
        bucket_missing: What a reply says if the bucket is not there, and not just the object.
        upload_gone: What a reply says if an upload in parts has been completed before.
    """

    scheme: ClassVar[str]
    service: ClassVar[str]
    bucket_missing: ClassVar[str]
    upload_gone: ClassVar[str]

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = check_key(prefix) if prefix else ""
        self._lock = threading.Lock()
        self._connected: Clients | None = None

    @property
    def url(self) -> str:
        """`scheme://bucket/prefix`."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None; retried."""
        path, clients = self._path(key), self._clients()
        with self._typed("read", key, clients):
            try:
                return clients.again.get(path).bytes().to_bytes()
            except FileNotFoundError as error:
                if self._is_missing_bucket(error):
                    raise
                return None

    def create(self, key: str, body: bytes) -> bool:
        """One conditional PUT, never retried; False for a 412, and for a 409, which may be a lie."""
        path, clients = self._path(key), self._clients()
        with self._typed("create", key, clients):
            try:
                clients.once.put(path, bytes(body), mode="create")
            except clients.exists:
                return False
            return True

    def put(self, key: str, body: bytes) -> None:
        """One PUT, never retried."""
        path, clients = self._path(key), self._clients()
        with self._typed("write", key, clients):
            clients.once.put(path, bytes(body), use_multipart=False)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """One PUT up to 8 MiB, else an upload in parts that reads the file once; retried part by part."""
        path, clients = self._path(key), self._clients()
        with typed_errors("read", source), open_source(source) as file, self._typed("write", key, clients):
            size = os.fstat(file.fileno()).st_size
            if size <= _PART:
                body = file.readall()
                clients.again.put(path, body, use_multipart=False)
                return hash_to([body], passed=passed)
            return self._send_parts(path, _Passing(file, size, passed), clients)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """One ranged GET up to 8 MiB, else several at a time; retried."""
        path, clients = self._path(key), self._clients()
        with self._typed("read", key, clients):
            first = self._first_part(path, clients)
        if first is None:
            return None
        with typed_errors("write", target), fetched_file(target) as file:
            return hash_to(self._parts(key, first, clients), file, passed)

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:  # noqa: ARG002
        """False: whether the service can copy, and prove it, is for a subclass to say."""
        check_key(source)
        check_key(target)
        return False

    def delete(self, keys: Iterable[str]) -> None:
        """Many by one request where the service can; retried."""
        paths = [self._path(key) for key in keys]
        if paths:
            clients = self._clients()
            with self._typed("delete", "", clients):
                try:
                    clients.again.delete(paths)
                except FileNotFoundError as error:
                    if self._is_missing_bucket(error):
                        raise
                    # Some services mind an object that is not there, and leave others behind it as they are.
                    side_by_side([partial(_delete_one, clients, path) for path in paths], clients.calls)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """A thousand by one request; retried. Objects whose key no storage would take are left out."""
        check_prefix(prefix)
        return self._listed(prefix)

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:  # noqa: ARG002
        """Nothing, unless a subclass knows how to find uploads that were begun and never finished."""
        check_prefix(prefix)
        return ()

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Up to 16 at a time."""
        return side_by_side(calls, self._clients().calls)

    def local_path(self, key: str) -> Path | None:
        """None: a bucket is in no file system."""
        check_key(key)
        return None

    def settle(self, keys: Sequence[str]) -> None:  # noqa: B027 -- nothing is to be done, by any of them
        """Nothing to do: what a service has acknowledged is durable."""

    @abstractmethod
    def _connect(self) -> Clients:
        """Connections to the bucket; typed errors if there can be none."""

    @abstractmethod
    def _error(self, what: str, url: str, error: Exception) -> StorageError:
        """A client's error as one of ours."""

    def _path(self, key: str) -> str:
        check_key(key)
        return f"{self.prefix}/{key}" if self.prefix else key

    def _clients(self) -> Clients:
        refuse_forked_process(self.service)
        if self._connected is None:
            with self._lock:
                self._connected = self._connected or self._connect()
        return self._connected

    @contextmanager
    def _typed(self, what: str, key: str, clients: Clients) -> Iterator[None]:
        try:
            yield
        except clients.failures as error:
            # Not chained: the client's message may quote the request, session token included.
            raise self._error(what, f"{self.url}/{key}".rstrip("/"), error) from None

    def _is_missing_bucket(self, error: Exception) -> bool:
        return f"<Code>{self.bucket_missing}<" in str(error)

    def _send_parts(self, path: str, passing: "_Passing", clients: Clients) -> Received:
        # The larger the parts, the fewer at a time: what is in memory, and what a slow line has to carry before the
        # time of a request is up, stays the same.
        ahead = max(1, _AHEAD * _PART // passing.part)
        client = clients.again if passing.part == _PART else clients.patient(passing.part / _PART)
        try:
            client.put(path, passing, chunk_size=passing.part, max_concurrency=ahead, use_multipart=True)
        except clients.failures as error:
            # The reply to the last request was lost, and the retry found that nothing is left to complete.
            if self.upload_gone not in str(error) or clients.again.head(path)["size"] != passing.size:
                raise
        return passing.received()

    def _first_part(self, path: str, clients: Clients) -> tuple[memoryview, int] | None:
        try:
            try:
                result = clients.again.get(path, options={"range": (0, _PART)})
            except clients.failures as error:
                if not _knows_no_part(error):
                    raise
                result = clients.again.get(path)
            return memoryview(result.bytes()), result.meta["size"]
        except FileNotFoundError as error:
            if self._is_missing_bucket(error):
                raise
            return None

    def _parts(self, key: str, first: tuple[memoryview, int], clients: Clients) -> Iterator[memoryview]:
        body, size = first
        path = self._path(key)
        under_way: deque[Future[memoryview]] = deque()

        def part(start: int) -> memoryview:
            return memoryview(clients.again.get_range(path, start=start, end=min(start + _PART, size)))

        with self._typed("read", key, clients):
            yield body
            try:
                for start in range(len(body), size, _PART):
                    under_way.append(clients.parts.submit(part, start))
                    if len(under_way) == _AHEAD:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        clients = self._clients()
        root = f"{self.prefix}/" if self.prefix else ""
        # obstore's prefixes are whole path segments, with or without the slash; not every service's are.
        start = root + prefix
        with self._typed("list", prefix, clients):
            for page in clients.again.list(start.rstrip("/") or None, chunk_size=1000):
                for found in page:
                    key = found["path"][len(root) :]
                    if found["path"].startswith(start) and is_key(key):
                        modified = found["last_modified"].timestamp()
                        etag = found["e_tag"] or f"{modified}-{found['size']}"
                        yield ObjectInfo(key=key, size=found["size"], etag=etag, modified=modified)


def _delete_one(clients: Clients, path: str) -> None:
    with suppress(FileNotFoundError):
        clients.again.delete(path)


class _Passing:
    """A file's bytes in parts, measured as they pass."""

    def __init__(self, file: FileIO, size: int, passed: Passed) -> None:
        self.part = max(_PART, -(-size // (_MOST_PARTS - 1)))
        self.size = 0
        self._file = file
        self._passed = passed
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        while body := self._file.read(self.part):
            self._digest.update(body)
            self.size += len(body)
            self._passed(len(body))
            yield body

    def received(self) -> Received:
        """What has passed."""
        return Received(size=self.size, sha256=self._digest.hexdigest())


def _knows_no_part(error: Exception) -> bool:
    """Whether the range is what was wrong.

    No byte of an empty object can be asked for, and a service may answer a range that spans all of an object by the
    object.
    """
    return any(sign in str(error) for sign in ("InvalidRange", "status code: 416", "non-partial"))
