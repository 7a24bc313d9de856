"""What was: one store read as of a time, or as of a commit."""

import itertools
import pickle
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelstore_core import (
    AliasNotFound,
    InvalidInput,
    ModelNotFound,
    ModelStore,
    PastStore,
    VersionNotFound,
    VersionPurged,
)
from modelstore_core.ports import Ports
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over

_numbers = itertools.count()

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Days:
    """A wall clock that stands still until it is put on."""

    def __init__(self) -> None:
        self.now = NOON

    def ports(self) -> Ports:
        return Ports(now=lambda: self.now)


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(str(tmp_path).strip("/"))


@pytest.fixture
def store(storage: MemoryStorage, weights: Path) -> ModelStore:
    """Saved on 1 March, champion on the 2nd, a better one on the 4th, which was deleted on the 6th for the first."""
    clock = Days()
    store = store_over(storage, actor="ada", ports=clock.ports())
    store.save(weights, "m", metrics={"auc": 0.7})
    clock.now += timedelta(days=1)
    store.promote("m@1", "champion")
    clock.now += timedelta(days=2)
    store.save(weights, "m", metrics={"auc": 0.9}, aliases=["champion"])
    store.save(weights, "other")
    clock.now += timedelta(days=2)
    store.rollback("m", "champion")
    store.delete("m@2")
    store.annotate("m@1", metrics={"auc": 0.75})
    return store


@pytest.mark.parametrize(
    ("when", "champion"),
    [
        ("2026-03-02", 1),
        (date(2026, 3, 3), 1),
        ("2026-03-04T11:59:59Z", 1),
        ("2026-03-04T12:00:00Z", 2),
        ("2026-03-04T13:00:00+01:00", 2),
        (datetime(2026, 3, 5, tzinfo=timezone(timedelta(hours=-8))), 2),
        ("2026-03-06", 1),
        ("2099-01-01", 1),
        (2, 1),
        (3, 2),
        (4, 1),
    ],
)
def test_what_was_champion(store: ModelStore, when: int | str | date, champion: int) -> None:
    assert store.at(when).get("m@champion").number == champion


def test_everything_is_as_it_was_then(store: ModelStore) -> None:
    then = store.at("2026-03-05")

    assert [(v.number, v.aliases, v.metrics["auc"]) for v in then.versions("m")] == [
        (2, ("champion",), 0.9),
        (1, (), 0.7),
    ]
    assert [v.number for v in then.versions("m", where="metrics.auc < 0.8", order_by="number", limit=5)] == [1]
    assert then.get("m@2").deleted is False
    assert [event.seq for event in then.history("m")] == [3, 3, 2, 1]
    assert then.compare("m@1", "m@2").left.metrics == {"auc": 0.7}
    assert [(m.name, m.newest, m.aliases) for m in then.models()] == [("m", 2, {"champion": 2}), ("other", 1, {})]
    assert [m.name for m in store.at("2026-03-03").models()] == ["m"]
    assert list(store.at("2026-02-28").models()) == []
    assert [v.number for v in store.versions("m")] == [1]


def test_before_it_was_there_a_model_is_not_found_nor_an_alias_or_version(store: ModelStore) -> None:
    with pytest.raises(ModelNotFound):
        store.at("2026-02-28").get("m")
    with pytest.raises(AliasNotFound):
        store.at("2026-03-01").get("m@champion")
    with pytest.raises(VersionNotFound):
        store.at("2026-03-03").get("m@2")


def test_what_was_deleted_since_can_be_loaded_and_pulled_until_its_files_are_removed(
    store: ModelStore, tmp_path: Path
) -> None:
    then = store.at("2026-03-05")

    assert Path(then.load("m@champion")).read_bytes() == b"weights"
    assert (then.pull("m@champion", tmp_path / "out") / "weights.bin").read_bytes() == b"weights"
    assert then.inspect("m@champion").ref == "m@2"
    store.collect("m", older_than=0)
    assert then.get("m@champion").number == 2
    with pytest.raises(VersionPurged):
        then.pull("m@champion", tmp_path / "again")


def test_a_commit_is_a_moment_of_one_model(store: ModelStore) -> None:
    assert store.at(1).get("m").number == 1
    with pytest.raises(InvalidInput, match="'m' has 6 commits, and none of seq 7"):
        store.at(7).get("m")
    with pytest.raises(InvalidInput, match="no time for all"):
        store.at(1).models()


@pytest.mark.parametrize("when", [0, -1, True, None, "yesterday", "", "2026-13-01", 2.5, datetime(2026, 3, 1)])  # noqa: DTZ001
def test_what_is_no_moment_is_refused_with_what_would_be_one(store: ModelStore, when: object) -> None:
    with pytest.raises(InvalidInput, match=r"no moment|no zone") as caught:
        store.at(when)  # type: ignore[arg-type]

    assert "2026-03-03" in caught.value.fix or "UTC" in caught.value.fix


def test_the_past_pickles_and_says_what_it_is(store: ModelStore, tmp_path: Path) -> None:
    ModelStore(tmp_path / "there", actor="ada").save(tmp_path.joinpath("weights.bin"), "m")
    then = ModelStore(tmp_path / "there").at("2099-01-01")
    again: PastStore = pickle.loads(pickle.dumps(then))

    assert again.get("m").number == 1
    assert repr(again) == f"PastStore({str(tmp_path / 'there')!r}, 2099-01-01 23:59:59 UTC)"


@settings(max_examples=40, deadline=None)
@given(
    skews=st.lists(st.integers(-10, 10), min_size=1, max_size=12), at=st.integers(-15, 230), length=st.integers(1, 200)
)
@example(skews=[0], at=0, length=1)
@example(skews=[0, 10, -10], at=100, length=200)
def test_a_time_means_the_last_commit_that_is_not_later(skews: Sequence[int], at: int, length: int) -> None:
    """Against looking at every commit: one a minute, by writers whose clocks are up to ten minutes off."""
    clock = Days()
    times = [NOON + timedelta(minutes=number + skews[number % len(skews)]) for number in range(length)]
    store = store_over(MemoryStorage(f"past-{next(_numbers)}"), ports=clock.ports())
    for number, time in enumerate(times):
        clock.now = time
        if number:
            store.annotate("m", metrics={"n": number})
        else:
            store.save(Path(__file__), "m")
    moment = NOON + timedelta(minutes=at)
    last = max((seq for seq, time in enumerate(times, start=1) if time <= moment), default=0)

    if last == 0:
        with pytest.raises(ModelNotFound):
            store.at(moment).get("m")
    else:
        assert store.at(moment).history("m")[0].seq == last


def test_a_day_in_a_long_log_is_found_by_a_few_rounds_of_looking(tmp_path: Path) -> None:
    clock, memory = Days(), MemoryStorage(str(tmp_path).strip("/"))
    writer = store_over(memory, ports=clock.ports())
    writer.save(Path(__file__), "m")
    for number in range(1199):
        clock.now += timedelta(minutes=1)
        writer.annotate("m", metrics={"n": number})
    counting = CountingStorage(memory)
    found = store_over(counting).at(NOON + timedelta(minutes=500, seconds=30)).get("m")

    assert found.metrics == {"n": 499}
    assert len(counting.requests) <= 50
    assert counting.rounds <= 10
