"""What a bucket of Google's adds to the contract, on a server of our own that was written from the documentation."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from modelstore_core import ModelStore
from modelstore_core.errors import MissingExtra, StorageDenied, StorageError, StorageMissing, StorageUnavailable
from modelstore_core.storage.gcs import GCSOptions, GCSStorage
from modelstore_core.storage.opening import open_storage
from modelstore_core.testing.gcs_server import GCSServer
from modelstore_core.testing.s3_server import S3FaultKind, S3Script

_TOKEN = "token-of-google"
_LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB, three parts
_VERBS = ["get", "create", "put", "send", "fetch", "delete", "list"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GOOGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", _TOKEN)


@pytest.fixture
def server() -> Iterator[GCSServer]:
    with GCSServer(["models"], token=_TOKEN) as server:
        yield server


@pytest.fixture
def storage(server: GCSServer) -> GCSStorage:
    return GCSStorage("models", "team", GCSOptions(endpoint=server.endpoint))


def _once(operation: str, fault: S3FaultKind) -> S3Script:
    left = [fault]
    return lambda asked, _key, _number: left.pop() if asked == operation and left else None


def _verbs(storage: GCSStorage, tmp_path: Path) -> dict[str, Callable[[], object]]:
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


def test_create_sends_googles_condition_and_put_none(server: GCSServer, storage: GCSStorage) -> None:
    storage.create("a", b"1")
    storage.put("a", b"2")

    conditions = [request.headers.get("x-goog-if-generation-match") for request in server.requests]
    assert conditions == ["0", None]


def test_a_condition_that_the_server_does_not_know_is_refused_not_ignored(server: GCSServer) -> None:
    headers = {"Authorization": f"Bearer {_TOKEN}", "x-goog-if-generation-match": "7"}

    with pytest.raises(HTTPError, match="501"):
        urlopen(Request(f"{server.endpoint}/models/a", method="PUT", data=b"1", headers=headers), timeout=10)

    assert server.buckets.keys("models") == ()


@pytest.mark.parametrize("verb", _VERBS)
def test_a_missing_bucket_is_named(server: GCSServer, tmp_path: Path, verb: str) -> None:
    storage = GCSStorage("elsewhere", "team", GCSOptions(endpoint=server.endpoint))

    with pytest.raises(StorageMissing, match="Create the bucket 'elsewhere'"):
        _verbs(storage, tmp_path)[verb]()


@pytest.mark.parametrize("verb", _VERBS)
def test_an_unknown_token_is_a_denial(
    storage: GCSStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "hunter2")

    with pytest.raises(StorageDenied, match="sign in again") as caught:
        _verbs(storage, tmp_path)[verb]()

    assert "hunter2" not in str(caught.value) + repr(caught.value.__dict__)


def test_a_bucket_that_may_only_be_read_can_be_read_and_refuses_writes() -> None:
    with GCSServer(["models"], read_only=True) as server:
        storage = GCSStorage("models", "", GCSOptions(endpoint=server.endpoint, anonymous=True))

        assert storage.get("a") is None
        with pytest.raises(StorageDenied, match="Storage Object User"):
            storage.create("a", b"1")


def test_anonymous_access_reads_a_public_bucket_and_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with GCSServer(["models"]) as server:
        GCSStorage("models", "", GCSOptions(endpoint=server.endpoint)).put("a/b", b"1")
        monkeypatch.delenv("GOOGLE_BEARER_TOKEN")
        server.reset()
        anonymous = GCSStorage("models", "", GCSOptions(endpoint=server.endpoint, anonymous=True))

        assert anonymous.get("a/b") == b"1"
        assert [info.key for info in anonymous.list("a/")] == ["a/b"]
        assert not any("authorization" in request.headers for request in server.requests)


def test_without_any_credentials_the_error_says_where_to_put_them(
    server: GCSServer, storage: GCSStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_BEARER_TOKEN")
    monkeypatch.setenv("GCE_METADATA_HOST", server.endpoint.removeprefix("http://"))

    with pytest.raises(StorageDenied, match=r"No credentials .* Set GOOGLE_APPLICATION_CREDENTIALS .* anonymous=True"):
        storage.get("a")


def test_a_key_file_that_is_not_there_is_a_typed_error(
    storage: GCSStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_BEARER_TOKEN")
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "missing.json"))

    with pytest.raises(StorageError, match="Check the GOOGLE_… variables"):
        storage.get("a")


@pytest.mark.parametrize("fault", ["drop_after", "503_after"])
@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_lost_reply_is_unavailable_not_a_conflict(
    server: GCSServer, storage: GCSStorage, verb: str, fault: S3FaultKind
) -> None:
    server.script = _once("PutObject", fault)
    write = {"create": storage.create, "put": storage.put}[verb]

    with pytest.raises(StorageUnavailable):
        write("log/1", b"mine")

    assert storage.get("log/1") == b"mine"
    assert server.counts()["PutObject"] == 1


@pytest.mark.parametrize("fault", ["drop_before", "503_before", "429"])
@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_write_that_did_not_take_place_is_not_retried_inside(
    server: GCSServer, storage: GCSStorage, verb: str, fault: S3FaultKind
) -> None:
    server.script = _once("PutObject", fault)
    write = {"create": storage.create, "put": storage.put}[verb]

    with pytest.raises(StorageUnavailable):
        write("log/1", b"mine")

    assert storage.get("log/1") is None
    assert server.counts()["PutObject"] == 1


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize("fault", ["503_before", "503_after", "drop_after"])
def test_a_large_file_arrives_in_spite_of_a_lost_reply(
    server: GCSServer, storage: GCSStorage, tmp_path: Path, operation: str, fault: S3FaultKind
) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    server.script = _once(operation, fault)

    received = storage.send("large", tmp_path / "source")

    assert received.size == len(_LARGE)
    assert storage.fetch("large", tmp_path / "out") == received


def test_a_missing_object_among_many_hinders_no_deletion(storage: GCSStorage) -> None:
    for key in ("a", "b", "c"):
        storage.put(key, b"1")

    storage.delete(["missing", "a", "b"])

    assert [info.key for info in storage.list("")] == ["c"]


def test_the_endpoint_comes_from_the_option_or_the_environment(
    server: GCSServer, storage: GCSStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GCSStorage("models").location().endpoint == ""

    monkeypatch.setenv("GOOGLE_BASE_URL", f"{server.endpoint}/")
    assert GCSStorage("models").create("a", b"1") is True

    monkeypatch.setenv("GOOGLE_BASE_URL", "http://127.0.0.1:1")
    assert storage.create("a", b"1") is True
    assert storage.location().endpoint == server.endpoint


def test_a_store_in_a_bucket_keeps_what_it_promises(server: GCSServer, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(_LARGE)
    store = ModelStore("gs://models/prod", endpoint=server.endpoint)

    store.save(tmp_path / "weights.bin", "risk", aliases=["candidate"], key="run-1")
    again = store.save(tmp_path / "weights.bin", "risk", aliases=["candidate"], key="run-1")

    assert again.ref == "risk@1"
    pulled = ModelStore("gs://models/prod", endpoint=server.endpoint).pull("risk@candidate", tmp_path / "out")
    assert (pulled / "weights.bin").read_bytes() == _LARGE


def test_a_pickle_has_neither_secrets_nor_connections(storage: GCSStorage) -> None:
    storage.put("a", b"1")
    pickled = pickle.dumps(storage)

    assert _TOKEN.encode() not in pickled
    assert pickle.loads(pickled).get("a") == b"1"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    for use in (lambda: open_storage("gs://models"), lambda: GCSStorage("models").get("a")):
        with pytest.raises(MissingExtra, match=r'pip install "modelstore-pipelines\[gcs\]"'):
            use()
