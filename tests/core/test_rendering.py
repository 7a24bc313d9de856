"""What a person sees of records: whole, in width, and without anything that could steer a terminal or a page."""

import os
import pickle
import re
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.core.records import HOSTILE, RECORDS, ROWS, sample
from tests.search.records import version

from modelstore_core import Event, Feed, ModelSummary, ModelVersion, Records
from modelstore_core.model.tables import readable_size, text_card, text_width


def ids(kind: type) -> str:
    return kind.__name__


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let stdout be a terminal of a width."""

    def of(width: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((width, 24)))
        monkeypatch.setenv("COLUMNS", str(width))

    return of


@pytest.mark.parametrize("kind", RECORDS, ids=ids)
def test_no_record_lets_control_characters_or_markup_through(kind: type) -> None:
    record = sample(kind)
    shown = [record, Records([record])] if kind in ROWS else [record]

    for one in shown:
        for text in (str(one), repr(one), f"{one}"):
            assert text.replace("\n", "").isprintable(), text
        page = getattr(one, "_repr_html_", lambda: "")()
        assert page.isprintable()
        assert "<script" not in page
        assert "<b" not in re.sub(r"</?(table|thead|tbody|tr|th|td|p)( style=\"[a-z: -]*\")?>", "", page)


@pytest.mark.parametrize("kind", [ModelVersion, ModelSummary, Event, Feed], ids=ids)
def test_what_is_hostile_is_shown_escaped_and_not_dropped(kind: type) -> None:
    text = str(Records([sample(kind)])) if kind is ModelSummary else str(sample(kind))

    assert "\\x1b[31m" in text


@pytest.mark.parametrize("kind", ROWS, ids=ids)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_listing_fits_the_terminal(terminal: Any, kind: type, width: int) -> None:
    terminal(width)
    lines = repr(Records([sample(kind, "word " * 9)] * 3)).split("\n")

    assert len(lines) >= 4
    assert max(map(text_width, lines)) <= width


def test_a_card_is_broken_at_blanks_and_never_within_a_word(terminal: Any) -> None:
    terminal(60)
    card = str(version(1, params={f"p{n}": n for n in range(40)}, url="s3://bucket/" + "a" * 80))

    assert ("s3://bucket/" + "a" * 80) in card
    assert max(len(line) for line in card.split("\n") if "s3://" not in line and "sha256:" not in line) <= 60
    assert " ".join(card.split()).count("p39=39") == 1


def test_a_card_keeps_names_and_values_apart() -> None:
    assert text_card([("a", 1.0), ("long name", "x")], 80) == "a          1\nlong name  x"


def test_a_version_says_in_one_line_what_it_is() -> None:
    one = version(3, aliases=("champion",), metrics={"auc": 0.93})

    assert repr(one) == "ModelVersion(risk.churn@3, champion, sklearn, auc=0.93)"
    assert repr(version(3, deleted=True)) == "ModelVersion(risk.churn@3, deleted, sklearn)"
    assert repr([one]) == f"[{one!r}]"


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "live"),
        ({"superseded_by": 4}, "superseded"),
        ({"superseded_by": 4, "deleted": True}, "deleted"),
        ({"deleted": True, "purged": True}, "purged"),
    ],
)
def test_a_version_has_a_state(fields: dict[str, Any], state: str) -> None:
    assert version(3, **fields).state == state
    assert (f"state    {state}" in str(version(3, **fields))) == (state != "live")


def test_columns_that_say_nothing_are_not_shown_and_those_without_room_are_named(terminal: Any) -> None:
    terminal(50)
    records = Records([version(1, metrics={f"metric_{n}": 0.5 for n in range(9)}), version(2)])

    head, *_, last = repr(records).split("\n")
    assert "aliases" not in head
    assert "deleted" not in head
    assert last.startswith("no room for metrics.metric_")
    assert len(last) <= 50


def test_a_long_listing_shows_its_beginning_and_says_how_much_is_left() -> None:
    records = Records([version(n) for n in range(1, 151)])

    assert repr(records).count("\n") == 102 - 1
    assert "and 50 more" in repr(records)
    assert "and 50 more" in records._repr_html_()
    assert records._repr_html_().count("<tr>") == 101


def test_a_slice_is_a_listing_too() -> None:
    records = Records([version(1), version(2)])

    assert type(records[:1]) is Records
    assert records[:1] == (version(1),)
    assert records[1] == version(2)
    assert pickle.loads(pickle.dumps(records[:0])).columns() == records[:0].columns() != []


def test_a_listing_of_nothing_says_so() -> None:
    assert repr(Records()) == "Records()"
    assert "<table>" in Records((), ModelVersion)._repr_html_()


def test_html_aligns_numbers_to_the_right_and_texts_to_the_left() -> None:
    page = Records([version(1)])._repr_html_()

    assert '<th style="text-align: right">number</th>' in page
    assert '<td style="text-align: left">risk.churn</td>' in page


def test_a_feed_names_the_models_first() -> None:
    event = Event(
        id="m:1",
        model="m",
        seq=1,
        kind="version.created",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        actor="ada",
        number=1,
    )
    feed = Feed(events=Records([event]), cursor="c")

    assert str(feed).split() == [
        *["time", "model", "kind", "number", "actor", "seq"],
        *["2026-03-01", "00:00:00Z", "m", "version.created", "1", "ada", "1"],
    ]
    assert repr(feed) == "Feed(1 event, cursor='c')"
    assert str(Feed(events=Records(), cursor="c")) == "no changes"
    assert Feed(events=Records(), cursor="c")._repr_html_() == "<p>no changes</p>"
    assert repr(event) == "Event(m:1, version.created, m@1, ada, 2026-03-01 00:00:00Z)"


def test_sizes_are_said_in_the_unit_that_suits() -> None:
    assert [readable_size(size) for size in (0, 1023, 1024, 5 * 2**20, 3 * 2**40, 2**60)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 TiB",
        "1048576.0 TiB",
    ]


def test_the_sample_is_hostile() -> None:
    assert not HOSTILE.isprintable()
    assert {ModelVersion, Event} <= set(ROWS) < set(RECORDS)
