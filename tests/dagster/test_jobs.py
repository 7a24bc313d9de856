"""Rolling back and collecting from the launchpad; promotions are in test_promotion.py."""

from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform

from dagster_modelstore import build_collect_job, build_promote_job, build_rollback_job
from modelstore_core import InvalidInput, VersionNotFound

ROLLBACK, COLLECT = build_rollback_job(model="churn"), build_collect_job()


def rollback(platform: Platform, **config: Any) -> dg.ExecuteInProcessResult:
    return platform.job(ROLLBACK, {"ops": {"rollback": {"config": config}}})


def collect(platform: Platform, **config: Any) -> dict[str, Any]:
    """What the run says of what it did."""
    result = platform.job(COLLECT, {"ops": {"collect": {"config": {"older_than_hours": 0.0, **config}}}})
    (event,) = [event for event in result.all_events if event.is_successful_output]
    said = event.step_output_data.metadata
    return {
        name: value.records if isinstance(value, dg.TableMetadataValue) else value.value for name, value in said.items()
    }


@pytest.fixture
def promoted(platform: Platform) -> Platform:
    """A store with three versions, each of which was champion."""
    for weights in ("a", "b", "c"):
        platform.store.save(weights, "churn", aliases=["champion"])
    return platform


@pytest.mark.parametrize(("config", "number"), [({}, 2), ({"steps": 2}, 1), ({"alias": "champion"}, 2)])
def test_an_alias_goes_back(promoted: Platform, config: dict[str, Any], number: int) -> None:
    rollback(promoted, reason="alerts", **config)

    event = promoted.store.history("churn")[0]
    assert (event.verb, event.number, event.reason) == ("rollback", number, "alerts")


def test_where_nothing_is_to_go_back_to_the_run_fails(promoted: Platform) -> None:
    with pytest.raises(VersionNotFound):
        rollback(promoted, steps=3)
    with pytest.raises(InvalidInput, match="no count"):
        rollback(promoted, steps=0)
    assert promoted.store.get("churn@champion").number == 3


def test_collecting_removes_nothing_that_is_live(promoted: Platform) -> None:
    said = collect(promoted)

    assert (said["modelstore/objects"], said["modelstore/dry_run"]) == (0, False)
    assert [promoted.store.load(f"churn@{number}") for number in (1, 2, 3)] == ["a", "b", "c"]


def test_old_versions_are_deleted_and_collected_if_it_is_asked(promoted: Platform) -> None:
    said = collect(promoted, keep=1, reason="spring")

    assert (said["modelstore/deleted"], said["modelstore/objects"] > 0) == (2, True)
    assert promoted.numbers("churn") == [3]
    assert promoted.store.get("churn@1").purged


def test_a_dry_run_says_what_it_would_do(promoted: Platform) -> None:
    said = collect(promoted, keep=1, dry_run=True)

    assert (said["modelstore/deleted"], said["modelstore/dry_run"]) == (2, True)
    assert [record.data["number"] for record in said["modelstore/deleted_versions"]] == ["1", "2"]
    assert promoted.numbers("churn") == [1, 2, 3]


def test_one_model_or_all_of_them_are_collected(promoted: Platform) -> None:
    for weights in ("a", "b"):
        promoted.store.save(weights, "other")

    assert collect(promoted, model="churn", keep=1)["modelstore/deleted"] == 2
    assert promoted.numbers("other") == [1, 2]
    assert collect(promoted, keep=1)["modelstore/deleted"] == 1


@pytest.mark.parametrize(
    ("job", "op", "defaults"),
    [
        (
            build_promote_job(model="m", alias="prod"),
            "promote",
            {
                "model": "m",
                "version": 0,
                "from_alias": "",
                "alias": "prod",
                "at_least": {},
                "rises": {},
                "falls": {},
                "checks": [],
                "rules": [],
                "reason": "",
            },
        ),
        (build_rollback_job(model="m"), "rollback", {"model": "m", "alias": "champion", "steps": 1, "reason": ""}),
        (
            build_collect_job(keep=5),
            "collect",
            {"model": "", "keep": 5, "older_than_hours": 24.0, "dry_run": False, "reason": ""},
        ),
    ],
    ids=["promote", "rollback", "collect"],
)
def test_the_launchpad_opens_with_every_default(job: dg.JobDefinition, op: str, defaults: dict[str, Any]) -> None:
    fields: Any = job.get_node_named(op).definition
    shape = fields.config_field.config_type.fields

    assert {name: field.default_value if field.default_provided else None for name, field in shape.items()} == defaults
    assert all(field.description for field in shape.values())
    assert job.executor_def is dg.in_process_executor
