"""Runs as a deployment runs them: from importable jobs, on an instance that lasts, with a process for each step."""

import os
import sys
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import dagster as dg
import pytest
from tests.dagster.pipelines import in_one_process, in_processes

from modelstore_core import ModelStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("TEST_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # children find what these tests find
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # one of earlier tests would have their environment
    return ModelStore(tmp_path / "models")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield instance


def test_a_re_execution_from_failure_loads_the_parent_runs_version(
    store: ModelStore, instance: dg.DagsterInstance
) -> None:
    job = dg.reconstructable(in_one_process)
    with dg.execute_job(job, instance) as failed:
        assert not failed.success
    store.save("made by another run", "churn")

    options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    with dg.execute_job(job, instance, reexecution_options=options) as again:
        assert again.success

    assert store.load("churn") == "made by another run"
    assert store.load("scores") == f"made by {failed.run_id}"
    assert [version.number for version in store.versions("churn")] == [2, 1]
    assert store.get("scores").lineage["parent_run_id"] == failed.run_id


def test_steps_in_processes_of_their_own_hand_models_on(store: ModelStore, instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(in_processes), instance) as result:
        assert result.success

    assert store.load("copied") == f"made by {result.run_id}"
    assert store.get("churn").metrics == {"auc": 0.9}
