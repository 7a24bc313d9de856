"""Jobs that other processes can import."""

import dagster as dg

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource


@dg.asset
def churn(context: dg.AssetExecutionContext) -> dg.Output[str]:
    return dg.Output(f"made by {context.run.run_id}", metadata={"auc": 0.9})


@dg.asset
def scores(context: dg.AssetExecutionContext, churn: str) -> str:
    """Fails in a run of its own, succeeds in a re-execution."""
    if context.run.parent_run_id is None:
        raise ConnectionResetError
    return churn


@dg.asset
def copied(churn: str) -> str:
    return churn


_FORKED = {"config": {"start_method": {"forkserver": {"preload_modules": ["dagster_modelstore"]}}, "max_concurrent": 2}}

_DEFS = dg.Definitions(
    assets=[churn, scores, copied],
    jobs=[
        dg.define_asset_job("in_one_process", ["churn", "scores"], executor_def=dg.in_process_executor),
        dg.define_asset_job(
            "in_processes", ["churn", "copied"], executor_def=dg.multiprocess_executor, config={"execution": _FORKED}
        ),
    ],
    resources={"io_manager": ModelStoreIOManager(store=ModelStoreResource(url=dg.EnvVar("TEST_MODELS")))},
)


def in_one_process() -> dg.JobDefinition:
    return _DEFS.resolve_job_def("in_one_process")


def in_processes() -> dg.JobDefinition:
    return _DEFS.resolve_job_def("in_processes")
