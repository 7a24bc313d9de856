"""Every interleaving of actors over the operations of a storage, each run on the real code.

An actor is a thread that stops before each operation on the storage; a schedule says whose operation is next, so a run
is a sequence of operations and nothing else decides what happens. All schedules are tried, except that of those which
differ only in the order of neighbouring operations that do not meet, one stands for all (sleep sets, by Godefroid).
Two operations meet if exchanging them could change anything that anybody sees:

- they touch one key (a listing touches all below its prefix), and one of them writes; or
- both are of the kind that what must always hold can be broken by: commits, and deletions of a version's files.

All else that an actor does is a function of what its operations returned: its random ids are counted, its clock stands
still, its listings are put in order. A replayed run that does not stop where it stopped before is an error.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from modelstore_core import ModelStore, ModelStoreError
from modelstore_core.ports import Ports
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import ObjectInfo, Passed, Received, unwatched
from modelstore_core.testing.stores import StillClock, store_over

T = TypeVar("T")

Act = Callable[[ModelStore], object]

_READS = frozenset({"get", "fetch", "list"})


@dataclass(frozen=True, slots=True)
class Step:
    """One operation that an actor is about to do: its verb, and the keys it touches (a listing: its prefix)."""

    verb: str
    keys: frozenset[str]

    @property
    def critical(self) -> bool:
        """Whether it could break what must hold at every moment."""
        kind = {"create": "/log/", "delete": "/data/"}.get(self.verb)
        return kind is not None and any(kind in key for key in self.keys)

    def meets(self, other: "Step") -> bool:
        """Whether the order of the two could matter."""
        if self.critical and other.critical:
            return True
        if self.verb in _READS and other.verb in _READS:
            return False
        return self._covers(other) or other._covers(self)

    def _covers(self, other: "Step") -> bool:
        if self.verb != "list":
            return bool(self.keys & other.keys)
        return any(key.startswith(prefix) for prefix in self.keys for key in other.keys)


class _Abandoned(BaseException):
    """The run was given up; the actor's thread ends. No `Exception`, so that nothing handles it."""


class _Actor:
    """One verb in a thread of its own, which goes from one operation to the next when told to."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.step: Step | None = None
        self.outcome: object = None
        self._act = act
        self._go, self._stopped = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stopped.acquire()
        self._given_up = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Go to the first operation."""
        self._thread.start()
        self._stopped.acquire()

    def advance(self) -> None:
        """Do the operation, and go to the next."""
        self._go.release()
        self._stopped.acquire()

    def give_up(self) -> None:
        """End the thread where it is."""
        self._given_up = True
        self.advance()
        self._thread.join()

    def stop_before(self, step: Step) -> None:
        """Called by the storage, in the actor's thread."""
        if self._given_up:  # what tidies up on the way out does so on no storage either
            raise _Abandoned
        self.step = step
        self._stopped.release()
        self._go.acquire()
        if self._given_up:
            raise _Abandoned

    def _run(self) -> None:
        try:
            self.outcome = self._act()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 -- judged by whoever looks at the outcomes
            self.outcome = error
        self.step = None
        self._stopped.release()


