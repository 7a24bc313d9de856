"""Page by page: all of an answer once, in its order, whatever changes between two pages; and tokens that are none."""

import base64
import json
from collections.abc import Callable

import pytest

from modelstore_core import InvalidInput, ModelStore, ModelVersion, Page
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

METRICS = [0.3, None, 0.1, 0.3, float("nan"), float("inf"), 7, -1.5, 0.1]

ORDERS = [
    None,
    "number",
    "metrics.auc",
    "metrics.auc DESC, number DESC",
    "alias DESC, name DESC",
    "tags.grade",
    "params.mixed DESC",
    "created_at DESC, name DESC, number",
    "deleted, size DESC",
]


@pytest.fixture(scope="module")
def store() -> ModelStore:
    """Three models with values, some missing, some equal, some of several types."""
    store = store_over(MemoryStorage("of-test-paging"))
    for name in ("b", "a", "ünïcode"):
        for number, auc in enumerate(METRICS):
            store.save(
                {"w": number},
                name,
                format="pickle",
                metrics={} if auc is None else {"auc": auc},
                tags={"grade": str(number % 4)} if number % 3 else {},
                params={"mixed": [1, "one", True, None, [1]][number % 5]},
                aliases=[f"alias-{number}"] if number % 4 == 0 else [],
            )
        store.delete(f"{name}@2")
        store.delete(f"{name}@8")
    return store


def pages(ask: Callable[[str | None], Page[ModelVersion]]) -> list[ModelVersion]:
    """All records, page by page."""
    page = ask(None)
    found = [*page]
    while page.next_page_token is not None:
        page = ask(page.next_page_token)
        assert page
        found += page
    return found


@pytest.mark.parametrize("limit", [1, 2, 5, 21, 100])
@pytest.mark.parametrize("order", ORDERS)
def test_the_pages_of_a_search_are_the_search(store: ModelStore, order: str | None, limit: int) -> None:
    whole = store.search("number > 0", order_by=order, limit=None)
    found = pages(lambda token: store.search("number > 0", order_by=order, limit=limit, page_token=token))

    assert whole.next_page_token is None
    assert (len(whole), found) == (21, [*whole])


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 9, 10])
def test_the_pages_of_versions_are_the_versions(store: ModelStore, limit: int, deleted: bool) -> None:
    def ask(token: str | None) -> Page[ModelVersion]:
        return store.versions("a", limit=limit, page_token=token, deleted=deleted)

    assert pages(ask) == [*store.versions("a", deleted=deleted)]
    first = ask(None)
    if first.next_page_token is not None:
        rest = store.versions("a", page_token=first.next_page_token, deleted=deleted)
        assert [*first, *rest] == [*store.versions("a", deleted=deleted)]


def test_the_pages_of_ordered_versions_are_the_ordered_versions(store: ModelStore) -> None:
    def ask(token: str | None) -> Page[ModelVersion]:
        return store.versions("a", where="number < 9", order_by="metrics.auc", limit=2, page_token=token)

    assert pages(ask) == [*store.versions("a", where="number < 9", order_by="metrics.auc")]


def test_the_pages_of_models_are_the_models(store: ModelStore) -> None:
    first = store.models(order_by="name DESC", limit=2)
    rest = store.models(order_by="name DESC", limit=2, page_token=first.next_page_token)

    assert [model.name for model in (*first, *rest)] == ["ünïcode", "b", "a"]
    assert rest.next_page_token is None
    assert [model.name for model in store.models("versions > 100")] == []


def test_without_an_order_models_come_by_name_and_versions_newest_first(store: ModelStore) -> None:
    refs = [version.ref for version in store.search()]

    assert refs == [f"{name}@{number}" for name in ("a", "b", "ünïcode") for number in (9, 7, 6, 5, 4, 3, 1)]


def test_what_comes_and_goes_between_two_pages_shifts_nothing() -> None:
    store = store_over(MemoryStorage("of-test-paging-changes"))
    for number in range(6):
        store.save({"w": number}, "m", format="pickle", metrics={"auc": number})
    page = store.search(order_by="metrics.auc", limit=3)
    assert [v.number for v in page] == [1, 2, 3]
    store.delete("m@1")
    store.delete("m@3")
    store.save({"w": 7}, "a", format="pickle", metrics={"auc": -1})

    rest = store.search(order_by="metrics.auc", limit=3, page_token=page.next_page_token)
    assert [v.ref for v in rest] == ["m@4", "m@5", "m@6"]
    assert rest.next_page_token is None


