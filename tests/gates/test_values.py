"""Gates are values: they judge what they are given, turn to data and back, and refuse what is not what it must be."""

import json
import math
import pickle
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstore_core import (
    Approved,
    AtLeast,
    AtMost,
    CheckOutcome,
    CheckPassed,
    HasTag,
    Improves,
    InvalidInput,
    KeepsSignature,
    MinAge,
    Proved,
    Review,
    Side,
    gate_of,
)
from modelstore_core.model.gates.data import GATES, AnyRule, checked_gates, rules_of

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
TIME = "2026-03-03T12:00:00.000000Z"


def side(number: int = 2, **known: Any) -> Side:
    return replace(Side(ref=f"m@{number}", metrics={}, created_by="ada", created_at=NOW, now=NOW), **known)


def check(*, passed: bool, message: str = "") -> CheckOutcome:
    return CheckOutcome(passed=passed, actor="ci", time=NOW, message=message)


def said(*words: str) -> tuple[Review, ...]:
    """ "bo approved" and the like, in this order."""
    pairs = [word.split() for word in words]
    return tuple(Review(alias="c", verdict=verdict, actor=actor, time=TIME) for actor, verdict in pairs)  # type: ignore[arg-type]


BETTER = [  # gate, the candidate's value, the current one's, whether it passes
    (AtLeast("a", 0.9), 0.9, None, True),
    (AtLeast("a", 0.9), 0.89, None, False),
    (AtLeast("a", 0.9), None, None, False),
    (AtLeast("a", 0.9), math.nan, None, False),
    (AtMost("a", 0.3), 0.3, 0.1, True),
    (AtMost("a", 0.3), 0.31, None, False),
    (AtMost("a", 0.3), None, None, False),
    (Improves("a"), 0.5, 0.5, False),
    (Improves("a"), 0.6, 0.5, True),
    (Improves("a"), 0.6, None, True),
    (Improves("a"), None, None, False),
    (Improves("a", by=0.1), 0.9, 0.8, True),
    (Improves("a", by=0.1), 0.89, 0.8, False),
    (Improves("a", direction="min"), 0.4, 0.5, True),
    (Improves("a", by=0.1, relative=True), 11, 10, True),
    (Improves("a", by=0.1, relative=True), 10.9, 10, False),
    (Improves("a", by=0.1, relative=True), -9, -10, True),
    (Improves("a", by=0.1, relative=True), -9.1, -10, False),
    (Improves("a", by=0.1, relative=True), 0.001, 0, True),
    (Improves("a", by=0.1, direction="min", relative=True), 9, 10, True),
    (Improves("a", by=0.1, direction="min", relative=True), 9.5, 10, False),
]


@pytest.mark.parametrize(("gate", "new", "old", "passes"), BETTER)
def test_gates_on_metrics(gate: AnyRule, new: float | None, old: float | None, passes: bool) -> None:
    candidate = side(metrics={} if new is None else {"a": new})
    current = None if old is None else side(1, metrics={"a": old})
    found = gate.judge(candidate, current)

    assert (found.passed, found.metric, found.rule) == (passes, "a", str(gate))
    assert "m@2 has " in found.message


def test_a_metric_that_only_the_current_version_lacks_is_not_improved_on() -> None:
    assert not Improves("a").judge(side(metrics={"a": 1}), side(1)).passed


RECORDED = [
    (HasTag("team"), {"tags": {"team": "risk"}}, True, "m@2 has the tag team = 'risk'"),
    (HasTag("team", "risk"), {"tags": {"team": "risk"}}, True, "m@2 has the tag team = 'risk'"),
    (HasTag("team", "ads"), {"tags": {"team": "risk"}}, False, "m@2 has the tag team = 'risk'; needed: 'ads'"),
    (HasTag("team"), {}, False, "m@2 has no tag team"),
    (CheckPassed("drift"), {"checks": {"drift": check(passed=True)}}, True, "m@2 passed the check drift"),
    (
        CheckPassed("drift"),
        {"checks": {"drift": check(passed=False, message="3 sigma")}},
        False,
        "m@2 failed the check drift: 3 sigma",
    ),
    (CheckPassed("drift"), {"checks": {"bias": check(passed=True)}}, False, "m@2 has no outcome of the check drift"),
    (Proved(), {"proved": True}, True, "m@2 was proved at its save"),
    (Proved(), {}, False, "m@2 was not proved at its save"),
    (MinAge(24), {"created_at": NOW - timedelta(hours=24)}, True, "m@2 is 24.0 hours old; needed: 24"),
    (MinAge(24), {"created_at": NOW - timedelta(hours=23)}, False, "m@2 is 23.0 hours old; needed: 24"),
    (MinAge(0), {"created_at": NOW + timedelta(hours=1)}, False, "m@2 is -1.0 hours old; needed: 0"),
    (MinAge(1), {"now": None}, False, "it is not known how old m@2 is"),
]


