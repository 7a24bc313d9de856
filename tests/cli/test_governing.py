"""Promotions under rules, rules of aliases, checks and approvals on the command line."""

import json
import re

import pytest
from tests.cli.commands import Run

from modelstore_core import (
    Approved,
    AtLeast,
    AtMost,
    CheckPassed,
    HasTag,
    Improves,
    KeepsSignature,
    MinAge,
    ModelStore,
    Proved,
)


@pytest.fixture
def store(risk: str) -> ModelStore:
    return ModelStore("./models", actor="bo")


GATES = {
    "--at-least auc=.9": AtLeast("auc", 0.9),
    "--at-most loss=1": AtMost("loss", 1),
    "--improves auc": Improves("auc"),
    "--improves auc=.01": Improves("auc", 0.01),
    "--improves auc=1%": Improves("auc", 0.01, relative=True),
    "--reduces loss=5%": Improves("loss", 0.05, "min", relative=True),
    "--requires-tag team": HasTag("team"),
    "--requires-tag team=": HasTag("team", ""),
    "--requires-tag team=a=b": HasTag("team", "a=b"),
    "--check drift": CheckPassed("drift"),
    "--keeps-signature equal": KeepsSignature(),
    "--keeps-signature compatible": KeepsSignature(compatible=True),
    "--proved": Proved(),
    "--min-age 36h": MinAge(36),
    "--min-age 7d": MinAge(168),
    "--approved 2": Approved(2),
    "--approved-by cy --approved-by bo": Approved(1, ["bo", "cy"]),
    "--not-by-author": Approved(not_by_author=True),
    '--rule {"rule":"proved"}': Proved(),
}


@pytest.mark.parametrize("words", GATES)
def test_every_gate_has_its_option(mstore: Run, store: ModelStore, words: str) -> None:
    done = mstore("gate", "risk", "prod", *words.split(" "))

    assert (done.code, done.err) == (0, "1 rule guards prod of risk\n")
    assert store.gates("risk") == {"prod": (GATES[words],)}


@pytest.mark.parametrize(
    "words",
    [
        ("--at-least", "auc"),
        ("--at-least", "auc=high"),
        ("--improves", "auc=x%"),
        ("--improves", "auc=-1"),
        ("--improves", "=1"),
        ("--requires-tag", "=x"),
        ("--check", ""),
        ("--min-age", "long"),
        ("--approved", "0"),
        ("--approved", "two"),
        ("--approved", "2", "--approved-by", "bo"),
        ("--keeps-signature", "mostly"),
        ("--rule", "{"),
        ("--rule", '{"rule": "sorcery"}'),
        ("--clear",),
        ("--clear", "--proved", "--reason", "x"),
    ],
)
def test_bad_gates_are_wrong_usage(mstore: Run, store: ModelStore, words: tuple[str, ...]) -> None:
    done = mstore("gate", "risk", "prod", *words)

    assert (done.code, done.out) == (2, "")
    assert store.gates("risk") == {}


def test_rules_need_an_alias_to_guard(mstore: Run, risk: str) -> None:
    assert mstore("gate", "risk", "--proved").code == mstore("gate", "risk", "--clear", "--reason", "x").code == 2


def test_rules_are_shown_set_and_cleared(mstore: Run, store: ModelStore) -> None:
    assert mstore("gate", "risk").err == "no rules guard any alias of risk\n"
    mstore("gate", "risk", "prod", "--proved", "--at-least", "auc=.9", "--reason", "after the incident")
    mstore("gate", "risk", "shadow", "--check", "drift")

    assert mstore("gate", "risk").out.splitlines() == [
        "alias   rule",
        "prod    auc >= 0.9",
        "prod    proved at save",
        "shadow  passed the check drift",
    ]
    assert mstore("gate", "risk", "shadow", "--json").document == {
        "shadow": [{"rule": "check_passed", "name": "drift"}]
    }
    cleared = mstore("gate", "risk", "prod", "--clear", "--yes", "--reason", "it ends")
    assert (cleared.out, cleared.err) == ("prod\n", "no rules guard prod of risk any more\n")
    assert mstore("gate", "risk", "prod").err == "no rules guard prod of risk\n"
    assert [event.reason for event in store.history("risk") if event.kind == "rules.changed"] == [
        "it ends",
        "",
        "after the incident",
    ]


def test_a_refused_promotion_shows_what_each_rule_found(mstore: Run, store: ModelStore) -> None:
    store.protect("risk", "champion", [AtLeast("auc", 0.95), CheckPassed("drift")])
    done = mstore("promote", "risk@2", "champion", "--improves", "auc")

    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[:4] == [
        "verdict  rule                             candidate  current  found",
        "refused  auc >= 0.95                           0.93      0.9",
        "refused  passed the check drift                               risk@2 has no outcome of the check drift",
        "passed   auc above the current version's       0.93      0.9",
    ]
    assert done.err.splitlines()[4].startswith("mstore: risk@2 was not promoted to 'champion': ")
    error = mstore("promote", "risk@2", "champion", "--json").error
    assert [(found["rule"], found["passed"]) for found in error["evidence"]] == [
        ("auc >= 0.95", False),
        ("passed the check drift", False),
    ]


