"""Tables for people: what fits, what is cut, what is escaped."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelstore_core.model.tables import Row, cell, fitting, html_table, printable, text_table, text_width

ROWS: list[Row] = [
    {"name": "a", "auc": 0.93, "note": "short"},
    {"name": "risk.churn", "auc": 0.5, "note": "a note that goes on for quite a while, as notes do"},
]
texts = st.text(max_size=60)
values = st.none() | st.booleans() | st.integers() | st.floats() | texts
# the first text of a run builds Hypothesis's table of all characters, and machines may be busy
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
tables = st.lists(st.dictionaries(st.sampled_from("abcdef"), values, max_size=6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.1234567891, "0.123457"),
        (12345678, "12345678"),
        (float("nan"), "nan"),
        ({"a": 1.0, "b": None}, "a=1, b=none"),
        (["x", 2], "x, 2"),
        (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "2026-01-02 03:04:05Z"),
    ],
)
def test_a_cell_is_what_a_person_reads(value: object, text: str) -> None:
    assert cell(value) == text


def test_numbers_stand_right_and_texts_left() -> None:
    assert text_table(ROWS, ["name", "auc"]) == "name         auc\na           0.93\nrisk.churn   0.5"


def test_a_table_without_rows_is_nothing() -> None:
    assert text_table([], ["name"], 80) == ""


def test_without_a_width_a_long_text_is_cut_where_it_is_told_to_be() -> None:
    assert text_table(ROWS, ["note"], longest=10).splitlines()[2] == "a note th…"
    assert text_table(ROWS, ["note"], longest=None).splitlines()[2] == ROWS[1]["note"]


def test_with_a_width_long_texts_are_cut_first() -> None:
    assert text_table(ROWS, ["name", "auc", "note"], 46).splitlines() == [
        "name         auc  note",
        "a           0.93  short",
        "risk.churn   0.5  a note that goes on for qui…",
    ]


def test_then_columns_are_left_out_from_the_right() -> None:
    assert fitting(ROWS, ["name", "auc", "note"], 30) == ["name", "auc"]


def test_a_narrow_column_takes_the_room_that_a_wide_one_could_not() -> None:
    rows: list[Row] = [{"name": "m", "note": "x" * 50, "n": 1}]
    assert fitting(rows, ["name", "note", "n"], 20) == ["name", "n"]


def test_the_first_column_stays_even_where_nothing_fits() -> None:
    assert text_table(ROWS, ["name", "auc"], 5) == "name\na\nrisk…"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert [text_width(text) for text in ("risk", "風險", "e\u0301", "a\ufe0f")] == [4, 4, 1, 1]


def test_wide_characters_keep_the_columns_in_line() -> None:
    lines = text_table([{"name": "風險", "n": 1}, {"name": "risk", "n": 2}], ["name", "n"]).splitlines()
    assert lines[1:] == ["風險  1", "risk  2"]


def test_a_wide_character_is_cut_off_whole() -> None:
    assert text_table([{"name": "風險模型"}], ["name"], 6).splitlines()[1] == "風險…"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r", "\n", "\x9b31m", "\u202e", "\u2028", "\ud800", "\x00"])
def test_what_could_steer_a_terminal_is_escaped(hostile: str) -> None:
    shown = text_table([{"a": hostile, hostile: 1}], ["a", hostile])
    assert shown.replace("\n", "").isprintable()
    assert printable(hostile) in shown


def test_plain_text_is_left_alone() -> None:
    assert printable("risk.churn — 風險 é") == "risk.churn — 風險 é"


def test_a_painted_table_has_the_same_text() -> None:
    painted = text_table(ROWS, ["name", "auc"], paint=lambda column, row, text: f"\x1b[1m{text}\x1b[0m")
    assert painted.replace("\x1b[1m", "").replace("\x1b[0m", "") == text_table(ROWS, ["name", "auc"])


def test_html_is_escaped() -> None:
    left = ' style="text-align: left"'
    assert html_table([{"<a>": "<script>\x1b"}], ["<a>"]) == (
        f"<table><thead><tr><th{left}>&lt;a&gt;</th></tr></thead>"
        f"<tbody><tr><td{left}>&lt;script&gt;\\x1b</td></tr></tbody></table>"
    )


@patient
@given(rows=tables, width=st.integers(min_value=1, max_value=120))
def test_a_line_never_exceeds_the_width(rows: list[Row], width: int) -> None:
    lines = text_table(rows, list("abcdef"), width).split("\n")
    assert len(lines) == len(rows) + 1
    assert max(map(text_width, lines)) <= width


@patient
@given(rows=tables)
def test_without_limits_every_text_is_there_whole(rows: list[Row]) -> None:
    text = text_table(rows, list("abcdef"), longest=None)
    assert all(printable(cell(value)).rstrip() in text for row in rows for value in row.values())
