"""Many threads at one model in memory, where nothing slows a race down."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest
from tests.properties.effort import SOAK

from modelstore_core import AliasConflict, CommitUncertain, GateRefused, Improves, ModelStore, StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import FaultKind, FaultyStorage
from modelstore_core.testing.stores import store_over

T = TypeVar("T")

TIMES = 20 * SOAK or 1
_spaces = itertools.count()


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(f"threads-{next(_spaces)}")


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run each call in a thread of its own, all of them released by one barrier."""
    barrier = threading.Barrier(len(calls), timeout=60)

    def released(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(released, calls, timeout=120))


def save(store: ModelStore, weight: int, key: str | None = None) -> int:
    return store.save({"w": weight}, "m", format="pickle", metrics={"auc": weight}, key=key).number


def promoted(store: ModelStore, reference: str, **how: object) -> bool:
    try:
        store.promote(reference, "champion", **how)  # type: ignore[arg-type]  # passed on as it comes
    except (GateRefused, AliasConflict):
        return False
    return True


def test_of_two_promotions_under_a_gate_the_worse_never_replaces_the_better(memory: MemoryStorage) -> None:
    store = store_over(memory)
    for weight in (1, 2, 3):
        save(store, weight)
    for warm in [True, False] * 60 * TIMES:
        store.promote("m@1", "champion")
        racers = [store_over(memory) for _ in range(2)]
        for racer in racers if warm else ():
            racer.get("m")
        passed = at_once(
            [
                partial(promoted, racer, reference, gates=[Improves("auc")])
                for racer, reference in zip(racers, ["m@2", "m@3"], strict=True)
            ]
        )

        assert passed[1]
        assert store.get("m@champion").number == 3
    audit(memory, "m", files=False)


def test_of_many_that_expect_the_same_one_wins(memory: MemoryStorage) -> None:
    store = store_over(memory)
    for weight in range(1, 8):
        save(store, weight)
    store.promote("m@1", "champion")
    for _ in range(15 * TIMES):
        current = store.get("m@champion").number
        others = [number for number in range(1, 8) if number != current]
        won = at_once([partial(promoted, store_over(memory), f"m@{n}", expect=current) for n in others])

        assert won.count(True) == 1
        assert store.get("m@champion").number == others[won.index(True)]
    audit(memory, "m", files=False)


def test_one_handle_serves_many_threads(memory: MemoryStorage) -> None:
    store = store_over(memory)
    save(store, 0)

    def work(who: int) -> list[int]:
        numbers = []
        for step in range(12):
            numbers.append(save(store, who, key=f"{who}/{step}"))
            store.promote(f"m@{numbers[-1]}", f"alias-{who}")
            store.annotate("m@1", metrics={f"by-{who}": step})
            assert store.load(f"m@{numbers[-1]}") == {"w": who}
        return numbers

    told = at_once([partial(work, who) for who in range(5)])
    found = audit(memory, "m")

    assert sorted(itertools.chain(*told)) == list(range(2, 62))
    assert found.aliases == {f"alias-{who}": numbers[-1] for who, numbers in enumerate(told)}
    assert store.get("m@1").metrics == {"auc": 0, **{f"by-{who}": 11 for who in range(5)}}


def test_a_reader_sees_whole_versions_and_never_goes_back(memory: MemoryStorage) -> None:
    store = store_over(memory)
    save(store, 1)
    store.promote("m@1", "champion")
    done = threading.Event()

    def write() -> int:
        try:
            for weight in range(2, 40):
                store.promote(f"m@{save(store, weight)}", "champion")
        finally:
            done.set()
        return 0

    def read() -> int:
        warm, last = store_over(memory), 0
        while not done.is_set():
            for reader in (warm, store_over(memory)):
                version = reader.get("m@champion")
                assert version.metrics == {"auc": version.number}
                assert version.number >= last
                assert reader.load(version.ref) == {"w": version.number}
                last = version.number
        return last

    at_once([write, read, read])
    assert store_over(memory).get("m@champion").number == 39


def test_a_feed_tells_every_acknowledged_change_once(memory: MemoryStorage) -> None:
    done = threading.Event()
    store_over(memory).save({"w": 0}, "other", format="pickle")

    def write(who: int) -> list[str]:
        store = store_over(memory)
        for step in range(15):
            save(store, who)
            store.annotate("m@1", metrics={f"by-{who}": step})
        return []

    def poll() -> list[str]:
        heard: list[str] = []
        cursor = None
        while True:
            last = done.is_set()
            feed = store_over(memory).changes(cursor)
            cursor = feed.cursor
            heard += [event.id for event in feed.events]
            if last:
                return heard

    with ThreadPoolExecutor(2) as pollers:
        polled = [pollers.submit(poll) for _ in range(2)]
        try:
            at_once([partial(write, who) for who in range(3)])
        finally:
            done.set()
        for future in polled:
            heard = future.result(timeout=60)
            assert [event for event in heard if event.startswith("m:")] == [f"m:{seq}" for seq in range(1, 91)]
            assert heard.count("other:1") == 1


@pytest.mark.parametrize("seed", range(6 * TIMES))
def test_under_faults_of_every_kind_nothing_is_lost_and_nothing_doubled(memory: MemoryStorage, seed: int) -> None:
    rates: dict[FaultKind, float] = {"error": 0.05, "lost_reply": 0.05, "lie": 0.05, "delay": 0.05}
    save(store_over(memory), 0)
    faulty = FaultyStorage(memory, seed, rates=rates)

    def work(who: int) -> list[int]:
        store = store_over(faulty, patience=10**6)
        return [patiently(partial(save, store, who, key=f"{who}/{step}")) for step in range(10)]

    told = at_once([partial(work, who) for who in range(4)])
    faulty.land()

    assert sorted(itertools.chain(*told)) == list(range(2, 42))
    assert audit(memory, "m").numbers == list(range(1, 42))


def patiently(call: Callable[[], int]) -> int:
    """What somebody does who retries with the same key whatever went wrong: a read, or the sending of a file."""
    while True:
        try:
            return call()
        except (StorageUnavailable, CommitUncertain):
            continue
