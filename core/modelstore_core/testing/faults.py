"""A storage around a storage that fails as networks, services and processes do, by a seed or by a script.

Every fault is one that a real service was seen to show, and none breaks the protocol: what is promised there still
holds. So whatever goes wrong above this storage is a fault of the code above it.
"""

import hashlib
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from modelstore_core.errors import StorageUnavailable
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched
from modelstore_core.testing.wrapping import unwrapped

T = TypeVar("T")

__all__ = ["Fault", "FaultKind", "FaultyStorage", "FaultyVerb", "Injected", "Script", "SimulatedCrash"]

FaultyVerb: TypeAlias = Literal["get", "create", "put", "send", "fetch", "copy", "delete", "list", "sweep", "settle"]

FaultKind: TypeAlias = Literal["error", "lost_reply", "lie", "delay", "flip", "crash", "crash_after"]
"""What can go wrong with one operation.

- `error`: nothing is done, `StorageUnavailable` is raised.
- `lost_reply`: it is done, and `StorageUnavailable` is raised.
- `lie`: a create does nothing and says the key is taken, although it is free (what a 409 comes out as); a copy does
  nothing and says that it cannot.
- `delay`: a create or put raises `StorageUnavailable` now and is done later, just before some later operation;
  a create still only if the key is free then.
- `flip`: a get or fetch comes back with one bit changed.
- `crash`, `crash_after`: `SimulatedCrash` is raised before or after it is done, and by every operation after that.
"""

_EVERYWHERE: frozenset[FaultKind] = frozenset({"error", "lost_reply", "crash", "crash_after"})
_POSSIBLE: Mapping[FaultyVerb, frozenset[FaultKind]] = {
    "get": _EVERYWHERE | {"flip"},
    "fetch": _EVERYWHERE | {"flip"},
    "create": _EVERYWHERE | {"lie", "delay"},
    "put": _EVERYWHERE | {"delay"},
    "send": _EVERYWHERE,
    "copy": _EVERYWHERE | {"lie"},
    "delete": _EVERYWHERE,
    "list": _EVERYWHERE,
    "sweep": _EVERYWHERE,
    "settle": _EVERYWHERE,
}
_LONGEST_DELAY = 20


class SimulatedCrash(BaseException):
    """The process is dead as far as the storage can see. Not an `Exception`, so that nothing handles it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; a delayed write lands just before the operation `after` operations later."""

    kind: FaultKind
    after: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A fault that took place: the operation's number (from 1), verb and key, and the fault."""

    number: int
    verb: FaultyVerb
    key: str
    fault: Fault


Script: TypeAlias = Callable[[FaultyVerb, str, int], Fault | None]
"""Decides for an operation (verb, key, number from 1) which fault it meets."""


