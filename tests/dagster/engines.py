"""The engines that Dagster runs steps on, for real, on this machine: each with what it needs beside Dagster."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

import dagster as dg
import pytest
from tests.dagster.pipelines import broker_options
from tests.dagster.servers import ROOT

from modelstore_core import ModelStore

__all__ = ["Engine", "started"]

_GRACE = 10
_CELERY = """
broker_url = "filesystem://"
result_backend = "file://{results}"
broker_transport_options = {options!r}
worker_hijack_root_logger = False
"""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine, an instance that lasts, and a store, which the engine's processes know too."""

    name: str
    store: ModelStore
    instance: dg.DagsterInstance

    def run(
        self,
        job: Callable[[], dg.JobDefinition],
        *,
        tags: Mapping[str, str] | None = None,
        after: dg.DagsterRun | None = None,
    ) -> dg.DagsterRun:
        """A run that has ended; one that re-executes another from its failure if that is given."""
        if self.name == "dask":
            return self._run(self._in_dask(job.__name__, json.dumps(dict(tags or {})), after.run_id if after else ""))
        options = None if after is None else dg.ReexecutionOptions.from_failure(after.run_id, self.instance)
        with dg.execute_job(
            dg.reconstructable(job), self.instance, tags=dict(tags or {}), reexecution_options=options
        ) as result:
            return self._run(result.run_id)

    def _in_dask(self, *words: str) -> str:
        home = self.instance.root_directory
        command = [sys.executable, "-W", "ignore", str(ROOT / "tests/dagster/run_in_dask.py"), home, *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return Path(home, "run-id").read_text()

    def _run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def log(self, run: dg.DagsterRun) -> str:
        """Everything that stands in the run's event log."""
        entries = self.instance.all_logs(run.run_id)
        data = [entry.dagster_event.event_specific_data for entry in entries if entry.dagster_event]
        errors = [error.to_string() for one in data if (error := getattr(one, "error", None)) is not None]
        return "\n".join([*(entry.user_message for entry in entries), *errors])


@contextmanager
def started(name: str, folder: Path) -> Iterator[Engine]:
    """The engine, with the workers it needs, stopped in the end."""
    variables = {
        "TEST_ENGINE": name,
        "TEST_MODELS": str(folder / "models"),
        "TEST_BROKER": str(folder / "broker"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),  # processes find what these tests find
    }
    (folder / "dagster").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in variables.items():
            patch.setenv(variable, value)
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # one of earlier tests would have their environment
        with _worker(name, folder), dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
            yield Engine(name=name, store=ModelStore(folder / "models"), instance=instance)


def _worker(name: str, folder: Path) -> AbstractContextManager[None]:
    return _celery_worker(folder / "broker") if name == "celery" else nullcontext()


@contextmanager
def _celery_worker(folder: Path) -> Iterator[None]:
    """One worker with one process, as `dagster-celery worker start` starts it; the broker is a folder."""
    for part in ("messages", "control", "results"):
        (folder / part).mkdir(parents=True)
    options, config = broker_options(folder), folder / "dagster_celery_config.py"
    config.write_text(_CELERY.format(results=folder / "results", options=options))
    command = ["celery", "-A", "dagster_celery.app", "worker", "-Q", "dagster", "--concurrency", "1", "-n", "tests"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(_GRACE)
        with suppress(ProcessLookupError):  # nothing was left
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
