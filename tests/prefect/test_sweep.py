"""A sweep of 16 candidates over threads and over processes, one of which is killed."""

from pathlib import Path
from typing import Any

import pytest
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from tests.prefect.support import finished, run_again
from tests.prefect.sweeping import check, sweep_over

from modelstore_core import ModelStore

pytestmark = pytest.mark.usefixtures("prefect_server")

in_threads = sweep_over(ThreadPoolTaskRunner(max_workers=4))
in_processes: Any = sweep_over(ProcessPoolTaskRunner(max_workers=2))


@pytest.mark.parametrize("flow", [in_threads, in_processes], ids=["threads", "processes"])
def test_each_candidate_is_one_version_and_the_best_is_promoted(flow: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "store")

    state = finished(flow, url, dying=False)

    assert state.is_completed()
    check(url)


def test_a_process_that_is_killed_after_its_commit_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    url = str(tmp_path / "store")

    first = finished(in_processes, url, dying=True)
    committed = len(ModelStore(url).versions("risk.churn"))
    again = run_again(in_processes, first)

    assert not first.is_completed()  # a pool that has lost a process is broken: the flow run has to be run again
    assert 0 < committed < 16
    assert again.is_completed()
    check(url)
