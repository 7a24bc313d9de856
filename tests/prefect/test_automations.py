"""Automations on a real server: what is saved, promoted or approved starts the next deployment, and nothing twice."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from tests.prefect.servers import ENDED, Api, environment, free_port, poll, running

from modelstore_core import ModelStore
from prefect_modelstore.events import event_id

# A server, a process that serves and runs in processes of their own: minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TRAINING = """
def fit(accuracy: float = 0.5) -> tuple[dict[str, float], dict[str, float]]:
    return {"weights": accuracy}, {"accuracy": accuracy}
"""

SERVING = """
from prefect import flow, serve

from prefect_modelstore import (
    approve_and_promote, bridge, load_model, on_alias_moved, on_new_version, retrain_and_promote
)


@flow
def scoring(reference: str, number: int = 0, event: str = "") -> None:
    load_model(reference)


if __name__ == "__main__":
    both = {
        "reference": "{{ event.payload.ref }}",
        "number": "{{ event.payload.number }}",
        "event": "{{ event.id | string }}",
    }
    serve(
        scoring.to_deployment("new", triggers=[on_new_version("risk.churn")]),
        scoring.to_deployment("champion", triggers=[on_alias_moved("risk.churn", "champion", parameters=both)]),
        retrain_and_promote.to_deployment("retrain", parameters={"train": "risk_training:fit", "name": "risk.churn"}),
        approve_and_promote.to_deployment("approve"),
        bridge.to_deployment("bridge"),
    )
"""

CUT_OFF = """
import time
from pathlib import Path

from prefect import flow

from prefect_modelstore import save_model


@flow
def training() -> None:
    save_model({"a": 1}, "risk.down")
    Path("saved").touch()
    while not Path("down").exists():
        time.sleep(0.1)
    print(save_model({"a": 2}, "risk.down").ref, flush=True)


