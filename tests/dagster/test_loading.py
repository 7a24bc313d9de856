from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform, refused

from dagster_modelstore import ModelStoreIOManager
from modelstore_core import AliasNotFound, InvalidInput, ModelNotFound, ModelVersion, VersionDeleted, VersionNotFound


@dg.asset
def churn(context: dg.AssetExecutionContext) -> str:
    return f"made by {context.run.run_id}"


def consumer(annotation: Any, **metadata: object) -> dg.AssetsDefinition:
    """An asset that keeps what it was given where a test can see it."""

    def taken(churn: object) -> object:
        return str(churn)

    taken.__annotations__["churn"] = annotation
    return dg.asset(ins={"churn": dg.AssetIn(metadata=metadata)})(taken)


def test_the_consumer_gets_what_its_run_made(platform: Platform) -> None:
    class OvertakenIOManager(ModelStoreIOManager):
        """As soon as the model is saved, another run's version comes."""

        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            super().handle_output(context, obj)
            if context.asset_key == churn.key:
                self.store.get_store().save("made by another run", "churn")

    manager = OvertakenIOManager(store=platform.resources["modelstore"])

    result = platform.run(churn, consumer(str), resources={"io_manager": manager})

    assert platform.store.load("churn") == "made by another run"
    assert result.asset_value("taken") == f"made by {result.run_id}"


def test_alone_the_consumer_gets_the_newest(platform: Platform) -> None:
    platform.run(churn)
    second = platform.run(churn)
    taken = consumer(str)

    result = platform.run(churn, taken, selection=[taken])

    assert result.asset_value("taken") == f"made by {second.run_id}"


@pytest.mark.parametrize("metadata", [{"modelstore/alias": "champion"}, {"modelstore/version": 1}])
def test_an_input_may_name_its_version(platform: Platform, metadata: dict[str, object]) -> None:
    first = platform.run(churn)
    platform.store.promote("churn@1", "champion")

    result = platform.run(churn, consumer(str, **metadata))

    assert platform.numbers("churn")[:2] == [1, 2]
    assert result.asset_value("taken") == f"made by {first.run_id}"


@dg.asset
def scored(context: dg.AssetExecutionContext) -> dg.Output[str]:
    auc = float(context.run.tags["auc"])
    return dg.Output(f"auc {auc}", metadata={"auc": auc})


@pytest.mark.parametrize(
    ("metadata", "taken"),
    [
        ({"modelstore/where": "metrics.auc >= 0.8"}, "auc 0.8"),
        ({"modelstore/order_by": "metrics.auc DESC"}, "auc 0.9"),
        ({"modelstore/where": "metrics.auc < 0.9", "modelstore/order_by": "metrics.auc"}, "auc 0.7"),
    ],
)
def test_an_input_may_ask_for_what_is_recorded_of_a_version(
    platform: Platform, metadata: dict[str, str], taken: str
) -> None:
    @dg.asset(ins={"scored": dg.AssetIn(metadata=metadata)})
    def consumer(scored: str) -> str:
        return scored

    for auc in ("0.9", "0.8", "0.7"):
        platform.run(scored, tags={"auc": auc})

    result = platform.run(scored, consumer, selection=[consumer])

    assert result.asset_value("consumer") == taken


def test_a_search_that_finds_nothing_says_what_there_is(platform: Platform) -> None:
    platform.run(churn)

    with refused(VersionNotFound, "'churn' has no version where 'metrics.auc > 0.5'; its newest are: 2, 1"):
        platform.run(churn, consumer(str, **{"modelstore/where": "metrics.auc > 0.5"}))


def test_a_search_stays_within_the_partition(platform: Platform) -> None:
    regions = dg.StaticPartitionsDefinition(["eu", "us"])

    @dg.asset(partitions_def=regions)
    def regional(context: dg.AssetExecutionContext) -> dg.Output[str]:
        return dg.Output(context.partition_key, metadata={"auc": 0.9})

    @dg.asset(partitions_def=regions, ins={"regional": dg.AssetIn(metadata={"modelstore/where": "metrics.auc > 0.5"})})
    def scores(regional: str) -> str:
        return regional

    platform.run(regional, partition_key="eu")

    with refused(VersionNotFound, "no version of the partition 'us' where"):
        platform.run(regional, scores, selection=[scores], partition_key="us")
    platform.run(regional, partition_key="us")
    platform.run(regional, scores, selection=[scores], partition_key="eu")
    assert platform.store.load("scores") == "eu"


def test_a_check_gets_what_its_run_made(platform: Platform) -> None:
    @dg.asset_check(asset=churn)
    def right(context: dg.AssetCheckExecutionContext, churn: str) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=churn == f"made by {context.run.run_id}")

    class OvertakenIOManager(ModelStoreIOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            super().handle_output(context, obj)
            self.store.get_store().save("made by another run", "churn")

    manager = OvertakenIOManager(store=platform.resources["modelstore"])
    result = platform.run(churn, right, resources={"io_manager": manager})

    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [True]


def test_a_missing_alias_says_which_there_are(platform: Platform) -> None:
    platform.run(churn)
    platform.store.promote("churn@1", "candidate")

    with refused(AliasNotFound, "no alias 'champion'; it has: candidate"):
        platform.run(churn, consumer(str, **{"modelstore/alias": "champion"}))


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"modelstore/stage": "x"}, "'modelstore/stage' is no metadata that the input may have"),
        ({"modelstore/alias": "a", "modelstore/version": 1}, "Give one of them"),
        (
            {"modelstore/where": "size > 1", "modelstore/order_by": "number", "modelstore/alias": "a"},
            "asks for 'modelstore/alias' and for 'modelstore/where'",
        ),
        ({"modelstore/where": 3}, "'modelstore/where' is 3, not text"),
        ({"modelstore/where": "auc > 1"}, "Unknown field 'auc' at 1:1. Fields are: name, number"),
        ({"modelstore/version": "1"}, "'modelstore/version' is '1', not a version's number"),
        ({"modelstore/version": True}, "'modelstore/version' is True"),
    ],
)
def test_an_input_that_asks_for_nonsense_is_refused(platform: Platform, metadata: dict[str, object], says: str) -> None:
    with refused(InvalidInput, says):
        platform.run(churn, consumer(str, **metadata))


