from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform, metadata_of

from dagster_modelstore import build_promote_job, build_promotion_asset, build_retrain_job
from modelstore_core import AtLeast, Improves, InvalidInput, ModelNotFound

PROMOTE = build_promote_job(model="churn")


def settings(**config: Any) -> dict[str, Any]:
    return {"ops": {"promote": {"config": config}}}


def failure(result: dg.ExecuteInProcessResult) -> Any:
    """The description and metadata that the failed step shows."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


@pytest.fixture
def scored(platform: Platform) -> Platform:
    """A store with three versions of rising loss and falling auc."""
    for auc, loss in ((0.9, 0.1), (0.8, 0.2), (0.7, 0.3)):
        platform.store.save(auc, "churn", metrics={"auc": auc, "loss": loss})
    return platform


def test_the_newest_version_is_promoted(scored: Platform) -> None:
    result = scored.job(PROMOTE, settings(reason="looks good"))

    moved = scored.store.history("churn")[0]
    assert result.success
    assert (moved.kind, moved.alias, moved.number, moved.reason) == ("alias.moved", "champion", 3, "looks good")


@pytest.mark.parametrize(
    ("config", "number"),
    [({"version": 2}, 2), ({"from_alias": "candidate"}, 1), ({"version": 0}, 3), ({"version": 1, "alias": "spare"}, 1)],
)
def test_the_launchpad_says_which_version(scored: Platform, config: dict[str, object], number: int) -> None:
    scored.store.promote("churn@1", "candidate")

    scored.job(PROMOTE, settings(**config))

    assert scored.store.get(f"churn@{config.get('alias', 'champion')}").number == number


@pytest.mark.parametrize("config", [{"version": -1}, {"version": 1, "from_alias": "candidate"}])
def test_what_names_no_one_version_is_refused(scored: Platform, config: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="name no one version"):
        scored.job(PROMOTE, settings(**config))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"at_least": {"auc": 0.95}}, "churn@3 has auc = 0.7; needed: at least 0.95"),
        ({"rises": {"auc": 0.0}}, "churn@3 has auc = 0.7, churn@1 has auc = 0.9"),
        ({"falls": {"loss": 0.01}}, "churn@3 has loss = 0.3, churn@1 has loss = 0.1"),
        ({"at_least": {"f1": 0.5}}, "churn@3 has no f1"),
    ],
)
def test_a_refusal_fails_the_run_with_the_numbers_of_both_sides(
    scored: Platform, config: dict[str, object], says: str
) -> None:
    scored.store.promote("churn@1", "champion")

    result = scored.job(PROMOTE, settings(**config), raise_on_error=False)

    assert not result.success
    assert says in failure(result).description
    assert scored.store.get("churn@champion").number == 1
    assert scored.store.history("churn")[0].kind == "promotion.refused"


def test_a_refusal_shows_its_evidence_as_a_table(scored: Platform) -> None:
    scored.store.promote("churn@1", "champion")

    result = scored.job(PROMOTE, settings(rises={"auc": 0.0}, at_least={"auc": 0.5}), raise_on_error=False)

    said = failure(result).metadata
    assert said["modelstore/candidate"].value == "churn@3"
    assert [dict(record.data) for record in said["modelstore/gates"].records] == [
        {"rule": "auc >= 0.5", "candidate": "0.7", "current": "0.9", "verdict": "passed"},
        {"rule": "auc above the current version's", "candidate": "0.7", "current": "0.9", "verdict": "refused"},
    ]


def test_rules_in_code_cannot_be_launched_away(scored: Platform) -> None:
    job = build_promote_job(name="strict", model="churn", gates=[AtLeast("auc", 0.95)])

    result = scored.job(job, settings(at_least={"auc": 0.1}), raise_on_error=False)

    assert "needed: at least 0.95" in failure(result).description


def test_a_promotion_shows_from_where_to_where(scored: Platform) -> None:
    scored.store.promote("churn@2", "champion")

    result = scored.job(PROMOTE, settings(version=1, rises={"auc": 0.05}))

    (event,) = [event for event in result.all_events if event.is_successful_output]
    said = event.step_output_data.metadata
    assert (said["modelstore/previous"].value, said["modelstore/ref"].value) == ("churn@2", "churn@1")
    assert isinstance(said["modelstore/gates"], dg.TableMetadataValue)
    assert said["modelstore/gates"].records[0].data["verdict"] == "passed"


def test_promoting_what_is_promoted_changes_nothing(scored: Platform) -> None:
    scored.store.promote("churn@1", "champion")
    before = scored.store.history("churn")

    result = scored.job(PROMOTE, settings(version=1))

    assert result.success
    assert scored.store.history("churn") == before


def test_rules_of_any_kind_can_be_asked_in_the_launchpad(scored: Platform) -> None:
    rules = [{"rule": "has_tag", "key": "reviewed"}]

    refused = scored.job(PROMOTE, settings(rules=rules), raise_on_error=False)
    scored.store.annotate("churn", tags={"reviewed": "yes"}, checks={"drift": False})
    unchecked = scored.job(PROMOTE, settings(rules=rules, checks=["drift"]), raise_on_error=False)
    scored.store.annotate("churn", checks={"drift": True})

    assert (refused.success, unchecked.success) == (False, False)
    assert scored.job(PROMOTE, settings(rules=rules, checks=["drift"])).success


def test_what_is_no_rule_in_the_launchpad_is_refused_with_those_that_there_are(scored: Platform) -> None:
    with pytest.raises(InvalidInput, match="There is no rule 'has_tags'"):
        scored.job(PROMOTE, settings(rules=[{"rule": "has_tags"}]))


def test_a_guarded_alias_asks_its_rules_of_the_launchpad_too(scored: Platform) -> None:
    scored.store.protect("churn", "champion", [AtLeast("auc", 0.85)])

    refused = scored.job(PROMOTE, settings(), raise_on_error=False)

    assert not refused.success
    assert "needed: at least 0.85" in failure(refused).description


def test_without_a_default_the_launchpad_must_name_the_model(scored: Platform) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match='Missing required config entry "model"'):
        scored.job(build_promote_job(), settings())
    with pytest.raises(ModelNotFound, match="no model 'chrun'"):
        scored.job(build_promote_job(), settings(model="chrun"))


def test_the_wrong_resource_is_named(scored: Platform) -> None:
    job = build_promote_job(model="churn", store_key="io_manager")

    with pytest.raises(InvalidInput, match="'io_manager' is a ModelStoreIOManager, not a ModelStoreResource"):
        scored.job(job, settings())


class Quality(dg.Config):
    auc: float = 0.8


@dg.asset(metadata={"modelstore/name": "risk.churn"})
def churn(config: Quality) -> dg.Output[str]:
    return dg.Output(f"weights of {config.auc}", metadata={"auc": config.auc})


CHAMPION = build_promotion_asset(churn, gates=[Improves("auc")])


@dg.asset(ins={"model": dg.AssetIn(["churn", "champion"])})
def scores(model: str) -> str:
    return f"scored with {model}"


DEFS = dg.Definitions(
    assets=[churn, CHAMPION, scores], jobs=[build_retrain_job(churn, promotion=CHAMPION)], resources={}
)


def retrain(platform: Platform, auc: float, **options: Any) -> dg.ExecuteInProcessResult:
    config = {"ops": {"churn": {"config": {"auc": auc}}}}
    defs = dg.Definitions(assets=DEFS.assets, jobs=DEFS.jobs, resources=platform.resources)
    job = defs.resolve_job_def("retrain_and_promote")
    return job.execute_in_process(run_config=config, instance=platform.instance, raise_on_error=False, **options)


def test_retraining_promotes_what_it_made(platform: Platform) -> None:
    result = retrain(platform, 0.8)

    assert result.success
    assert platform.store.get("risk.churn@champion").number == 1
    assert metadata_of(result, ["churn", "champion"])["modelstore/ref"] == "risk.churn@1"


def test_retraining_that_makes_a_worse_model_fails_and_promotes_nothing(platform: Platform) -> None:
    retrain(platform, 0.8)

    result = retrain(platform, 0.7)

    assert not result.success
    assert "risk.churn@2 has auc = 0.7, risk.churn@1 has auc = 0.8" in failure(result).description
    assert platform.store.get("risk.churn@champion").number == 1
    assert platform.store.get("risk.churn").number == 2


def test_an_alias_asset_loads_what_the_alias_points_to(platform: Platform) -> None:
    retrain(platform, 0.8)
    retrain(platform, 0.7)

    platform.run(churn, CHAMPION, scores, selection=[scores])

    assert platform.store.load("scores") == "scored with weights of 0.8"


def test_the_data_version_of_an_alias_is_that_of_its_version(platform: Platform) -> None:
    retrain(platform, 0.8)
    retrain(platform, 0.7)

    event = platform.instance.get_latest_materialization_event(CHAMPION.key)

    assert event is not None
    assert event.asset_materialization is not None
    tags = event.asset_materialization.tags or {}
    assert tags["dagster/data_version"] == platform.store.get("risk.churn@champion").digest


def test_a_key_alone_does_not_say_the_models_name(platform: Platform) -> None:
    guessed = build_promotion_asset("churn")

    with pytest.raises(InvalidInput, match=r"The asset 'churn' is the model 'risk\.churn', not"):
        platform.run(churn, guessed)


@pytest.mark.parametrize("selection", [churn, [churn], dg.AssetSelection.assets(churn)])
def test_a_retraining_is_of_any_selection(platform: Platform, selection: Any) -> None:
    job = build_retrain_job(selection, promotion=CHAMPION, name="nightly", executor=dg.multiprocess_executor)
    resolved = dg.Definitions(assets=[churn, CHAMPION], jobs=[job], resources=platform.resources)

    assert {node.name for node in resolved.resolve_job_def("nightly").nodes} == {"churn", "churn__champion"}


def test_one_alias_cannot_stand_for_many_models() -> None:
    @dg.multi_asset(outs={"a": dg.AssetOut(), "b": dg.AssetOut()})
    def both() -> tuple[int, int]:
        return 1, 2

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["eu"]))
    def regional() -> int:
        return 1

    for assets in (both, regional):
        with pytest.raises(InvalidInput, match=r"One alias cannot stand for|are several models"):
            build_promotion_asset(assets)
    assert build_promotion_asset("a", alias="best").key == dg.AssetKey(["a", "best"])


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")  # beta, and Dagster's own use of it
def test_consumers_of_an_alias_follow_promotions_and_not_trainings(platform: Platform) -> None:
    @dg.asset(ins={"model": dg.AssetIn(CHAMPION.key)}, automation_condition=dg.AutomationCondition.eager())
    def served(model: str) -> str:
        return model

    defs = dg.Definitions(assets=[churn, CHAMPION, served], resources=platform.resources)

    def asked_for(cursor: Any = None) -> Any:
        return dg.evaluate_automation_conditions(defs=defs, instance=platform.instance, cursor=cursor)

    platform.run(churn, CHAMPION, served)
    start = asked_for()
    platform.run(churn, CHAMPION, selection=[churn])
    trained = asked_for(start.cursor)
    config = {"ops": {"churn": {"config": {"auc": 0.9}}}}
    platform.run(churn, CHAMPION, run_config=config)
    promoted = asked_for(trained.cursor)

    assert [result.get_num_requested(served.key) for result in (start, trained, promoted)] == [0, 0, 1]
