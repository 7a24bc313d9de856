"""What is no filter is an error that says what, where, and what was probably meant; whatever comes in."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.search.records import version

from modelstore_core import InvalidQuery
from modelstore_core.search.fields import MODEL, VERSION
from modelstore_core.search.ordering import parse_order
from modelstore_core.search.parser import parse


@pytest.mark.parametrize(
    ("text", "said", "line", "column"),
    [
        ("metric.auc > 1", "Unknown field 'metric.auc' at 1:1, did you mean 'metrics.auc'?", 1, 1),
        ("metrics.auc.", "unexpected '.'", 1, 12),
        ("metrix.auc > 1", "Unknown field 'metrix.auc' at 1:1, did you mean 'metrics.auc'?", 1, 1),
        ("number = 1 AND nane = 'x'", "Unknown field 'nane' at 1:16, did you mean 'name'?", 1, 16),
        ("number = 1 AND\n  colour = 'x'", "unknown field 'colour'", 2, 3),
        ("name = risk", "'name' compares with a quoted text, found 'risk'", 1, 8),
        ("name > 'a'", "'name' is a text, which has no order", 1, 6),
        ("number = 'x'", "'number' compares with a number, found 'x'", 1, 10),
        ("number LIKE '1%'", "'number' is a number, which LIKE cannot match", 1, 8),
        ("created_at > 'yesterday'", "'created_at' compares with a time, found 'yesterday'", 1, 14),
        ("deleted = 'x'", "'deleted' compares with true or false", 1, 11),
        ("tags.team > 'risk'", "> compares numbers, not texts", 1, 13),
        ("name LIKE risk", "expected a quoted text, found 'risk'", 1, 11),
        ("name NOT = 'x'", "expected LIKE, ILIKE or IN after NOT, found '='", 1, 10),
        ("name IS 'x'", "expected NULL, found 'x'", 1, 9),
        ("name IN 'x'", "expected (, found 'x'", 1, 9),
        ("name IN ('x'", "expected ), found the end", 1, 13),
        ("name IN ()", "found ')'", 1, 10),
        ("name IN (,)", "found ','", 1, 10),
        ("name IN ('x',,)", "found ','", 1, 14),
        ("name LIKE 5", "expected a quoted text, found '5'", 1, 11),
        ("name LIKE", "expected a quoted text, found the end", 1, 10),
        ("name LIKE ('x')", "expected a quoted text, found '('", 1, 11),
        ("name LIKE 'x' 'y'", "expected AND, OR or the end, found 'y'", 1, 15),
        ("alias > 'x'", "'alias' is a several, which has no order", 1, 7),
        ("(number = 1", "expected ), found the end", 1, 12),
        ("number = 1)", "expected AND, OR or the end, found ')'", 1, 11),
        ("number = 1 number = 2", "expected AND, OR or the end, found 'number'", 1, 12),
        ("number", "expected a comparison after 'number', found the end", 1, 7),
        ("= 1", "expected a field, found '='", 1, 1),
        ("name = 'x", "a quote that is never closed", 1, 8),
        ("tags.`x = 'y'", "unexpected '.'", 1, 5),
        ("name = 'x'; DROP", "unexpected ';'", 1, 11),
    ],
)
def test_the_error_says_what_and_where(text: str, said: str, line: int, column: int) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(text, VERSION)

    assert said.lower() in caught.value.what.lower()
    assert (caught.value.line, caught.value.column) == (line, column)
    assert pickle.loads(pickle.dumps(caught.value)).column == column


@pytest.mark.parametrize(
    "text", ["", "   ", None, 7, "number = 1 " + "AND number = 1 " * 2000, "NOT " * 500 + "number = 1"]
)
def test_empty_foreign_huge_and_deep_filters_are_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        parse(text, VERSION)


def test_a_model_has_fewer_fields_than_a_version() -> None:
    with pytest.raises(InvalidQuery, match=r"Unknown field 'metrics\.auc'"):
        parse("metrics.auc > 1", MODEL)


_GRAMMAR = """
metrics.auc params.C tags.`a_b` name number alias created_at deleted lineage.x AND OR NOT ( ) , = != < <= > >=
LIKE ILIKE IN IS NULL 'x' '%' 1 -2.5 true DESC
"""
_WORDS = st.sampled_from(_GRAMMAR.split())


@given(st.lists(_WORDS, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_is_a_filter_or_a_typed_error(text: str) -> None:
    try:
        condition = parse(text, VERSION)
    except InvalidQuery:
        return
    assert condition.holds(version(metrics={"auc": 1.0}, aliases=("x",))) in {True, False, None}


@given(st.lists(_WORDS, max_size=6).map(" ".join) | st.text(max_size=40))
def test_any_text_is_an_order_or_a_typed_error(text: str) -> None:
    try:
        terms = parse_order(text, VERSION)
    except InvalidQuery:
        return
    assert terms
