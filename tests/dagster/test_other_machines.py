"""A store that only this machine sees, where a deployment may run steps on others: each save says so."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource
from modelstore_core.testing.s3_server import S3Server

CONFIG = "run_launcher: {module: dagster_k8s, class: K8sRunLauncher, config: {job_namespace: models}}\n"


@dg.asset
def churn() -> str:
    return "weights"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose runs are pods; nobody here could make its launcher, and saving does not ask for it."""
    (tmp_path / "dagster.yaml").write_text(CONFIG, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def warnings(instance: dg.DagsterInstance, url: str, *, shared_folder: bool = False) -> list[str]:
    """What a run that saves there says of other machines."""
    manager = ModelStoreIOManager(store=ModelStoreResource(url=url), shared_folder=shared_folder)
    result = dg.materialize([churn], instance=instance, resources={"io_manager": manager})
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    return [text for text in said if "is kept by the machine" in text]


def test_a_folder_is_told_of_where_runs_are_pods(cluster: dg.DagsterInstance, tmp_path: Path) -> None:
    (said,) = warnings(cluster, str(tmp_path / "models"))

    assert "the run launcher 'K8sRunLauncher' may run steps elsewhere" in said
    assert "Keep models in a bucket" in said


def test_memory_is_told_of_too(cluster: dg.DagsterInstance) -> None:
    assert len(warnings(cluster, "memory://pods")) == 1


def test_a_folder_that_all_machines_mount_is_not(cluster: dg.DagsterInstance, tmp_path: Path) -> None:
    assert warnings(cluster, str(tmp_path / "models"), shared_folder=True) == []


def test_a_bucket_is_not(cluster: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Server(["models"]) as server:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "tests")
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")

        assert warnings(cluster, "s3://models/prod") == []


def test_on_one_machine_a_folder_will_do(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert warnings(instance, str(tmp_path / "models")) == []
