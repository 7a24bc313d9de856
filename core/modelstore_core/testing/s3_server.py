"""An S3 server in this process, for tests: atomic, fast, and as faulty as it is told to be.

It speaks what obstore and boto3 need: objects with preconditions and ranges, listings, bulk deletion, copies and
multipart uploads, in path style over HTTP on 127.0.0.1. Signatures are not verified.

    with S3Server(["models"]) as server:
        storage = open_storage("s3://models", endpoint=server.endpoint, region="us-east-1")
"""

import random
import socket
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self, TypeAlias

from modelstore_core.testing.s3_buckets import Buckets
from modelstore_core.testing.s3_wire import Reply, S3Call, S3Error, parse_call, read_body

__all__ = ["Denial", "S3FaultKind", "S3Request", "S3Script", "S3Server"]

S3FaultKind: TypeAlias = Literal[
    "drop_before", "drop_after", "503_before", "503_after", "429", "501", "conflict", "denied", "truncate", "delay"
]
"""What can go wrong with one request.

- `drop_before`, `drop_after`: the connection is dropped without a reply, before or after the request is applied.
- `503_before`, `503_after`: the reply is 503 SlowDown, and the request was not or was applied.
- `429`: the reply is 429 SlowDown, and the write was not applied: some services limit those of one object.
- `501`: a conditional write gets 501 NotImplemented and is not applied: the service knows no conditions.
- `conflict`: a conditional write gets 409 ConditionalRequestConflict and is not applied.
- `denied`: the reply is 403 AccessDenied, and the request was not applied: a permission was taken away.
- `truncate`: the reply breaks off in the middle of its body.
- `delay`: the reply takes `delay_ms` longer.
"""

S3Script: TypeAlias = Callable[[str, str, int], S3FaultKind | None]
"""Decides for a request (S3's operation name, key, number from 1) which fault it meets."""

Denial: TypeAlias = Literal["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken"]

