"""The tasks' own functions, outside of any run: the plain calls of the store."""

import asyncio
from pathlib import Path

import pytest

from modelstore_core import (
    AliasConflict,
    AtLeast,
    GateRefused,
    Improves,
    InvalidInput,
    InvalidName,
    ModelNotFound,
    ModelStore,
    NotSerializable,
)
from prefect_modelstore import (
    ModelStoreBlock,
    load_model,
    load_model_async,
    promote_model,
    promote_model_async,
    save_model,
    save_model_async,
)
from prefect_modelstore.blocks import StoreLike
from prefect_modelstore.placing import PlacedTask


def test_outside_of_a_run_each_save_makes_a_version(store: ModelStore) -> None:
    first, second = (save_model.fn({"a": 1}, "risk.churn", store=store) for _ in range(2))

    assert (first.ref, second.ref) == ("risk.churn@1", "risk.churn@2")
    assert (first.key, first.attempt, first.lineage) == (None, 0, {})


def test_outside_of_a_run_a_key_is_the_callers_own(store: ModelStore) -> None:
    first, second = (save_model.fn({"a": 1}, "risk.churn", store=store, key="once") for _ in range(2))

    assert (first.number, second.number, first.key) == (1, 1, "once")


def test_all_that_is_said_of_a_model_is_recorded(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "roc.txt").write_text("0 0\n")
    version = save_model.fn(
        {"a": 1},
        "risk.churn",
        store=store,
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "risk"},
        description="First.",
        aliases=["candidate"],
        lineage={"data": "2026-11"},
        extra_files=[tmp_path / "roc.txt"],
        prove=True,
    )

    assert (version.metrics, version.params, version.tags) == ({"auc": 0.9}, {"depth": 3}, {"team": "risk"})
    assert (version.description, version.aliases, version.lineage) == ("First.", ("candidate",), {"data": "2026-11"})
    assert "extra_files/roc.txt" in {file.path for file in version.files}
    assert version.proved is not None


@pytest.mark.parametrize("kind", ["block", "path", "text", "url", "store", "environment"])
def test_a_store_may_be_given_in_many_ways(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_URL", str(tmp_path))
    given: dict[str, StoreLike] = {
        "block": ModelStoreBlock(url=str(tmp_path)),
        "path": tmp_path,
        "text": str(tmp_path),
        "url": tmp_path.as_uri(),
        "store": ModelStore(tmp_path),
        "environment": None,
    }

    save_model.fn({"a": 1}, "risk.churn", store=given[kind])

    assert ModelStore(tmp_path).get("risk.churn").number == 1


def test_a_model_is_loaded_as_it_was_saved(store: ModelStore) -> None:
    version = save_model.fn({"a": 1}, "risk.churn", store=store)

    assert load_model.fn(version, store=store) == {"a": 1}
    assert load_model.fn("risk.churn", store=store, as_="path").is_dir()


def test_a_gate_decides_a_promotion(store: ModelStore) -> None:
    good = save_model.fn({"a": 1}, "risk.churn", store=store, metrics={"auc": 0.9})
    bad = save_model.fn({"a": 2}, "risk.churn", store=store, metrics={"auc": 0.8})
    promote_model.fn(good, "champion", store=store, gates=[AtLeast("auc", 0.9)], expect=None, reason="First.")

    with pytest.raises(GateRefused, match=r"auc = 0\.8, risk\.churn@1 has auc = 0\.9"):
        promote_model.fn(bad, "champion", store=store, gates=[Improves("auc")])

    assert store.get("risk.churn@champion").number == 1


def test_a_promotion_may_expect_what_the_alias_points_to(store: ModelStore) -> None:
    version = save_model.fn({"a": 1}, "risk.churn", store=store, aliases=["champion"])

    with pytest.raises(AliasConflict):
        promote_model.fn(version, "champion", store=store, expect=None)

    assert promote_model.fn(version, "champion", store=store).number == 1


def test_the_async_twins_do_the_same(store: ModelStore) -> None:
    async def work() -> object:
        version = await save_model_async.fn({"a": 1}, "risk.churn", store=store, metrics={"auc": 0.9})
        promoted = await promote_model_async.fn(version, "champion", store=store, gates=[AtLeast("auc", 0.9)])
        return await load_model_async.fn(f"{promoted.name}@champion", store=store)

    assert asyncio.run(work()) == {"a": 1}


def test_bad_input_is_named(store: ModelStore) -> None:
    with pytest.raises(InvalidName, match="'a/b' contains '/'"):
        save_model.fn({"a": 1}, "a/b", store=store)
    with pytest.raises(InvalidInput, match="'auc' is 'high'"):
        save_model.fn({"a": 1}, "risk.churn", store=store, metrics={"auc": "high"})
    with pytest.raises(NotSerializable):
        save_model.fn((i for i in range(3)), "risk.churn", store=store)
    with pytest.raises(ModelNotFound):
        load_model.fn("risk.churn", store=store)


def test_options_make_another_task_that_still_knows_its_place() -> None:
    other = save_model.with_options(name="store it", retries=3)

    assert isinstance(other, PlacedTask)
    assert (other.name, other.retries, other.verb) == ("store it", 3, "save")
    assert (save_model.name, save_model.retries) == ("save_model", 0)
    assert other.retry_condition_fn is save_model.retry_condition_fn