if __name__ == "__main__":
    training()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, what is served there, and the store."""

    api: Api
    server: Popen[bytes]
    store: ModelStore
    folder: Path
    env: dict[str, str]

    def run(self, deployment: str, **parameters: object) -> dict[str, Any]:
        """A run of the deployment that somebody started, once it waits or has ended."""
        found = self.api.deployment(deployment)
        answer = self.api.start(found["id"], found["parameters"] | parameters)
        assert answer.status_code == 201, answer.text
        return self.api.reached(answer.json()["id"], "PAUSED", *ENDED)

    def triggered(self, deployment: str, reference: str) -> list[dict[str, Any]]:
        """The parameters of the runs that events have started, as soon as there is one for the version."""
        of = {"deployments": {"id": {"any_": [self.api.deployment(deployment)["id"]]}}, "sort": "START_TIME_ASC"}

        def look() -> list[dict[str, Any]] | None:
            runs = [run for run in self.api.found("/flow_runs/filter", of) if run["state_type"] in ENDED]
            return runs if any(run["parameters"]["reference"] == reference for run in runs) else None

        runs = poll(look, f"a run of {deployment!r} for {reference}", self.api.log)
        assert {run["state_type"] for run in runs} == {"COMPLETED"}
        return [run["parameters"] for run in runs]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("automations")
    for name, text in {"risk_training.py": TRAINING, "serving.py": SERVING, "cut_off.py": CUT_OFF}.items():
        (folder / name).write_text(text)
    store, port = ModelStore(folder / "store"), free_port()
    env = environment(folder / "home", f"http://127.0.0.1:{port}/api", folder)
    env |= {"MODELSTORE_URL": store.url, "MODELSTORE_TRAINING": "risk_training:*"}
    api = Api(env["PREFECT_API_URL"], folder / "serving.log")
    command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, env, folder / "server.log", folder) as server:
        api.await_health()
        with running(["serving.py"], env, api.log, folder):
            api.deployment("bridge")  # the last that is served
            yield Place(api=api, server=server, store=store, folder=folder, env=env)
    api.close()


def test_a_new_version_and_a_promotion_start_what_waits_for_them(place: Place) -> None:
    trained = place.run("retrain", parameters={"accuracy": 0.9}, metric="accuracy")

    assert trained["state_type"] == "COMPLETED", place.api.log.read_text()
    moved = next(one for one in place.store.history("risk.churn") if one.kind == "alias.moved")
    ref = f"risk.churn@{moved.number}"
    assert {"reference": ref} in place.triggered("new", ref)
    expected = {"reference": ref, "number": moved.number, "event": str(event_id(moved, place.store.url))}
    assert expected in place.triggered("champion", ref)


def test_what_is_committed_elsewhere_starts_them_too_and_only_once(place: Place) -> None:
    place.run("bridge")  # from now on
    refs = []
    for weights in (2, 3):
        refs.append(place.store.save({"weights": weights}, "risk.churn", metrics={"accuracy": 0.95}).ref)
        assert place.run("bridge")["state_type"] == "COMPLETED", place.api.log.read_text()
        place.run("bridge")
        place.triggered("new", refs[-1])

    heard = [one["reference"] for one in place.triggered("new", refs[-1])]
    assert sorted(heard) == sorted(set(heard))


def test_a_suspended_run_goes_on_with_what_the_approver_said(place: Place) -> None:
    version = place.store.save({"weights": 4}, "risk.churn")
    waiting = place.run("approve", reference=version.ref, comment="Better.")
    assert (waiting["state_type"], waiting["state_name"]) == ("PAUSED", "Suspended"), place.api.log.read_text()

    place.api.resume(waiting["id"], {"verdict": "approve", "approver": "ada", "comment": "Yes."})

    assert place.api.reached(waiting["id"], *ENDED)["state_type"] == "COMPLETED", place.api.log.read_text()
    assert place.store.get("risk.churn@champion") == place.store.get(version.ref)
    events = place.store.history("risk.churn", limit=3)
    assert [event.kind for event in events] == ["alias.moved", "approval.granted", "approval.requested"]
    assert (events[0].reason, events[1].actor) == ("approved by ada (Yes.)", "ada")
    place.triggered("champion", version.ref)


def test_a_function_that_is_not_allowed_is_not_called(place: Place) -> None:
    state = place.run("retrain", train="os:getcwd")["state"]

    assert state["type"] == "FAILED"
    assert "MODELSTORE_TRAINING" in state["message"]


def test_the_example_of_a_prefect_yaml_deploys_and_its_trigger_fires(place: Place) -> None:
    example = Path(__file__).parents[2] / "examples/prefect"
    folder, log = place.folder / "yaml", place.folder / "yaml.log"
    shutil.copytree(example, folder)
    env = place.env | {
        "PYTHONPATH": f"{folder}{os.pathsep}{place.env['PYTHONPATH']}",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    for command in (["work-pool", "create", "models", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        with running(["-m", "prefect", *command], env, log, folder) as process:
            assert process.wait(120) == 0, log.read_text()
    store = ModelStore(folder / "models")

    with running(["-m", "prefect", "worker", "start", "--pool", "models"], env, log, folder):
        trained = place.run("retrain-risk")
        (scored,) = place.triggered("score-risk", "risk.churn@1")

    assert trained["state_type"] == "COMPLETED", log.read_text()
    assert scored["reference"] == "risk.churn@1"
    assert store.get("risk.churn@champion").number == 1
    assert scored["event"] == str(event_id(store.history("risk.churn")[0], store.url))


def test_a_save_stands_although_the_server_has_gone(place: Place) -> None:
    log = place.folder / "cut_off.log"
    with running(["cut_off.py"], place.env, log, place.folder):
        poll(lambda: (place.folder / "saved").exists() or None, "the first save", log)
        place.server.send_signal(signal.SIGKILL)
        place.server.wait(20)
        (place.folder / "down").touch()
        # What comes then is Prefect's: it tries for minutes to tell its server that the run has ended.
        poll(lambda: "risk.down@2\n" in log.read_text() or None, "the second save", log)

    assert "risk.down@2 was published, but not shown in Prefect" in log.read_text()
    assert [version.number for version in place.store.versions("risk.down")] == [2, 1]