_DENIALS: Mapping[Denial, int] = {
    "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403,
    "AccessDenied": 403,
    "ExpiredToken": 400,
}
_WRITES = frozenset(
    {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "DeleteObject",
        "DeleteObjects",
        "PutObject",
        "UploadPart",
    }
)
_PRECONDITIONS = frozenset({"if-match", "if-none-match"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One request that came in.

    Attributes:
        operation: S3's name: "PutObject", "ListObjectsV2", …
        key: Without the bucket; "" for operations on it.
        status: Of the reply; 0 if the connection was dropped without one.
        fault: The fault it met.
        headers: What it came with, by names in lower case.
    """

    operation: str
    key: str
    status: int
    fault: S3FaultKind | None
    headers: Mapping[str, str]


class S3Server:
    """A server with some buckets, running between `__enter__` and `__exit__`; no thread or socket outlives it.

    Args:
        buckets: The buckets there are.
        access_key_id: If given, requests must be signed with it; others get `denial`.
        denial: The error for wrong or missing credentials.
        denied: Operations that get AccessDenied.
        read_only: Whether all writing operations get AccessDenied.
        region: What HeadBucket says.
        versioning: What GetBucketVersioning says.
        ignore_preconditions: Whether conditional writes always write, as on some servers.
        prove_copies: Whether a copy is answered with the checksum that was asked for, as not all servers do.
        may_list: Whether callers may list the bucket: if not, S3 says 403 of an object that is not there.
        clock: What objects are stamped with; seconds since the epoch.
        seed: Of the faults drawn by `rates`.
        rates: The probability of each fault, for requests it makes sense for.
        script: Places faults exactly; may be exchanged while the server runs.
        delay_ms: How long a `delay` takes.
        latency_ms: How much longer every request takes.
    """

    def __init__(  # noqa: PLR0913 -- switches of a test server, keyword-only
        self,
        buckets: Collection[str],
        *,
        access_key_id: str | None = None,
        denial: Denial = "InvalidAccessKeyId",
        denied: Collection[str] = (),
        read_only: bool = False,
        region: str = "us-east-1",
        versioning: bool = False,
        ignore_preconditions: bool = False,
        prove_copies: bool = True,
        may_list: bool = True,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        rates: Mapping[S3FaultKind, float] | None = None,
        script: S3Script | None = None,
        delay_ms: float = 0,
        latency_ms: float = 0,
    ) -> None:
        self.buckets = Buckets(
            buckets,
            region=region,
            versioning=versioning,
            ignore_preconditions=ignore_preconditions,
            prove_copies=prove_copies,
            may_list=may_list,
            clock=clock,
        )
        self.script = script
        self.rates = dict(rates or {})
        self._access_key_id = access_key_id
        self._denial: Denial = denial
        self._denied = frozenset(denied) | (_WRITES if read_only else frozenset())
        self._random = random.Random(seed)  # noqa: S311 -- faults that can be repeated, not secrets
        self._delay_ms = delay_ms
        self._latency_ms = latency_ms
        self._lock = threading.Lock()
        self._number = 0
        self._requests: list[S3Request] = []
        self._failures: list[str] = []
        self._stopping = threading.Event()
        self._http = _Http(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="s3-server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.drop_connections()
        self._http.server_close()
        self._thread.join()
        if self._failures and error is None:
            raise AssertionError("the S3 server itself failed:\n" + "\n".join(self._failures))

    @property
    def endpoint(self) -> str:
        """The address to give to clients."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def requests(self) -> tuple[S3Request, ...]:
        """All requests so far, in the order of their replies."""
        with self._lock:
            return tuple(self._requests)

    def counts(self) -> dict[str, int]:
        """How many requests there were of each operation."""
        return dict(Counter(request.operation for request in self.requests))

    def reset(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._requests.clear()

    def answer(self, call: S3Call) -> tuple[Reply | None, S3FaultKind | None]:
        """The reply to a request, None for a dropped connection, and the fault it met."""
        fault = self._meet(call)
        self._stopping.wait((self._latency_ms + (self._delay_ms if fault == "delay" else 0)) / 1000)
        try:
            reply = self._applied(call, fault)
        except S3Error as error:
            reply = error.reply()
        with self._lock:
            status = reply.status if reply else 0
            self._requests.append(
                S3Request(operation=call.operation, key=call.key, status=status, fault=fault, headers=call.headers)
            )
        return reply, fault

    def _applied(self, call: S3Call, fault: S3FaultKind | None) -> Reply | None:
        self._authorize(call)
        if fault == "conflict":
            raise S3Error(409, "ConditionalRequestConflict")
        if fault == "501" and _PRECONDITIONS & set(call.headers):
            raise S3Error(501, "NotImplemented", "A header you provided implies functionality that is not implemented.")
        if fault == "429":
            raise S3Error(429, "SlowDown", "The object exceeded the rate limit for mutations.")
        if fault == "denied":
            raise S3Error(403, "AccessDenied", "Access Denied")
        if fault == "drop_before":
            return None
        reply = self.buckets.apply(call) if fault != "503_before" else None
        if fault in {"503_before", "503_after"}:
            raise S3Error(503, "SlowDown", "Please reduce your request rate.")
        return None if fault == "drop_after" else reply

    def failed(self) -> None:
        """Remember the exception being handled: a fault of the server, raised when it stops."""
        with self._lock:
            self._failures.append(traceback.format_exc())

    def _meet(self, call: S3Call) -> S3FaultKind | None:
        with self._lock:
            self._number += 1
            if self.script:
                return self.script(call.operation, call.key, self._number)
            drawn = self._random.random()
            for kind, rate in self.rates.items():
                if _is_possible(kind, call):
                    if drawn < rate:
                        return kind
                    drawn -= rate
            return None

    def _authorize(self, call: S3Call) -> None:
        authorization = call.headers.get("authorization", "")
        if self._access_key_id is not None and f"Credential={self._access_key_id}/" not in authorization:
            raise S3Error(_DENIALS[self._denial], self._denial)
        if call.operation in self._denied:
            raise S3Error(403, "AccessDenied", "Access Denied")


def _is_possible(kind: S3FaultKind, call: S3Call) -> bool:
    if kind in {"conflict", "501"}:
        return call.operation in _WRITES and bool(_PRECONDITIONS & set(call.headers))
    if kind == "429":
        return call.operation in _WRITES
    return kind != "truncate" or call.operation == "GetObject"


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # server_close joins them
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def drop_connections(self) -> None:
        """Wake the threads that wait for a next request on a connection kept alive."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def __init__(self, s3: S3Server, request: socket.socket, address: object, server: _Http) -> None:
        self._s3 = s3
        super().__init__(request, address, server)

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with suppress(ConnectionError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = read_body(headers, self.rfile)
            reply, fault = self._answered(headers, body)
        except ConnectionError:
            self.close_connection = True
            return
        except Exception:  # noqa: BLE001 -- kept, and raised when the server stops
            self._s3.failed()
            reply, fault = S3Error(500, "InternalError").reply(), None
        if reply is None:
            self._drop()
        else:
            self._send(reply, truncate=fault == "truncate")

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815 -- http.server's names

    def _answered(self, headers: Mapping[str, str], body: bytes) -> tuple[Reply | None, S3FaultKind | None]:
        try:
            call = parse_call(self.command, self.path, headers, body)
        except S3Error as error:
            return error.reply(), None
        return self._s3.answer(call)

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, reply: Reply, *, truncate: bool) -> None:
        headers = {"Server": "modelstore-test", "Content-Length": str(reply.size), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {responses[reply.status]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        start = ("\r\n".join(lines) + "\r\n\r\n").encode()
        body = () if self.command == "HEAD" else reply.body
        if truncate:
            self.wfile.write(start + b"".join(body)[: reply.size // 2])
            self._drop()
        elif reply.size < 65536:  # noqa: PLR2004 -- one packet or few: headers and body in one write
            self.wfile.write(start + b"".join(body))
        else:
            self.wfile.write(start)
            for piece in body:
                self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Nothing: requests are counted, not printed."""
