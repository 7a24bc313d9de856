"""A storage in an S3 bucket, or in any service that speaks S3 and keeps its promise about `If-None-Match`.

Two clients: one never retries, for writes whose outcome the caller has to find out (a retry inside would report the
first try's own success as "taken"); one retries, for reads and for files that nobody else writes.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TypeVar

from modelstore_core.errors import StorageError
from modelstore_core.storage.calls import side_by_side
from modelstore_core.storage.files import fetched_file, hash_to, open_source, typed_errors
from modelstore_core.storage.keys import check_key, check_prefix, is_key
from modelstore_core.storage.protocol import Location, ObjectInfo, Received
from modelstore_core.storage.s3_clients import (
    Clients,
    S3Options,
    connect,
    effective_endpoint,
    refuse_forked_process,
    versioning,
)
from modelstore_core.storage.s3_errors import credentials_missing, s3_error

T = TypeVar("T")

__all__ = ["S3Options", "S3Storage"]

_PART = 8 << 20
_AHEAD = 8  # parts of one object under way at a time: what bounds the memory of a transfer
_MOST_PARTS = 10_000  # S3's limit


class S3Storage:
    """Bytes under keys in a bucket, below a prefix.

    Holds configuration only: it pickles without secrets or connections, and connects on first use, in each process
    anew.
    """

    def __init__(self, bucket: str, prefix: str = "", options: S3Options | None = None) -> None:
        self.bucket = bucket
        self.prefix = check_key(prefix) if prefix else ""
        self.options = options or S3Options()
        self._lock = threading.Lock()
        self._connected: Clients | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket!r}, {self.prefix!r}, {self.options!r})"

    def __reduce__(self) -> tuple[type["S3Storage"], tuple[str, str, S3Options]]:
        return type(self), (self.bucket, self.prefix, self.options)

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def location(self) -> Location:
        """Asks the service for the bucket's versioning."""
        return Location(
            scheme="s3",
            endpoint=effective_endpoint(self.bucket, self.options),
            container=self.bucket,
            prefix=self.prefix,
            versioning=versioning(self.bucket, self.options),
        )

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None; retried."""
        path, clients = self._path(key), self._clients()
        with self._typed("read", key, clients):
            try:
                return clients.again.get(path).bytes().to_bytes()
            except FileNotFoundError as error:
                if _is_missing_bucket(error):
                    raise
                return None

    def create(self, key: str, body: bytes) -> bool:
        """One PUT with `If-None-Match: *`, never retried; False for a 412, and for a 409, which may be a lie."""
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

    def send(self, key: str, source: Path) -> Received:
        """One PUT up to 8 MiB, else a multipart upload that reads the file once; retried part by part."""
        path, clients = self._path(key), self._clients()
        with typed_errors("read", source), open_source(source) as file, self._typed("write", key, clients):
            size = os.fstat(file.fileno()).st_size
            if size <= _PART:
                body = file.readall()
                clients.again.put(path, body, use_multipart=False)
                return hash_to([body])
            return self._send_parts(path, file, size, clients)

    def fetch(self, key: str, target: Path) -> Received | None:
        """One ranged GET up to 8 MiB, else several at a time; retried."""
        path, clients = self._path(key), self._clients()
        with self._typed("read", key, clients):
            first = self._first_part(path, clients)
        if first is None:
            return None
        with typed_errors("write", target), fetched_file(target) as file:
            return hash_to(self._parts(key, first, clients), file)

    def delete(self, keys: Iterable[str]) -> None:
        """A thousand by one request; retried."""
        paths = [self._path(key) for key in keys]
        if paths:
            clients = self._clients()
            with self._typed("delete", "", clients):
                clients.again.delete(paths)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """A thousand by one request; retried. Objects whose key no storage would take are left out."""
        check_prefix(prefix)
        return self._listed(prefix)

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Up to 16 at a time."""
        return side_by_side(calls, self._clients().calls)

    def local_path(self, key: str) -> Path | None:
        """None: a bucket is in no file system."""
        check_key(key)
        return None

    def settle(self, keys: Sequence[str]) -> None:
        """Nothing to do: what a service has acknowledged is durable."""

    def _path(self, key: str) -> str:
        check_key(key)
        return f"{self.prefix}/{key}" if self.prefix else key

    def _clients(self) -> Clients:
        refuse_forked_process()
        if self._connected is None:
            with self._lock:
                self._connected = self._connected or connect(self.bucket, self.options)
        return self._connected

    @contextmanager
    def _typed(self, what: str, key: str, clients: Clients) -> Iterator[None]:
        try:
            yield
        except clients.failures as error:
            # Not chained: the client's message may quote the request, session token included.
            raise self._error(what, key, clients, error) from None

    def _error(self, what: str, key: str, clients: Clients, error: Exception) -> StorageError:
        url = f"{self.url}/{key}".rstrip("/")
        kind = type(error).__name__
        if kind == "UnauthenticatedError" and clients.credentials and clients.credentials.failure:
            return credentials_missing(url, clients.credentials.failure)
        return s3_error(what, url, self.bucket, str(error), kind)

    def _send_parts(self, path: str, file: FileIO, size: int, clients: Clients) -> Received:
        passing = _Passing(file, max(_PART, -(-size // (_MOST_PARTS - 1))))
        try:
            clients.again.put(path, passing, chunk_size=passing.part, max_concurrency=_AHEAD, use_multipart=True)
        except FileNotFoundError as error:
            # The reply to the last request was lost, and the retry found that nothing is left to complete.
            if "NoSuchUpload" not in str(error) or clients.again.head(path)["size"] != passing.size:
                raise
        return passing.received()

    def _first_part(self, path: str, clients: Clients) -> tuple[memoryview, int] | None:
        try:
            try:
                result = clients.again.get(path, options={"range": (0, _PART)})
            except clients.failures as error:
                # No byte of an empty object can be asked for.
                if not _is_out_of_range(error):
                    raise
                result = clients.again.get(path)
            return memoryview(result.bytes()), result.meta["size"]
        except FileNotFoundError as error:
            if _is_missing_bucket(error):
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
                for start in range(_PART, size, _PART):
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


class _Passing:
    """A file's bytes in parts, measured as they pass."""

    def __init__(self, file: FileIO, part: int) -> None:
        self.part = part
        self.size = 0
        self._file = file
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        while body := self._file.read(self.part):
            self._digest.update(body)
            self.size += len(body)
            yield body

    def received(self) -> Received:
        """What has passed."""
        return Received(size=self.size, sha256=self._digest.hexdigest())


def _is_missing_bucket(error: Exception) -> bool:
    return "<Code>NoSuchBucket<" in str(error)


def _is_out_of_range(error: Exception) -> bool:
    return "InvalidRange" in str(error) or "status code: 416" in str(error)