class _Turnstile(MemoryStorage):
    """A handle of a storage in memory whose operations wait for their turn, once it has an actor."""

    actor: _Actor | None = None
    backwards = False

    def _wait(self, verb: str, keys: Iterable[str]) -> None:
        if self.actor is not None:
            self.actor.stop_before(Step(verb, frozenset(keys)))

    def get(self, key: str) -> bytes | None:
        self._wait("get", [key])
        return super().get(key)

    def create(self, key: str, body: bytes) -> bool:
        self._wait("create", [key])
        return MemoryStorage(self.name).create(key, body)

    def put(self, key: str, body: bytes) -> None:
        self._wait("put", [key])
        super().put(key, body)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        self._wait("send", [key])
        return MemoryStorage(self.name).send(key, source, passed)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        self._wait("fetch", [key])
        return MemoryStorage(self.name).fetch(key, target, passed)

    def copy(self, source: str, target: str, sha256: str, *, origin: object = None) -> bool:
        self._wait("copy", [source, target])
        return MemoryStorage(self.name).copy(source, target, sha256)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = [*keys]
        self._wait("delete", doomed)
        super().delete(doomed)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._wait("list", [prefix])
        return iter(sorted(super().list(prefix), key=lambda info: info.key))

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        if not self.backwards:
            return super().together(calls)
        return [*reversed(super().together([*reversed(calls)]))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is there, and who acts on it at the same time; the warm among them have read the head before.

    What an actor does side by side is done in order, or all of it backwards.
    `always` is asked after each operation that could break it, once for each state of the storage; `finally_` of the
    state at the end and everybody's outcome.
    """

    actors: Sequence[Act]
    before: Act
    always: Callable[[MemoryStorage], object]
    finally_: Callable[[MemoryStorage, Sequence[object]], object]
    warm: frozenset[int] = frozenset()
    backwards: bool = False


@dataclass(slots=True)
class Count:
    """How many runs there were, how many of them were given up as seen already, and what the others stand for."""

    runs: int = 0
    cut: int = 0
    interleavings: int = 0

    def add(self, other: "Count") -> None:
        self.runs += other.runs
        self.cut += other.cut
        self.interleavings += other.interleavings


class _Play:
    """One run of a scene, from its beginning, as far as it has come."""

    def __init__(self, scene: Scene, storage: MemoryStorage, start: Mapping[str, bytes], seen: set[int]) -> None:
        self._scene = scene
        self._storage = storage
        self._seen = seen
        _empty(storage)
        for key, body in start.items():
            storage.put(key, body)
        self._actors = [self._cast(number, act) for number, act in enumerate(scene.actors)]
        self.done: list[tuple[int, Step]] = []
        for actor in self._actors:
            actor.start()

    def _cast(self, number: int, act: Act) -> _Actor:
        storage = _Turnstile(self._storage.name)
        storage.backwards = self._scene.backwards
        store = store_over(storage, ports=_counted(number), actor=f"actor {number}")
        if number in self._scene.warm:
            store.get("m@1")
        actor = storage.actor = _Actor(partial(act, store))
        return actor

    def steps(self) -> dict[int, Step]:
        """What each who has not ended is about to do."""
        return {number: actor.step for number, actor in enumerate(self._actors) if actor.step is not None}

    def advance(self, number: int) -> None:
        step = self._actors[number].step
        assert step is not None
        self._actors[number].advance()
        self.done.append((number, step))
        if step.critical and self._is_new():
            self._scene.always(self._storage)

    def _is_new(self) -> bool:
        """Whether no run has seen the storage like this."""
        state = hash(frozenset((key, body) for key, (body, _) in self._storage._space.objects.items()))
        known = state in self._seen
        self._seen.add(state)
        return not known

    def give_up(self) -> None:
        for number in self.steps():
            self._actors[number].give_up()

    def judge(self) -> None:
        outcomes = [actor.outcome for actor in self._actors]
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, ModelStoreError):
                raise outcome
        self._scene.finally_(self._storage, outcomes)


def _counted(number: int) -> Ports:
    """Ports of a clock that stands still, and of ids that are counted."""
    ports, ids = StillClock().ports(), iter(range(1 << 20))
    return Ports(
        now=ports.now,
        monotonic=ports.monotonic,
        sleep=ports.sleep,
        jitter=ports.jitter,
        token=lambda: f"{number:08x}{next(ids):024x}",
    )


@dataclass(slots=True)
class _Choice:
    """A moment at which several could go on: who went, who did before, and whose going first was seen elsewhere."""

    steps: Mapping[int, Step]
    asleep: frozenset[int]
    went: int
    reduced: bool
    tried: set[int] = field(default_factory=set)

    def still_asleep(self) -> frozenset[int]:
        """Those whose step need not come next: it was tried before this one, and they do not meet."""
        before = self.asleep | self.tried if self.reduced else frozenset[int]()
        return frozenset(n for n in before if n in self.steps and not self.steps[n].meets(self.steps[self.went]))

    def awake(self) -> list[int]:
        return [number for number in self.steps if number not in self.asleep | self.tried]


def play_all(scene: Scene, name: str, *, reduced: bool = True) -> Count:
    """Run the scene in every way, or (unreduced) in really every one; how many there were."""
    storage = MemoryStorage(name)
    _empty(storage)
    scene.before(store_over(storage, ports=_counted(99)))
    start = {info.key: storage.get(info.key) or b"" for info in storage.list("")}
    count, path, seen = Count(), list[_Choice](), set[int]()
    while True:
        play = _Play(scene, storage, start, seen)
        try:
            whole = _follow(play, path, reduced=reduced)
            if whole:
                play.judge()
        except BaseException as error:
            error.add_note("\n".join(f"{who}: {step.verb} {sorted(step.keys)}" for who, step in play.done))
            raise
        finally:
            play.give_up()
        count.add(Count(runs=1, cut=not whole, interleavings=_orders(play.done, len(scene.actors)) if whole else 0))
        if not _turn_back(path):
            _empty(storage)
            return count


def _empty(storage: MemoryStorage) -> None:
    storage.delete([info.key for info in storage.list("")])


def _follow(play: _Play, path: list[_Choice], *, reduced: bool) -> bool:
    """Go along the path, and on from its end; whether the run came to its end, or is one seen already."""
    for choice in path:
        assert play.steps() == choice.steps, "an actor did something else than in the run before"
        play.advance(choice.went)
    while steps := play.steps():
        asleep = path[-1].still_asleep() if path else frozenset()
        choice = _Choice(steps=steps, asleep=asleep, went=-1, reduced=reduced)
        awake = choice.awake()
        if not awake:
            return False
        choice.went = awake[0]
        path.append(choice)
        play.advance(choice.went)
    return True


def _turn_back(path: list[_Choice]) -> bool:
    """To the last moment at which another could go on; False if there is none left."""
    while path:
        last = path[-1]
        last.tried.add(last.went)
        awake = last.awake()
        if awake:
            last.went = awake[0]
            return True
        path.pop()
    return False


def _orders(done: Sequence[tuple[int, Step]], actors: int) -> int:
    """In how many orders these operations can be done with those that meet in the order they were done in."""
    lines: list[list[tuple[int, ...]]] = [[] for _ in range(actors)]  # per actor and step: how many of each come before
    passed: list[tuple[int, Step, int]] = []
    for who, step in done:
        needs = [0] * actors
        for other, earlier, place in passed:
            if other != who and earlier.meets(step):
                needs[other] = max(needs[other], place + 1)
        passed.append((who, step, len(lines[who])))
        lines[who].append(tuple(needs))

    @cache
    def ways(at: tuple[int, ...]) -> int:
        if all(at[who] == len(lines[who]) for who in range(actors)):
            return 1
        return sum(
            ways((*at[:who], at[who] + 1, *at[who + 1 :]))
            for who in range(actors)
            if at[who] < len(lines[who]) and all(a >= need for a, need in zip(at, lines[who][at[who]], strict=True))
        )

    return ways((0,) * actors)
