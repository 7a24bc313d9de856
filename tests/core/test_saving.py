import math
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from modelstore_core import AttemptSuperseded, ModelStore, VersionNotFound


def test_numbers_count_from_one_and_the_name_alone_means_the_newest(store: ModelStore, weights: Path) -> None:
    numbers = [store.save(weights, "m").number for _ in range(3)]

    assert numbers == [1, 2, 3]
    assert store.get("m").number == 3


def test_a_record_has_all_that_was_said(store: ModelStore, weights: Path) -> None:
    saved = store.save(
        weights,
        "risk.churn",
        metrics={"auc": np.float32(0.5), "n": np.int64(3), "ok": True},
        params={"depth": 3, "model": object},
        tags={"team": "risk", "fold": 2},
        description="first",
        lineage={"run": "r-1", "inputs": ["a", "b"]},
        aliases=["candidate"],
    )
    read = store.get("risk.churn@1")

    assert read == saved
    assert (read.ref, read.metrics) == ("risk.churn@1", {"auc": 0.5, "n": 3, "ok": 1})
    assert (read.params, read.tags) == ({"depth": 3, "model": "<class 'object'>"}, {"team": "risk", "fold": "2"})
    assert (read.description, read.lineage) == ("first", {"run": "r-1", "inputs": ["a", "b"]})
    assert (read.aliases, read.created_by, read.format) == (("candidate",), "ada", "file")
    assert timedelta(0) <= datetime.now(UTC) - read.created_at < timedelta(minutes=5)
    assert [(f.path, f.size) for f in read.files] == [("weights.bin", 7)]


def test_metrics_that_are_not_finite_are_kept(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", metrics={"loss": math.nan, "worst": math.inf, "best": -math.inf})

    metrics = store.get("m").metrics

    assert math.isnan(metrics["loss"])
    assert (metrics["worst"], metrics["best"]) == (math.inf, -math.inf)


def test_the_digest_is_of_the_bytes_alone(store: ModelStore, weights: Path) -> None:
    first = store.save(weights, "a", metrics={"auc": 1})
    second = store.save(weights, "b")
    weights.write_bytes(b"other")

    assert first.digest == second.digest
    assert first.digest != store.save(weights, "b").digest


def test_the_same_key_and_bytes_give_the_version_that_is_there(store: ModelStore, weights: Path) -> None:
    first = store.save(weights, "m", key="run-1/train")
    store.save(weights, "m", key="run-2/train")
    again = store.save(weights, "m", key="run-1/train", attempt=2)

    assert again.number == first.number
    assert len(store.versions("m")) == 2


def test_the_same_key_and_other_bytes_supersede(store: ModelStore, weights: Path) -> None:
    first = store.save(weights, "m", key="k", aliases=["candidate"])
    weights.write_bytes(b"second try")
    second = store.save(weights, "m", key="k", attempt=1)

    assert (second.number, second.supersedes) == (2, first.number)
    assert [v.number for v in store.versions("m")] == [2]
    assert store.get("m@1").superseded_by == 2
    assert store.get("m@candidate").number == 1


def test_an_earlier_attempt_yields_to_the_live_version_of_a_later_one(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", key="k", attempt=1)
    weights.write_bytes(b"from a zombie")

    assert store.save(weights, "m", key="k", attempt=0).number == 1
    assert len(store.versions("m")) == 1


def test_an_earlier_attempt_is_refused_when_the_later_ones_version_is_deleted(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", key="k", attempt=1)
    store.delete("m@1")
    weights.write_bytes(b"from a zombie")

    with pytest.raises(AttemptSuperseded, match="attempt 1"):
        store.save(weights, "m", key="k", attempt=0)


def test_a_deleted_version_of_the_key_is_superseded_for_good(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", key="k")
    store.delete("m@1")
    store.save(weights, "m", key="k", attempt=1)
    store.restore("m@1")

    assert [v.number for v in store.versions("m")] == [2]
    assert store.get("m").number == 2


def test_a_number_is_never_used_again(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m")
    store.delete("m@1")

    assert store.save(weights, "m").number == 2
    with pytest.raises(VersionNotFound, match="from 1 to 2"):
        store.get("m@3")


def test_aliases_given_to_a_save_move_with_it(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", aliases=["candidate"])
    store.save(weights, "m", aliases=["candidate"])

    assert store.get("m@candidate").number == 2
    assert store.rollback("m", "candidate").number == 1


def test_names_that_no_file_system_likes_have_folders_of_their_own(store: ModelStore, weights: Path) -> None:
    names = ["Con", "con", "ünïcode 模型", "a" * 200, "a b", "A.B", "a.b", "x.", "..x", "tail--1"]
    for name in names:
        store.save(weights, name)

    assert [m.name for m in store.models()] == sorted(names)
    assert {store.get(name).number for name in names} == {1}


def test_a_store_crosses_process_borders_without_its_caches(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m")

    copy = pickle.loads(pickle.dumps(store))

    assert copy.save(weights, "m").number == 2
    assert store.get("m").number == 2
    assert copy.get("m").created_by == "ada"


def test_a_folder_removed_by_hand_is_a_new_store_to_a_handle_that_knew_the_old_one(
    tmp_path: Path, weights: Path
) -> None:
    store = ModelStore(tmp_path / "s")
    store.save(weights, "m")
    store.save(weights, "m")
    (tmp_path / "s").rename(tmp_path / "moved")

    assert store.save(weights, "m").number == 1
    assert ModelStore(tmp_path / "moved").get("m").number == 2
