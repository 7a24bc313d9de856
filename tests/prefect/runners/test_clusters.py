"""The sweep on a Dask cluster and on Ray, both on this machine; a worker is killed, and the cluster goes on."""

from pathlib import Path
from typing import Any

import pytest
from prefect_dask import DaskTaskRunner
from prefect_ray import RayTaskRunner
from tests.prefect.support import finished, run_again
from tests.prefect.sweeping import check, sweep_over

pytestmark = pytest.mark.usefixtures("prefect_server")

on_dask = sweep_over(
    DaskTaskRunner(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None})
)
on_ray = sweep_over(RayTaskRunner(init_kwargs={"num_cpus": 2, "include_dashboard": False}))


@pytest.mark.parametrize("flow", [on_dask, on_ray], ids=["dask", "ray"])
def test_each_candidate_is_one_version_however_often_the_flow_run_runs(flow: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "store")

    first = finished(flow, url, dying=False)
    again = run_again(flow, first)

    assert (first.is_completed(), again.is_completed()) == (True, True)
    check(url)


@pytest.mark.parametrize("flow", [on_dask, on_ray], ids=["dask", "ray"])
def test_a_worker_that_is_killed_after_its_commit_loses_nothing_and_doubles_nothing(flow: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "store")

    state = finished(flow, url, dying=True)

    assert Path(url).with_suffix(".died").exists()
    assert state.is_completed()
    check(url)
