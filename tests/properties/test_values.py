"""Laws of digests, orders, cursors and metrics."""

import base64
import itertools
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties import strategies as some
from tests.properties.effort import effort

from modelstore_core import FileEntry, InvalidInput, ModelStore, ModelVersion
from modelstore_core.model.digest import digest_of
from modelstore_core.registry.queries import Seen, parse_cursor, write_cursor
from modelstore_core.search.fields import VERSION
from modelstore_core.search.ordering import ordered, parse_order
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

files = st.builds(FileEntry, path=some.paths, size=st.integers(0, 2**40), sha256=some.digests)


@given(st.lists(files, max_size=6, unique_by=lambda file: file.path), st.randoms())
@effort(100)
def test_a_digest_does_not_depend_on_the_order_of_files(entries: list[FileEntry], random: Random) -> None:
    shuffled = [*entries]
    random.shuffle(shuffled)

    assert digest_of(shuffled) == digest_of(entries)


@given(st.sets(files, max_size=4), st.sets(files, max_size=4))
@effort(100)
def test_other_files_have_another_digest(one: set[FileEntry], other: set[FileEntry]) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


@pytest.fixture(scope="module")
def template() -> ModelVersion:
    """A record like any other."""
    return store_over(MemoryStorage("values-template")).save({"w": 1}, "m", format="pickle")


TERMS = st.lists(
    st.tuples(
        st.sampled_from(["metrics.auc", "metrics.loss", "number", "size"]), st.sampled_from(["", " ASC", " desc"])
    ),
    min_size=1,
    max_size=3,
)


@given(
    rows=st.lists(some.metrics.map(lambda m: {k: v for k, v in m.items() if not math.isnan(v)}), max_size=8),
    terms=TERMS,
)
@effort(100)
def test_ordering_sorts_puts_missing_values_last_and_loses_nothing(
    template: ModelVersion, rows: list[Mapping[str, float]], terms: list[tuple[str, str]]
) -> None:
    versions = [
        _with(template, number, dict(zip(["auc", "loss"], row.values(), strict=False)))
        for number, row in enumerate(rows)
    ]
    result = ordered(versions, parse_order(", ".join(field + way for field, way in terms), VERSION))

    assert sorted(v.number for v in result) == [v.number for v in versions]
    for left, right in itertools.pairwise(result):
        assert _compare(left, right, terms) <= 0


def _with(template: ModelVersion, number: int, metrics: Mapping[str, float]) -> ModelVersion:
    return replace(template, number=number, metrics=metrics)


def _compare(left: ModelVersion, right: ModelVersion, terms: list[tuple[str, str]]) -> int:
    for field, way in terms:
        one, other = left.row().get(field), right.row().get(field)
        if one != other:
            if one is None or other is None:
                return 1 if one is None else -1
            smaller = one < other  # type: ignore[operator]  # numbers, both
            return -1 if smaller == (way != " desc") else 1
    return 0 if left.number <= right.number or any(field == "number" for field, _ in terms) else 1


@given(st.text(max_size=40))
@effort(150)
def test_any_order_by_is_understood_or_refused(template: ModelVersion, text: str) -> None:
    with suppress(InvalidInput):
        assert ordered([template], parse_order(text, VERSION)) == [template]


@given(st.dictionaries(some.text, st.builds(Seen, etag=some.text, seq=st.integers(0, 2**60)), max_size=4))
@effort(100)
def test_a_cursor_is_read_as_it_was_written(seen: dict[str, Seen]) -> None:
    assert parse_cursor(write_cursor(seen)) == seen


@given(
    st.one_of(
        st.text(max_size=30),
        st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
        st.one_of(some.json_values, st.just({"m": ["etag", math.inf]}), st.just({"m": ["etag", math.nan]})).map(
            lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
        ),
    )
)
@effort(200)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with suppress(InvalidInput):
        assert isinstance(parse_cursor(cursor), dict)


@pytest.fixture(scope="module")
def store() -> ModelStore:
    store = store_over(MemoryStorage("values-metrics"))
    store.save({"w": 1}, "m", format="pickle")
    return store


@given(
    metrics=st.dictionaries(
        st.text(min_size=1, max_size=10), st.floats() | st.integers() | st.just(10**400), max_size=4
    )
)
@effort(60)
def test_any_number_is_kept_as_a_metric_or_refused(store: ModelStore, metrics: dict[str, float]) -> None:
    before = dict(store.get("m").metrics)
    try:
        store.annotate("m@1", metrics=metrics)
    except InvalidInput:
        kept = before
    else:
        kept = before | metrics
    found = store_over(store.storage).get("m@1").metrics

    assert {k: repr(v) for k, v in found.items()} == {k: repr(v) for k, v in kept.items()}
