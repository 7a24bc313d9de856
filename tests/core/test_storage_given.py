"""Credentials that a store is given: they reach the service, and nothing that can be seen or pickled holds them."""

import itertools
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from modelstore_core import InvalidInput, InvalidLocation, ModelStore, StorageDenied, StorageError
from modelstore_core.storage.given import GivenBy
from modelstore_core.testing.azurite import Azurite
from modelstore_core.testing.gcs_server import GCSServer
from modelstore_core.testing.s3_server import S3Server

SECRET = "c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU="
SHELVES = {"aws": {"AWS_ACCESS_KEY_ID": "given", "AWS_SECRET_ACCESS_KEY": SECRET}}
_numbers = itertools.count()


@dataclass(frozen=True)
class Vault:
    """Knows where the secrets are, and holds none."""

    name: str

    def __call__(self) -> Mapping[str, str]:
        return SHELVES[self.name]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "found")


def test_what_is_given_goes_to_s3_and_not_what_the_environment_has() -> None:
    with S3Server(["models"], access_key_id="given") as server:
        store = ModelStore("s3://models", endpoint=server.endpoint, credentials=Vault("aws"))
        store.save({"a": 1}, "m")
        again: ModelStore = pickle.loads(pickle.dumps(store))

        assert again.load("m@1") == {"a": 1}
        assert store.doctor().ok
        assert SECRET.encode() not in pickle.dumps(store)
        assert SECRET not in repr([store, store.storage, vars(store.storage)])
        with pytest.raises(StorageDenied):
            ModelStore("s3://models", endpoint=server.endpoint).get("m@1")


def test_temporary_credentials_come_with_their_session() -> None:
    given = {"AWS_ACCESS_KEY_ID": "given", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "session"}
    with S3Server(["models"]) as server:
        ModelStore("s3://models", endpoint=server.endpoint, credentials=lambda: given).models()

        assert {request.headers.get("x-amz-security-token") for request in server.requests} == {"session"}


def test_wrong_ones_are_a_denial_that_does_not_show_them() -> None:
    with S3Server(["models"], access_key_id="another", denial="SignatureDoesNotMatch") as server:
        store = ModelStore("s3://models", endpoint=server.endpoint, credentials=Vault("aws"))
        with pytest.raises(StorageDenied, match="SignatureDoesNotMatch") as caught:
            store.save({"a": 1}, "m")

    assert SECRET not in repr([caught.value, caught.value.__dict__])


@pytest.mark.parametrize("how", ["key", "signature"])
def test_what_is_given_goes_to_azure_and_not_what_the_environment_has(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    container = f"given-{next(_numbers)}"
    azurite.create_container(container)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", SECRET)
    given = {
        "key": {"AZURE_STORAGE_ACCOUNT_KEY": azurite.key},
        "signature": {"AZURE_STORAGE_SAS_TOKEN": azurite.signature(container, "rcwdl")},
    }[how]
    url, account, endpoint = f"az://{container}", azurite.account, azurite.endpoint
    wrong = {"AZURE_STORAGE_ACCOUNT_KEY": SECRET}

    store = ModelStore(url, account=account, endpoint=endpoint, credentials=lambda: given)

    assert store.save({"a": 1}, "m").number == 1
    with pytest.raises(StorageDenied) as caught:
        ModelStore(url, account=account, endpoint=endpoint, credentials=lambda: wrong).get("m@1")
    assert SECRET not in repr([caught.value, caught.value.__dict__])


def test_an_azure_principal_is_not_overruled_in_silence(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"AZURE_CLIENT_ID": "a", "AZURE_CLIENT_SECRET": SECRET, "AZURE_TENANT_ID": "b"}
    store = ModelStore("az://models", account="ours", endpoint=azurite.endpoint, credentials=lambda: given)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azurite.key)

    with pytest.raises(InvalidInput, match="AZURE_STORAGE_ACCOUNT_KEY is set in the environment"):
        store.models()


def test_a_token_given_goes_to_google_and_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "found")
    with GCSServer(["models"], token=SECRET) as server:
        given = {"GOOGLE_BEARER_TOKEN": SECRET}
        store = ModelStore("gs://models", endpoint=server.endpoint, credentials=lambda: given)

        assert store.save({"a": 1}, "m").number == 1
        with pytest.raises(StorageDenied):
            ModelStore("gs://models", endpoint=server.endpoint).get("m@1")


def test_a_service_accounts_key_that_cannot_be_read_is_not_shown() -> None:
    store = ModelStore(
        "gs://models", credentials=lambda: {"GOOGLE_SERVICE_ACCOUNT_KEY": f'{{"private_key": "{SECRET}"'}
    )

    with pytest.raises(StorageError, match="Could not set up a connection") as caught:
        store.models()

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "they hold nothing"),
        ({"AWS_ACCESS_KEY_ID": "me"}, "they hold AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": ""}, "they hold AWS_ACCESS_KEY_ID"),
        ({"PASSWORD": SECRET}, "they hold PASSWORD"),
        (SECRET, "they hold nothing"),
        ({"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": SECRET.encode()}, "as texts"),
    ],
)
def test_what_is_not_understood_is_named_and_not_shown(given: Mapping[str, str], problem: str) -> None:
    store = ModelStore("s3://models", region="eu-west-1", credentials=lambda: given)

    with pytest.raises(InvalidInput, match=problem) as caught:
        store.models()

    assert SECRET not in repr([caught.value, caught.value.__dict__])


@pytest.mark.parametrize("url", ["./models", "file:///models", "memory://models"])
def test_where_nobody_asks_for_credentials_they_are_refused(url: str) -> None:
    with pytest.raises(InvalidLocation, match="there are no credentials for it"):
        ModelStore(url, credentials=Vault("aws"))


def test_credentials_are_a_function_and_not_for_anonymous_callers() -> None:
    secret: GivenBy = SECRET  # type: ignore[assignment]  # on purpose

    with pytest.raises(InvalidLocation, match="no function that gets them") as caught:
        ModelStore("s3://models", credentials=secret)
    with pytest.raises(InvalidLocation, match="anonymously, and with credentials"):
        ModelStore("s3://models", anonymous=True, credentials=Vault("aws"))

    assert SECRET not in str(caught.value)
