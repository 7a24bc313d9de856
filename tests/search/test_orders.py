"""What an order puts where."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.search.records import version

from modelstore_core import InvalidQuery
from modelstore_core.search.fields import VERSION
from modelstore_core.search.ordering import ordered, parse_order

VERSIONS = [
    version(1, metrics={"auc": 0.5}, aliases=("b",)),
    version(2, metrics={"auc": 0.9}, tags={"team": "risk"}),
    version(3, metrics={"auc": float("nan")}, params={"mixed": "text"}),
    version(4, params={"mixed": 3}),
    version(5, metrics={"auc": 0.9}, aliases=("a",)),
]


@pytest.mark.parametrize(
    ("order_by", "numbers"),
    [
        ("metrics.auc DESC", [2, 5, 1, 3, 4]),
        ("metrics.auc DESC, version_number DESC", [5, 2, 1, 4, 3]),
        (["metrics.auc ASC", "number desc"], [1, 5, 2, 4, 3]),
        (["`number` DESC", '"name"'], [5, 4, 3, 2, 1]),
        ("number DESC", [5, 4, 3, 2, 1]),
        ("alias", [5, 1, 2, 3, 4]),
        ("created_at, name", [1, 2, 3, 4, 5]),
        ("tags.team", [2, 1, 3, 4, 5]),
    ],
)
def test_versions_come_in_that_order_and_those_without_a_value_last(
    order_by: str | Sequence[str], numbers: list[int]
) -> None:
    found = ordered(VERSIONS, parse_order(order_by, VERSION))

    assert [v.number for v in found] == numbers


def test_numbers_come_before_texts_and_by_size_also_where_they_are_written_as_texts() -> None:
    values = ["10", "many", 9, True, "9.5", None, [2], "nan"]
    versions = [version(n, params={"rows": value}) for n, value in enumerate(values)]

    found = [v.params["rows"] for v in ordered(versions, parse_order("params.rows", VERSION))]

    assert found == [9, "9.5", "10", [2], "many", "nan", True, None]


def test_flags_are_ordered_too() -> None:
    versions = [version(1, deleted=True), version(2), version(3, deleted=True)]

    assert [v.number for v in ordered(versions, parse_order("deleted, number DESC", VERSION))] == [2, 3, 1]


def test_names_are_texts_also_where_they_look_like_numbers() -> None:
    versions = [version(name=name) for name in ("10", "9", "9.5")]

    assert [v.name for v in ordered(versions, parse_order("name", VERSION))] == ["10", "9", "9.5"]


@pytest.mark.parametrize(
    ("order_by", "said"),
    [
        ("metrix.auc", "Unknown field 'metrix.auc' at 1:1, did you mean 'metrics.auc'"),
        ("number DOWN", "Expected ASC, DESC or a comma, found 'DOWN' at 1:8"),
        ("number,", "Expected a field, found the end at 1:8"),
        ("", "Expected a field, found the end at 1:1"),
        ([], "Expected a field, found the end"),
        ("number ASC DESC", "Expected ASC, DESC or a comma, found 'DESC' at 1:12"),
        ("number (", "Expected ASC, DESC or a comma, found '\\(' at 1:8"),
        ([1], "holds 1"),
    ],
)
def test_what_is_no_order_is_said_where(order_by: Any, said: str) -> None:
    with pytest.raises(InvalidQuery, match=said):
        parse_order(order_by, VERSION)
