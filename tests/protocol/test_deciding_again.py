"""After a lost race the whole decision is made again from the log; and a refusal counts only on the newest head."""

from collections.abc import Callable

import pytest
from tests.protocol.support import data_ids, save, save_by

from modelstore_core import (
    AliasConflict,
    AliasNotFound,
    AliasProtected,
    Approved,
    AtLeast,
    CheckPassed,
    GateRefused,
    Improves,
    ModelStore,
    StoreTooNew,
    VersionDeleted,
    VersionInUse,
    VersionNotFound,
    VersionPurged,
)
from modelstore_core.model.operations import Purge, SetRules
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import MeanwhileStorage, commit, store_over

Race = Callable[[Callable[[ModelStore], object]], ModelStore]


@pytest.fixture(params=["cold", "warm"])
def against(request: pytest.FixtureRequest, memory: MemoryStorage, store: ModelStore) -> Race:
    """A handle on the model of two versions, and another writer who acts just before its next commit is offered."""

    def race(act: Callable[[ModelStore], object]) -> ModelStore:
        other = MeanwhileStorage(memory, lambda: act(store_over(memory)), verb="create", key="/log/")
        racing = store_over(other)
        if request.param == "warm":
            racing.get("m")
        return racing

    return race


def test_two_saves_get_two_numbers(against: Race, memory: MemoryStorage) -> None:
    assert save_by(against(lambda other: save_by(other, 3)), 4).number == 4
    assert store_over(memory).load("m@3") == {"w": 3}
    assert store_over(memory).load("m@4") == {"w": 4}
    assert audit(memory, "m").numbers == [1, 2, 3, 4]


def test_forty_commits_in_between_are_all_looked_through(against: Race, memory: MemoryStorage) -> None:
    def act(other: ModelStore) -> None:
        save_by(other, 3, key="k")
        for step in range(40):
            other.annotate("m@1", metrics={"step": step})

    assert save_by(against(act), 4, key="k").supersedes == 3
    assert audit(memory, "m").live == [1, 2, 4]


def test_expect_is_compared_with_what_the_winner_left(against: Race, memory: MemoryStorage) -> None:
    with pytest.raises(AliasConflict, match="points to version 1; it was expected not to exist"):
        against(lambda other: other.promote("m@1", "c")).promote("m@2", "c", expect=None)

    assert audit(memory, "m").aliases == {"c": 1}


def test_an_expectation_that_the_winner_fulfilled_holds(store: ModelStore, memory: MemoryStorage) -> None:
    """A warm handle would refuse on what it remembers; the alias has long been where it is expected."""
    warm = store_over(memory)
    warm.get("m")
    store.promote("m@1", "c")

    assert warm.promote("m@2", "c", expect=1).number == 2


def test_a_gate_judges_against_the_winner(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).promote("m@1", "c")
    racing = against(lambda other: other.promote(f"m@{save_by(other, 9).number}", "c"))

    with pytest.raises(GateRefused, match=r"m@2 has auc = 0\.2, m@3 has auc = 0\.9"):
        racing.promote("m@2", "c", gates=[Improves("auc")])
    assert audit(memory, "m").aliases == {"c": 3}


def test_a_gate_passes_by_the_annotation_of_the_winner(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: other.annotate("m@1", metrics={"auc": 0.95}))

    assert racing.promote("m@1", "c", gates=[AtLeast("auc", 0.9)]).metrics == {"auc": 0.95}
    audit(memory, "m")


def test_a_gate_refuses_by_the_annotation_of_the_winner(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: other.annotate("m@2", metrics={"auc": 0.05}))

    with pytest.raises(GateRefused, match=r"m@2 has auc = 0\.05"):
        racing.promote("m@2", "c", gates=[AtLeast("auc", 0.1)])
    assert audit(memory, "m").aliases == {}


def test_a_gate_judges_against_the_annotations_of_the_current_version(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).promote("m@1", "c")
    racing = against(lambda other: other.annotate("m@1", metrics={"auc": 0.5}))

    with pytest.raises(GateRefused, match=r"m@1 has auc = 0\.5"):
        racing.promote("m@2", "c", gates=[Improves("auc")])
    assert audit(memory, "m").aliases == {"c": 1}


def test_rules_set_meanwhile_are_judged(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: other.protect("m", "c", [AtLeast("auc", 0.9)]))

    with pytest.raises(GateRefused, match=r"m@2 has auc = 0\.2; needed: at least 0\.9"):
        racing.promote("m@2", "c")
    assert audit(memory, "m").aliases == {}


