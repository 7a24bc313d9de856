"""A storage around a storage that counts what is asked of it, and how much of that has to wait for one another."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched
from modelstore_core.testing.wrapping import unwrapped

T = TypeVar("T")

__all__ = ["CountingStorage", "Request", "Verb"]

Verb: TypeAlias = Literal["location", "get", "create", "put", "send", "fetch", "copy", "delete", "list", "sweep"]

_PAGE = 1000  # what S3 lists or deletes by one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as an object store would be asked it.

    Attributes:
        verb: The operation.
        key: Its key; the prefix of a listing; the first key of a page of a listing or deletion after the first.
        round: Which step of a sequence it belongs to, from 1. Requests of one round need not wait for one another.
    """

    verb: Verb
    key: str
    round: int


@dataclass(slots=True)
class _Line:
    """A sequence of requests, each waiting for the one before it."""

    round: int = 0


class CountingStorage:
    """Passes everything on and records each request with its round; safe to share between threads.

    Calls inside one `together` start in the same round, and it lasts as many rounds as the longest of them; so may
    nested ones. Listings and deletions count one request per thousand objects, `send`, `fetch` and `copy` one per file.
    """

    def __init__(self, inner: Storage) -> None:
        self.inner = inner
        self._lock = threading.Lock()
        self._line: ContextVar[_Line | None] = ContextVar("line", default=None)
        self._main = _Line()
        self._requests: list[Request] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    def __reduce__(self) -> tuple[type["CountingStorage"], tuple[Storage]]:
        # What was counted stays here: a copy in another process counts for itself.
        return type(self), (self.inner,)

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests since the last reset, in the order in which they began."""
        with self._lock:
            return tuple(self._requests)

    @property
    def rounds(self) -> int:
        """How many of the requests since the last reset had to wait for the one before, plus one."""
        with self._lock:
            return self._main.round

    def reset(self) -> None:
        """Count from zero again."""
        with self._lock:
            self._requests.clear()
            self._main.round = 0

    def summary(self) -> dict[Verb, int]:
        """How many requests there were of each verb that was used."""
        return dict(Counter(request.verb for request in self.requests))

    def _count(self, verb: Verb, key: str) -> None:
        line = self._line.get() or self._main
        with self._lock:
            line.round += 1
            self._requests.append(Request(verb=verb, key=key, round=line.round))

    @property
    def url(self) -> str:
        """The inner storage's."""
        return self.inner.url

    def location(self) -> Location:
        """The inner storage's; counted, because it may ask the service."""
        self._count("location", "")
        return self.inner.location()

    def get(self, key: str) -> bytes | None:
        """Counted, then passed on."""
        self._count("get", key)
        return self.inner.get(key)

    def create(self, key: str, body: bytes) -> bool:
        """Counted, then passed on."""
        self._count("create", key)
        return self.inner.create(key, body)

    def put(self, key: str, body: bytes) -> None:
        """Counted, then passed on."""
        self._count("put", key)
        self.inner.put(key, body)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Counted, then passed on."""
        self._count("send", key)
        return self.inner.send(key, source, passed)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Counted, then passed on."""
        self._count("fetch", key)
        return self.inner.fetch(key, target, passed)

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """Counted under the target's key, then passed on."""
        self._count("copy", target)
        return self.inner.copy(source, target, sha256, origin=unwrapped(origin))

    def delete(self, keys: Iterable[str]) -> None:
        """Counted, once per thousand keys, then passed on."""
        doomed = list(keys)
        for key in doomed[::_PAGE]:
            self._count("delete", key)
        self.inner.delete(doomed)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Counted once, and again for each thousand objects after the first; then passed on."""
        return self._counted(prefix, self.inner.list(prefix))

    def _counted(self, prefix: str, listing: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
        self._count("list", prefix)
        for number, info in enumerate(listing):
            if number and number % _PAGE == 0:
                self._count("list", info.key)
            yield info

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Counted once under its prefix, then passed on."""
        self._count("sweep", prefix)
        return self.inner.sweep(prefix, before, dry_run=dry_run)

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Passed on, each call as a line of its own that starts here."""
        line = self._line.get() or self._main
        branches = [_Line(line.round) for _ in calls]
        try:
            return self.inner.together([self._on(branch, call) for branch, call in zip(branches, calls, strict=True)])
        finally:
            with self._lock:
                line.round = max([line.round, *(branch.round for branch in branches)])

    def _on(self, branch: _Line, call: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            token = self._line.set(branch)
            try:
                return call()
            finally:
                self._line.reset(token)

        return run

    def local_path(self, key: str) -> Path | None:
        """The inner storage's; not a request."""
        return self.inner.local_path(key)

    def settle(self, keys: Sequence[str]) -> None:
        """Passed on; not a request."""
        self.inner.settle(keys)
