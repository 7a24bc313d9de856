"""What happens in the store, wherever it is done, reaches Dagster: runs and asset events."""

import json
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform
from tests.dagster.watching import CHAMPION, SCORING, SENSOR, Watch, keys, told

from dagster_modelstore import alias_asset, build_modelstore_sensor, model_asset
from modelstore_core import Event, InvalidInput


def test_a_promotion_anywhere_requests_one_run_and_tells_the_alias(watch: Watch) -> None:
    store = watch.platform.store
    store.save("weights", "risk.churn")
    store.promote("risk.churn", "champion", reason="by hand")

    result = watch.tick()

    (request,) = result.run_requests or ()
    assert request.run_key == "risk.churn:2"
    assert request.tags == {
        "modelstore/event": "risk.churn:2",
        "modelstore/model": "risk.churn",
        "modelstore/ref": "risk.churn@1",
        "modelstore/alias": "champion",
    }
    assert told(result) == [("risk/churn", "risk.churn@1"), ("risk/churn/champion", "risk.churn@1")]
    materializations = [event for event in result.asset_events if isinstance(event, dg.AssetMaterialization)]
    versions = [(event.tags or {})["dagster/data_version"] for event in materializations]
    assert versions == 2 * [store.get("risk.churn@1").digest]


def test_a_second_look_finds_nothing(watch: Watch) -> None:
    watch.platform.store.save("weights", "risk.churn", aliases=["champion"])
    watch.tick()
    before = watch.cursor

    result = watch.tick()

    assert (keys(result), told(result), watch.cursor) == ([], [], before)
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "Nothing changed."


def test_an_interrupted_tick_asks_for_the_same_again_under_the_same_keys(watch: Watch) -> None:
    watch.platform.store.save("weights", "risk.churn", aliases=["champion"])

    first, again = watch.tick(interrupted=True), watch.tick()

    assert keys(first) == keys(again) == ["risk.churn:1:1"]
    assert told(again) == []  # what was told is not told again


def test_every_move_requests_a_run_and_the_asset_is_told_of_the_last(watch: Watch) -> None:
    store = watch.platform.store
    for weights in ("a", "b", "c"):
        store.save(weights, "risk.churn", aliases=["champion"])
    store.rollback("risk.churn", "champion")

    result = watch.tick()

    assert keys(result) == ["risk.churn:1:1", "risk.churn:2:1", "risk.churn:3:1", "risk.churn:4"]
    aliases = [ref for key, ref in told(result) if key.endswith("champion")]
    assert aliases == ["risk.churn@2"]


def test_other_aliases_and_refusals_request_nothing(watch: Watch) -> None:
    store = watch.platform.store
    store.save("weights", "risk.churn", aliases=["shadow"])

    result = watch.tick()

    assert keys(result) == []
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "Changes: 2, none of which requests a run. Assets told: 1."


def test_the_first_look_requests_no_runs_for_the_past_but_tells_how_things_are(platform: Platform) -> None:
    for weights in ("a", "b"):
        platform.store.save(weights, "risk.churn", aliases=["champion"])

    result = Watch(platform).tick()

    assert keys(result) == []
    assert told(result)[-1] == ("risk/churn/champion", "risk.churn@2")


def test_what_a_run_of_this_instance_saved_is_not_told_again(platform: Platform) -> None:
    @dg.asset(name="own")
    def own() -> str:
        return "weights"

    sensor = build_modelstore_sensor(assets=[own])
    watch = Watch(platform, sensor, own)
    watch.tick()
    platform.run(own)
    by_run = told(watch.tick())
    platform.store.save("by hand", "own")

    assert by_run == []
    assert told(watch.tick()) == [("own", "own@2")]


def test_an_alias_that_a_job_told_is_not_told_again_but_does_request_its_run(watch: Watch) -> None:
    store = watch.platform.store
    store.save("weights", "risk.churn")
    store.promote("risk.churn", "champion")
    said = {"modelstore/event": "risk.churn:2", "modelstore/alias": "champion"}
    watch.platform.instance.report_runless_asset_event(dg.AssetMaterialization(CHAMPION.key, metadata=said))

    result = watch.tick()

    assert keys(result) == ["risk.churn:2"]
    assert told(result) == [("risk/churn", "risk.churn@1")]


def test_a_rename_requests_nothing_again_and_the_new_name_is_heard_of_from_then_on(platform: Platform) -> None:
    watch = Watch(platform, build_modelstore_sensor(target=SCORING))
    store = platform.store
    store.save("weights", "risk.churn", aliases=["champion"])
    watch.tick()
    store.rename("risk.churn", "risk.leaving")
    renamed = watch.tick()
    store.save("other weights", "risk.leaving", aliases=["champion"])

    assert keys(renamed) == []
    assert [key for key in keys(watch.tick()) if key and key.startswith("risk.leaving:")] != []


def test_a_sensor_that_starts_after_a_rename_hears_nothing_of_what_was_repeated(platform: Platform) -> None:
    store = platform.store
    store.save("weights", "risk.leaving", aliases=["champion"])
    store.rename("risk.leaving", "risk.churn")
    watch = Watch(platform)
    watch.cursor = json.dumps({"shelf": "gone", "slot": "a", "parts": 1, "sha256": "lost"})

    assert all(key and key.startswith("risk.leaving:") for key in keys(watch.tick()))


def test_a_cursor_whose_shelf_is_gone_hears_of_everything_again_under_the_same_keys(platform: Platform) -> None:
    platform.store.save("weights", "risk.churn", aliases=["champion"])
    watch = Watch(platform)
    watch.cursor = json.dumps({"shelf": "gone", "slot": "a", "parts": 1, "sha256": "lost"})

    assert keys(watch.tick()) == ["risk.churn:1:1"]
    assert keys(watch.tick()) == []


