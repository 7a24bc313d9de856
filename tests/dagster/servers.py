"""`dagster dev` as people start it: web server, daemon and code server, and the requests that its pages send."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_SETTINGS = "telemetry: {enabled: false}\nnux: {enabled: false}\n"
_BETWEEN_LOOKS = 0.5
_GRACE = 30.0
_ENDS = frozenset({"SUCCESS", "FAILURE", "CANCELED"})

_LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
_DEFAULTS = """query($selector: PipelineSelector!) {
  runConfigSchemaOrError(selector: $selector, mode: "default") { ... on RunConfigSchema { rootDefaultYaml } } }"""
_LAUNCH = """mutation LaunchPipelineExecution($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { id } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message } } }"""
_RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""
_EVENTS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename
  ... on ExecutionStepFailureEvent { failureMetadata { description metadataEntries { label
    ... on TableMetadataEntry { table { records } } ... on TextMetadataEntry { text } } } }
  ... on MaterializationEvent { assetKey { path } metadataEntries { label
    ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue }
    ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr } } } } } } }"""


class TooLateError(Exception):
    """What was waited for did not come."""


@dataclass(frozen=True, kw_only=True)
class DagsterDev:
    """A running `dagster dev` with one code location."""

    address: str
    location: str
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that the query gives."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        if "errors" in answer:
            raise AssertionError(answer["errors"])
        return answer["data"]

    def defaults(self, job: str) -> str:
        """The configuration with which the job's launchpad opens."""
        found: str = self.ask(_DEFAULTS, selector=self._selector(job))["runConfigSchemaOrError"]["rootDefaultYaml"]
        return found

    def launch(self, job: str, config: str, **tags: str) -> str:
        """Press the launchpad's button; the run's id."""
        said = {"dagster/from_ui": "true", **{key.replace("__", "/"): value for key, value in tags.items()}}
        params = {
            "selector": {**self._selector(job), "assetSelection": [], "assetCheckSelection": []},
            "runConfigData": config,
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in said.items()]},
        }
        launched = self.ask(_LAUNCH, executionParams=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run: str = launched["run"]["id"]
        return run

    def outcome(self, run: str) -> str:
        """How the run ended; waits for the end."""
        until(lambda: self._status(run) in _ENDS, f"the end of run {run}", seconds=90)
        return self._status(run)

    def _status(self, run: str) -> str:
        found: str = self.ask(_RUN, id=run)["runOrError"]["status"]
        return found

    def events(self, run: str, kind: str) -> list[dict[str, Any]]:
        """The run's events of one kind."""
        return [e for e in self.ask(_EVENTS, id=run)["logsForRun"]["events"] if e["__typename"] == kind]

    def is_loaded(self) -> bool:
        """Whether the code location is there; before the server listens, it is not."""
        try:
            entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return [(entry["name"], entry["loadStatus"]) for entry in entries] == [(self.location, "LOADED")]

    def _selector(self, job: str) -> dict[str, str]:
        names = {"repositoryName": "__repository__", "repositoryLocationName": self.location}
        return {**names, "pipelineName": job}


def until(fulfilled: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Look again and again, with pauses, until it is so.

    Raises:
        TooLateError: It was not so in time.
    """
    deadline = time.monotonic() + seconds
    while not fulfilled():
        if time.monotonic() > deadline:
            raise TooLateError(what)
        threading.Event().wait(_BETWEEN_LOOKS)


@contextmanager
def dagster_dev(
    definitions: Path, home: Path, environment: Mapping[str, str], module: str | None = None
) -> Iterator[DagsterDev]:
    """Start `dagster dev` on a free port of this machine, and stop it with all of its children.

    `definitions` is a file; or, with a module, the folder in which that is found.
    """
    home.mkdir()
    (home / "dagster.yaml").write_text(_SETTINGS)
    port, log = _free_port(), home / "dagster-dev.log"
    what = ["-f", str(definitions)] if module is None else ["-m", module, "-d", str(definitions)]
    command = [sys.executable, "-m", "dagster", "dev", *what, "-h", "127.0.0.1", "-p", str(port)]
    paths = os.pathsep.join([str(ROOT / "core"), str(ROOT / "plugins")])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": paths, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_let_interrupts_through,  # noqa: PLW1509 -- runs one line, before anything has threads
        )
    try:
        server = DagsterDev(address=f"http://127.0.0.1:{port}", location=module or definitions.name, log=log)
        until(server.is_loaded, "dagster dev", seconds=150)
        yield server
    finally:
        _stop(process)


def _let_interrupts_through() -> None:
    """Dagster handles SIGTERM as it finds SIGINT handled: where that is ignored, nothing could stop it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the leader to stop, which stops its children; then end what is left of its group."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE)
    with suppress(ProcessLookupError):  # nothing was left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
