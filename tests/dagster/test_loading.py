from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform

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


def test_a_missing_alias_says_which_there_are(platform: Platform) -> None:
    platform.run(churn)
    platform.store.promote("churn@1", "candidate")

    with pytest.raises(AliasNotFound, match="no alias 'champion'; it has: candidate"):
        platform.run(churn, consumer(str, **{"modelstore/alias": "champion"}))


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"modelstore/stage": "x"}, "'modelstore/stage' is no metadata that the input may have"),
        ({"modelstore/alias": "a", "modelstore/version": 1}, "Give one of them"),
        ({"modelstore/version": "1"}, "'modelstore/version' is '1', not a version's number"),
        ({"modelstore/version": True}, "'modelstore/version' is True"),
    ],
)
def test_an_input_that_asks_for_nonsense_is_refused(platform: Platform, metadata: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        platform.run(churn, consumer(str, **metadata))


def test_a_model_version_is_the_record_alone(platform: Platform) -> None:
    result = platform.run(churn, consumer(ModelVersion))

    assert result.asset_value("taken").startswith("version     churn@1")


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

    with pytest.raises(ModelNotFound, match="no model 'churn'"):
        platform.run(churn, taken, selection=[taken])


def test_the_runs_own_version_has_no_substitute(platform: Platform) -> None:
    class DeletingIOManager(ModelStoreIOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            super().handle_output(context, obj)
            if context.asset_key == churn.key:
                self.store.get_store().save("made by another run", "churn")
                self.store.get_store().delete("churn@1")

    manager = DeletingIOManager(store=platform.resources["modelstore"])

    with pytest.raises(VersionDeleted, match="churn@1 is deleted"):
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
    with pytest.raises(VersionNotFound):
        platform.run(churn, consumer(str, **{"modelstore/version": 7}))