@pytest.mark.parametrize("cursor", ["", "x", "{}", "[]", '{"feed": "AA=="}', '{"feed": 1}'])
def test_what_is_no_cursor_is_refused(platform: Platform, cursor: str) -> None:
    watch = Watch(platform)
    watch.cursor = cursor

    with pytest.raises(InvalidInput, match="Reset the sensor's cursor"):
        watch.tick()


def test_deleted_models_and_versions_are_told_nothing_of(watch: Watch) -> None:
    store = watch.platform.store
    for _ in range(2):
        store.save("weights", "risk.churn", aliases=["champion"])
    store.delete("risk.churn", force=True)
    only_first = told(watch.tick())
    store.save("other weights", "risk.churn", aliases=["champion"])
    store.delete_model("risk.churn")

    assert only_first == [("risk/churn", "risk.churn@1")]
    assert told(watch.tick()) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"models": "risk.*"}, ["risk.churn:1:1"]),
        ({"models": ["other", "risk.fraud"]}, ["other:1:1"]),
        ({"events": ["version.created"]}, ["other:1", "risk.churn:1"]),
        ({"events": ["alias.moved", "version.created"], "models": "risk.churn"}, ["risk.churn:1", "risk.churn:1:1"]),
        ({"aliases": ["shadow"]}, []),
        ({"events": ["alias.moved", "version.created"], "aliases": ["shadow"]}, ["other:1", "risk.churn:1"]),
    ],
)
def test_which_events_request_runs_can_be_said(
    platform: Platform, options: dict[str, Any], expected: list[str]
) -> None:
    watch = Watch(platform, build_modelstore_sensor(target=SCORING, **options))
    watch.tick()
    for model in ("risk.churn", "other"):
        platform.store.save("weights", model, aliases=["champion"])

    assert sorted(map(str, keys(watch.tick()))) == expected


def test_a_request_can_be_made_of_the_event(platform: Platform) -> None:
    def with_config(event: Event) -> dg.RunRequest | None:
        if event.number == 1:
            return None
        return dg.RunRequest(run_config={"ops": {}}, tags={"why": event.reason}, partition_key="eu")

    watch = Watch(platform, build_modelstore_sensor(target=SCORING, request=with_config))
    watch.tick()
    for number in (1, 2):
        platform.store.save("weights", "risk.churn")
        platform.store.promote("risk.churn", "champion", reason=f"promotion {number}")

    (asked,) = watch.tick().run_requests or ()
    assert (asked.run_key, asked.tags["why"], asked.partition_key) == ("risk.churn:4", "promotion 2", "eu")
    assert asked.tags["modelstore/ref"] == "risk.churn@2"


@pytest.mark.parametrize("name", ["my model, with = and ü", "x" * 200])
def test_any_name_makes_a_run_that_dagster_takes(platform: Platform, name: str) -> None:
    watch = Watch(platform, build_modelstore_sensor(target=SCORING))
    watch.tick()
    platform.store.save("weights", name, aliases=["champion"])

    (asked,) = watch.tick().run_requests or ()
    run = platform.instance.create_run_for_job(
        watch.defs.resolve_job_def("scoring"), tags={**asked.tags, "dagster/run_key": str(asked.run_key)}
    )
    assert platform.instance.get_run_by_id(run.run_id) is not None
    assert run.tags["modelstore/model"] == name


def test_versions_of_partitions_are_told_for_their_partition(platform: Platform) -> None:
    regions = dg.StaticPartitionsDefinition(["eu", "us"])
    sales, champion = (
        model_asset("sales", partitions_def=regions),
        alias_asset("sales", "champion-{partition}", partitions_def=regions),
    )
    watch = Watch(platform, SENSOR, sales, champion)
    watch.tick()
    for region in regions.get_partition_keys():
        platform.store.save(region, "sales", lineage={"partition": region}, aliases=[f"champion-{region}"])
    platform.store.save("moon", "sales", lineage={"partition": "moon"}, aliases=["champion-moon"])

    events = watch.tick().asset_events
    assert [(event.asset_key.path[-1], event.partition) for event in events] == [
        ("sales", "eu"),
        ("champion", "eu"),
        ("sales", "us"),
        ("champion", "us"),
    ]
    platform.store.unalias("sales", "champion-us")
    assert [(event.asset_key.path[-1], event.partition) for event in watch.tick().asset_events] == [("champion", "us")]


def test_a_sensor_without_target_tells_and_requests_nothing(platform: Platform) -> None:
    watch = Watch(platform, build_modelstore_sensor(name="telling"))
    watch.tick()
    platform.store.save("weights", "risk.churn", aliases=["champion"])

    result = watch.tick()

    assert (keys(result), len(told(result))) == ([], 2)


def test_the_cursor_stays_small_however_many_models_there_are(platform: Platform, tell: Callable[[str], None]) -> None:
    watch = Watch(platform)
    for number in range(120):
        platform.store.save("weights", f"team.model-{number}-{number**7}", aliases=["champion"])
    watch.tick()
    first = watch.cursor or ""
    platform.store.save("weights", "risk.churn", aliases=["champion"])

    interrupted = watch.tick(interrupted=True)
    again = watch.tick()

    assert json.loads(first)["parts"] >= 1
    assert max(len(first), len(watch.cursor or "")) < 200
    assert keys(interrupted) == keys(again) == ["risk.churn:1:1"]
    assert keys(watch.tick()) == []
    tell(f"a cursor of {len(first)} characters for 120 models")
