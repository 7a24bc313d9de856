"""What a container adds to the contract: lost replies, typed refusals, and where settings come from."""

import itertools
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lossy_proxy import Loss, LossyProxy

from modelstore_core import ModelStore
from modelstore_core.errors import (
    InvalidLocation,
    MissingExtra,
    StorageDenied,
    StorageError,
    StorageMissing,
    StorageUnavailable,
)
from modelstore_core.storage.azure import AzureOptions, AzureStorage
from modelstore_core.storage.opening import open_storage
from modelstore_core.testing.azurite import Azurite
from modelstore_core.testing.stores import store_over

_LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB, three parts
_VERBS = ["get", "create", "put", "send", "fetch", "delete", "list"]
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", Azurite.account)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", Azurite.key)


@pytest.fixture
def container(azurite: Azurite) -> str:
    name = f"container-of-azure-{next(_numbers)}"
    azurite.create_container(name)
    return name


@pytest.fixture
def storage(azurite: Azurite, container: str) -> AzureStorage:
    return AzureStorage(container, "team", AzureOptions(endpoint=azurite.endpoint))


def test_an_emulator_that_does_not_start_says_what_it_said() -> None:
    script = "import sys; sys.exit('no such flag')"

    with pytest.raises(RuntimeError, match="no such flag"), Azurite([sys.executable, "-c", script]):
        pass


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[LossyProxy]:
    with LossyProxy(azurite.endpoint) as proxy:
        yield proxy


@pytest.fixture
def lossy(proxy: LossyProxy, container: str) -> AzureStorage:
    return AzureStorage(container, "team", AzureOptions(endpoint=proxy.endpoint))


def _verbs(storage: AzureStorage, tmp_path: Path) -> dict[str, Callable[[], object]]:
    (tmp_path / "source").write_bytes(b"1")
    return {
        "get": lambda: storage.get("a"),
        "create": lambda: storage.create("a", b"1"),
        "put": lambda: storage.put("a", b"1"),
        "send": lambda: storage.send("a", tmp_path / "source"),
        "fetch": lambda: storage.fetch("a", tmp_path / "out"),
        "delete": lambda: storage.delete(["a"]),
        "list": lambda: list(storage.list("a/")),
    }


@pytest.mark.parametrize("verb", [verb for verb in _VERBS if verb != "delete"])
def test_a_missing_container_is_named(azurite: Azurite, tmp_path: Path, verb: str) -> None:
    storage = AzureStorage("elsewhere", "team", AzureOptions(endpoint=azurite.endpoint))

    with pytest.raises(StorageMissing, match="Create the container 'elsewhere'") as caught:
        _verbs(storage, tmp_path)[verb]()

    assert caught.value.value == "elsewhere"
    assert not (tmp_path / "out").exists()


def test_a_missing_container_has_nothing_to_delete(azurite: Azurite) -> None:
    AzureStorage("elsewhere", "team", AzureOptions(endpoint=azurite.endpoint)).delete(["a", "b"])