def test_rules_that_were_changed_meanwhile_are_judged_as_they_are(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).protect("m", "c", [AtLeast("auc", 0.1)])
    racing = against(lambda other: other.protect("m", "c", [AtLeast("auc", 0.9)]))

    with pytest.raises(GateRefused, match=r"needed: at least 0\.9"):
        racing.promote("m@2", "c")
    assert audit(memory, "m").aliases == {}


def test_rules_taken_away_meanwhile_are_not_judged(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).protect("m", "c", [AtLeast("auc", 0.9)])
    racing = against(lambda other: other.unprotect("m", "c", reason="no more"))

    assert racing.promote("m@2", "c").number == 2
    assert audit(memory, "m").entries[-1]["op"]["evidence"] == []


def test_an_override_that_rules_taken_away_meanwhile_made_needless_is_none(
    against: Race, memory: MemoryStorage
) -> None:
    store_over(memory).protect("m", "c", [AtLeast("auc", 0.9)])
    racing = against(lambda other: other.unprotect("m", "c", reason="no more"))
    racing.promote("m@2", "c", override=True, reason="now")

    assert "override" not in audit(memory, "m").entries[-1]["op"]


def test_a_check_that_failed_meanwhile_refuses(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).annotate("m@2", checks={"drift": True})
    racing = against(lambda other: other.annotate("m@2", checks={"drift": (False, "3 sigma")}))

    with pytest.raises(GateRefused, match="m@2 failed the check drift: 3 sigma"):
        racing.promote("m@2", "c", gates=[CheckPassed("drift")])
    assert audit(memory, "m").aliases == {}


def test_a_check_that_passed_meanwhile_lets_pass(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: other.annotate("m@2", checks={"drift": True}))

    assert racing.promote("m@2", "c", gates=[CheckPassed("drift")]).number == 2
    audit(memory, "m")


def test_an_approval_rejected_meanwhile_refuses(against: Race, memory: MemoryStorage) -> None:
    store = store_over(memory)
    store.protect("m", "c", [Approved()])
    store.approve("m@2", "c")
    racing = against(lambda other: other.reject("m@2", "c", comment="wait"))

    with pytest.raises(GateRefused, match="m@2 is rejected by tester"):
        racing.promote("m@2", "c")
    assert audit(memory, "m").aliases == {}


def test_a_round_begun_meanwhile_takes_votes_away(against: Race, memory: MemoryStorage) -> None:
    store_over(memory).approve("m@2", "c")
    racing = against(lambda other: other.request_approval("m@2", "c"))

    with pytest.raises(GateRefused, match="m@2 is approved by nobody"):
        racing.promote("m@2", "c", gates=[Approved()])
    audit(memory, "m")


def test_two_votes_at_once_both_count(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: store_over(memory, actor="bo").approve("m@2", "c"))
    racing.approve("m@2", "c")

    assert store_over(memory).promote("m@2", "c", gates=[Approved(2)]).number == 2
    audit(memory, "m")


def test_outcomes_recorded_at_once_are_both_there(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: other.annotate("m@1", checks={"theirs": True})).annotate("m@1", checks={"ours": False})

    assert sorted(store_over(memory).get("m@1").checks) == ["ours", "theirs"]
    audit(memory, "m")


def test_two_who_protect_at_once_leave_the_rules_of_the_last(against: Race, memory: MemoryStorage) -> None:
    racing = against(lambda other: other.protect("m", "c", [AtLeast("auc", 0.1)]))

    assert racing.protect("m", "c", [Improves("auc")]) == (Improves("auc"),)
    assert store_over(memory).gates("m") == {"c": (Improves("auc"),)}
    audit(memory, "m")


AROUND: dict[str, Callable[[ModelStore], object]] = {
    "save": lambda s: s.save({"w": 9}, "m", format="pickle", aliases=["c"]),
    "unalias": lambda s: s.unalias("m", "c"),
    "delete": lambda s: s.delete("m@1", force=True),
}


@pytest.mark.parametrize("way", AROUND)
def test_nothing_goes_around_rules_set_meanwhile(against: Race, memory: MemoryStorage, way: str) -> None:
    store_over(memory).promote("m@1", "c")
    racing = against(lambda other: other.protect("m", "c", [AtLeast("auc", 0.1)]))

    with pytest.raises(AliasProtected):
        AROUND[way](racing)
    found = audit(memory, "m")
    assert (found.aliases, len(found.entries), found.strays) == ({"c": 1}, 4, frozenset())


