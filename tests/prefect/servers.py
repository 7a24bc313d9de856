"""A real Prefect server and a process that serves a deployment: both on this machine, both stopped by their ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import httpx

__all__ = ["ENDED", "Api", "environment", "free_port", "poll", "poll_until", "running"]

T = TypeVar("T")

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment(home: Path, api: str, *folders: Path) -> dict[str, str]:
    """What a process needs to use only this server, this home and these folders of modules, and no network."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": os.pathsep.join([*map(str, folders), *sys.path]),
    }


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process with these arguments, which ends with the block, and all that it started with it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command], env=env, cwd=cwd, stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _end_group(process.pid)
                process.wait(20)


def _end_group(leader: int) -> None:
    """End what the process started and left behind: it leads a group of its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def poll(look: Callable[[], T | None], what: str, log: Path, seconds: float = 180) -> T:
    """What `look` finds in the end; an error with the log's last words if that takes too long."""
    try:
        return poll_until(look, what, seconds)
    except TimeoutError as error:
        raise TimeoutError(f"{error} The log ends with:\n{log.read_text()[-3000:]}") from None


def poll_until(look: Callable[[], T | None], what: str, seconds: float = 120) -> T:
    """What `look` finds in the end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.3)
    raise TimeoutError(f"{what}: not within {seconds:g} s.")


class Api:
    """The server's API, as the UI uses it."""

    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def await_health(self) -> None:
        poll(self._healthy, "a healthy server", self.log)

    def _healthy(self) -> bool | None:
        try:
            return self._http.get("/health").is_success or None
        except httpx.TransportError:
            return None

    def deployment(self, name: str) -> dict[str, Any]:
        """The deployment, as soon as it is there."""

        def look() -> dict[str, Any] | None:
            return next((d for d in self.found("/deployments/filter", {}) if d["name"] == name), None)

        return poll(look, f"the deployment {name!r}", self.log)

    def found(self, path: str, query: Mapping[str, object]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._answer("POST", path, query).raise_for_status().json()
        return rows

    def start(self, deployment: str, parameters: Mapping[str, object]) -> httpx.Response:
        """The answer to what the form's button sends."""
        form = {"parameters": parameters, "state": {"type": "SCHEDULED", "message": "Run from the UI"}}
        return self._answer("POST", f"/deployments/{deployment}/create_flow_run", form)

    def resume(self, flow_run: str, said: Mapping[str, object] | None = None) -> None:
        """Let a run that waits go on, with what the form asks for, if it has one."""
        body = {} if said is None else {"run_input": said}
        answer = self._answer("POST", f"/flow_runs/{flow_run}/resume", body).raise_for_status().json()
        assert answer["status"] == "ACCEPT", answer

    def reached(self, flow_run: str, *states: str) -> dict[str, Any]:
        """The flow run, as soon as it is in one of the states, by their types."""

        def look() -> dict[str, Any] | None:
            run: dict[str, Any] = self._answer("GET", f"/flow_runs/{flow_run}").raise_for_status().json()
            return run if run["state_type"] in states else None

        return poll(look, f"flow run {flow_run} in {' or '.join(states)}", self.log)

    def _answer(self, method: str, path: str, body: Mapping[str, object] | None = None) -> httpx.Response:
        """The server's answer; as Prefect's own clients do, what it is too busy for is sent again."""

        def send() -> httpx.Response | None:
            answer = self._http.request(method, path, json=body)
            return None if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else answer

        return poll(send, f"an answer from {path}", self.log)
