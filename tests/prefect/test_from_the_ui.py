"""`retrain_and_promote` from the form in the UI: a real server, a process that serves, and what the form posts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.prefect.servers import ENDED, Api, environment, free_port, poll, running

from modelstore_core import ModelStore

# A server, a process that serves and runs in processes of their own: minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRAINING = """
def fit(accuracy: float = 0.5) -> tuple[dict[str, float], dict[str, float]]:
    return {"weights": accuracy}, {"accuracy": accuracy}
"""

SERVING = """
from pathlib import Path

from prefect import flow, serve, suspend_flow_run, task
from prefect.runtime import task_run

from prefect_modelstore import retrain_and_promote, save_model


@task(retries=1)
def train():
    before = Path("suspended").exists()
    save_model({"resumed": before, "try": task_run.run_count}, "risk.suspended")
    if not before and task_run.run_count == 1:
        raise RuntimeError("the first try fails after saving")


@flow
def suspending():
    train()
    Path("suspended").touch()
    suspend_flow_run(timeout=300)


if __name__ == "__main__":
    parameters = {"train": "risk_training:fit", "name": "risk.churn"}
    serve(retrain_and_promote.to_deployment("risk", parameters=parameters), suspending.to_deployment("suspending"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ui")
    (folder / "risk_training.py").write_text(TRAINING)
    (folder / "serving.py").write_text(SERVING)
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> ModelStore:
    return ModelStore(folder / "store")


@pytest.fixture(scope="module")
def api(folder: Path, store: ModelStore) -> Iterator[Api]:
    port = free_port()
    env = environment(folder / "home", f"http://127.0.0.1:{port}/api", folder) | {"MODELSTORE_URL": store.url}
    api = Api(env["PREFECT_API_URL"], folder / "serving.log")
    server = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(server, env, folder / "server.log", folder):
        api.await_health()
        with running(["serving.py"], env, api.log, folder):
            api.deployment("suspending")  # the last that is served
            yield api
    api.close()


@pytest.fixture(scope="module")
def deployment(api: Api) -> dict[str, Any]:
    return api.deployment("risk")


def submitted(api: Api, deployment: dict[str, Any], **parameters: object) -> dict[str, Any]:
    answer = api.start(deployment["id"], deployment["parameters"] | parameters)
    assert answer.status_code == 201, answer.text
    return api.reached(answer.json()["id"], *ENDED)


def test_the_form_says_what_each_field_is_for(deployment: dict[str, Any]) -> None:
    schema = deployment["parameter_openapi_schema"]
    fields = schema["properties"]

    assert schema["required"] == ["train", "name"]
    assert fields["direction"]["enum"] == ["max", "min"]
    assert (fields["alias"]["default"], fields["improve_by"]["minimum"]) == ("champion", 0)
    assert fields["parameters"]["type"] == "object"  # of a union with None, the form would have no editor
    assert all(field.get("description") for field in fields.values())
    assert not any("`" in field["description"] for field in fields.values())  # shown as it is


def test_a_better_model_moves_the_alias_and_a_worse_one_is_refused(
    api: Api, deployment: dict[str, Any], store: ModelStore
) -> None:
    good = submitted(api, deployment, parameters={"accuracy": 0.9}, metric="accuracy", reason="From the form.")
    worse = submitted(api, deployment, parameters={"accuracy": 0.8}, metric="accuracy", reason="Again.")

    said = "risk.churn@2 has accuracy = 0.8, risk.churn@1 has accuracy = 0.9"
    assert (good["state_type"], worse["state_type"]) == ("COMPLETED", "FAILED"), api.log.read_text()
    assert said in worse["state"]["message"]
    assert store.get("risk.churn@champion").number == 1
    assert store.get("risk.churn@2").lineage["deployment"] == "risk"
    refusal, *_ = store.history("risk.churn")
    assert (refusal.kind, refusal.number, refusal.reason) == ("promotion.refused", 2, "Again.")
    query = {"logs": {"flow_run_id": {"any_": [worse["id"]]}}}
    poll(lambda: [line for line in api.found("/logs/filter", query) if said in line["message"]] or None, said, api.log)


@pytest.mark.parametrize(
    ("field", "value"),
    [("direction", "sideways"), ("improve_by", -1), ("train", "os.system"), ("name", "a/b"), ("alias", "a b")],
)
def test_the_server_refuses_what_the_form_would_not_let_pass(
    api: Api, deployment: dict[str, Any], field: str, value: object
) -> None:
    answer = api.start(deployment["id"], deployment["parameters"] | {field: value})

    assert answer.status_code == 409
    assert field in answer.text


def test_a_resumed_run_comes_after_all_that_was_tried_before_it_was_suspended(api: Api, store: ModelStore) -> None:
    run = api.start(api.deployment("suspending")["id"], {}).json()["id"]
    api.reached(run, "PAUSED", *ENDED)
    assert [v.number for v in store.versions("risk.suspended")] == [2]

    api.resume(run)

    assert api.reached(run, *ENDED)["state_type"] == "COMPLETED", api.log.read_text()
    assert [v.number for v in store.versions("risk.suspended")] == [3]
    assert store.load("risk.suspended") == {"resumed": True, "try": 1}
