from pathlib import Path

import pytest

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
)


@pytest.fixture
def four(store: ModelStore, weights: Path) -> ModelStore:
    """A model with four versions of rising quality but the last."""
    for auc in (0.7, 0.8, 0.9, 0.6):
        store.save(weights, "m", metrics={"auc": auc, "loss": 1 - auc})
    return store


def test_promote_moves_an_alias_and_history_says_who_and_why(four: ModelStore) -> None:
    four.promote("m@2", "champion", reason="better on March")
    event = four.history("m")[0]

    assert four.get("m@champion").number == 2
    assert (event.kind, event.alias, event.previous, event.number) == ("alias.moved", "champion", None, 2)
    assert (event.actor, event.reason, event.verb) == ("ada", "better on March", "promote")


def test_expect_is_compare_and_swap(four: ModelStore) -> None:
    four.promote("m@1", "champion", expect=None)
    four.promote("m@2", "champion", expect=1)

    with pytest.raises(AliasConflict, match="points to version 2; it was expected to point to version 1"):
        four.promote("m@3", "champion", expect=1)
    with pytest.raises(AliasConflict, match="expected not to exist yet"):
        four.promote("m@3", "champion", expect=None)
    assert four.get("m@champion").number == 2


def test_a_gate_refusal_shows_both_sides_and_stands_in_history(four: ModelStore) -> None:
    four.promote("m@3", "champion")

    with pytest.raises(GateRefused, match=r"m@4 has auc = 0\.6, m@3 has auc = 0\.9") as refused:
        four.promote("m@4", "champion", gates=[AtLeast("auc", 0.5), Improves("auc", by=0.01)])

    event = four.history("m")[0]
    assert (event.kind, event.number, event.previous) == ("promotion.refused", 4, 3)
    assert [f.passed for f in event.evidence] == [True, False]
    assert event.evidence == refused.value.evidence
    assert four.get("m@champion").number == 3


def test_a_gate_sees_metrics_with_all_annotations(four: ModelStore) -> None:
    four.promote("m@3", "champion")
    four.annotate("m@4", metrics={"auc": 0.95})

    assert four.promote("m@4", "champion", gates=[Improves("auc")]).number == 4


@pytest.mark.parametrize(
    ("gate", "reference", "passes"),
    [
        (Improves("loss", direction="min"), "m@3", True),
        (Improves("loss", direction="min"), "m@4", False),
        (Improves("auc", by=0.1), "m@3", True),
        (Improves("auc", by=0.2), "m@3", False),
        (Improves("recall"), "m@3", False),
        (AtLeast("recall", 0), "m@3", False),
        (AtLeast("auc", 0.9), "m@3", True),
    ],
)
def test_gates_judge(four: ModelStore, gate: Improves | AtLeast, reference: str, *, passes: bool) -> None:
    four.promote("m@2", "champion")
    if passes:
        assert four.promote(reference, "champion", gates=[gate]).aliases == ("champion",)
    else:
        with pytest.raises(GateRefused):
            four.promote(reference, "champion", gates=[gate])


def test_the_first_of_its_kind_improves_on_nothing(four: ModelStore) -> None:
    assert four.promote("m@4", "champion", gates=[Improves("auc", by=0.5)]).number == 4


def test_promoting_what_is_there_commits_nothing(four: ModelStore) -> None:
    four.promote("m@2", "champion")
    before = len(four.history("m"))

    assert four.promote("m@2", "champion").number == 2
    assert len(four.history("m")) == before


def test_a_keyed_promotion_is_done_once(four: ModelStore) -> None:
    four.promote("m@1", "champion", key="p")
    four.promote("m@2", "champion")

    assert four.promote("m@1", "champion", key="p").number == 1
    assert four.get("m@champion").number == 2


def test_a_keyed_refusal_stays_refused(four: ModelStore) -> None:
    four.promote("m@3", "champion")
    for _ in range(2):
        with pytest.raises(GateRefused, match=r"0\.6"):
            four.promote("m@4", "champion", gates=[Improves("auc")], key="p")

    assert [e.kind for e in four.history("m")].count("promotion.refused") == 1


def test_rollback_goes_back_step_by_step(four: ModelStore) -> None:
    for number in (1, 2, 3):
        four.promote(f"m@{number}", "champion")

    assert [four.rollback("m", "champion").number for _ in range(2)] == [2, 1]
    with pytest.raises(VersionNotFound, match="no earlier version"):
        four.rollback("m", "champion")


def test_rollback_passes_over_deleted_versions(four: ModelStore) -> None:
    for number in (1, 2, 3):
        four.promote(f"m@{number}", "champion")
    four.delete("m@2")

    assert four.rollback("m", "champion").number == 1


def test_a_promotion_after_a_rollback_rolls_back_to_what_it_replaced(four: ModelStore) -> None:
    for number in (1, 2):
        four.promote(f"m@{number}", "champion")
    four.rollback("m", "champion")
    four.promote("m@3", "champion")

    assert four.rollback("m", "champion").number == 1


def test_unalias_removes_and_says_what_it_was(four: ModelStore) -> None:
    four.promote("m@2", "champion")

    assert four.unalias("m", "champion").number == 2
    with pytest.raises(AliasNotFound, match="it has: none"):
        four.get("m@champion")


def test_what_an_alias_points_to_is_deleted_only_by_force(four: ModelStore) -> None:
    four.promote("m@2", "champion")
    with pytest.raises(VersionInUse, match="champion"):
        four.delete("m@2")

    assert four.delete("m@2", force=True).deleted
    assert four.models()[0].aliases == {}
    assert [e.kind for e in four.history("m", limit=2)] == ["alias.dropped", "version.deleted"]


def test_deleting_the_newest_makes_the_next_live_one_newest(four: ModelStore) -> None:
    four.delete("m@3")
    four.delete("m@4")
    assert four.get("m").number == 2

    four.restore("m@4")
    assert four.get("m").number == 4
    assert four.models()[0].versions == 3


def test_a_deleted_version_is_not_loaded_but_its_record_is_shown(four: ModelStore) -> None:
    four.delete("m@2", reason="leak")

    assert four.get("m@2").deleted
    assert [v.number for v in four.versions("m", deleted=True)] == [4, 3, 2, 1]
    with pytest.raises(VersionDeleted, match="restore"):
        four.load("m@2")


def test_annotations_fold_and_none_removes(four: ModelStore) -> None:
    four.annotate("m@1", metrics={"f1": 0.5}, tags={"stage": "qa"}, description="checked")
    four.annotate("m@1", metrics={"f1": None}, tags={"owner": "ada"})
    version = four.get("m@1")

    assert version.metrics == {"auc": 0.7, "loss": pytest.approx(0.3)}
    assert (version.tags, version.description) == ({"stage": "qa", "owner": "ada"}, "checked")


def test_history_and_numbers_survive_several_blocks(four: ModelStore, url: str) -> None:
    for i in range(70):
        four.annotate("m@1", tags={"i": i})
    cold = ModelStore(url)

    assert (cold.get("m@1").tags, cold.get("m@2").number) == ({"i": "69"}, 2)
    assert len(cold.history("m")) == 74
    assert [e.seq for e in cold.history("m", limit=3)] == [74, 73, 72]
    assert [v.number for v in cold.versions("m", limit=2)] == [4, 3]