@pytest.mark.parametrize(("gate", "known", "passes", "message"), RECORDED)
def test_gates_on_what_is_recorded(gate: AnyRule, known: dict[str, Any], passes: bool, message: str) -> None:
    found = gate.judge(side(**known), side(1))

    assert (found.passed, found.message, found.metric, found.candidate) == (passes, message, "", None)


VOTES = [
    (Approved(), [], False, "is approved by nobody; needed: approved by 1"),
    (Approved(), ["bo approved"], True, "is approved by bo"),
    (Approved(), ["eve requested"], False, "is approved by nobody"),
    (Approved(), ["bo approved", "eve requested"], False, "is approved by nobody"),
    (Approved(), ["eve requested", "bo approved", "bo rejected"], False, "is rejected by bo"),
    (Approved(), ["bo rejected", "bo approved"], True, "is approved by bo"),
    (Approved(), ["bo approved", "cy rejected"], False, "is rejected by cy"),
    (Approved(), ["cy rejected", "eve requested", "bo approved"], True, "is approved by bo"),
    (Approved(2), ["bo approved", "bo approved"], False, "is approved by bo; needed: approved by 2"),
    (Approved(2), ["bo approved", "cy approved"], True, "is approved by bo, cy"),
    (Approved(by=["cy"]), ["bo approved"], False, "is approved by nobody who counts; needed: approved by 1 of cy"),
    (Approved(by=["cy"]), ["bo approved", "cy approved"], True, "is approved by cy"),
    (Approved(by=["cy"]), ["bo rejected", "cy approved"], False, "is rejected by bo"),
    (Approved(), ["ada approved"], True, "is approved by ada"),
    (Approved(not_by_author=True), ["ada approved"], False, "is approved by nobody who counts"),
    (Approved(not_by_author=True), ["ada approved", "bo approved"], True, "is approved by bo"),
]


@pytest.mark.parametrize(("gate", "votes", "passes", "message"), VOTES)
def test_votes_count_once_an_actor_in_the_last_round(
    gate: Approved, votes: list[str], passes: bool, message: str
) -> None:
    found = gate.judge(side(reviews=said(*votes)), None)

    assert found.passed == passes
    assert found.message.startswith(f"m@2 {message}")


texts = st.text(min_size=1, max_size=5)
finite = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5)
rules: st.SearchStrategy[AnyRule] = st.one_of(
    st.builds(AtLeast, texts, finite),
    st.builds(AtMost, texts, finite),
    st.builds(Improves, texts, st.floats(0, 9), st.sampled_from(["max", "min"]), st.booleans()),
    st.builds(KeepsSignature, st.booleans()),
    st.builds(HasTag, texts, st.none() | st.text(max_size=5)),
    st.builds(CheckPassed, texts),
    st.just(Proved()),
    st.builds(MinAge, st.floats(0, 1000)),
    st.builds(Approved, st.just(1), st.lists(texts, max_size=3), st.booleans()),
)


@given(rules)
def test_every_gate_turns_to_json_and_back(gate: AnyRule) -> None:
    assert gate_of(json.loads(json.dumps(gate.data()))) == gate
    assert pickle.loads(pickle.dumps(gate)) == gate
    assert str(gate)


def test_a_finding_is_never_long() -> None:
    """Of a hundred rules all findings must stand in one commit."""
    found = CheckPassed("x").judge(side(checks={"x": check(passed=False, message="m" * 2000)}), None)

    assert (len(found.message), found.message[-2:]) == (500, "m…")


def test_what_is_stored_of_each_gate_stays_as_it_is() -> None:
    """Stores hold these for ever."""
    assert [gate.data() for gate in (AtLeast("auc", 0.9), AtMost("loss", 1), Improves("auc"), KeepsSignature())] == [
        {"rule": "at_least", "metric": "auc", "threshold": 0.9},
        {"rule": "at_most", "metric": "loss", "threshold": 1},
        {"rule": "improves", "metric": "auc", "by": 0.0, "direction": "max", "relative": False},
        {"rule": "keeps_signature", "compatible": False},
    ]
    assert [gate.data() for gate in (HasTag("team"), CheckPassed("drift"), Proved(), MinAge(24), Approved())] == [
        {"rule": "has_tag", "key": "team", "value": None},
        {"rule": "check_passed", "name": "drift"},
        {"rule": "proved"},
        {"rule": "min_age", "hours": 24},
        {"rule": "approved", "count": 1, "by": [], "not_by_author": False},
    ]
    assert len(GATES) == 9