def test_a_model_version_is_the_record_alone(platform: Platform) -> None:
    result = platform.run(churn, consumer(ModelVersion))

    assert result.asset_value("taken").split()[:2] == ["version", "churn@1"]


@pytest.mark.parametrize("annotation", [Path, Path | None])
def test_a_path_is_the_folder(platform: Platform, annotation: object) -> None:
    result = platform.run(churn, consumer(annotation))

    assert (Path(result.asset_value("taken")) / "MLmodel").is_file() or list(
        Path(result.asset_value("taken")).iterdir()
    )


def test_without_annotation_it_is_the_object(platform: Platform) -> None:
    result = platform.run(churn, consumer(Any))

    assert result.asset_value("taken") == f"made by {result.run_id}"


def test_of_a_model_that_is_not_there_nothing_is_loaded(platform: Platform) -> None:
    taken = consumer(str)

    with refused(ModelNotFound, "no model 'churn'"):
        platform.run(churn, taken, selection=[taken])


def test_the_runs_own_version_has_no_substitute(platform: Platform) -> None:
    class DeletingIOManager(ModelStoreIOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            super().handle_output(context, obj)
            if context.asset_key == churn.key:
                self.store.get_store().save("made by another run", "churn")
                self.store.get_store().delete("churn@1")

    manager = DeletingIOManager(store=platform.resources["modelstore"])

    with refused(VersionDeleted, "churn@1 is deleted"):
        platform.run(churn, consumer(str), resources={"io_manager": manager})


def test_a_run_that_saved_none_loads_the_newest_and_says_so(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.store.save("from before", "maybe")

    @dg.asset
    def maybe() -> object:
        return None

    @dg.asset
    def taken(maybe: str) -> str:
        return maybe

    result = platform.run(maybe, taken)

    assert result.asset_value("taken") == "from before"
    assert f"Run {result.run_id} saved no version of 'maybe'" in capsys.readouterr().err


def test_the_event_log_says_who_loaded_which_version(platform: Platform) -> None:
    platform.run(churn, consumer(str))

    (observed,) = platform.instance.fetch_observations(churn.key, limit=10).records
    assert observed.asset_observation is not None
    said = {name: value.value for name, value in observed.asset_observation.metadata.items()}
    assert said["modelstore/loaded"] == "churn@1"
    assert str(said["modelstore/because"]).startswith("made by run ")
    assert {type(value) for value in said.values()} == {str}  # a number would be drawn into the model's own plots


def test_assets_whose_step_keys_are_equal_stay_apart(platform: Platform) -> None:
    def named(*path: str) -> dg.AssetsDefinition:
        return dg.asset(key=list(path))(lambda: "/".join(path))

    for path in (["a", "b"], ["a__b"], ["A", "b"]):
        platform.run(named(*path))

    assert [model.name for model in platform.store.models()] == ["A.b", "a.b", "a__b"]
    assert [platform.store.load(name) for name in ("a.b", "a__b", "A.b")] == ["a/b", "a__b", "A/b"]


def test_a_notebook_loads_by_alias_and_by_type(platform: Platform) -> None:
    first = platform.run(churn)
    platform.run(churn)
    platform.store.promote("churn@1", "champion")
    defs = dg.Definitions(assets=[churn], resources=platform.resources)

    by_alias = defs.load_asset_value("churn", metadata={"modelstore/alias": "champion"}, instance=platform.instance)
    record = defs.load_asset_value("churn", python_type=ModelVersion, instance=platform.instance)

    assert by_alias == f"made by {first.run_id}"
    assert isinstance(record, ModelVersion)
    assert record.number == 2


def test_an_old_version_of_the_run_is_found_behind_many_newer_ones(platform: Platform) -> None:
    made = platform.run(churn)
    for number in range(70):
        platform.store.save(number, "churn")
    context = dg.build_input_context(
        asset_key=churn.key, upstream_output=dg.build_output_context(asset_key=churn.key, run_id=made.run_id)
    )

    loaded = ModelStoreIOManager(store=platform.resources["modelstore"]).load_input(context)

    assert loaded == f"made by {made.run_id}"


def test_an_input_that_comes_from_nowhere_is_refused(platform: Platform) -> None:
    manager = ModelStoreIOManager(store=platform.resources["modelstore"])

    with pytest.raises(InvalidInput, match="no output and no asset"):
        manager.load_input(dg.build_input_context())
    with pytest.raises(ModelNotFound):
        manager.load_input(dg.build_input_context(asset_key="churn"))
    with refused(VersionNotFound, "no version 7; its numbers run from 1 to 1"):
        platform.run(churn, consumer(str, **{"modelstore/version": 7}))
