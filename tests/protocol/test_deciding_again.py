"""After a lost race the whole decision is made again from the log; and a refusal counts only on the newest head."""

from collections.abc import Callable

import pytest
from tests.protocol.support import data_ids, save, save_by

from modelstore_core import (
    AliasConflict,
    AliasNotFound,
    AtLeast,
    GateRefused,
    Improves,
    ModelStore,
    VersionDeleted,
    VersionInUse,
    VersionNotFound,
    VersionPurged,
)
from modelstore_core.model.operations import Purge
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
