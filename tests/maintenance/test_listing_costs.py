"""What listings of long histories and of many models cost, in requests and in rounds."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pytest
from tests.maintenance.long_logs import index, long, refresh_at
from tests.maintenance.support import memory
from tests.protocol.support import save_by

from modelstore_core import ModelStore
from modelstore_core.documents.segments import Segment
from modelstore_core.maintenance.building import LARGE, grouped
from modelstore_core.registry.view import LOADING
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over
from modelstore_core.testing.synthetic import fill

T = TypeVar("T")

Act = Callable[[ModelStore], object]


def compacted(versions: int, *, whole: bool = True) -> CountingStorage:
    """A model of so many versions, some annotated, promoted, deleted, and maintained."""
    storage = memory()
    fill(storage, "m", versions, annotate=10, promote=100, delete=50, whole=whole)
    store_over(storage).maintain("m")
    return CountingStorage(storage)


def cost(counting: CountingStorage, store: ModelStore, act: Act) -> tuple[int, int]:
    counting.reset()
    act(store)
    return len(counting.requests), counting.rounds


def cold(counting: CountingStorage, act: Act) -> tuple[int, int]:
    return cost(counting, store_over(counting), act)


@pytest.fixture(scope="module")
def thousands() -> CountingStorage:
    return compacted(3000)


@pytest.mark.parametrize("limit", [70, 100, 1000])
def test_the_newest_of_a_compacted_model_are_4_requests_in_2_rounds(thousands: CountingStorage, limit: int) -> None:
    """The hint; then the index, the head, and what is not after the head."""
    assert cold(thousands, lambda s: s.versions("m", limit=limit)) == (4, 2)


def test_all_1000_versions_of_a_compacted_model_are_4_requests() -> None:
    assert cold(compacted(1000), lambda s: s.versions("m")) == (4, 2)


def test_all_versions_are_a_request_more_for_each_segment_and_one_round(thousands: CountingStorage) -> None:
    assert len(index(thousands)["segments"]) == 1
    assert cold(thousands, lambda s: s.versions("m")) == (4 + 1, 3)
    assert cold(thousands, lambda s: s.versions("m", where="metrics.auc > 0.5", limit=1)) == (4 + 1, 3)


def test_listing_all_again_is_1_request_and_what_is_new() -> None:
    counting = compacted(2200)
    reader = store_over(counting)
    reader.versions("m")

    assert cost(counting, reader, lambda s: s.versions("m")) == (1, 1)
    save_by(store_over(counting.inner), 1)
    assert cost(counting, reader, lambda s: s.versions("m")) == (2, 2)


def test_what_came_after_the_index_is_a_request_for_each_32_commits() -> None:
    counting = compacted(2200)
    seq, store = index(counting)["seq"], store_over(counting.inner)
    for step in range(200):
        store.annotate("m@1", metrics={"step": step})
    blocks = (seq + 200 - 1) // 32 - seq // 32

    assert cold(counting, lambda s: s.versions("m", limit=300)) == (4 + blocks, 3)


def test_a_version_far_back_is_2_requests_more_than_one_whose_record_went_into_a_block(
    thousands: CountingStorage,
) -> None:
    """Of these 3 + 1: the hint, the head and what is not after it, the record. Besides, the index and a segment."""
    assert cold(thousands, lambda s: s.get("m@7")) == (3 + 1 + 2, 5)
    assert cold(thousands, lambda s: s.get("m@2001")) == (3 + 1 + 1, 4)


def test_a_version_far_back_of_a_model_without_an_index_is_read_through_all_blocks_since() -> None:
    counting = CountingStorage(long(2000, annotate=2, delete=50))

    length = store_over(counting.inner)._handle.view("m").mark.seq
    requests, rounds = cold(counting, lambda s: s.get("m@100"))

    assert (requests, rounds) == (3 + 1 + (length - 1) // 32 - 99 // 32, 4)


def test_a_load_from_far_back_of_a_model_without_an_index_finds_the_record_by_bisection() -> None:
    """If no version was ever deleted or superseded; else whether this one was stands in any commit since."""
    counting = CountingStorage(long(3000, annotate=2, promote=7))
    act: Act = lambda s: s._handle.reading("m").version(700, LOADING)  # noqa: E731
    requests, rounds = cold(counting, act)

    assert (requests <= 3 + 1 + 3 * 16, rounds <= 2 + 1 + 3 + 1) == (True, True)
    assert store_over(counting)._handle.reading("m").version(700, LOADING).number == 700


def grow(first: int, count: int) -> list[Segment]:
    """Segments of 1,024 versions each, as commits leave them."""
    return [
        Segment(first=n + 1, last=n + 1024, name="", size=0, expanded=700_000)
        for n in range(first - 1, first - 1 + count * 1024, 1024)
    ]


@pytest.mark.parametrize("versions", [1025, 32_768, 98_303, 100_000, 131_071])
def test_no_number_of_versions_up_to_100_000_takes_more_than_10_requests(versions: int) -> None:
    groups = grouped(grow(1, versions // 1024), LARGE)

    assert 4 + len(groups) <= 10
    assert sum(len(group) for group in groups) == versions // 1024


def test_a_listing_is_a_request_for_each_of_several_segments() -> None:
    storage = long(4100)
    refresh_at(storage, 3073, 4097)
    counting = CountingStorage(storage)

    assert [s["last"] for s in index(storage)["segments"]] == [2048, 3072]
    assert cold(counting, lambda s: s.versions("m")) == (4 + 2, 3)


@pytest.mark.slow
def test_all_of_100_000_versions_are_at_most_10_requests() -> None:
    counting = compacted(100_000, whole=False)
    requests, rounds = cold(counting, lambda s: s.versions("m", deleted=True))

    assert (requests <= 10, rounds) == (True, 3)
    assert cold(counting, lambda s: s.versions("m", limit=100)) == (4, 2)
    assert [v.number for v in store_over(counting).versions("m", deleted=True)] == [*range(100_000, 0, -1)]


class FlatStorage(CountingStorage):
    """Counts, and refuses calls side by side within calls side by side: a pool runs those one after the other."""

    _inside = threading.local()

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        assert not getattr(self._inside, "deep", False) or len(calls) < 2
        return super().together([self._deep(call) for call in calls] if len(calls) > 1 else calls)

    def _deep(self, call: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            with self._within():
                return call()

        return run

    @contextmanager
    def _within(self) -> Iterator[None]:
        self._inside.deep = True
        try:
            yield
        finally:
            self._inside.deep = False


def many(models: int) -> FlatStorage:
    """So many models, with two versions each and a promotion."""
    storage = memory()
    for number in range(models):
        fill(storage, f"model-{number}", 2, promote=2)
    return FlatStorage(storage)


@pytest.fixture(scope="module")
def models() -> FlatStorage:
    return many(1100)


def test_models_are_listed_in_flat_rounds_however_many(models: FlatStorage) -> None:
    """Two pages of hints; a catalog, which is not there; of each its hint, then the head and what is not after."""
    assert cold(models, lambda s: s.models()) == (2 + 1 + 3 * 1100, 5)
    assert models.summary() == {"list": 2, "get": 3301}


def test_a_first_feed_of_changes_is_read_in_flat_rounds(models: FlatStorage) -> None:
    assert cold(models, lambda s: s.changes()) == (2 + 3 * 1100, 4)


def test_a_later_feed_costs_the_listing_and_what_changed(models: FlatStorage) -> None:
    watcher = store_over(models)
    cursor = watcher.changes().cursor
    assert cost(models, watcher, lambda s: s.changes(cursor)) == (2, 2)

    for number in (3, 5, 700):
        store_over(models.inner).promote(f"model-{number}@1", "old")
    assert cold(models, lambda s: s.changes(cursor)) == (2 + 3 * 3, 4)
    assert [e.model for e in store_over(models).changes(cursor).events] == ["model-3", "model-5", "model-700"]


@pytest.mark.slow
def test_ten_thousand_models_are_listed_and_watched() -> None:
    models = many(10_000)

    assert cold(models, lambda s: s.models()) == (10 + 1 + 3 * 10_000, 13)
    cursor = store_over(models).changes().cursor
    assert cold(models, lambda s: s.changes(cursor)) == (10, 10)
