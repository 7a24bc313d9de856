"""What a search over all models costs, in requests and in rounds: the listing of the models, and what has changed."""

from collections.abc import Callable, Mapping

import pytest
from tests.maintenance.support import copied, memory, objects_of

from modelstore_core import ModelStore
from modelstore_core.registry.gathering import FEW
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over
from modelstore_core.testing.synthetic import fill

MODELS = 1500
PAGES = 2

Act = Callable[[ModelStore], object]


def search(store: ModelStore) -> object:
    return store.search("metrics.auc >= 0", order_by="metrics.loss", limit=10)


def cost(counting: CountingStorage, store: ModelStore, act: Act = search) -> tuple[int, int]:
    counting.reset()
    act(store)
    return len(counting.requests), counting.rounds


def cold(counting: CountingStorage, act: Act = search) -> tuple[int, int]:
    return cost(counting, store_over(counting), act)


def name(number: int) -> str:
    return f"model-{number:05}"


def many(models: int, versions: int = 2) -> MemoryStorage:
    storage = memory()
    for number in range(models):
        fill(storage, name(number), versions, promote=2)
    return storage


@pytest.fixture(scope="module")
def filled() -> Mapping[str, bytes]:
    """The objects of so many models, never maintained."""
    return objects_of(many(MODELS))


@pytest.fixture
def fresh(filled: Mapping[str, bytes]) -> CountingStorage:
    return CountingStorage(copied(filled))


@pytest.fixture
def kept(fresh: CountingStorage) -> CountingStorage:
    store_over(fresh.inner).maintain()
    return fresh


def change(storage: CountingStorage, *numbers: int) -> None:
    for number in numbers:
        store_over(storage.inner).promote(f"{name(number)}@1", "old")


def test_a_first_search_costs_the_listing_and_the_catalog(kept: CountingStorage) -> None:
    assert cold(kept) == (PAGES + 1, PAGES + 1)
    assert kept.summary() == {"list": PAGES, "get": 1}


def test_and_for_each_changed_model_its_hint_and_two_commits(kept: CountingStorage) -> None:
    change(kept, 3, 5, 700, 1499)

    assert cold(kept) == (PAGES + 1 + 3 * 4, PAGES + 1 + 2)


def test_a_later_search_costs_the_listing(kept: CountingStorage) -> None:
    store = store_over(kept)
    store.search()

    assert cost(kept, store) == (PAGES, PAGES)
    assert cost(kept, store, lambda s: s.models("alias = 'champion'")) == (PAGES, PAGES)


def test_and_for_each_changed_model_three_requests_however_many(kept: CountingStorage) -> None:
    store = store_over(kept)
    store.search()
    change(kept, *range(100))

    assert cost(kept, store) == (PAGES + 3 * 100, PAGES + 2)
    assert cost(kept, store) == (PAGES, PAGES)


def test_models_that_were_listed_only_are_searched_by_the_catalog(kept: CountingStorage) -> None:
    store = store_over(kept)
    assert cost(kept, store, lambda s: s.models()) == (PAGES + 1, PAGES + 1)

    assert cost(kept, store) == (PAGES, PAGES)


def test_without_a_catalog_each_model_is_read_once(fresh: CountingStorage) -> None:
    """In a first search: the hint, the head and what is not after it; a thousand models at a time."""
    store = store_over(fresh)
    assert cost(fresh, store) == (PAGES + 1 + 3 * MODELS, PAGES + 1 + 2 * 2)

    assert cost(fresh, store) == (PAGES, PAGES)


def test_records_too_long_for_a_head_are_a_request_each_and_then_remembered(fresh: CountingStorage) -> None:
    long = {f"parameter {i}": "x" * 30 for i in range(50)}
    store_over(fresh.inner).save({"w": 1}, name(7), format="pickle", params=long)
    store_over(fresh.inner).promote(f"{name(7)}@3", "old")
    store_over(fresh.inner).maintain()

    assert cold(fresh) == (PAGES + 1, PAGES + 1)
    change(fresh, 7)
    assert cold(fresh) == (PAGES + 1 + 3, PAGES + 1 + 2)


def of_models(counting: CountingStorage) -> int:
    """How many requests were about a single model."""
    single = [request for request in counting.requests if request.verb != "list"]
    return sum(request.key.startswith(("models/", "heads/")) for request in single)


def test_maintaining_again_reads_what_has_changed_and_nothing_else(kept: CountingStorage) -> None:
    store = store_over(kept)
    cost(kept, store, lambda s: s.maintain())
    assert of_models(kept) == 0

    change(kept, 1, 2)
    cost(kept, store, lambda s: s.maintain())
    assert of_models(kept) == 3 * 2


def test_a_few_models_are_read_without_a_look_for_a_catalog() -> None:
    counting = CountingStorage(many(FEW))

    assert cold(counting) == (1 + 3 * FEW, 3)


@pytest.mark.slow
def test_ten_thousand_models_cost_ten_pages_the_catalog_and_what_has_changed() -> None:
    counting = CountingStorage(many(10_000))
    store_over(counting.inner).maintain()
    change(counting, 1, 2, 3)
    store = store_over(counting)

    assert cost(counting, store) == (10 + 1 + 3 * 3, 10 + 1 + 2)
    assert cost(counting, store) == (10, 10)
    change(counting, 4)
    assert cost(counting, store) == (10 + 3, 10 + 2)


def compacted(versions: int, *, whole: bool = True) -> CountingStorage:
    storage = memory()
    fill(storage, "m", versions, annotate=10, promote=100, delete=50, whole=whole)
    store_over(storage).maintain()
    return CountingStorage(storage)


def test_a_long_model_costs_what_its_listing_costs_and_the_listing_of_models() -> None:
    """The listing; the hint, the head and what is not after it; the index; and each segment."""
    counting = compacted(3000)
    store = store_over(counting)

    assert cost(counting, store) == (1 + 3 + 1 + 1, 5)
    assert cost(counting, store) == (1, 1)


def test_a_long_model_among_many_costs_no_more(fresh: CountingStorage) -> None:
    fill(fresh.inner, "m", 3000)
    store_over(fresh.inner).maintain()
    store = store_over(fresh)

    assert cost(fresh, store) == (PAGES + 1 + 3 + 1 + 1, PAGES + 1 + 4)
    assert cost(fresh, store) == (PAGES, PAGES)


@pytest.mark.slow
def test_a_hundred_thousand_versions_are_searched_by_ten_requests() -> None:
    counting = compacted(100_000, whole=False)
    store = store_over(counting)
    requests, rounds = cost(counting, store)

    assert (requests <= 10, rounds) == (True, 5)
    assert cost(counting, store) == (1, 1)
    pages = [store.search(order_by="number", limit=5)]
    while len(pages) < 3:
        pages.append(store.search(order_by="number", limit=5, page_token=pages[-1].next_page_token))
    assert [v.number for page in pages for v in page][:9] == [*range(1, 10)]