@pytest.mark.parametrize("way", [*AROUND, "promote"])
def test_what_rules_forbade_stands_only_if_they_still_do(store: ModelStore, memory: MemoryStorage, way: str) -> None:
    """A warm handle remembers rules that are no more."""
    store.promote("m@1", "c")
    store.protect("m", "c", [AtLeast("auc", 0.9)])
    warm = store_over(memory)
    warm.get("m")
    store.unprotect("m", "c", reason="no more")

    promote: Callable[[ModelStore], object] = lambda s: s.promote("m@2", "c")  # noqa: E731 -- one of them
    {**AROUND, "promote": promote}[way](warm)
    assert audit(memory, "m").aliases == {"save": {"c": 3}, "promote": {"c": 2}}.get(way, {})


def test_a_rule_of_a_later_release_stands_only_if_it_still_does(store: ModelStore, memory: MemoryStorage) -> None:
    rules = SetRules(alias="c", rules=({"rule": "sorcery"},), previous=None)
    commit(memory, "m", rules)
    warm = store_over(memory)
    warm.get("m")
    with pytest.raises(StoreTooNew):
        warm.promote("m@2", "c")
    store.unprotect("m", "c", reason="not here")

    assert warm.promote("m@2", "c").number == 2
    audit(memory, "m")


@pytest.mark.parametrize("act", [lambda s: s.promote("m@1", "c"), lambda s: s.annotate("m@1", tags={"a": "b"})])
def test_a_target_deleted_meanwhile_is_no_target(
    against: Race, memory: MemoryStorage, act: Callable[[ModelStore], object]
) -> None:
    racing = against(lambda other: other.delete("m@1"))
    with pytest.raises(VersionDeleted):
        act(racing)

    assert len(audit(memory, "m").entries) == 3


def test_what_newest_means_is_asked_again(against: Race) -> None:
    assert against(lambda other: save_by(other, 3)).promote("m", "c").number == 3


def test_an_alias_set_meanwhile_protects_from_deletion(against: Race, memory: MemoryStorage) -> None:
    with pytest.raises(VersionInUse, match="c points to"):
        against(lambda other: other.promote("m@1", "c")).delete("m@1")

    assert audit(memory, "m").live == [1, 2]


def test_a_forced_deletion_drops_the_alias_set_meanwhile(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: other.promote("m@1", "c")).delete("m@1", force=True)

    assert (audit(memory, "m").live, audit(memory, "m").aliases) == ([2], {})


def test_the_heir_of_the_newest_is_chosen_among_what_is_there(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: (save_by(other, 3), other.delete("m@3"), other.delete("m@1"))).delete("m@2")

    assert audit(memory, "m").live == []
    with pytest.raises(VersionNotFound, match="no live version"):
        store_over(memory).get("m")


def test_two_deletions_are_one(against: Race, memory: MemoryStorage) -> None:
    assert against(lambda other: other.delete("m@1")).delete("m@1").deleted
    assert len(audit(memory, "m").entries) == 3


def test_two_restorations_are_one(against: Race, store: ModelStore, memory: MemoryStorage) -> None:
    store.delete("m@1")

    assert not against(lambda other: other.restore("m@1")).restore("m@1").deleted
    assert len(audit(memory, "m").entries) == 4


def test_what_was_purged_meanwhile_cannot_be_restored(against: Race, store: ModelStore, memory: MemoryStorage) -> None:
    store.delete("m@1")
    with pytest.raises(VersionPurged):
        against(lambda other: commit(memory, "m", Purge(number=1, record=1))).restore("m@1")

    assert [e["verb"] for e in audit(memory, "m").entries[2:]] == ["delete", "purge"]


@pytest.mark.parametrize("act", [lambda s: s.promote("m@3", "c"), lambda s: s.annotate("m@3", tags={"a": "b"})])
def test_a_superseded_target_purged_meanwhile_is_no_target(
    against: Race, memory: MemoryStorage, act: Callable[[ModelStore], object]
) -> None:
    save(memory, 3, key="k")
    save(memory, 4, key="k")
    with pytest.raises(VersionPurged):
        act(against(lambda other: commit(memory, "m", Purge(number=3, record=3))))

    assert [e["verb"] for e in audit(memory, "m").entries[4:]] == ["purge"]


def test_two_annotations_are_both_there(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: other.annotate("m@1", metrics={"theirs": 1})).annotate("m@1", metrics={"ours": 2})

    assert store_over(memory).get("m@1").metrics == {"auc": 0.1, "theirs": 1, "ours": 2}
    audit(memory, "m")


