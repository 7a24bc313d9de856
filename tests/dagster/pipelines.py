"""Jobs that other processes can import; the executor is the one that TEST_ENGINE names."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource

REGIONS = dg.StaticPartitionsDefinition(["eu", "us"])


class LosesItsFirstReply(ModelStoreIOManager):
    """Crashes after the version was written, and before Dagster has heard of it."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        super().handle_output(context, obj)
        if context.step_context.previous_attempt_count == 0:
            raise ConnectionResetError


@dg.asset
def churn(context: dg.AssetExecutionContext) -> dg.Output[str]:
    return dg.Output(f"made by {context.run.run_id}", metadata={"auc": 0.9})


@dg.asset
def scores(context: dg.AssetExecutionContext, churn: str) -> str:
    """Fails in a run of its own, and in its first re-execution."""
    if context.run.parent_run_id in (None, context.run.root_run_id):
        raise ConnectionResetError
    return churn


@dg.asset
def copied(churn: str) -> str:
    return churn


@dg.asset(io_manager_key="crashing", retry_policy=dg.RetryPolicy(max_retries=1))
def flaky(context: dg.AssetExecutionContext) -> str:
    return f"weights of attempt {context.op_execution_context.retry_number}"


@dg.asset
def sharp(flaky: str) -> str:
    return f"scored with {flaky}"


class Deadly:
    """Ends its process as soon as somebody serialises it."""

    def __reduce__(self) -> NoReturn:
        os._exit(3)


@dg.asset
def doomed() -> object:
    return Deadly()


@dg.asset(partitions_def=REGIONS)
def regional(context: dg.AssetExecutionContext) -> dict[str, str]:
    return {key: f"{key} by {context.run.run_id}" for key in context.partition_keys}


@dg.asset(partitions_def=REGIONS)
def local(context: dg.AssetExecutionContext, regional: Any) -> dict[str, object]:
    of_all = regional if isinstance(regional, dict) else {context.partition_key: regional}
    return {key: f"scored with {value}" for key, value in of_all.items()}


@dg.op(out=dg.DynamicOut(dg.Nothing))
def rates() -> Iterator[dg.DynamicOutput[None]]:
    yield dg.DynamicOutput(None, mapping_key="low")
    yield dg.DynamicOutput(None, mapping_key="high")


@dg.op(ins={"start": dg.In(dg.Nothing)})
def train(context: dg.OpExecutionContext) -> str:
    return f"trained with {context.get_mapping_key()}"


@dg.op
def best(models: list[str]) -> str:
    return "best of " + ", ".join(sorted(models))


_STORE = ModelStoreResource(url=dg.EnvVar("TEST_MODELS"))
_RESOURCES = {"io_manager": ModelStoreIOManager(store=_STORE), "crashing": LosesItsFirstReply(store=_STORE)}
_MULTIPROCESS: Mapping[str, Any] = {
    "forkserver": {
        "start_method": {"forkserver": {"preload_modules": ["dagster_modelstore.io_manager"]}},
        "max_concurrent": 2,
    },
    "spawn": {"start_method": {"spawn": {}}, "max_concurrent": 2},
}


def _executor() -> dg.ExecutorDefinition:
    engine = os.environ.get("TEST_ENGINE", "in_process")
    if engine == "celery":
        from dagster_celery import celery_executor

        folder = Path(os.environ["TEST_BROKER"])
        config = {
            "broker": "filesystem://",
            "backend": f"file://{folder / 'results'}",
            "config_source": {"broker_transport_options": broker_options(folder)},
        }
        return celery_executor.configured(config)
    if engine == "dask":
        from dagster_dask import dask_executor

        return dask_executor.configured(
            {"cluster": {"local": {"n_workers": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}}}
        )
    if engine == "in_process":
        return dg.in_process_executor
    return dg.multiprocess_executor.configured(_MULTIPROCESS[engine])


def broker_options(folder: Path) -> dict[str, str]:
    """A folder as Celery's broker."""
    names = {"data_folder_in": "messages", "data_folder_out": "messages", "control_folder": "control"}
    return {option: str(folder / name) for option, name in names.items()}


def _job(*assets: dg.AssetsDefinition) -> dg.JobDefinition:
    job = dg.define_asset_job("job", dg.AssetSelection.assets(*assets), executor_def=_executor())
    return dg.Definitions(assets=assets, jobs=[job], resources=_RESOURCES).resolve_job_def("job")


def handing_on() -> dg.JobDefinition:
    return _job(churn, copied)


def failing() -> dg.JobDefinition:
    return _job(churn, scores)


def crashing() -> dg.JobDefinition:
    return _job(flaky, sharp)


def dying() -> dg.JobDefinition:
    return _job(doomed)


def partitioned() -> dg.JobDefinition:
    return _job(regional, local)


def sweep() -> dg.JobDefinition:
    @dg.job(executor_def=_executor(), resource_defs=_RESOURCES)
    def sweep() -> None:
        best(rates().map(train).collect())

    return sweep
