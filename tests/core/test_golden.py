"""Stores that earlier releases wrote: every later one reads and extends them."""

import math
import shutil
from pathlib import Path

import pytest

from modelstore_core import ModelStore

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def golden(tmp_path: Path) -> ModelStore:
    shutil.copytree(GOLDEN / "format-1", tmp_path / "store")
    return ModelStore(tmp_path / "store", actor="eve")


def test_format_1_is_read(golden: ModelStore) -> None:
    versions = {v.number: v for v in golden.versions("risk.churn", deleted=True)}

    assert [m.name for m in golden.models()] == ["risk.churn", "Ünïcode name"]
    assert sorted(versions) == [1, 2, 3, 4]
    assert (versions[1].description, versions[1].params) == ("version 1", {"depth": 1, "layers": [1, 2]})
    assert (versions[2].metrics, versions[2].tags["note"]) == ({"auc": 0.8, "checks": 24}, "check 24")
    assert (versions[3].deleted, versions[3].superseded_by) == (True, 4)
    assert math.isnan(versions[4].metrics["auc"])
    assert [v.number for v in golden.versions("risk.churn")] == [4, 2, 1]
    assert {n: golden.load(f"risk.churn@{n}").read_text() for n in (1, 2, 4)} == {
        n: f"weights {n}\n" for n in (1, 2, 4)
    }


def test_the_history_of_format_1_is_read(golden: ModelStore) -> None:
    events = golden.history("risk.churn")
    refused = [e for e in events if e.kind == "promotion.refused"]

    assert (events[0].kind, events[0].alias, events[-1].kind) == ("alias.dropped", "champion", "version.created")
    assert [(e.number, e.evidence[0].candidate) for e in refused] == [(1, 0.7)]
    assert {e.actor for e in events} == {"ada"}


def test_format_1_is_extended(golden: ModelStore, weights: Path) -> None:
    assert golden.save(weights, "risk.churn").number == 5
    assert golden.save(weights, "risk.churn", key="run-1/train", attempt=1).supersedes == 1
    assert golden.promote("risk.churn@2", "champion", key="promote-2").number == 2
    assert "champion" not in golden.models()[0].aliases
