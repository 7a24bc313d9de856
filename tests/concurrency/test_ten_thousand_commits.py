"""Ten thousand commits of writers that race while every kind of fault strikes; and what the naive way makes of them."""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from tests.concurrency.turns import Turns, TurnsStorage
from tests.conftest import Tell
from tests.properties.effort import SOAK, takes

from modelstore_core import CommitUncertain, ModelStore, StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import FaultKind, FaultyStorage
from modelstore_core.testing.linear import Call, check_linear
from modelstore_core.testing.stores import store_over

WRITERS, EACH = 6, 25
RUNS = 320 * SOAK or 80

# dropped before, or 503 before; dropped after, or 503 after; 409 of a key that is free; lands later, after an error
RATES: Mapping[FaultKind, float] = {"error": 0.05, "lost_reply": 0.10, "lie": 0.05, "delay": 0.05}

T = TypeVar("T")

_spaces = itertools.count()


@dataclass(slots=True)
class Race:
    """Six writers of 25 commits each; a seed for who goes on and what goes wrong, the same whatever the writers do."""

    seed: int
    turns: Turns = field(init=False)
    memory: MemoryStorage = field(init=False)
    faulty: FaultyStorage = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Turns(self.seed)
        self.memory = MemoryStorage(f"ten-thousand-{next(_spaces)}")
        self.faulty = FaultyStorage(TurnsStorage(self.memory.name, self.turns), self.seed, rates=RATES)

    def run(self, work: Callable[[int], T]) -> list[T]:
        told = self.turns.take([partial(work, who) for who in range(WRITERS)])
        self.faulty.land()
        return told

    def commits(self, who: int) -> list[Call]:
        """Save, promote and annotate by turns.

        Half of the writers give up early, and retry with the same key until they are told; the others have no key, so
        what they are told once must be true, and they have all the time in the world.
        """
        keyed, calls, own = bool(who % 2), [], 1
        store = store_over(self.faulty, patience=0.05 if keyed else 10**6)
        for step in range(EACH):
            word, begun = f"{who}/{step}", self.turns.now
            alias = "champion" if step % 5 in {1, 3} else None
            told = _told(partial(_commit, store, step, own, word, word if keyed else None), keyed=keyed)
            ended = math.inf if told is None else self.turns.now
            calls.append(Call(begun=begun, ended=ended, key=word, alias=alias, number=told))
            own = told or own
        return calls

    def naive_commits(self, who: int) -> None:
        """The same number of commits by a writer that takes "exists" and a time-out for "lost"."""
        for step in range(EACH):
            naive_commit(self.faulty, f"{who}/{step}".encode())


def _commit(store: ModelStore, step: int, own: int, word: str, key: str | None) -> int:
    """The call of this step; it leaves its word in the log, with a key or without."""
    match step % 5:
        case 0:
            return store.save({"w": step}, "m", format="pickle", description=word, key=key).number
        case 1 | 3:
            return store.promote(f"m@{own}", "champion", reason=word, key=key).number
        case _:
            return store.annotate(f"m@{own}", description=word, key=key).number


def _word(entry: Mapping[str, Any]) -> str:
    op = entry["op"]
    return str(op["reason"] if op["kind"] == "set_alias" else op["description"])


def _told(call: Callable[[], int], *, keyed: bool) -> int | None:
    """What a caller is told who asks again whenever that is safe; None if it must be left open."""
    while True:
        try:
            return call()
        except StorageUnavailable:  # nothing was changed
            continue
        except CommitUncertain:
            if not keyed:
                return None


def naive_commit(storage: Storage, body: bytes) -> None:
    """Append to a log by create-if-absent, and whatever goes wrong with one number, take the next."""
    number = 1
    while True:
        with suppress(StorageUnavailable):
            if storage.get(f"log/{number}") is None and storage.create(f"log/{number}", body):
                return
        number += 1


@takes(minutes=15)
def test_ten_thousand_commits_under_faults_are_each_made_once(tell: Tell) -> None:
    commits, doubts, faults = 0, 0, Counter[str]()
    for seed in range(RUNS):
        race = Race(seed)
        store_over(race.memory).save({"w": 0}, "m", format="pickle", description="first")
        calls = [Call(begun=0, ended=0, key="first", number=1), *itertools.chain(*race.run(race.commits))]
        found = audit(race.memory, "m", files=False)
        placed = check_linear([{**entry, "key": _word(entry)} for entry in found.entries], calls)

        assert len(found.numbers) == 1 + WRITERS * EACH // 5
        assert (placed.committed, placed.vanished) == (len(found.entries), 0)
        assert placed.committed + placed.looked == 1 + WRITERS * EACH
        commits, doubts = commits + placed.committed, doubts + placed.doubt
        faults.update(fault.fault.kind for fault in race.faulty.injected)

    tell(f"{commits:,} commits in {RUNS} races, seeds 0 to {RUNS - 1}, 0 lost, 0 doubled; {doubts} left open")
    tell(f"faults met: {dict(faults)}")
    assert commits >= 10_000


def test_the_naive_way_doubles_commits_in_every_race_of_these_seeds(tell: Tell) -> None:
    doubled = []
    for seed in range(RUNS):
        race = Race(seed)
        race.run(race.naive_commits)
        bodies = Counter(race.memory.get(info.key) for info in race.memory.list("log/"))
        doubled.append(sum(bodies.values()) - len(bodies))

    tell(f"{sum(doubled):,} of {RUNS * WRITERS * EACH:,} doubled, {min(doubled)} to {max(doubled)} in {WRITERS * EACH}")
    assert min(doubled) >= 1
