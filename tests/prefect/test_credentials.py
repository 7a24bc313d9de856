"""Credentials reach the storage, and nothing that is shown, logged or pickled holds them."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import cloudpickle  # type: ignore[import-untyped]  # published without types
import pytest
from prefect import flow, get_client
from prefect.blocks.core import Block
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import SecretStr, ValidationError
from tests.prefect.servers import poll_until
from tests.prefect.support import finished, heard

from modelstore_core import AtLeast, InvalidInput, InvalidLocation, MissingExtra, ModelStore, StorageDenied
from modelstore_core.testing.s3_server import S3Server
from prefect_modelstore import ModelStoreBlock, ModelStoreCredentials, promote_model, save_model

SECRET = "nobody-may-see-this"
MINE: dict[str, Any] = {"aws_access_key_id": "mine", "aws_secret_access_key": SecretStr(SECRET)}
KINDS: list[dict[str, Any]] = [
    MINE,
    {**MINE, "aws_session_token": SecretStr(SECRET)},
    {"azure_account_key": SecretStr(SECRET)},
    {"azure_sas_token": SecretStr(SECRET)},
    {"azure_client_id": "a", "azure_client_secret": SecretStr(SECRET), "azure_tenant_id": "b"},
    {"google_service_account_key": SecretStr(SECRET)},
]


class TestBlockStandards(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return ModelStoreCredentials

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """None is published, so none is claimed."""
        assert block._logo_url is None


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[S3Server]:
    with S3Server(["models"], access_key_id="mine", denial="SignatureDoesNotMatch") as server:
        yield server


@pytest.fixture
def saved(prefect_server: None) -> ModelStoreCredentials:
    credentials = ModelStoreCredentials(**MINE)
    credentials.save("mine", overwrite=True)
    return credentials


@pytest.mark.parametrize("kind", KINDS, ids=min)
def test_what_is_set_is_what_the_storage_is_told(kind: dict[str, Any]) -> None:
    credentials = ModelStoreCredentials(**kind)

    assert len(credentials.get_credentials()) == len(kind)
    assert SECRET in credentials.get_credentials().values()
    assert SECRET not in repr(credentials)
    assert SECRET not in str(credentials)


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"aws_access_key_id": "mine"},
        {**MINE, "azure_account_key": SecretStr(SECRET)},
        {**MINE, "aws_block": "aws-credentials/prod"},
        {"azure_client_id": "a", "azure_client_secret": SecretStr(SECRET)},
        {"aws_block": SECRET},
        {"aws_secret_access_key": {"text": SECRET}},
    ],
)
def test_what_is_not_one_way_to_sign_in_is_said_and_not_shown(kind: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelStoreCredentials(**kind)

    assert SECRET not in str(caught.value)


def test_a_folder_takes_none() -> None:
    with pytest.raises(ValidationError, match="there are no credentials for it"):
        ModelStoreBlock(url="./models", credentials=ModelStoreCredentials(**MINE))
    with pytest.raises(InvalidLocation):
        ModelStore("./models", credentials=ModelStoreCredentials(**MINE).get_credentials)


def test_a_store_signs_with_the_blocks_credentials(server: S3Server) -> None:
    block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=ModelStoreCredentials(**MINE))

    assert block.get_store().save({"a": 1}, "risk.churn").number == 1
    assert SECRET not in repr([block, block.get_store(), vars(block.get_store().storage)])


def test_unsaved_credentials_are_not_pickled(server: S3Server) -> None:
    block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=ModelStoreCredentials(**MINE))

    for held in (block, block.get_store(), block.credentials):
        with pytest.raises(InvalidInput, match="not saved cannot go to another process"):
            cloudpickle.dumps(held)


def test_saved_credentials_are_pickled_as_their_name(server: S3Server, saved: ModelStoreCredentials) -> None:
    block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=saved)
    store = block.get_store()
    store.save({"a": 1}, "risk.churn")

    for held in (block, store):
        pickled = cloudpickle.dumps(held)
        back = pickle.loads(pickled)
        assert SECRET.encode() not in pickled
        opened = back if isinstance(back, ModelStore) else back.get_store()
        assert opened.load("risk.churn") == {"a": 1}
        assert SECRET.encode() not in pickle.dumps(back)


def test_a_block_that_was_saved_with_saved_credentials_brings_them(
    server: S3Server, saved: ModelStoreCredentials
) -> None:
    ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=saved).save("s3", overwrite=True)
    loaded: Any = ModelStoreBlock.load("s3")

    assert loaded.get_store().save({"a": 1}, "risk.churn").number == 1
    assert SECRET.encode() not in cloudpickle.dumps(loaded)


def test_credentials_that_are_gone_are_named(server: S3Server, saved: ModelStoreCredentials) -> None:
    store = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=saved).get_store()
    back: ModelStore = pickle.loads(pickle.dumps(store))
    ModelStoreCredentials.delete("mine")

    with pytest.raises(InvalidInput, match="document named mine"):
        back.models()


two_processes: Any = ProcessPoolTaskRunner(max_workers=2)  # whose future is not the one that `flow` declares


@flow(task_runner=two_processes)
def in_processes(block: ModelStoreBlock) -> list[str]:
    versions = save_model.map([{"i": i} for i in range(2)], "risk.churn", store=block)
    return sorted(version.ref for version in versions.result())


def test_tasks_in_other_processes_read_them_from_the_server(server: S3Server, saved: ModelStoreCredentials) -> None:
    block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=saved)

    assert finished(in_processes, block).result() == ["risk.churn@1", "risk.churn@2"]


def test_wrong_ones_fail_the_run_and_are_shown_nowhere(
    prefect_server: None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    @flow
    def training(block: ModelStoreBlock) -> None:
        save_model({"a": 1}, "wrong.credentials", store=block)

    with S3Server(["models"], access_key_id="another", denial="SignatureDoesNotMatch") as server:
        wrong = ModelStoreCredentials(**MINE)
        state = finished(training, ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=wrong))

    error: Any = state.result(raise_on_failure=False)
    assert isinstance(error, StorageDenied)
    assert "SignatureDoesNotMatch" in str(error)
    assert SECRET not in caplog.text + "".join(capfd.readouterr()) + str(state) + repr(vars(error))
    assert SECRET not in all_that_the_server_shows("save wrong.credentials")


def test_right_ones_are_shown_nowhere_either(
    prefect_server: None, server: S3Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=ModelStoreCredentials(**MINE))

    @flow
    def training(block: ModelStoreBlock) -> None:
        version = save_model({"a": 1}, "right.credentials", store=block, metrics={"auc": 0.5})
        promote_model(version, "champion", store=block)
        promote_model(version, "production", store=block, gates=[AtLeast("auc", 0.9)])

    assert "needed: at least 0.9" in str(finished(training, block).message)
    heard("right.credentials", 3)
    assert SECRET not in caplog.text + "".join(capfd.readouterr())
    assert SECRET not in all_that_the_server_shows("save right.credentials", "versions-right--credentials")


def test_a_password_in_a_url_is_not_repeated(prefect_server: None, caplog: pytest.LogCaptureFixture) -> None:
    @flow
    def training() -> None:
        save_model({"a": 1}, "with.password", store=f"s3://me:{SECRET}@bucket/models")

    assert "it has a user or a password in it" in str(finished(training).message)
    assert SECRET not in caplog.text
    assert SECRET not in all_that_the_server_shows("save with.password")


def all_that_the_server_shows(*known: str) -> str:
    """The runs with their parameters, logs, artifacts and events, the newest of each; these texts are among them."""
    newest: dict[str, dict[str, Any]] = {
        "/flow_runs/filter": {"sort": "EXPECTED_START_TIME_DESC"},
        "/task_runs/filter": {"sort": "EXPECTED_START_TIME_DESC"},
        "/logs/filter": {"sort": "TIMESTAMP_DESC"},
        "/artifacts/filter": {"sort": "CREATED_DESC"},
        "/events/filter": {"filter": {"order": "DESC"}, "limit": 50},
    }

    def look() -> str | None:
        with get_client(sync_client=True) as client:
            answers = [client.request("POST", cast("Any", path), json=said) for path, said in newest.items()]
        shown = "".join(answer.raise_for_status().text for answer in answers)
        return shown if all(text in shown for text in known) else None

    return poll_until(look, f"{known} on the server")


def test_without_prefect_aws_its_blocks_cannot_be_named() -> None:
    code = (
        "import sys; sys.modules['prefect_aws'] = None\n"
        "from prefect_modelstore.credentials import ModelStoreCredentials as C\n"
        "C(aws_block='aws-credentials/prod').get_credentials()"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)

    assert MissingExtra.__name__ in done.stderr
    assert "pip install prefect-aws" in done.stderr
