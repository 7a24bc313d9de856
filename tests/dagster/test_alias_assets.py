"""Aliases and models as assets of their own: true provenance, and news of every promotion."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe
from tests.dagster.harness import Platform
from tests.dagster.location import (
    CHAMPION,
    FORWARD,
    GATED_CHAMPION,
    REGIONAL,
    REGIONS,
    churn,
    defs,
    forward,
    launch,
    regional,
    scores,
    thrifty,
)

from dagster_modelstore import (
    alias_asset,
    build_promote_job,
    model_asset,
    observable_alias_asset,
    partition_alias,
)
from modelstore_core import InvalidInput

# Dagster's own use of what it calls beta
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`", "ignore:.*observable_source_asset")


@pytest.fixture(autouse=True)
def _located(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MODELS", platform.url)


def train(platform: Platform, auc: float) -> None:
    config = {"ops": {"churn": {"config": {"auc": auc}}}}
    assert platform.run(churn, CHAMPION, selection=[churn], run_config=config).success


def latest(platform: Platform, key: dg.AssetKey = CHAMPION.key) -> dg.AssetMaterialization | None:
    event = platform.instance.get_latest_materialization_event(key)
    return None if event is None else event.asset_materialization


def data_version(platform: Platform, key: dg.AssetKey = CHAMPION.key) -> str:
    found = latest(platform, key)
    assert found is not None
    return (found.tags or {})["dagster/data_version"]


def test_the_key_is_the_models_and_the_alias() -> None:
    assert alias_asset(churn).key == dg.AssetKey(["churn", "champion"])
    assert alias_asset("risk.churn", "shadow").key == dg.AssetKey(["risk", "churn", "shadow"])
    assert alias_asset("my model").key == dg.AssetKey(["my%20model", "champion"])
    assert alias_asset(churn, key=["other"]).key == dg.AssetKey(["other"])
    assert alias_asset(churn).metadata["modelstore/name"] == "risk.churn"


def test_an_alias_depends_on_its_model() -> None:
    assert [dep.asset_key for dep in alias_asset(churn).deps] == [churn.key]
    assert [dep.asset_key for dep in alias_asset("risk.churn").deps] == [dg.AssetKey(["risk", "churn"])]


def test_its_io_manager_is_that_of_its_model() -> None:
    elsewhere = dg.asset(name="elsewhere", io_manager_key="models")(lambda: 1)

    keys = [
        spec.metadata["dagster/io_manager_key"]
        for spec in (alias_asset(elsewhere), alias_asset(model_asset("m", io_manager_key="ms")), alias_asset("m"))
    ]
    assert keys == ["models", "ms", "io_manager"]


def test_consumers_load_what_the_alias_points_to(platform: Platform) -> None:
    train(platform, 0.8)
    train(platform, 0.7)
    launch(platform, "promote_model", promote={"version": 1})

    platform.run(churn, CHAMPION, scores, selection=[scores])

    assert platform.store.load("scores") == "scored with weights of 0.8"


def test_the_provenance_of_a_consumer_is_the_digest_of_the_bytes_it_loaded(platform: Platform) -> None:
    train(platform, 0.8)
    launch(platform, "promote_model", promote={"version": 1})
    train(platform, 0.9)

    platform.run(churn, CHAMPION, scores, selection=[scores])

    found = latest(platform, scores.key)
    assert found is not None
    said = (found.tags or {})["dagster/input_data_version/churn/champion"]
    assert said == platform.store.get("risk.churn@1").digest != platform.store.get("risk.churn@2").digest


def test_a_rollback_tells_the_alias_too(platform: Platform) -> None:
    for auc in (0.8, 0.9):
        train(platform, auc)
        launch(platform, "promote_model")
    assert data_version(platform) == platform.store.get("risk.churn@2").digest

    result = launch(platform, "rollback_model", rollback={"reason": "alerts since noon"})

    assert data_version(platform) == platform.store.get("risk.churn@1").digest
    assert result.success
    event = platform.store.history("risk.churn")[0]
    assert (event.verb, event.number, event.reason) == ("rollback", 1, "alerts since noon")


def test_a_promotion_that_changes_nothing_tells_nothing_twice(platform: Platform) -> None:
    train(platform, 0.8)
    launch(platform, "promote_model")

    launch(platform, "promote_model")

    assert len(platform.instance.fetch_materializations(CHAMPION.key, limit=9).records) == 1


def test_an_alias_that_was_set_elsewhere_is_told_by_the_first_job_that_looks(platform: Platform) -> None:
    train(platform, 0.8)
    platform.store.promote("risk.churn", "champion")

    launch(platform, "promote_model")

    assert data_version(platform) == platform.store.get("risk.churn@1").digest


def test_aliases_that_a_save_sets_are_told(platform: Platform) -> None:
    launch(platform, "forwarding")

    told = latest(platform, FORWARD.key)
    assert told is not None
    assert data_version(platform, FORWARD.key) == platform.store.get("forward@champion").digest
    assert told.metadata["modelstore/event"].value == "forward:1:1"
    assert latest(platform, alias_asset(forward, "newest").key) is None  # nobody has such an asset


def test_in_a_notebook_a_job_tells_the_asset_of_the_default_key(platform: Platform) -> None:
    platform.store.save("weights", "risk.churn")

    build_promote_job(model="risk.churn").execute_in_process(instance=platform.instance, resources=platform.resources)

    assert data_version(platform, dg.AssetKey(["risk", "churn", "champion"]))
    assert latest(platform) is None


def asked(platform: Platform, cursor: Any = None) -> tuple[list[int], Any]:
    result = dg.evaluate_automation_conditions(defs=defs, instance=platform.instance, cursor=cursor)
    return [result.get_num_requested(key) for key in (scores.key, thrifty.key)], result.cursor


def test_consumers_follow_promotions_and_not_trainings_and_can_ignore_equal_bytes(platform: Platform) -> None:
    train(platform, 0.8)
    launch(platform, "promote_model")
    platform.run(churn, CHAMPION, scores, thrifty, selection=[scores, thrifty])
    _, cursor = asked(platform)

    train(platform, 0.9)
    after_training, cursor = asked(platform, cursor)
    launch(platform, "promote_model")
    after_promotion, cursor = asked(platform, cursor)
    platform.run(churn, CHAMPION, scores, thrifty, selection=[scores, thrifty])
    _, cursor = asked(platform, cursor)
    train(platform, 0.9)  # the same bytes again
    launch(platform, "promote_model")
    after_equal_bytes, _ = asked(platform, cursor)

    assert (after_training, after_promotion, after_equal_bytes) == ([0, 0], [1, 1], [1, 0])


def test_a_model_may_be_retrained_on_mondays(platform: Platform) -> None:
    weekly = dg.asset(name="weekly", automation_condition=dg.AutomationCondition.on_cron("0 6 * * 1"))(
        lambda: "weights"
    )
    cursor, requested = None, []
    for day, hour in ((6, 12), (7, 5), (7, 7), (8, 7), (14, 7)):  # of December 2026; the 7th is a Monday
        result = dg.evaluate_automation_conditions(
            defs=[weekly],
            instance=platform.instance,
            cursor=cursor,
            evaluation_time=datetime(2026, 12, day, hour, tzinfo=UTC),
        )
        cursor = result.cursor
        requested.append(result.get_num_requested(weekly.key))

    assert requested == [0, 0, 1, 0, 1]


def test_a_promotion_elsewhere_reaches_a_promotion_asset_as_well(platform: Platform) -> None:
    platform.store.save("weights", "gated")

    launch(platform, "promote_model", promote={"model": "gated"})

    assert data_version(platform, GATED_CHAMPION.key) == platform.store.get("gated@champion").digest


def test_an_alias_of_each_partition_is_told_for_its_partition(platform: Platform) -> None:
    for region in REGIONS.get_partition_keys():
        platform.run(regional, partition_key=region)

    alias = partition_alias("champion-{partition}", "a/b")
    launch(platform, "promote_model", promote={"model": "regional", "version": 2, "alias": alias})

    told = latest(platform, REGIONAL.key)
    assert told is not None
    assert (REGIONAL.key.path, told.partition) == (["regional", "champion"], "a/b")


def test_a_notebook_loads_an_alias_and_a_model(platform: Platform) -> None:
    platform.store.save("weights", "risk.churn", aliases=["champion"])
    platform.store.save("better weights", "risk.churn")
    model = model_asset("risk.churn")
    defs = dg.Definitions(assets=[model, alias_asset(model)], resources=platform.resources)

    assert defs.load_asset_value(["risk", "churn"], instance=platform.instance) == "better weights"
    assert defs.load_asset_value(["risk", "churn", "champion"], instance=platform.instance) == "weights"


def test_an_observed_alias_is_new_with_a_promotion_and_not_when_it_is_looked_at_again(platform: Platform) -> None:
    observed = observable_alias_asset("risk.churn", key="observed")

    def look() -> str:
        result = observe([observed], instance=platform.instance, resources=platform.resources)
        (event,) = result.asset_observations_for_node("observed")
        return str(event.data_version)

    before = look()
    platform.store.save("weights", "risk.churn", aliases=["champion"])
    set_, again = look(), look()
    platform.store.save("other weights", "risk.churn", aliases=["champion"])

    assert before == "unset"
    assert set_ == again == platform.store.get("risk.churn@1").digest
    assert look() == platform.store.get("risk.churn@2").digest
    platform.store.unalias("risk.churn", "champion")
    assert look() == "unset"


@pytest.mark.filterwarnings("ignore:Property `OpDefinition.version`")  # Dagster's own, of an asset that is observed
def test_loading_an_observed_alias_leaves_what_was_observed(platform: Platform) -> None:
    observed = observable_alias_asset("risk.churn", key="observed")
    reader = dg.asset(name="reader", ins={"model": dg.AssetIn("observed")})(lambda model: model)
    platform.store.save("weights", "risk.churn", aliases=["champion"])
    observe([observed], instance=platform.instance, resources=platform.resources)

    for _ in range(2):
        platform.run(observed, reader, selection=[reader])

    found = latest(platform, reader.key)
    assert found is not None
    said = (found.tags or {})["dagster/input_data_version/observed"]
    assert said == platform.store.get("risk.churn@1").digest


def test_several_models_have_no_one_alias() -> None:
    @dg.multi_asset(outs={"a": dg.AssetOut(), "b": dg.AssetOut()})
    def both() -> tuple[int, int]:
        return 1, 2

    with pytest.raises(InvalidInput, match=r"The assets \['a', 'b'\] are several models"):
        alias_asset(both)
    assert alias_asset(dg.AssetKey("a")).metadata["modelstore/name"] == "a"
