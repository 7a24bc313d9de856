"""Whatever comes in as a filter or an order: an answer or an `InvalidQuery` that points into the text, and soon."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties.effort import effort
from tests.search.records import version

from modelstore_core import InvalidQuery
from modelstore_core.search.fields import MODEL, VERSION, Schema
from modelstore_core.search.ordering import ordered, parse_order
from modelstore_core.search.parser import parse

SOME = [
    version(1),
    version(
        2,
        metrics={"auc": 0.9, "f1 score": float("nan")},
        params={"C": 0.1, "solver": "lbfgs", "warm": True, "grid": [1, 2]},
        tags={"team": "risk", "rows": "1000"},
        aliases=("champion", "x"),
        lineage={"git": {"commit": "abc"}, "run_id": "r1"},
        key="k",
    ),
]
VALID = [
    "metrics.auc > 0.9 AND tags.team = 'risk'",
    "(name LIKE 'risk%' OR NOT alias IN ('a', 'b',)) AND metrics.`f1 score` <= 1e-3",
    "tags.\"a key\" IS NOT NULL AND lineage.git.'commit' ILIKE '%AB_'",
    "created_at >= '2026-03-01T12:00:00+01:00' AND creation_timestamp < 1772323200000",
    "deleted = false AND params.warm = true AND params.C != -0.1 AND tags.rows >= 100",
    "attribute.version_number NOT IN (1, '2') OR run_id = 'it''s' AND key IS NULL",
]
PIECES = [
    *" .,()'\"`=<>!%_-+\n\t\x00\\;&|é\u202e\ud800",
    *["0", "1e999", "99999999999999999999", ".5", "5.", "NaN", "''", "NULL", "IS"],
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid filter in which some pieces were taken out, doubled, swapped, or replaced."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        other = draw(st.sampled_from([*PIECES, "", text[start:end] * 2, draw(st.sampled_from(VALID))]))
        text = text[:start] + other + text[end:]
    return text


def answered(text: str, schema: Schema) -> bool:
    """Whether the filter is understood; else its error must point into it."""
    try:
        condition = parse(text, schema)
    except InvalidQuery as error:
        where(error, text)
        return False
    if schema is VERSION:
        assert {condition.holds(one) for one in SOME} <= {True, False, None}
        assert all(schema.find(name) for name in condition.fields())
    return True


def where(error: InvalidQuery, text: str) -> None:
    """The place that an error names is one of the text, or just after its end."""
    if not text.strip() or len(text) > 20_000:
        return  # it is the filter as a whole
    lines = text.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert f"{error.line}:{error.column}" in error.what
    assert error.fix or "expected" in error.what.lower()


@given(st.text(max_size=80) | mutated(), st.sampled_from([VERSION, MODEL]))
@effort(600)
def test_a_filter_is_understood_or_refused_at_a_place_of_its_text(text: str, schema: Schema) -> None:
    answered(text, schema)


@given(st.text(max_size=80) | mutated())
@effort(300)
def test_an_order_is_understood_or_refused_at_a_place_of_its_text(text: str) -> None:
    try:
        terms = parse_order(text, VERSION)
    except InvalidQuery as error:
        where(error, text)
        return
    assert sorted(v.number for v in ordered(SOME, terms)) == [1, 2]


def test_the_mutated_filters_begin_as_valid_ones() -> None:
    assert all(answered(text, VERSION) for text in VALID)


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(["number = 1"] * 1400),
        "number IN (" + "1, " * 6000 + "1)",
        "name = '" + "''" * 9000 + "'",
        "tags." + "a." * 9000 + "a = 'x'",
        "tags." + "a . " * 4500 + "a = 'x'",
        "number" + " " * 19_000 + "= 1",
        "number" + "\n" * 19_000 + "= 1",
        "name LIKE '" + "%a" * 9000 + "'",
        "NOT " * 50 + "number = 1",
        "(" * 50 + "number = 1" + ")" * 50,
    ],
)
def test_long_filters_are_answered(text: str) -> None:
    assert answered(text, VERSION)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 19_000,
        "NOT " * 4900,
        "NOT (" * 3000 + "number = 1" + ")" * 3000,
        "'" * 19_999,
        '"' * 19_999,
        "`" * 19_999,
        "tags.`" * 3000,
        "a" * 20_000,
        "metrix." + "a" * 19_000 + " = 1",
        "a." * 9999,
        "." * 20_000,
        "9" * 20_000,
        "1." * 9999,
        "number = " + "9" * 19_000 + "e",
        "number = 1 " * 1800,
        "number = 1 AND " * 1300,
        "x" * 20_001,
        "created_at > " + "9" * 400,
        "created_at > '" + "9" * 400 + "'",
        "created_at > '2026-13-01'",
        "created_at > 'today'",
        "number = '" + "9" * 5000 + "x'",
    ],
)
def test_long_and_deep_nonsense_is_refused(text: str) -> None:
    assert not answered(text, VERSION)


def test_numbers_of_any_size_compare() -> None:
    for text in ("size < " + "9" * 19_000, "size < 1e999", "size > -1e999", "metrics.auc > 1e-999"):
        assert parse(text, VERSION).holds(SOME[1]) is True


def test_a_message_does_not_repeat_a_long_word() -> None:
    for text in ("a" * 20_000, "metrix." + "a" * 19_000, "name LIKE " + "a" * 19_000):
        with pytest.raises(InvalidQuery) as caught:
            parse(text, VERSION)
        assert len(caught.value.what) < 300


@pytest.mark.parametrize("joint", ["NOT (number = 2 OR {})", "(number = 1 AND (number = 2 OR {}))"])
def test_the_deepest_filter_takes_less_than_half_of_the_interpreters_stack(joint: str) -> None:
    text = "number = 1"
    for _ in range(24):
        text = joint.format(text)

    def below(frames: int) -> bool | None:
        return parse(text, VERSION).holds(SOME[0]) if frames <= 0 else below(frames - 1)

    used = 0
    frame = sys._getframe()  # how deep the test itself is
    while frame.f_back is not None:
        used, frame = used + 1, frame.f_back

    assert below(sys.getrecursionlimit() // 2 - used) in {True, False}