def token(store: ModelStore, **asked: object) -> str:
    made = store.search(limit=2, **asked).next_page_token  # type: ignore[arg-type]
    assert made is not None
    return made


def edited(made: str, change: Callable[[list[object]], object]) -> str:
    document = json.loads(base64.urlsafe_b64decode(made))
    return base64.urlsafe_b64encode(json.dumps(change(document)).encode()).decode()


def test_a_token_serves_any_limit_and_any_store_object(store: ModelStore) -> None:
    other = store_over(store.storage)

    assert [*other.search(limit=100, page_token=token(store))] == [*store.search(limit=100)[2:]]


@pytest.mark.parametrize(
    "asked",
    [{"where": "number > 1"}, {"order_by": "name"}, {"order_by": "number DESC"}, {"deleted": True}],
    ids=["another filter", "another order", "the same order otherwise", "deleted ones too"],
)
def test_a_token_of_another_query_is_refused(store: ModelStore, asked: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="of another query") as caught:
        store.search(page_token=token(store), **asked)  # type: ignore[arg-type]

    assert "None for the first page" in caught.value.fix


def test_a_token_of_another_verb_or_model_is_refused(store: ModelStore) -> None:
    of_a = store.versions("a", limit=2).next_page_token
    with pytest.raises(InvalidInput, match="of another query"):
        store.versions("b", limit=2, page_token=of_a)
    with pytest.raises(InvalidInput, match="of another query"):
        store.versions("a", limit=2, page_token=of_a, deleted=True)
    with pytest.raises(InvalidInput, match="of another query"):
        store.models(page_token=of_a)
    with pytest.raises(InvalidInput, match="of another query"):
        store.search(page_token=of_a)


NONE = ["", "x", "e30=", "W10=", "bnVsbA==", "é", "\ud800", "WyJhIl0=", "A" * 5001]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_token_is_refused(store: ModelStore, text: str) -> None:
    for ask in (store.search, store.models):
        with pytest.raises(InvalidInput, match="page token"):
            ask(page_token=text)
    with pytest.raises(InvalidInput, match="page token"):
        store.versions("a", page_token=text)
    with pytest.raises(InvalidInput, match="page token"):
        store.versions("a", order_by="size", page_token=text)


CHANGES: dict[str, Callable[[list[object]], object]] = {
    "an object": lambda d: {"a": d},
    "without places": lambda d: d[:1],
    "a place too few": lambda d: [d[0], []],
    "a place that is a number": lambda d: [d[0], [1, 2]],
    "a place with a list of numbers": lambda d: [d[0], [[1, [1]], [1, ""]]],
    "a place with texts for a text": lambda d: [d[0], [[1, ["a"]], [1, ""]]],
    "a place that is not a number": lambda d: [d[0], [[float("nan"), "a"], [1, ""]]],
    "a place by text": lambda d: [d[0], [["a", "a"], [1, ""]]],
    "another digest": lambda d: ["0" * 16, d[1]],
    "a digest that is a list": lambda d: [[], d[1]],
    "deep": lambda d: [d[0], json.loads("[" * 900 + "]" * 900)],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_token_that_was_changed_is_refused(store: ModelStore, change: Callable[[list[object]], object]) -> None:
    with pytest.raises(InvalidInput, match="page token"):
        store.search(page_token=edited(token(store), change))


def test_a_token_that_is_no_text_is_refused(store: ModelStore) -> None:
    with pytest.raises(InvalidInput, match="3 is not a page token"):
        store.search(page_token=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, -1, True, "3", 2.0])
def test_a_limit_that_is_no_count_is_refused(store: ModelStore, limit: object) -> None:
    for ask in (store.search, store.models):
        with pytest.raises(InvalidInput, match="no count"):
            ask(limit=limit)  # type: ignore[arg-type]


def test_a_page_is_a_tuple_of_records_that_pickles(store: ModelStore) -> None:
    import pickle

    page = store.search(limit=2)
    back = pickle.loads(pickle.dumps(page))

    assert (back, back.next_page_token) == (page, page.next_page_token)
    assert [*page.to_pandas()["number"]] == [9, 7]
    assert Page() == ()
    assert Page().next_page_token is None
