"""What Prefect's tasks add to a save, and what a task takes that returns its model, beside Prefect's own pickling.

It starts a Prefect server on this machine, which ends with it.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import Cost, best, cost_of
from benchmarks.models import made
from benchmarks.options import Options

__all__ = ["measure"]

_MOST_MIB = 256  # Prefect's own pickling takes seven times the model


def measure(options: Options) -> Mapping[str, Any]:
    """The costs of each way to save a small model, and of each way to return a large one."""
    os.environ["DO_NOT_TRACK"] = "1"  # read when Prefect is imported
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        PREFECT_LOGGING_LEVEL,
        temporary_settings,
    )
    from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED as ANALYTICS
    from prefect.testing.utilities import prefect_test_harness

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        settings: dict[Any, Any] = {
            PREFECT_HOME: folder,
            PREFECT_LOGGING_LEVEL: "ERROR",
            ANALYTICS: False,
            # The thread of the heartbeat would be most of what a flow run costs, and nobody's here.
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
        with temporary_settings(settings), prefect_test_harness(server_startup_timeout=240):
            mib = min(options.mib, _MOST_MIB)
            return {"mib": mib, "small": _small(folder, options.times), "large": _large(folder, mib)}


def _small(folder: Path, times: int) -> Mapping[str, Mapping[str, float]]:
    """The least of a save by core, of tasks that are none, and of a save by the task, each within a flow run."""
    from prefect import flow, task
    from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
    from prefect.cache_policies import NO_CACHE

    from modelstore_core import ModelStore
    from prefect_modelstore import save_model

    core, by_task = ModelStore(folder / "core"), ModelStore(folder / "task")
    models = [made("small", number, 1, folder) for number in range(times + 1)]
    costs: dict[str, list[Cost]] = {"core": [], "empty task": [], "artifacts": [], "save_model": []}

    @task(cache_policy=NO_CACHE)
    def nothing(model: object) -> None: ...

    @task(cache_policy=NO_CACHE)
    def show(_: object) -> None:
        create_markdown_artifact("# churn@1", key="card")
        create_table_artifact([{"version": "1"}], key="versions")
        create_image_artifact("data:image/svg+xml;base64,", key="history")

    @flow
    def saving() -> None:
        for model in models:
            acts: Mapping[str, Callable[[], object]] = {
                "core": partial(core.save, model, "churn", metrics={"auc": 0.9}),
                "empty task": partial(nothing, model),
                "artifacts": partial(show, model),
                "save_model": partial(save_model, model, "churn", store=by_task, metrics={"auc": 0.9}),
            }
            for name, act in acts.items():
                costs[name].append(_cost(act))

    saving()
    return {name: best(each[1:]).as_json() for name, each in costs.items()}  # the first pays for imports


def _large(folder: Path, mib: int) -> Mapping[str, Mapping[str, float]]:
    """What a flow run grows by, whose task makes a model and returns it: nothing kept, kept by us, kept by Prefect."""
    from prefect import flow, task

    from prefect_modelstore import ModelSerializer

    ways: Mapping[str, dict[str, Any]] = {
        "not persisted": {"persist_result": False},
        "ModelSerializer": {
            "persist_result": True,
            "result_serializer": ModelSerializer(name="big", store=str(folder / "large")),
        },
        "Prefect's pickle": {"persist_result": True},
    }

    def run(size: int, way: str) -> None:
        @task(**ways[way])
        def train(number: int) -> object:
            return made("large", number, size, folder)

        @flow
        def training(number: int) -> None:
            train(number)

        training(size)

    for way in ways:
        run(1, way)
    return {way: _cost(partial(run, mib, way)).as_json() for way in ways}


def _cost(act: Callable[[], object]) -> Cost:
    return cost_of(lambda _: act())
