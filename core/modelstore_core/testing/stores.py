"""Stores over a storage object, a clock that costs no time, and a storage in which somebody else acts meanwhile.

As in

    storage = MemoryStorage("a-name-of-its-own")
    slow = MeanwhileStorage(storage, lambda: store_over(storage).promote("m@1", "prod"), verb="create", key="/log/")
    store_over(slow).promote("m@2", "prod")

where the other promotion takes place just before this one's commit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from modelstore_core.formats.trust import Trust, parse_trust
from modelstore_core.model.operations import Condemn, Entry, Purge, SetRules, Verb
from modelstore_core.ports import Ports
from modelstore_core.registry.transitions import after
from modelstore_core.registry.writer import Append, Request
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched
from modelstore_core.store.facade import ModelStore
from modelstore_core.store.handle import Handle, Settings
from modelstore_core.testing.wrapping import unwrapped

T = TypeVar("T")

__all__ = ["MeanwhileStorage", "MeanwhileVerb", "StillClock", "commit", "store_over"]

MeanwhileVerb: TypeAlias = Literal["get", "create", "put", "send", "fetch", "copy", "delete", "list", "sweep"]


@dataclass(slots=True)
class StillClock:
    """Time that passes only while somebody waits for it, so that deadlines and back-off cost a test nothing.

    Attributes:
        date: What the wall clock shows at the start.
        waited: Seconds that were waited for.
    """

    date: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    waited: float = 0.0

    def ports(self) -> Ports:
        """Ports that take their time from here."""
        return Ports(
            now=lambda: self.date + timedelta(seconds=self.waited),
            monotonic=lambda: self.waited,
            sleep=self._sleep,
            jitter=lambda: 0.5,
        )

    def _sleep(self, seconds: float) -> None:
        self.waited += seconds


def store_over(
    storage: Storage,
    *,
    actor: str = "tester",
    trust: str | Iterable[str] | Trust = "full",
    single_writer: bool = False,
    patience: float = 60.0,
    ports: Ports | None = None,
) -> ModelStore:
    """A new, cold store over the storage; with ports left out it lives in a `StillClock`."""
    settings = Settings(actor=actor, trust=parse_trust(trust), single_writer=single_writer, patience=patience)
    return ModelStore.over(Handle(storage, settings, ports or StillClock().ports()))


def commit(storage: Storage, name: str, op: Condemn | Purge | SetRules) -> Entry:
    """Commit to a model's log what a collector commits, or rules, by the same rule as any verb; its entry."""
    settings = Settings(actor="collector", trust=parse_trust("safe"), single_writer=False, patience=60.0)
    verb: Verb = "condemn" if isinstance(op, Condemn) else "purge" if isinstance(op, Purge) else "protect"
    request = Request(verb=verb, actor=settings.actor)
    outcome = Handle(storage, settings, StillClock().ports()).write(
        name, request, lambda view: Append(op=op, state=lambda seq: after(view.state, seq, op, was_live=False))
    )
    assert outcome.entry is not None
    return outcome.entry


@dataclass(slots=True)
class _Appointment:
    """When the other acts, and how often the moment has come so far."""

    act: Callable[[], object]
    verb: MeanwhileVerb
    key: str
    nth: int
    after: bool
    met: int = field(default=0)


class MeanwhileStorage:
    """Passes everything on, and lets somebody else act just before (or after) one operation.

    Every interleaving of two writers is one of these: no threads, no luck.

    Args:
        inner: The storage that both use; `act` uses it directly.
        act: What the other does.
        verb: The operation at which it is done.
        key: A part of that operation's key.
        nth: The how-manieth such operation it is, from 1.
        after: Whether it is done after that operation instead of before it.
    """

    def __init__(
        self,
        inner: Storage,
        act: Callable[[], object],
        *,
        verb: MeanwhileVerb,
        key: str = "",
        nth: int = 1,
        after: bool = False,
    ) -> None:
        self.inner = inner
        self._appointment = _Appointment(act=act, verb=verb, key=key, nth=nth, after=after)

    @property
    def acted(self) -> bool:
        """Whether the moment has come."""
        return self._appointment.met >= self._appointment.nth

    @property
    def url(self) -> str:
        """The inner storage's."""
        return self.inner.url

    def location(self) -> Location:
        """The inner storage's."""
        return self.inner.location()

    def get(self, key: str) -> bytes | None:
        """Passed on."""
        return self._do("get", key, lambda: self.inner.get(key))

    def create(self, key: str, body: bytes) -> bool:
        """Passed on."""
        return self._do("create", key, lambda: self.inner.create(key, body))

    def put(self, key: str, body: bytes) -> None:
        """Passed on."""
        self._do("put", key, lambda: self.inner.put(key, body))

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Passed on."""
        return self._do("send", key, lambda: self.inner.send(key, source, passed))

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Passed on."""
        return self._do("fetch", key, lambda: self.inner.fetch(key, target, passed))

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """Passed on; named by its target."""
        inner = unwrapped(origin)
        return self._do("copy", target, lambda: self.inner.copy(source, target, sha256, origin=inner))

    def delete(self, keys: Iterable[str]) -> None:
        """Passed on; named by its first key."""
        doomed = [*keys]
        self._do("delete", doomed[0] if doomed else "", lambda: self.inner.delete(doomed))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Passed on; takes place when it is called."""
        return iter(self._do("list", prefix, lambda: [*self.inner.list(prefix)]))

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Passed on; named by its prefix."""
        return self._do("sweep", prefix, lambda: self.inner.sweep(prefix, before, dry_run=dry_run))

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Passed on."""
        return self.inner.together(calls)

    def local_path(self, key: str) -> Path | None:
        """The inner storage's."""
        return self.inner.local_path(key)

    def settle(self, keys: Sequence[str]) -> None:
        """Passed on."""
        self.inner.settle(keys)

    def _do(self, verb: MeanwhileVerb, key: str, work: Callable[[], T]) -> T:
        meeting = self._appointment
        if verb != meeting.verb or meeting.key not in key:
            return work()
        meeting.met += 1
        due = meeting.met == meeting.nth
        if due and not meeting.after:
            meeting.act()
        done = work()
        if due and meeting.after:
            meeting.act()
        return done
