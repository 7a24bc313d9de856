"""Gates as asset checks: judged by the rules of promotions, recorded on the version, and asked for by promotions."""

from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform
from tests.dagster.location import GATE, GATED_CHAMPION, REGIONS, Quality, gated, launch

from dagster_modelstore import (
    ModelStoreIOManager,
    ModelStoreResource,
    build_promotion_asset,
    build_retrain_job,
    model_gate,
)
from modelstore_core import Approved, AtLeast, CheckPassed, HasTag, Improves, InvalidInput, VersionNotFound


@pytest.fixture(autouse=True)
def _located(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MODELS", platform.url)


@dg.asset
def downstream(gated: str) -> str:
    return gated


def train(platform: Platform, auc: float, *others: Any, **options: Any) -> dg.ExecuteInProcessResult:
    config = {"ops": {"gated": {"config": {"auc": auc}}}}
    return platform.run(gated, GATE, *others, run_config=config, raise_on_error=False, **options)


def evaluation(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = result.get_asset_check_evaluations()
    return found


def test_the_outcome_stands_on_the_materialization_that_was_judged(platform: Platform) -> None:
    result = train(platform, 0.8)

    found = evaluation(result)
    (event,) = result.asset_materializations_for_node("gated")
    assert found.passed
    assert found.metadata["modelstore/ref"].value == event.metadata["modelstore/ref"].value == "gated@1"
    assert found.target_materialization_data is not None
    assert found.target_materialization_data.run_id == result.run_id


def test_each_rule_says_what_it_found(platform: Platform) -> None:
    platform.store.save("weights", "gated", metrics={"auc": 0.9}, aliases=["champion"])

    found = evaluation(train(platform, 0.65))

    assert not found.passed
    assert found.metadata["modelstore/rule/auc >= 0.7"].value == "gated@2 has auc = 0.65; needed: at least 0.7"
    said = found.metadata["modelstore/rule/auc above the current version's"].value
    assert "gated@2 has auc = 0.65, gated@1 has auc = 0.9" in str(said)
    table = found.metadata["modelstore/gates"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["verdict"] for record in table.records] == ["refused", "refused"]
    assert "at least 0.7" in str(found.description)


def test_the_version_keeps_the_outcome(platform: Platform) -> None:
    train(platform, 0.8)
    train(platform, 0.6)

    good, bad = platform.store.get("gated@1").checks["gate"], platform.store.get("gated@2").checks["gate"]
    assert (good.passed, good.message) == (True, "")
    assert (bad.passed, bad.message) == (False, "gated@2 has auc = 0.6; needed: at least 0.7")


def test_a_failed_gate_keeps_what_is_downstream_from_running(platform: Platform) -> None:
    result = train(platform, 0.6, downstream)

    assert not result.success
    assert platform.store.get("gated").number == 1
    assert [model.name for model in platform.store.models()] == ["gated"]


def test_a_gate_that_does_not_block_lets_the_run_succeed(platform: Platform) -> None:
    warning = model_gate(gated, [AtLeast("auc", 0.9)], name="advice", blocking=False)

    result = platform.run(gated, warning, downstream)

    assert result.success
    assert not platform.store.get("gated").checks["advice"]
    assert platform.store.load("downstream") == "weights of 0.8"


def test_a_promotion_refuses_what_a_gate_failed_and_what_was_never_checked(platform: Platform) -> None:
    train(platform, 0.8)
    train(platform, 0.6)
    platform.store.save("unchecked", "gated")

    def promoted(version: int) -> bool:
        asked = {"model": "gated", "version": version, "checks": ["gate"]}
        return launch(platform, "promote_model", promote=asked).success

    assert [promoted(version) for version in (2, 3, 1)] == [False, False, True]
    assert platform.store.get("gated@champion").number == 1


def test_a_retraining_trains_checks_and_promotes(platform: Platform) -> None:
    first = launch(platform, "retrain_and_promote", gated={"auc": 0.8})
    worse = launch(platform, "retrain_and_promote", gated={"auc": 0.75})

    assert (first.success, worse.success) == (True, False)
    assert platform.store.get("gated@champion").number == 1
    failed = platform.store.get("gated@2").checks["gate"]
    assert "gated@2 has auc = 0.75, gated@1 has auc = 0.8" in failed.message
    steps = {event.step_key for event in worse.all_events if event.is_step_start}
    assert steps == {"gated", "gated_gate"}


class Raced(ModelStoreIOManager):
    """Somebody else saves a version right after each one that is saved here."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        super().handle_output(context, obj)
        self.store.get_store().save("worse", "gated", metrics={"auc": 0.1})


def test_what_others_save_meanwhile_is_not_what_is_judged(platform: Platform) -> None:
    result = train(platform, 0.8, resources={"io_manager": Raced(store=ModelStoreResource(url=platform.url))})

    assert evaluation(result).metadata["modelstore/ref"].value == "gated@1"
    assert platform.store.get("gated").number == 2
    assert (result.success, dict(platform.store.get("gated@2").checks)) == (True, {})


def test_a_check_alone_judges_the_newest(platform: Platform) -> None:
    train(platform, 0.8)
    platform.store.save("elsewhere", "gated", metrics={"auc": 0.1})

    result = platform.run(gated, GATE, selection=dg.AssetSelection.checks(GATE), raise_on_error=False)

    assert evaluation(result).metadata["modelstore/ref"].value == "gated@2"
    assert not platform.store.get("gated@2").checks["gate"]


def test_the_current_version_is_not_asked_to_beat_itself(platform: Platform) -> None:
    platform.store.save("weights", "gated", metrics={"auc": 0.9}, aliases=["champion"])

    result = platform.run(gated, GATE, selection=dg.AssetSelection.checks(GATE))

    assert evaluation(result).passed


def test_each_partition_of_a_run_is_judged(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def local(context: dg.AssetExecutionContext) -> dg.Output[str]:
        return dg.Output(context.partition_key, metadata={"auc": 0.9 if context.partition_key == "eu" else 0.1})

    gate = model_gate(local, [AtLeast("auc", 0.5)])
    results = [platform.run(local, gate, partition_key=key, raise_on_error=False) for key in ("eu", "a/b")]

    assert [evaluation(result).passed for result in results] == [True, False]
    assert platform.store.get("local@1").checks["gate"]
    assert not platform.store.get("local@2").checks["gate"]


def test_each_partition_is_compared_with_its_own_champion(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def compared(context: dg.AssetExecutionContext) -> dg.Output[str]:
        return dg.Output(context.partition_key, metadata={"auc": 0.8})

    for region, auc in (("eu", 0.7), ("a_2Fb", 0.9)):
        platform.store.save("weights", "compared", metrics={"auc": auc}, aliases=[f"champion-{region}"])
    gate = model_gate(compared, [Improves("auc")], against="champion-{partition}")
    results = [platform.run(compared, gate, partition_key=key, raise_on_error=False) for key in ("eu", "a/b", "..")]

    assert [evaluation(result).passed for result in results] == [True, False, True]


def test_a_partition_that_was_never_made_cannot_be_judged(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def rare(context: dg.AssetExecutionContext) -> str:
        return str(context.partition_key)

    gate = model_gate(rare, [AtLeast("auc", 0.5)])
    only_gate = dg.AssetSelection.checks(gate)
    platform.run(rare, partition_key="eu")

    with pytest.raises(VersionNotFound, match=r"the partition 'a/b' of 'rare' has no version to judge"):
        platform.run(rare, gate, selection=only_gate, tags={"dagster/partition": "a/b"})


@pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")
def test_all_partitions_of_one_run_are_judged_in_models_of_their_own_too(platform: Platform) -> None:
    @dg.asset(
        partitions_def=REGIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        metadata={"modelstore/name": "sales.{partition}"},
    )
    def sales(context: dg.AssetExecutionContext) -> dg.Output[dict[str, str]]:
        return dg.Output({key: f"weights of {key}" for key in context.partition_keys}, metadata={"auc": 0.9})

    gate = model_gate(sales, [AtLeast("auc", 0.5)])
    span = {"dagster/asset_partition_range_start": "eu", "dagster/asset_partition_range_end": ".."}
    result = platform.run(sales, gate, tags=span)

    assert str(evaluation(result).metadata["modelstore/ref"].value) == "sales.eu@1, sales.a%2Fb@1, sales.%2E%2E@1"
    assert all(platform.store.get(model.name).checks["gate"] for model in platform.store.models())


def test_what_stands_on_the_version_counts_as_it_is_now(platform: Platform) -> None:
    @dg.asset_check(asset=gated, name="tagging", blocking=True)
    def tagging() -> dg.AssetCheckResult:
        platform.store.annotate("gated", tags={"reviewed": "yes"})
        return dg.AssetCheckResult(passed=True)

    platform.run(gated, tagging)
    gate = model_gate(gated, [HasTag("reviewed")])
    result = platform.run(gated, gate, selection=dg.AssetSelection.checks(gate))

    assert evaluation(result).passed


@pytest.mark.parametrize("rules", [[], [Approved()], [AtLeast], ["auc > 0.9"]])
def test_what_is_no_rule_for_a_check_is_refused_when_it_is_defined(rules: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        model_gate(gated, rules)


def test_a_gate_may_be_given_any_selection_to_retrain(platform: Platform) -> None:
    champion = build_promotion_asset(gated, alias="nightly", gates=[CheckPassed("gate"), Improves("auc")])
    job = build_retrain_job(dg.AssetSelection.assets(gated, downstream), promotion=champion, name="nightly")
    definitions = dg.Definitions(
        assets=[gated, downstream, champion], asset_checks=[GATE], jobs=[job], resources=platform.resources
    )

    result = definitions.resolve_job_def("nightly").execute_in_process(instance=platform.instance)

    assert result.success
    assert platform.store.get("gated@nightly").checks["gate"]
    assert GATED_CHAMPION.key not in {event.asset_key for event in result.get_asset_materialization_events()}
    assert Quality().auc == platform.store.get("gated@nightly").metrics["auc"]
