"""The JSON of every verb: valid to the letter, and with the names of the Python API."""

import json
import math
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli.commands import Run

from modelstore_core import Comparison, Difference, Event, Feed, FileEntry, ModelSummary, ModelVersion
from modelstore_core.cli.documents import as_document, error_document, write_json

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(timezones=st.just(UTC))
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def names(record: type) -> set[str]:
    return {field.name for field in fields(record)}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=anything)
def test_whatever_a_record_holds_is_valid_json_in_ascii(value: object) -> None:
    text = write_json(as_document(value))
    assert text.isascii()
    assert strict(text) == as_document(value)


def test_numbers_that_json_lacks_are_words() -> None:
    assert as_document([math.nan, math.inf, -math.inf, 1.5, 3]) == ["NaN", "Infinity", "-Infinity", 1.5, 3]


def test_times_are_iso_in_utc() -> None:
    assert as_document(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "2026-01-02T03:04:05.000006Z"


def test_what_json_has_no_form_for_becomes_text() -> None:
    assert as_document({1: object, "set": {2}}) == {"1": "<class 'object'>", "set": [2]}


def test_notes_on_an_error_are_not_its_own() -> None:
    error = ValueError("no")
    error.add_note("by the way")
    assert set(error_document(error)) == {"error", "message", "fix", "value"}


def test_a_version_has_the_fields_of_its_record_and_its_reference(mstore: Run, risk: str) -> None:
    document = mstore("show", "risk@champion", "--json").document
    assert set(document) == {"ref", *names(ModelVersion)}
    assert (document["ref"], document["metrics"], document["aliases"]) == ("risk@1", {"auc": 0.9}, ["champion"])
    assert set(document["files"][0]) == names(FileEntry)


def test_listings_are_arrays_of_records(mstore: Run, risk: str) -> None:
    models, versions = mstore("ls", "--json").document, mstore("ls", "risk", "--json").document
    assert [set(model) for model in models] == [names(ModelSummary)]
    assert (models[0]["name"], models[0]["aliases"]) == ("risk", {"champion": 1})
    assert [version["ref"] for version in versions] == ["risk@2", "risk@1"]


def test_events_are_records_too(mstore: Run, risk: str) -> None:
    history, feed = mstore("history", "risk", "--json").document, mstore("changes", "--json").document
    assert set(feed) == names(Feed)
    assert [set(event) for event in feed["events"]] == [names(Event)] * 3
    assert sorted(event["id"] for event in history) == sorted(event["id"] for event in feed["events"])


def test_a_comparison_has_both_versions_and_the_differences(mstore: Run, risk: str) -> None:
    document = mstore("diff", "risk@1", "risk@2", "--json").document
    assert set(document) == names(Comparison)
    assert [version["ref"] for version in document["versions"]] == ["risk@1", "risk@2"]
    assert [set(one) for one in document["differences"]][:1] == [names(Difference)]


def test_metrics_that_are_no_numbers_stay_valid(mstore: Run) -> None:
    mstore("save", "risk", "old.bin", "--metric", "a=nan", "--metric", "b=-inf")
    assert strict(mstore("show", "risk", "--json").out)["metrics"] == {"a": "NaN", "b": "-Infinity"}
    assert strict(mstore("ls", "risk", "--json").out)[0]["metrics"] == {"a": "NaN", "b": "-Infinity"}


@pytest.mark.parametrize("words", [("ls",), ("changes",)])
def test_an_empty_answer_is_a_document_all_the_same(mstore: Run, words: tuple[str, ...]) -> None:
    done = mstore(*words, "--json")
    assert (done.code, done.err, strict(done.out) in ([], {"events": [], "cursor": "e30="})) == (0, "", True)


def test_to_programs_no_words_are_said(terminal: Run, risk: str) -> None:
    assert terminal("ls", "risk", "--json", width=20).err == ""