def test_the_table_of_a_refusal_fits_the_terminal_and_has_colours(terminal: Run, risk: str) -> None:
    done = terminal("promote", "risk@2", "champion", "--at-least", "auc=.95", width=40, colour=True)

    assert "\x1b[31mrefused\x1b[0m" in done.err
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in done.err.splitlines()[:2]) <= 40


def test_an_override_needs_a_reason_and_is_seen(mstore: Run, store: ModelStore) -> None:
    store.protect("risk", "champion", [AtLeast("auc", 0.95)])
    assert mstore("promote", "risk@2", "champion", "--override", "--yes").code == 2
    done = mstore("promote", "risk@2", "champion", "--override", "--yes", "--reason", "the other crashes")

    assert (done.out, done.err) == ("risk@2\n", "champion points to risk@2, against 1 of 1 gate\n")
    assert "promote (override)" in mstore("history", "risk").out
    assert mstore("unalias", "risk", "champion").code == 4
    assert mstore("unalias", "risk", "champion", "--override", "--yes", "--reason", "it ends").code == 0


def test_the_rules_of_the_alias_count_as_gates_that_were_passed(mstore: Run, store: ModelStore) -> None:
    store.protect("risk", "champion", [AtLeast("auc", 0.9)])
    promote = ("promote", "risk@2", "champion", "--improves", "auc")

    assert mstore(*promote).err == "champion points to risk@2, 2 gates passed\n"
    mstore("annotate", "risk@2", "--tag", "a=b")
    assert mstore(*promote).err == "champion points to risk@2\n"


def test_checks_are_recorded_and_shown(mstore: Run, store: ModelStore) -> None:
    done = mstore("annotate", "risk@2", "--passed", "schema", "--failed", "drift=3 sigma, since May")

    assert done.code == 0
    assert {n: (c.passed, c.message) for n, c in store.get("risk@2").checks.items()} == {
        "schema": (True, ""),
        "drift": (False, "3 sigma, since May"),
    }
    shown = dict(line.split(maxsplit=1) for line in mstore("show", "risk@2").out.splitlines())
    assert (shown["checks.drift"], shown["checks.schema"]) == ("failed (3 sigma, since May)", "passed")
    assert mstore("show", "risk@2", "--json").document["checks"]["drift"]["passed"] is False
    assert "checks.drift" in mstore("ls", "risk").out
    assert mstore("annotate", "risk@2", "--passed", "a", "--failed", "a=b").code == 2
    assert mstore("annotate", "risk@2", "--passed", "").code == 2


def test_approvals_are_asked_for_given_and_listed(mstore: Run, risk: str) -> None:
    assert mstore("approvals").err == "nothing waits for approval\n"
    assert mstore("approvals", "--all").err == "nobody was asked for approval\n"
    asked = mstore("request", "risk@2", "champion", "--comment", "better on March")
    assert (asked.out, asked.err) == ("risk@2\n", "risk@2 waits for approval for champion\n")
    [line] = mstore("approvals", "risk").out.splitlines()[1:]
    assert line.split()[:4] == ["risk@2", "champion", "requested", "ada"]

    assert mstore("reject", "risk@2", "champion", "--comment", "wait", "--actor", "cy").code == 0
    assert mstore("promote", "risk@2", "champion", "--approved", "1").code == 4
    assert mstore("approve", "risk@2", "champion", "--actor", "cy").err == (
        "risk@2 for champion: approved by cy, requested by ada\n"
    )
    assert mstore("promote", "risk@2", "champion", "--approved", "1").code == 0
    assert mstore("approvals").out == ""
    [found] = json.loads(mstore("approvals", "--all", "--json").out)
    assert (found["state"], found["votes"][0]["approves"], found["requested_by"]) == ("approved", True, "ada")


def test_a_keyed_vote_is_cast_once(mstore: Run, store: ModelStore) -> None:
    for verb in ("approve", "reject", "approve"):
        mstore(verb, "risk@2", "champion", "--key", verb)

    assert store.approvals("risk", pending=False)[0].state == "rejected"


@pytest.mark.parametrize("verb", ["request", "approve", "reject"])
def test_what_is_not_there_is_not_reviewed(mstore: Run, risk: str, verb: str) -> None:
    assert mstore(verb, "risk@9", "champion").code == 3
    assert mstore(verb, "risk@2", "latest").code == 2
    assert mstore(verb, "risk@2", "champion", "--comment", "x" * 3000).code == 2
