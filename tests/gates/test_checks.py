"""Outcomes of checks: recorded beside metrics, the newest counts, and they are seen wherever a version is."""

from datetime import datetime
from typing import Any

import pytest

from modelstore_core import (
    CheckOutcome,
    CheckPassed,
    GateRefused,
    InvalidInput,
    ModelStore,
    TooLarge,
    VersionDeleted,
)
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over


def test_a_check_is_recorded_with_who_and_when(four: ModelStore, memory: MemoryStorage) -> None:
    version = four.annotate("m@3", checks={"drift": True, "bias": (False, "women are refused twice as often")})

    assert version.checks == {
        "drift": CheckOutcome(passed=True, actor="ada", time=datetime.fromisoformat("2026-01-01T00:00:00Z")),
        "bias": CheckOutcome(
            passed=False,
            actor="ada",
            time=datetime.fromisoformat("2026-01-01T00:00:00Z"),
            message="women are refused twice as often",
        ),
    }
    assert version.checks["drift"]
    assert not version.checks["bias"]
    assert store_over(memory).get("m@3").checks == version.checks
    event = four.history("m")[0]
    assert (event.kind, event.number) == ("check.recorded", 3)
    audit(memory, "m")


def test_the_newest_outcome_counts_and_others_stay(four: ModelStore) -> None:
    four.annotate("m@3", checks={"drift": False, "bias": True})
    with pytest.raises(GateRefused, match="m@3 failed the check drift"):
        four.promote("m@3", "champion", gates=[CheckPassed("drift")])
    four.annotate("m@3", checks={"drift": True})

    assert {name: bool(check) for name, check in four.get("m@3").checks.items()} == {"drift": True, "bias": True}
    assert four.promote("m@3", "champion", gates=[CheckPassed("drift"), CheckPassed("bias")]).number == 3


def test_checks_metrics_and_tags_come_in_one_commit_and_leave_one_another_alone(
    four: ModelStore, memory: MemoryStorage
) -> None:
    four.annotate("m@3", metrics={"march": 0.9}, tags={"team": "risk"}, checks={"drift": True})
    four.annotate("m@3", tags={"team": None}, description="the good one")
    four.approve("m@3", "champion")
    version = four.get("m@3")

    assert (version.metrics["march"], version.tags, version.description) == (0.9, {}, "the good one")
    assert [*version.checks] == ["drift"]
    assert len(audit(memory, "m").entries) == 4 + 3


def test_an_outcome_is_news_also_if_it_is_the_same(four: ModelStore, memory: MemoryStorage) -> None:
    for _ in range(2):
        four.annotate("m@3", checks={"drift": True})
        four.annotate("m@3", tags={"team": "risk"})

    assert [e["verb"] for e in audit(memory, "m").entries[4:]] == ["annotate"] * 3


def test_a_keyed_outcome_is_recorded_once(four: ModelStore, memory: MemoryStorage) -> None:
    for _ in range(2):
        four.annotate("m@3", checks={"drift": True}, key="run-1/drift")

    assert len(audit(memory, "m").entries) == 5


def test_checks_are_found_listed_compared_and_shown(four: ModelStore) -> None:
    four.annotate("m@3", checks={"drift": True})
    four.annotate("m@4", checks={"drift": (False, "3 sigma")})

    assert [v.number for v in four.versions("m", where="checks.drift = true")] == [3]
    assert [v.number for v in four.versions("m", where="checks.drift = false")] == [4]
    assert [v.number for v in four.versions("m", where="checks.drift IS NULL")] == [2, 1]
    assert [one.left for one in four.compare("m@3", "m@4").differences if one.field == "checks.drift"] == [True]
    assert "drift failed (3 sigma)" in str(four.get("m@4"))
    assert four.versions("m").to_pandas()["checks.drift"].tolist()[:2] == [False, True]


def test_numpy_knows_true_and_false_too(four: ModelStore) -> None:
    numpy = pytest.importorskip("numpy")

    assert four.annotate("m@3", checks={"drift": numpy.bool_(True)}).checks["drift"].passed is True


def test_a_copy_leaves_checks_and_approvals_behind(four: ModelStore) -> None:
    """They are of one version and one alias, by people who looked at that."""
    four.annotate("m@3", checks={"drift": True})
    four.approve("m@3", "champion")
    four.copy("m@3", four, name="other")

    assert four.get("other").checks == {}
    assert four.approvals("other", pending=False) == ()


@pytest.mark.parametrize(
    "checks",
    [
        {"drift": None},
        {"drift": 1},
        {"drift": "passed"},
        {"drift": (True,)},
        {"drift": (True, 3)},
        {"drift": ("yes", "fine")},
        {"": True},
        {3: True},
        {"x" * 201: True},
        ["drift"],
        "drift",
    ],
)
def test_what_is_no_outcome_is_refused(four: ModelStore, checks: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        four.annotate("m@3", checks=checks)
    assert refused.value.fix
    assert four.get("m@3").checks == {}


def test_messages_and_numbers_of_checks_are_bounded(four: ModelStore) -> None:
    with pytest.raises(TooLarge, match="message has 2049 bytes; at most 2048"):
        four.annotate("m@3", checks={"drift": (False, "x" * 2049)})
    four.annotate("m@3", checks={f"check {i}": True for i in range(100)})
    with pytest.raises(TooLarge, match="outcomes of 101 checks"):
        four.annotate("m@3", checks={"one more": True})
    four.annotate("m@3", checks={"check 7": False})

    assert sum(map(bool, four.get("m@3").checks.values())) == 99


def test_a_deleted_version_is_not_checked(four: ModelStore) -> None:
    four.delete("m@4")
    with pytest.raises(VersionDeleted):
        four.annotate("m@4", checks={"drift": True})


def test_an_undone_outcome_is_as_it_was_before(four: ModelStore, memory: MemoryStorage) -> None:
    four.annotate("m@3", checks={"drift": True})
    four.annotate("m@3", checks={"drift": False, "bias": True})
    four.undo("m")

    assert {name: bool(check) for name, check in four.get("m@3").checks.items()} == {"drift": True}
    audit(memory, "m")