class FaultyStorage:
    """Passes operations on, except where a fault is placed; safe to share between threads.

    With one thread the same seed gives the same faults. Faults that make no sense for a verb are not placed by rates
    and are a `ValueError` in a script.
    """

    def __init__(
        self,
        inner: Storage,
        seed: int = 0,
        *,
        rates: Mapping[FaultKind, float] | None = None,
        script: Script | None = None,
    ) -> None:
        self.inner = inner
        self.seed = seed
        self.rates = dict(rates or {})
        self.script = script
        self._random = random.Random(seed)  # noqa: S311 -- faults that can be repeated, not secrets
        self._lock = threading.Lock()
        self._number = 0
        self._dead = False
        self._injected: list[Injected] = []
        self._delayed: list[tuple[int, Callable[[], object]]] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r}, {self.seed!r}, rates={self.rates!r})"

    def __reduce__(self) -> tuple[Callable[..., "FaultyStorage"], tuple[object, ...]]:
        return partial(type(self), rates=self.rates, script=self.script), (self.inner, self.seed)

    @property
    def operations(self) -> int:
        """How many operations there were."""
        return self._number

    @property
    def injected(self) -> tuple[Injected, ...]:
        """The faults that took place, in order."""
        with self._lock:
            return tuple(self._injected)

    def land(self) -> None:
        """Let all delayed writes take place now."""
        with self._lock:
            due, self._delayed = self._delayed, []
        for _, write in due:
            write()

    def _meet(self, verb: FaultyVerb, key: str) -> Fault | None:
        """Count the operation, let what is due land, and decide what happens to it."""
        with self._lock:
            if self._dead:
                raise SimulatedCrash(f"already dead at {verb} {key!r}")
            self._number += 1
            fault = self.script(verb, key, self._number) if self.script else self._drawn(verb)
            if fault and fault.kind not in _POSSIBLE[verb]:
                raise ValueError(f"{fault!r} cannot happen to {verb!r}: possible are {sorted(_POSSIBLE[verb])}.")
            if fault:
                self._injected.append(Injected(number=self._number, verb=verb, key=key, fault=fault))
                self._dead = fault.kind in {"crash", "crash_after"}
            landing = [write for due, write in self._delayed if due <= self._number]
            self._delayed = [(due, write) for due, write in self._delayed if due > self._number]
        for write in landing:
            write()
        return fault

    def _drawn(self, verb: FaultyVerb) -> Fault | None:
        drawn = self._random.random()
        for kind, rate in self.rates.items():
            if kind in _POSSIBLE[verb]:
                if drawn < rate:
                    return Fault(kind, after=self._random.randint(1, _LONGEST_DELAY))
                drawn -= rate
        return None

    def _do(self, verb: FaultyVerb, key: str, work: Callable[[], T]) -> T:
        return self._done(self._meet(verb, key), verb, key, work)

    def _done(self, fault: Fault | None, verb: FaultyVerb, key: str, work: Callable[[], T]) -> T:
        kind = fault.kind if fault else None
        if kind == "crash":
            raise SimulatedCrash(f"before {verb} {key!r}")
        if kind == "error":
            raise _unavailable(verb, key)
        done = work()
        if kind == "crash_after":
            raise SimulatedCrash(f"after {verb} {key!r}")
        if kind == "lost_reply":
            raise _unavailable(verb, key)
        return done

    def _delay(self, fault: Fault, write: Callable[[], object]) -> None:
        with self._lock:
            self._delayed.append((self._number + fault.after, write))

    def _bit(self, size: int) -> tuple[int, int]:
        with self._lock:
            return self._random.randrange(size), 1 << self._random.randrange(8)

    @property
    def url(self) -> str:
        """The inner storage's."""
        return self.inner.url

    def location(self) -> Location:
        """The inner storage's; never meets a fault."""
        return self.inner.location()

    def get(self, key: str) -> bytes | None:
        """May fail, or come back with a bit flipped."""
        fault = self._meet("get", key)
        body = self._done(fault, "get", key, partial(self.inner.get, key))
        if not body or fault is None or fault.kind != "flip":
            return body
        return self._flipped(body)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """May fail (then there is no file), or come back with a bit flipped (then the digest is of that)."""
        fault = self._meet("fetch", key)
        try:
            received = self._done(fault, "fetch", key, partial(self.inner.fetch, key, target, passed))
        except StorageUnavailable:
            if fault is not None and fault.kind == "lost_reply":
                target.unlink(missing_ok=True)
            raise
        if not received or not received.size or fault is None or fault.kind != "flip":
            return received
        body = self._flipped(target.read_bytes())
        target.write_bytes(body)
        return Received(size=len(body), sha256=hashlib.sha256(body).hexdigest())

    def _flipped(self, body: bytes) -> bytes:
        place, bit = self._bit(len(body))
        return body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]

    def create(self, key: str, body: bytes) -> bool:
        """May fail before or after, lie, or land later."""
        fault = self._meet("create", key)
        write = partial(self.inner.create, key, body)
        if fault and fault.kind == "lie":
            return False
        if fault and fault.kind == "delay":
            self._delay(fault, write)
            raise _unavailable("create", key)
        return self._done(fault, "create", key, write)

    def put(self, key: str, body: bytes) -> None:
        """May fail before or after, or land later."""
        fault = self._meet("put", key)
        write = partial(self.inner.put, key, body)
        if fault and fault.kind == "delay":
            self._delay(fault, write)
            raise _unavailable("put", key)
        self._done(fault, "put", key, write)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """May fail before or after."""
        return self._do("send", key, partial(self.inner.send, key, source, passed))

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """May fail before or after, or say that it cannot; meets none of the origin's faults."""
        fault = self._meet("copy", target)
        if fault and fault.kind == "lie":
            return False
        work = partial(self.inner.copy, source, target, sha256, origin=unwrapped(origin))
        return self._done(fault, "copy", target, work)

    def delete(self, keys: Iterable[str]) -> None:
        """May fail before or after; one operation, named by its first key."""
        doomed = list(keys)
        self._do("delete", doomed[0] if doomed else "", partial(self.inner.delete, doomed))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """May fail before or after; one operation, which takes place when it is called."""
        return iter(self._do("list", prefix, lambda: [*self.inner.list(prefix)]))

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """May fail before or after; one operation."""
        return self._do("sweep", prefix, partial(self.inner.sweep, prefix, before, dry_run=dry_run))

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Passed on: the calls meet their own faults."""
        return self.inner.together(calls)

    def local_path(self, key: str) -> Path | None:
        """The inner storage's; never meets a fault."""
        return self.inner.local_path(key)

    def settle(self, keys: Sequence[str]) -> None:
        """May fail before or after; one operation, named by its first key."""
        self._do("settle", keys[0] if keys else "", partial(self.inner.settle, keys))


def _unavailable(verb: str, key: str) -> StorageUnavailable:
    return StorageUnavailable(f"No reply to {verb} {key!r} (an injected fault).", value=key, fix="Try again.")
