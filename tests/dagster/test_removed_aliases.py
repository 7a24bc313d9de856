"""An alias that is removed, wherever that is done: its asset says so, and nothing is run that could not load it."""

import dagster as dg
import pytest
from tests.dagster.harness import Platform
from tests.dagster.watching import CHAMPION, SCORING, Watch, keys, told

from dagster_modelstore import build_modelstore_sensor
from modelstore_core import ModelStore


@dg.asset(ins={"model": dg.AssetIn(CHAMPION.key)}, automation_condition=dg.AutomationCondition.eager())
def eager(model: str) -> str:
    return model


def pointing(watch: Watch) -> ModelStore:
    """A store whose champion is known to Dagster."""
    store = watch.platform.store
    store.save("weights", "risk.churn", aliases=["champion"])
    watch.tick()
    return store


def test_a_removed_alias_is_observed_once_and_requests_nothing(watch: Watch) -> None:
    pointing(watch).unalias("risk.churn", "champion", reason="alerts since noon")

    result, again = watch.tick(interrupted=True), watch.tick()

    (event,) = result.asset_events
    assert isinstance(event, dg.AssetObservation)
    assert (event.asset_key, event.tags) == (CHAMPION.key, {})
    assert "was removed from risk.churn@1" in (event.description or "")
    assert "alerts since noon" in (event.description or "")
    assert {key: value.value for key, value in event.metadata.items() if key != "modelstore/by"} == {
        "modelstore/alias": "champion",
        "modelstore/removed": "risk.churn@1",
        "modelstore/event": "risk.churn:2",
    }
    assert (keys(result), again.asset_events) == ([], [])
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "Changes: 1, none of which requests a run. Assets told: 1."


def test_an_alias_that_is_set_again_is_materialized_again_with_the_same_version(watch: Watch) -> None:
    store = pointing(watch)
    store.unalias("risk.churn", "champion")
    watch.tick()
    store.promote("risk.churn@1", "champion")

    assert told(watch.tick()) == [("risk/churn/champion", "risk.churn@1")]
    assert watch.tick().asset_events == []


def test_only_how_an_alias_ends_is_told(watch: Watch) -> None:
    store = pointing(watch)
    store.unalias("risk.churn", "champion")
    store.promote("risk.churn@1", "champion")
    set_again = watch.tick().asset_events
    store.save("other weights", "risk.churn", aliases=["champion", "shadow"])
    store.unalias("risk.churn", "champion")
    store.unalias("risk.churn", "shadow")  # no asset is this

    assert [type(event) for event in set_again] == [dg.AssetMaterialization]
    assert [type(event) for event in watch.tick().asset_events] == [dg.AssetMaterialization, dg.AssetObservation]


def test_an_alias_that_dagster_never_heard_of_is_not_said_to_be_removed(watch: Watch) -> None:
    watch.platform.store.save("weights", "risk.churn", aliases=["champion"])
    watch.platform.store.unalias("risk.churn", "champion")

    assert told(watch.tick()) == [("risk/churn", "risk.churn@1")]


def test_an_alias_that_goes_with_its_version_is_observed(watch: Watch) -> None:
    pointing(watch).delete("risk.churn@1", force=True)

    (event,) = watch.tick().asset_events
    assert isinstance(event, dg.AssetObservation)
    assert event.metadata["modelstore/event"].value == "risk.churn:2:1"


def test_a_job_may_be_run_for_a_removed_alias(platform: Platform) -> None:
    watch = Watch(platform, build_modelstore_sensor(target=SCORING, aliases=["champion"], events=["alias.dropped"]))
    watch.tick()
    pointing(watch).unalias("risk.churn", "champion")

    (asked,) = watch.tick().run_requests or ()
    assert (asked.run_key, asked.tags["modelstore/alias"], asked.tags["modelstore/ref"]) == (
        "risk.churn:2",
        "champion",
        "risk.churn@1",
    )


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")  # Dagster's own use of what it calls beta
def test_what_depends_on_a_removed_alias_is_not_asked_for_and_fails_with_what_there_is(watch: Watch) -> None:
    store, instance = pointing(watch), watch.platform.instance
    watch.platform.run(CHAMPION, eager, selection=[eager])
    defs = dg.Definitions(assets=[CHAMPION, eager])
    cursor = dg.evaluate_automation_conditions(defs=defs, instance=instance).cursor
    store.unalias("risk.churn", "champion")
    watch.tick()

    asked = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)

    assert asked.get_num_requested(eager.key) == 0
    with pytest.raises(dg.Failure, match="has no alias 'champion'"):
        watch.platform.run(CHAMPION, eager, selection=[eager])
