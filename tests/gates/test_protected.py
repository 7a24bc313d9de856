"""Rules of an alias: every promotion must pass them, nothing goes around them unseen, and history shows overrides."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from modelstore_core import (
    AliasConflict,
    AliasProtected,
    Approved,
    AtLeast,
    AtMost,
    CheckPassed,
    Finding,
    GateRefused,
    HasTag,
    Improves,
    InvalidInput,
    MinAge,
    ModelNotFound,
    ModelStore,
    Proved,
    Side,
    StoreTooNew,
    TooLarge,
    VersionInUse,
)
from modelstore_core.model.operations import SetRules
from modelstore_core.registry.writer import Append, Request
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import StillClock, commit, store_over

Act = Callable[[ModelStore], object]


def kinds(store: ModelStore) -> list[str]:
    return [event.kind for event in store.history("m")]


def test_a_protected_alias_is_judged_by_its_own_rules(four: ModelStore, memory: MemoryStorage) -> None:
    assert four.protect("m", "champion", [AtLeast("auc", 0.75), Improves("auc")], reason="after the incident") == (
        AtLeast("auc", 0.75),
        Improves("auc"),
    )
    with pytest.raises(GateRefused, match=r"m@1 has auc = 0\.7; needed: at least 0\.75") as refused:
        four.promote("m@1", "champion")
    four.promote("m@3", "champion")
    with pytest.raises(GateRefused, match=r"m@2 has auc = 0\.8, m@3 has auc = 0\.9"):
        four.promote("m@2", "champion")

    assert [finding.passed for finding in refused.value.evidence if isinstance(finding, Finding)] == [False, True]
    assert four.get("m@champion").number == 3
    assert four.promote("m@4", "shadow").aliases == ("shadow",)
    assert kinds(four)[:5] == ["alias.moved", "promotion.refused", "alias.moved", "promotion.refused", "rules.changed"]
    audit(memory, "m")


def test_evidence_stands_in_history_also_where_it_was_passed(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.promote("m@3", "champion", gates=[AtMost("loss", 0.5)])
    event = four.history("m")[0]

    assert [(one.rule, one.passed) for one in event.evidence] == [("auc >= 0.75", True), ("loss <= 0.5", True)]
    assert not event.override


def test_a_rule_that_the_call_repeats_is_judged_once(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.promote("m@3", "champion", gates=[AtLeast("auc", 0.75)])

    assert len(four.history("m")[0].evidence) == 1


def test_gates_are_told_by_alias_and_rules_replace_those_before(four: ModelStore) -> None:
    four.protect("m", "shadow", [HasTag("team")])
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.protect("m", "champion", {"loss": _Threshold()})

    assert four.gates("m") == {"champion": (AtMost("loss", 0.3),), "shadow": (HasTag("team"),)}


class _Threshold:
    """As MLflow has it, without MLflow."""

    threshold, min_absolute_change, min_relative_change, greater_is_better = 0.3, None, None, False


def test_the_same_rules_again_commit_nothing(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)], reason="once")
    four.protect("m", "champion", [AtLeast("auc", 0.75)], reason="twice")

    assert kinds(four).count("rules.changed") == 1


def test_unprotect_takes_the_rules_away_and_history_says_why(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.unprotect("m", "champion", reason="the product ends")
    four.unprotect("m", "champion", reason="again")

    assert four.gates("m") == {}
    assert [(event.kind, event.alias, event.reason, event.rules) for event in four.history("m", limit=2)] == [
        ("rules.changed", "champion", "the product ends", ()),
        ("rules.changed", "champion", "", (AtLeast("auc", 0.75).data(),)),
    ]
    assert four.promote("m@1", "champion").number == 1


def test_protecting_is_done_once_by_key(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)], key="k")
    four.unprotect("m", "champion", reason="no more")
    four.protect("m", "champion", [AtLeast("auc", 0.75)], key="k")

    assert four.gates("m") == {}


def test_there_must_be_a_model_to_protect(four: ModelStore) -> None:
    for act in (
        lambda: four.protect("n", "c", [Proved()]),
        lambda: four.unprotect("n", "c", reason="x"),
        lambda: four.gates("n"),
    ):
        with pytest.raises(ModelNotFound):
            act()


def test_an_override_needs_a_reason_and_shows_in_history(four: ModelStore, memory: MemoryStorage) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    for reason in ("", " \n"):
        with pytest.raises(InvalidInput, match="No reason is given to override rules"):
            four.promote("m@1", "champion", override=True, reason=reason)

    assert four.promote("m@1", "champion", override=True, reason="the others crash").number == 1
    event = four.history("m")[0]
    assert (event.kind, event.override, event.reason) == ("alias.moved", True, "the others crash")
    assert [finding.passed for finding in event.evidence] == [False]
    audit(memory, "m")


def test_an_override_that_nothing_was_against_is_none(four: ModelStore) -> None:
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.promote("m@3", "champion", override=True, reason="to be sure")

    assert not four.history("m")[0].override


def test_an_override_still_keeps_to_what_was_expected(four: ModelStore) -> None:
    four.promote("m@1", "champion")
    with pytest.raises(AliasConflict):
        four.promote("m@2", "champion", expect=3, override=True, reason="now")


AROUND: dict[str, tuple[type[Exception], Act]] = {
    "save": (AliasProtected, lambda s: s.save({"w": 9}, "m", format="pickle", aliases=["shadow", "champion"])),
    "keyed save": (AliasProtected, lambda s: s.save({"w": 9}, "m", format="pickle", aliases=["champion"], key="k")),
    "copy": (AliasProtected, lambda s: s.copy("other", s, name="m", aliases=["champion"])),
    "unalias": (AliasProtected, lambda s: s.unalias("m", "champion")),
    "delete": (VersionInUse, lambda s: s.delete("m@3")),
    "forced delete": (AliasProtected, lambda s: s.delete("m@3", force=True)),
}


@pytest.mark.parametrize("way", AROUND)
def test_nothing_goes_around_the_rules(four: ModelStore, memory: MemoryStorage, way: str) -> None:
    four.save({"w": 1}, "other", format="pickle")
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.promote("m@3", "champion")
    commits = len(audit(memory, "m").entries)
    error, act = AROUND[way]

    with pytest.raises(error) as refused:
        act(four)
    assert getattr(refused.value, "fix")  # noqa: B009 -- of whichever type it is
    found = audit(memory, "m")
    assert (len(found.entries), found.aliases, found.strays) == (commits, {"champion": 3}, frozenset())


def test_what_an_earlier_save_with_the_key_made_is_still_its_answer(four: ModelStore) -> None:
    saved = four.save({"w": 9}, "m", format="pickle", aliases=["champion"], key="k")
    four.protect("m", "champion", [AtLeast("auc", 0.75)])

    assert four.save({"w": 9}, "m", format="pickle", aliases=["champion"], key="k").number == saved.number


def test_a_guarded_alias_is_removed_with_a_word_on_its_rules(four: ModelStore, memory: MemoryStorage) -> None:
    four.promote("m@3", "champion")
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    with pytest.raises(InvalidInput, match="No reason"):
        four.unalias("m", "champion", override=True)
    four.unalias("m", "champion", override=True, reason="this product ends")

    assert four.history("m")[0].override
    assert four.gates("m") == {"champion": (AtLeast("auc", 0.75),)}
    with pytest.raises(GateRefused):
        four.promote("m@1", "champion")
    audit(memory, "m")


def test_an_alias_without_rules_is_removed_without_an_override(four: ModelStore) -> None:
    four.promote("m@3", "shadow")
    four.unalias("m", "shadow", override=True, reason="tidy")

    assert not four.history("m")[0].override


def test_a_rollback_is_not_judged(four: ModelStore) -> None:
    four.promote("m@1", "champion")
    four.promote("m@3", "champion")
    four.protect("m", "champion", [AtLeast("auc", 0.75)])

    assert four.rollback("m", "champion").number == 1


def test_pruning_and_superseding_move_no_guarded_alias(four: ModelStore, memory: MemoryStorage) -> None:
    four.save({"w": 9}, "m", format="pickle", key="k", aliases=["champion"])
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    four.save({"w": 10}, "m", format="pickle", key="k", attempt=1)
    four.prune("m", keep=0)

    assert audit(memory, "m").aliases == {"champion": 5}


def test_a_rule_of_a_later_release_lets_no_promotion_pass(four: ModelStore, memory: MemoryStorage) -> None:
    later(memory, {"rule": "blessed_by_an_oracle", "oracle": "delphi"})

    for override in (False, True):
        with pytest.raises(StoreTooNew, match="no rule 'blessed_by_an_oracle'") as refused:
            four.promote("m@3", "champion", override=override, reason="please")
        assert "Upgrade" in refused.value.fix
    with pytest.raises(StoreTooNew):
        four.gates("m")
    assert four.promote("m@3", "shadow").number == 3
    four.protect("m", "champion", [AtLeast("auc", 0.75)])
    assert four.promote("m@3", "champion").number == 3


def test_a_field_of_a_later_release_lets_no_promotion_pass_either(four: ModelStore, memory: MemoryStorage) -> None:
    later(memory, {"rule": "at_least", "metric": "auc", "threshold": 0.1, "on": "every slice"})

    with pytest.raises(StoreTooNew, match="does not know on"):
        four.promote("m@3", "champion")


def later(memory: MemoryStorage, rule: Any) -> None:
    """Store a rule as a later release might."""
    commit(memory, "m", SetRules(alias="champion", rules=(rule,), previous=None))


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.protect("m", "champion", []),
        lambda s: s.protect("m", "champion", None),
        lambda s: s.protect("m", "latest", [Proved()]),
        lambda s: s.protect("m", "champion", [Proved()], reason=3),
        lambda s: s.protect("m", "champion", [Proved()], key=""),
        lambda s: s.unprotect("m", "champion", reason=""),
        lambda s: s.unprotect("m", "champion", reason=None),
        lambda s: s.promote("m@1", "champion", gates="auc >= 1"),
        lambda s: s.promote("m@1", "champion", gates={"auc": 0.9}),
        lambda s: s.protect("m", "champion", [AtLeast("x" * 300_000, 1)]),
    ],
)
def test_bad_rules_are_refused(four: ModelStore, act: Act) -> None:
    with pytest.raises(InvalidInput):
        act(four)
    assert four.gates("m") == {}


def test_no_more_aliases_are_guarded_than_every_commit_can_carry(four: ModelStore) -> None:
    handle = four._handle
    many = {f"alias-{i}": 1 for i in range(1000)}

    def fill(view: Any) -> Append:
        op = SetRules(alias="alias-0", rules=({"rule": "proved"},), previous=None)
        return Append(op=op, state=lambda seq: type(view.state)(next=5, live=4, newest=view.state.newest, rules=many))

    handle.write("m", Request(verb="protect", actor="many"), fill)
    with pytest.raises(TooLarge, match="1001 protected aliases"):
        four.protect("m", "one-more", [Proved()])


def test_a_gate_of_ones_own_sees_all_that_is_known_of_both_sides(four: ModelStore) -> None:
    seen: list[tuple[Side, Side | None]] = []

    class Mine:
        def judge(self, candidate: Side, current: Side | None) -> Finding:
            seen.append((candidate, current))
            return Finding(rule="mine", metric="", candidate=None, current=None, passed=True, message="fine")

    four.annotate("m@3", tags={"team": "risk"}, checks={"drift": (False, "3 sigma")})
    four.approve("m@3", "champion")
    four.approve("m@3", "shadow")
    four.promote("m@1", "champion")
    four.promote("m@3", "champion", gates=[Mine()])
    [(candidate, current)] = seen

    assert (candidate.ref, candidate.tags, candidate.checks["drift"].message) == ("m@3", {"team": "risk"}, "3 sigma")
    assert [review.alias for review in candidate.reviews] == ["champion"]
    assert (candidate.created_by, candidate.proved, candidate.signature) == ("ada", False, None)
    assert candidate.created_at == candidate.now == datetime.fromisoformat("2026-01-01T00:00:00Z")
    assert current is not None
    assert (current.ref, current.metrics["auc"]) == ("m@1", 0.7)


def test_what_a_gate_of_ones_own_finds_must_be_a_finding(four: ModelStore) -> None:
    class Mine:
        def judge(self, candidate: Side, current: Side | None) -> Any:
            return True

    with pytest.raises(InvalidInput, match="found True, which is no Finding"):
        four.promote("m@3", "champion", gates=[Mine()])


def test_a_version_grows_old_enough_by_the_promoters_clock(memory: MemoryStorage, clock: StillClock) -> None:
    store = store_over(memory, ports=clock.ports())
    store.save({"w": 1}, "m", format="pickle")
    store.protect("m", "champion", [MinAge(24)])
    with pytest.raises(GateRefused, match=r"m@1 is 0\.0 hours old; needed: 24"):
        store.promote("m@1", "champion")
    clock.waited = timedelta(days=1).total_seconds()

    assert store.promote("m@1", "champion").number == 1


def test_a_missing_metric_is_refused_with_where_it_is_to_be_had(four: ModelStore) -> None:
    for number in (1, 2, 3):
        four.annotate(f"m@{number}", metrics={"recall": 0.5})

    with pytest.raises(GateRefused, match="m@4 has no recall") as refused:
        four.promote("m@4", "champion", gates=[AtLeast("recall", 0.4)])
    assert "m@3, m@2, m@1 have recall. `annotate` adds a metric later." in refused.value.fix
    four.save({"w": 5}, "m", format="pickle", metrics={"recall": 1})
    with pytest.raises(GateRefused) as refused:
        four.promote("m@4", "champion", gates=[AtLeast("recall", 0.4)])
    assert "m@5, m@3, m@2 and 1 more have recall." in refused.value.fix


def test_a_metric_that_no_version_has_may_be_misspelled(four: ModelStore) -> None:
    with pytest.raises(GateRefused) as refused:
        four.promote("m@4", "champion", gates=[AtLeast("AUC", 0.4), CheckPassed("drift"), AtLeast("auc", 0.9)])

    assert "No version of the newest 4 has AUC; they have: auc, loss." in refused.value.fix
    assert refused.value.fix.count("No version") == 1


def test_a_keyed_refusal_under_rules_stays_refused(four: ModelStore) -> None:
    four.protect("m", "champion", [Approved()])
    for _ in range(2):
        with pytest.raises(GateRefused, match="m@3 is approved by nobody"):
            four.promote("m@3", "champion", key="p")
        four.approve("m@3", "champion")

    assert kinds(four).count("promotion.refused") == 1
    assert four.promote("m@3", "champion", key="p2").number == 3
