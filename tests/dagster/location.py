"""A code location as Dagster loads one: its runs know all of its assets, and not only those that they make."""

from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository
from tests.dagster.harness import Platform

from dagster_modelstore import (
    ModelStoreIOManager,
    ModelStoreResource,
    alias_asset,
    build_promote_job,
    build_promotion_asset,
    build_retrain_job,
    build_rollback_job,
    model_gate,
)
from modelstore_core import AtLeast, CheckPassed, Improves

REGIONS = dg.StaticPartitionsDefinition(["eu", "a/b", ".."])


class Quality(dg.Config):
    auc: float = 0.8


@dg.asset(metadata={"modelstore/name": "risk.churn"})
def churn(config: Quality) -> dg.Output[str]:
    return dg.Output(f"weights of {config.auc}", metadata={"auc": config.auc})


CHAMPION = alias_asset(churn)
SAME_BYTES = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())


@dg.asset(ins={"model": dg.AssetIn(CHAMPION.key)}, automation_condition=dg.AutomationCondition.eager())
def scores(model: str) -> str:
    return f"scored with {model}"


@dg.asset(ins={"model": dg.AssetIn(CHAMPION.key)}, automation_condition=SAME_BYTES)
def thrifty(model: str) -> str:
    return model


@dg.asset(metadata={"modelstore/aliases": ["champion", "newest"]})
def forward() -> str:
    return "weights"


@dg.asset(partitions_def=REGIONS)
def regional(context: dg.AssetExecutionContext) -> str:
    return f"weights of {context.partition_key}"


@dg.asset
def gated(config: Quality) -> dg.Output[str]:
    return dg.Output(f"weights of {config.auc}", metadata={"auc": config.auc})


GATE = model_gate(gated, [AtLeast("auc", 0.7), Improves("auc")])
GATED_CHAMPION = build_promotion_asset(gated, gates=[CheckPassed("gate")])
REGIONAL = alias_asset(regional, "champion-{partition}")
FORWARD = alias_asset(forward)

_STORE = ModelStoreResource(url=dg.EnvVar("TEST_MODELS"))

defs = dg.Definitions(
    assets=[churn, CHAMPION, scores, thrifty, forward, FORWARD, regional, REGIONAL, gated, GATED_CHAMPION],
    asset_checks=[GATE],
    jobs=[
        build_promote_job(model="risk.churn"),
        build_rollback_job(model="risk.churn"),
        build_retrain_job(gated, promotion=GATED_CHAMPION),
        dg.define_asset_job("forwarding", [forward], executor_def=dg.in_process_executor),
    ],
    resources={"modelstore": _STORE, "io_manager": ModelStoreIOManager(store=_STORE)},
)


def launch(platform: Platform, job: str, **ops: Any) -> dg.JobExecutionResult:
    """A run as Dagster's launcher makes it; TEST_MODELS says where its models are."""
    repository = ReconstructableRepository.for_module("tests.dagster.location", "defs")
    config = {"ops": {op: {"config": config} for op, config in ops.items()}} if ops else {}
    return dg.execute_job(
        repository.get_reconstructable_job(job), instance=platform.instance, run_config=config, raise_on_error=False
    )