@pytest.mark.parametrize("verb", _VERBS)
def test_a_wrong_key_is_a_denial_that_says_what_to_check(
    storage: AzureStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")

    with pytest.raises(StorageDenied, match="Check AZURE_STORAGE_ACCOUNT_KEY") as caught:
        _verbs(storage, tmp_path)[verb]()

    assert "d3Jvbmc=" not in str(caught.value) + repr(caught.value.__dict__)


def test_a_key_that_is_none_is_a_typed_error(storage: AzureStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "not base64!")

    with pytest.raises(StorageError, match="Check the AZURE_… variables"):
        storage.get("a")


def test_without_any_credentials_the_error_says_where_to_put_them(
    storage: AzureStorage, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"{azurite.endpoint}/no/identity")

    with pytest.raises(StorageDenied, match=r"No credentials .* Set AZURE_STORAGE_ACCOUNT_KEY, .* anonymous=True"):
        storage.get("a")


def test_without_an_account_the_error_says_how_to_name_it(
    storage: AzureStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")

    for use in (lambda: storage.get("a"), storage.location):
        with pytest.raises(InvalidLocation, match="Give account="):
            use()


@pytest.mark.parametrize("variable", ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", None])
def test_the_account_comes_from_the_option_or_the_environment(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    if variable:
        monkeypatch.setenv(variable, Azurite.account)
    options = AzureOptions(endpoint=azurite.endpoint, account=None if variable else Azurite.account)

    assert AzureStorage(container, "", options).create("a", b"1") is True


def test_anonymous_access_reads_a_public_container_and_needs_no_credentials(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"public-{next(_numbers)}"
    azurite.create_container(name, public=True)
    AzureStorage(name, "", AzureOptions(endpoint=azurite.endpoint)).put("a/b", b"1")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    anonymous = AzureStorage(name, "", AzureOptions(endpoint=azurite.endpoint, anonymous=True))

    assert anonymous.get("a/b") == b"1"
    assert anonymous.get("missing") is None
    assert [info.key for info in anonymous.list("a/")] == ["a/b"]
    with pytest.raises(StorageDenied):
        anonymous.put("a/b", b"2")


@pytest.mark.parametrize("variable", ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", None])
def test_the_location_names_the_account_and_its_address(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    if variable:
        monkeypatch.setenv(variable, "https://private/")

    location = AzureStorage("models", "a/b").location()

    assert location.endpoint == ("https://private" if variable else f"https://{Azurite.account}.blob.core.windows.net")
    assert (location.scheme, location.container, location.prefix) == ("az", "models", "a/b")
    assert location.versioning == "unknown"


def test_a_signature_with_the_documented_permissions_is_enough(
    azurite: Azurite, container: str, storage: AzureStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", azurite.signature(container, "rcwdl"))
    (tmp_path / "weights.bin").write_bytes(_LARGE)

    store_over(storage).save(tmp_path / "weights.bin", "risk", aliases=["champion"])

    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", azurite.signature(container, "rl"))
    reading = AzureStorage(storage.bucket, storage.prefix, storage.options)
    assert store_over(reading).get("risk@champion").size == len(_LARGE)
    assert [info.key for info in reading.list("self-test/")] == []
    with pytest.raises(StorageDenied, match="Storage Blob Data Contributor"):
        store_over(reading).promote("risk@1", "challenger")


def test_the_endpoint_option_wins_over_the_environment(storage: AzureStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1/elsewhere")
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")

    assert storage.create("a", b"1") is True


@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_lost_reply_is_unavailable_not_a_conflict(proxy: LossyProxy, lossy: AzureStorage, verb: str) -> None:
    lossy.get("warm")
    write = {"create": lossy.create, "put": lossy.put}[verb]
    proxy.lose("reply", "PUT ")

    with pytest.raises(StorageUnavailable, match="connection was lost"):
        write("log/1", b"mine")

    assert lossy.get("log/1") == b"mine"
    assert len([line for line in proxy.seen if line.startswith("PUT ")]) == 1


@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_write_that_did_not_take_place_is_not_retried_inside(
    proxy: LossyProxy, lossy: AzureStorage, verb: str
) -> None:
    lossy.get("warm")
    write = {"create": lossy.create, "put": lossy.put}[verb]
    proxy.lose("request", "PUT ")

    with pytest.raises(StorageUnavailable):
        write("log/1", b"mine")

    assert lossy.get("log/1") is None
    assert len([line for line in proxy.seen if line.startswith("PUT ")]) == 1


@pytest.mark.parametrize("what", ["request", "reply"])
def test_reads_are_retried(proxy: LossyProxy, lossy: AzureStorage, what: Loss) -> None:
    lossy.put("a/b", b"12345678")

    proxy.lose(what, "GET .*/b ")
    assert lossy.get("a/b") == b"12345678"
    proxy.lose(what, "GET .*comp=list")
    assert [info.key for info in lossy.list("a/")] == ["a/b"]


@pytest.mark.parametrize("line", ["PUT .*comp=block&", "PUT .*comp=blocklist"])
@pytest.mark.parametrize("what", ["request", "reply"])
def test_a_large_file_arrives_in_spite_of_a_loss(
    proxy: LossyProxy, lossy: AzureStorage, tmp_path: Path, line: str, what: Loss
) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    proxy.lose(what, line)

    sent = lossy.send("large", tmp_path / "source")

    assert sent.size == len(_LARGE)
    assert lossy.fetch("large", tmp_path / "out") == sent


def test_a_deletion_whose_reply_is_lost_is_finished(proxy: LossyProxy, lossy: AzureStorage) -> None:
    for key in ("a/1", "a/2", "a/3"):
        lossy.put(key, b"1")
    proxy.lose("reply", "POST .*comp=batch")

    lossy.delete(["a/1", "a/2", "missing"])

    assert [info.key for info in lossy.list("a/")] == ["a/3"]


def test_a_missing_object_among_many_hinders_no_deletion(storage: AzureStorage) -> None:
    keys = [f"many/{number}" for number in range(300)]  # more than Azure deletes by one request
    for key in keys[::3]:
        storage.put(key, b"1")

    storage.delete(keys)

    assert list(storage.list("many/")) == []


def test_a_store_in_a_container_keeps_what_it_promises(azurite: Azurite, container: str, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(_LARGE)
    store = ModelStore(f"az://{container}/prod", endpoint=azurite.endpoint)

    saved = store.save(tmp_path / "weights.bin", "risk", metrics={"auc": 0.9}, aliases=["candidate"], key="run-1")
    again = store.save(tmp_path / "weights.bin", "risk", metrics={"auc": 0.9}, aliases=["candidate"], key="run-1")
    store.promote("risk@1", "champion", expect=None)

    assert again.ref == saved.ref == "risk@1"
    pulled = ModelStore(f"az://{container}/prod", endpoint=azurite.endpoint).pull("risk@champion", tmp_path / "out")
    assert (pulled / "weights.bin").read_bytes() == _LARGE


def test_a_pickle_has_neither_secrets_nor_connections(storage: AzureStorage) -> None:
    storage.put("a", b"1")
    pickled = pickle.dumps(storage)

    assert Azurite.key.encode() not in pickled
    assert pickle.loads(pickled).get("a") == b"1"


_FORKING = """
import os, sys
from modelstore_core.errors import StorageError
from modelstore_core.storage.opening import open_storage
storage = open_storage("az://" + sys.argv[2], endpoint=sys.argv[1])
storage.put("a", b"1")
if os.fork() == 0:
    try:
        print(storage.get("a"))
    except StorageError as error:
        print(error.what, error.fix)
else:
    os.wait()
"""


def test_a_forked_process_is_told_and_never_hangs(azurite: Azurite, container: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _FORKING, azurite.endpoint, container]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "Azure Blob Storage cannot be used" in ran.stdout
    assert "Start processes by 'spawn'" in ran.stdout


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    for use in (lambda: open_storage("az://models"), lambda: AzureStorage("models").get("a")):
        with pytest.raises(MissingExtra, match=r'pip install "modelstore-pipelines\[azure\]"'):
            use()


def test_opening_imports_no_package() -> None:
    script = (
        "import sys; from modelstore_core.storage.opening import open_storage;"
        "open_storage('az://models'); open_storage('gs://models'); print('obstore' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.strip() == "False"