def test_two_rollbacks_are_two_steps(against: Race, store: ModelStore, memory: MemoryStorage) -> None:
    save_by(store, 3)
    for number in (1, 2, 3):
        store.promote(f"m@{number}", "c")

    assert against(lambda other: other.rollback("m", "c")).rollback("m", "c").number == 1
    assert audit(memory, "m").aliases == {"c": 1}


def test_a_rollback_passes_over_what_was_deleted_meanwhile(
    against: Race, store: ModelStore, memory: MemoryStorage
) -> None:
    save_by(store, 3)
    for number in (1, 2, 3):
        store.promote(f"m@{number}", "c")

    assert against(lambda other: other.delete("m@2")).rollback("m", "c").number == 1
    audit(memory, "m")


def test_an_alias_dropped_meanwhile_cannot_be_rolled_back(
    against: Race, store: ModelStore, memory: MemoryStorage
) -> None:
    store.promote("m@1", "c")
    store.promote("m@2", "c")
    with pytest.raises(AliasNotFound):
        against(lambda other: other.unalias("m", "c")).rollback("m", "c")

    assert audit(memory, "m").aliases == {}


def test_the_loser_of_a_keyed_save_removes_what_it_sent(against: Race, memory: MemoryStorage) -> None:
    assert save_by(against(lambda other: save_by(other, 3, key="k")), 3, key="k").number == 3
    assert len(data_ids(memory)) == 3


REFUSALS: dict[str, Callable[[ModelStore], object]] = {
    "no such version": lambda s: s.promote("m@3", "c"),
    "no such alias": lambda s: s.unalias("m", "c"),
    "no alias to roll back": lambda s: s.rollback("m", "c"),
    "deleted": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "expected otherwise": lambda s: s.promote("m@2", "d", expect=None),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_on_what_a_warm_handle_remembers_is_taken_back(
    store: ModelStore, memory: MemoryStorage, refusal: str
) -> None:
    store.delete("m@1")
    store.promote("m@2", "d")
    warm = store_over(memory)
    warm.get("m")
    save_by(store, 3)
    for number in (2, 3):
        store.promote(f"m@{number}", "c")
    store.restore("m@1")
    store.unalias("m", "d")
    commits = len(audit(memory, "m").entries)

    REFUSALS[refusal](warm)
    found = audit(memory, "m")
    assert len(found.entries) == commits + (refusal != "no such version")


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_given_only_after_the_next_commit_was_found_absent(
    store: ModelStore, memory: MemoryStorage, refusal: str
) -> None:
    store.delete("m@1")
    store.promote("m@2", "d")
    counting = CountingStorage(memory)
    warm = store_over(counting)
    warm.get("m")
    counting.reset()
    with pytest.raises((VersionNotFound, AliasNotFound, VersionDeleted, AliasConflict)):
        REFUSALS[refusal](warm)

    assert [(r.verb, r.key) for r in counting.requests][-1] == ("get", f"models/m/log/{5:020}.json")
    assert counting.summary().get("create", 0) == counting.summary().get("put", 0) == 0


NOTHING_TO_DO: dict[str, Callable[[ModelStore], object]] = {
    "promoted already": lambda s: s.promote("m@1", "c"),
    "annotated already": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "deleted already": lambda s: s.delete("m@2", force=True),
    "not deleted": lambda s: s.restore("m@1"),
}


@pytest.mark.parametrize("case", NOTHING_TO_DO)
def test_that_nothing_is_to_do_is_true_of_now(store: ModelStore, memory: MemoryStorage, case: str) -> None:
    store.promote("m@1", "c")
    store.annotate("m@1", tags={"a": "b"})
    store.delete("m@2")
    warm = store_over(memory)
    warm.get("m@1")
    store.restore("m@2")
    store.promote("m@2", "c")
    store.annotate("m@1", tags={"a": "c"})
    store.delete("m@1")
    if case in {"promoted already", "annotated already"}:
        store.restore("m@1")
    commits = len(audit(memory, "m").entries)

    NOTHING_TO_DO[case](warm)
    assert len(audit(memory, "m").entries) == commits + 1


def test_a_model_that_came_to_be_during_the_call_is_found(memory: MemoryStorage) -> None:
    slow = MeanwhileStorage(memory, lambda: save(memory, 1), verb="get", key="/log/", after=True)

    assert store_over(slow).promote("m@1", "c").number == 1
    assert slow.acted
