"""What an order puts where."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.search.records import version

from modelstore_core import InvalidInput, InvalidQuery
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


def test_values_of_several_types_have_no_order() -> None:
    with pytest.raises(InvalidInput, match="several types"):
        ordered(VERSIONS, parse_order("params.mixed", VERSION))


@pytest.mark.parametrize(
    ("order_by", "said"),
    [
        ("metrix.auc", "Unknown field 'metrix.auc' at 1:1, did you mean 'metrics.auc'"),
        ("number DOWN", "Expected ASC, DESC or a comma, found 'DOWN' at 1:8"),
        ("number,", "Unknown field ''"),
        ("", "Unknown field ''"),
        ([], "Unknown field ''"),
        ([1], "holds 1"),
    ],
)
def test_what_is_no_order_is_said_where(order_by: Any, said: str) -> None:
    with pytest.raises(InvalidQuery, match=said):
        parse_order(order_by, VERSION)