def test_fields_with_defaults_may_be_left_out_of_data() -> None:
    assert gate_of({"rule": "improves", "metric": "auc"}) == Improves("auc")


BAD: list[tuple[object, str]] = [
    (None, "is no rule"),
    ("auc >= 0.9", "is no rule"),
    ({}, "is no rule"),
    ({"rule": 3}, "is no rule"),
    ({"rule": "at_lest"}, "Did you mean 'at_least'"),
    ({"rule": "sorcery"}, "There is no rule 'sorcery'. There are: at_least, at_most"),
    ({"rule": "at_least", "metric": "auc"}, "needs threshold"),
    ({"rule": "at_least", "metric": "auc", "threshold": 1, "strict": True}, "does not know strict"),
    ({"rule": "at_least", "metric": "", "threshold": 1}, "metric of AtLeast must be text"),
    ({"rule": "at_least", "metric": 3, "threshold": 1}, "metric of AtLeast must be text"),
    ({"rule": "at_least", "metric": "a", "threshold": "1"}, "must be a number, not '1'"),
    ({"rule": "at_least", "metric": "a", "threshold": True}, "must be a number, not True"),
    ({"rule": "at_most", "metric": "a", "threshold": math.inf}, "must be a number, not inf"),
    ({"rule": "at_most", "metric": "a", "threshold": math.nan}, "must be a number, not nan"),
    ({"rule": "at_most", "metric": "a", "threshold": 10**400}, "must be a number"),
    ({"rule": "at_most", "metric": None, "threshold": 1}, "metric of AtMost must be text"),
    ({"rule": "improves", "metric": "a", "by": -1}, "must be a number, 0 or more, not -1"),
    ({"rule": "improves", "metric": "a", "direction": "up"}, "'max' or 'min', not 'up'"),
    ({"rule": "improves", "metric": "a", "relative": 1}, "must be true or false, not 1"),
    ({"rule": "keeps_signature", "compatible": "yes"}, "must be true or false"),
    ({"rule": "has_tag", "key": ""}, "key of HasTag must be text"),
    ({"rule": "has_tag", "key": "a", "value": 1}, "`value` of HasTag must be text"),
    ({"rule": "check_passed", "name": None}, "name of CheckPassed must be text"),
    ({"rule": "proved", "how": "well"}, "does not know how"),
    ({"rule": "min_age", "hours": -1}, "0 or more"),
    ({"rule": "min_age", "hours": 1e9}, "over a hundred years"),
    ({"rule": "approved", "count": 0}, "must be 1 or more"),
    ({"rule": "approved", "count": True}, "must be 1 or more"),
    ({"rule": "approved", "by": "ada"}, "must be a list of actors"),
    ({"rule": "approved", "by": [""]}, "must be a list of actors"),
    ({"rule": "approved", "by": None}, "must be a list of actors"),
    ({"rule": "approved", "count": 2, "by": ["ada"]}, "`by` names 1"),
    ({"rule": "approved", "not_by_author": None}, "must be true or false"),
]


@pytest.mark.parametrize(("data", "message"), BAD)
def test_data_that_are_no_gate_are_refused_with_what_to_write(data: object, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        gate_of(data)
    assert message in str(refused.value)
    assert refused.value.fix


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(["rule", "metric", "threshold", "by", "count", "hours", "name"]),
                s | st.sampled_from([*GATES]),
            )
        ),
    )
)
def test_whatever_the_data_are_the_answer_is_a_gate_or_a_typed_error(data: object) -> None:
    with suppress(InvalidInput):
        assert gate_of(data).data()


@pytest.mark.parametrize("gates", [None, "AtLeast", 3, [AtLeast], ["auc >= 1"], [None], {"auc": 0.9}, {"auc": None}])
def test_what_is_no_list_of_gates_is_refused(gates: Any) -> None:
    with pytest.raises(InvalidInput):
        checked_gates(gates)


def test_rules_of_an_alias_are_data_and_at_least_one() -> None:
    class Mine:
        def judge(self, candidate: Side, current: Side | None) -> Any: ...

    with pytest.raises(InvalidInput, match="cannot be stored: it is code"):
        rules_of([Mine()])
    with pytest.raises(InvalidInput, match="`unprotect` takes the rules away"):
        rules_of([])
    assert checked_gates([Mine()])
