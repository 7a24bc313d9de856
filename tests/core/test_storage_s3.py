"""What a bucket adds to the contract: lost replies, typed refusals, and where settings come from."""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import boto3
import pytest
from tests.contract.aws import ACCESS_KEY, SECRET_KEY, use_fake_aws

from modelstore_core.errors import (
    InvalidLocation,
    MissingExtra,
    StorageDenied,
    StorageError,
    StorageMissing,
    StorageUnavailable,
    UnsafeStorage,
)
from modelstore_core.storage import objects
from modelstore_core.storage.opening import open_storage
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.storage.s3_clients import _aws, _config, _region, open_bucket
from modelstore_core.storage.s3_errors import s3_error
from modelstore_core.testing.audit import audit
from modelstore_core.testing.s3_server import Denial, S3FaultKind, S3Script, S3Server
from modelstore_core.testing.stores import store_over

_LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB, three parts


@pytest.fixture(autouse=True)
def aws_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return use_fake_aws(monkeypatch, tmp_path)


@pytest.fixture
def server() -> Iterator[S3Server]:
    with S3Server(["models"]) as server:
        yield server


@pytest.fixture
def storage(server: S3Server) -> S3Storage:
    return S3Storage("models", "team", S3Options(endpoint=server.endpoint))


def _once(operation: str, fault: S3FaultKind) -> S3Script:
    left = [fault]
    return lambda asked, _key, _number: left.pop() if asked == operation and left else None


def _always(operation: str, fault: S3FaultKind) -> S3Script:
    return lambda asked, _key, _number: fault if asked == operation else None


def _verbs(storage: S3Storage, tmp_path: Path) -> dict[str, Callable[[], object]]:
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


_VERBS = ["get", "create", "put", "send", "fetch", "delete", "list"]


@pytest.mark.parametrize("verb", _VERBS)
def test_a_missing_bucket_is_named(server: S3Server, tmp_path: Path, verb: str) -> None:
    storage = S3Storage("elsewhere", "team", S3Options(endpoint=server.endpoint))

    with pytest.raises(StorageMissing, match="Create the bucket 'elsewhere'") as caught:
        _verbs(storage, tmp_path)[verb]()

    assert caught.value.value == "elsewhere"
    assert not (tmp_path / "out").exists()


def test_a_missing_bucket_is_named_for_large_files_too(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(_LARGE)

    with pytest.raises(StorageMissing, match="Create the bucket 'elsewhere'"):
        S3Storage("elsewhere", "", S3Options(endpoint=server.endpoint)).send("a", tmp_path / "source")


@pytest.mark.parametrize("verb", _VERBS)
@pytest.mark.parametrize(
    ("denial", "fix"),
    [
        ("InvalidAccessKeyId", "Check AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "Check AWS_SECRET_ACCESS_KEY"),
        ("AccessDenied", "s3:ListBucket"),
        ("ExpiredToken", "sign in again"),
    ],
)
def test_a_refusal_says_what_to_check(tmp_path: Path, verb: str, denial: Denial, fix: str) -> None:
    with S3Server(["models"], access_key_id="another", denial=denial) as server:
        storage = S3Storage("models", "", S3Options(endpoint=server.endpoint))

        with pytest.raises(StorageDenied, match=fix) as caught:
            _verbs(storage, tmp_path)[verb]()

    assert denial in str(caught.value)
    assert SECRET_KEY not in repr(caught.value.__dict__) + str(caught.value)


def test_a_read_only_bucket_can_be_read_and_refuses_writes() -> None:
    with S3Server(["models"], read_only=True) as server:
        storage = S3Storage("models", "", S3Options(endpoint=server.endpoint))

        assert storage.get("a") is None
        with pytest.raises(StorageDenied, match="s3:PutObject"):
            storage.create("a", b"1")


def test_without_any_credentials_the_error_says_where_to_put_them(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    for use in (lambda: storage.get("a"), storage.location):
        with pytest.raises(StorageDenied, match=r"Set AWS_ACCESS_KEY_ID .* anonymous=True"):
            use()


def test_anonymous_access_needs_and_sends_no_credentials(
    server: S3Server, storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("a", b"1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    anonymous = S3Storage("models", "team", S3Options(endpoint=server.endpoint, anonymous=True))

    assert anonymous.get("a") == b"1"
    assert anonymous.location().versioning == "off"


def test_an_unknown_profile_is_named(server: S3Server) -> None:
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, profile="nobody"))

    with pytest.raises(StorageDenied, match="nobody"):
        storage.get("a")


@pytest.mark.parametrize("anonymous", [False, True])
def test_an_unknown_profile_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, *, anonymous: bool) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    storage = S3Storage("models", "", S3Options(anonymous=anonymous))

    for use in (lambda: storage.get("a"), storage.location):
        with pytest.raises(StorageDenied, match="nobody"):
            use()


def test_a_profiles_credentials_and_endpoint_are_used(aws_config: Path) -> None:
    with S3Server(["models"], access_key_id="of-the-profile") as server:
        aws_config.write_text(
            "[profile team]\naws_access_key_id = of-the-profile\naws_secret_access_key = x\n"
            f"endpoint_url = {server.endpoint}\n"
        )
        storage = S3Storage("models", "", S3Options(profile="team"))

        assert storage.create("a", b"1") is True
        assert storage.location().endpoint == server.endpoint


def test_credentials_that_cannot_be_obtained_are_a_denial(server: S3Server, aws_config: Path) -> None:
    aws_config.write_text("[profile team]\ncredential_process = false\n")
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, profile="team"))

    with pytest.raises(StorageDenied, match="No credentials for 's3://models'"):
        storage.get("a")


_CREDENTIALS_ONCE = """\
if [ -e {folder}/asked ]; then echo "signed out" >&2; exit 1; fi
touch {folder}/asked
echo '{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c", "Expiration": "{soon}"}}'
"""


def test_credentials_that_cannot_be_renewed_are_a_denial(server: S3Server, aws_config: Path, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    (tmp_path / "process.sh").write_text(_CREDENTIALS_ONCE.format(folder=tmp_path, soon=soon))
    aws_config.write_text(f"[profile team]\ncredential_process = sh {tmp_path}/process.sh\n")
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, profile="team"))

    with pytest.raises(StorageDenied, match=r"No credentials for 's3://models/a': .*signed out"):
        storage.get("a")


def test_a_refused_connection_is_unavailable_not_denied(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        storage = S3Storage("models", "", S3Options(endpoint=endpoint))

        for verb in ("create", "put"):
            with pytest.raises(StorageUnavailable, match="connection refused"):
                _verbs(storage, tmp_path)[verb]()
        with pytest.raises(StorageUnavailable):
            storage.location()
        with pytest.raises(StorageUnavailable):
            open_bucket("models", S3Options(endpoint=endpoint)).region()


@pytest.mark.parametrize("fault", ["drop_after", "503_after"])
@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_lost_reply_is_unavailable_not_a_conflict(
    server: S3Server, storage: S3Storage, verb: str, fault: S3FaultKind
) -> None:
    server.script = _once("PutObject", fault)
    write = {"create": storage.create, "put": storage.put}[verb]

    with pytest.raises(StorageUnavailable):
        write("log/1", b"mine")

    assert storage.get("log/1") == b"mine"
    assert server.counts()["PutObject"] == 1


@pytest.mark.parametrize("fault", ["drop_before", "503_before"])
@pytest.mark.parametrize("verb", ["create", "put"])
def test_a_write_that_did_not_take_place_is_not_retried_inside(
    server: S3Server, storage: S3Storage, verb: str, fault: S3FaultKind
) -> None:
    server.script = _once("PutObject", fault)
    write = {"create": storage.create, "put": storage.put}[verb]

    with pytest.raises(StorageUnavailable):
        write("log/1", b"mine")

    assert storage.get("log/1") is None
    assert server.counts()["PutObject"] == 1


def test_a_409_looks_like_a_taken_key(server: S3Server, storage: S3Storage) -> None:
    server.script = _once("PutObject", "conflict")

    assert storage.create("log/1", b"mine") is False
    assert storage.get("log/1") is None
    assert storage.create("log/1", b"mine") is True


def test_a_409_to_an_overwrite_is_unavailable(server: S3Server, storage: S3Storage) -> None:
    server.script = _once("PutObject", "conflict")

    with pytest.raises(StorageUnavailable, match="ConditionalRequestConflict"):
        storage.put("heads/a", b"1")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "503_before", "truncate"])
def test_reads_are_retried(server: S3Server, storage: S3Storage, tmp_path: Path, fault: S3FaultKind) -> None:
    storage.put("a", b"12345678")
    server.script = _once("GetObject", fault)
    assert storage.get("a") == b"12345678"

    server.script = _once("GetObject", fault)
    storage.fetch("a", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"12345678"


def test_listing_and_deleting_are_retried(server: S3Server, storage: S3Storage) -> None:
    storage.put("a/b", b"1")
    server.script = _once("ListObjectsV2", "drop_before")
    assert [info.key for info in storage.list("a/")] == ["a/b"]

    server.script = _once("DeleteObjects", "503_before")
    storage.delete(["a/b"])
    assert storage.get("a/b") is None


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize("fault", ["503_before", "503_after", "drop_after"])
def test_a_large_file_arrives_in_spite_of_a_lost_reply(
    server: S3Server, storage: S3Storage, tmp_path: Path, operation: str, fault: S3FaultKind
) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    server.script = _once(operation, fault)

    received = storage.send("large", tmp_path / "source")

    assert received.size == len(_LARGE)
    assert storage.fetch("large", tmp_path / "out") == received


def test_an_upload_that_fails_for_good_leaves_nothing(server: S3Server, storage: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    server.script = _always("UploadPart", "503_before")

    with pytest.raises(StorageUnavailable, match="SlowDown"):
        storage.send("large", tmp_path / "source")

    uploads = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1").list_multipart_uploads
    assert "Uploads" not in uploads(Bucket="models")
    assert server.buckets.keys("models") == ()


def test_a_download_that_fails_for_good_leaves_no_file(server: S3Server, storage: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    storage.send("large", tmp_path / "source")
    reads = iter(range(100))
    server.script = lambda operation, _key, _number: "503_before" if operation == "GetObject" and next(reads) else None

    with pytest.raises(StorageUnavailable):
        storage.fetch("large", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_large_objects_come_in_parts(server: S3Server, storage: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    storage.send("large", tmp_path / "source")
    storage.fetch("large", tmp_path / "out")

    assert server.counts() == {
        "CreateMultipartUpload": 1,
        "UploadPart": 3,
        "CompleteMultipartUpload": 1,
        "GetObject": 3,
    }


def test_files_that_are_too_large_for_so_many_parts_go_in_larger_ones(
    server: S3Server, storage: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At S3's limit of 10,000 parts these are files of more than 80 GB; here the limit is 3."""
    monkeypatch.setattr(objects, "_MOST_PARTS", 3)
    (tmp_path / "source").write_bytes(_LARGE)
    told: list[int] = []

    sent = storage.send("large", tmp_path / "source", told.append)

    assert server.counts()["UploadPart"] == len(told) == 2
    assert storage.fetch("large", tmp_path / "out") == sent


def test_objects_of_more_parts_than_are_under_way_at_a_time_come_in_order(storage: S3Storage, tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        for number in range(80):
            file.write(bytes([number]) * (1 << 20))

    sent = storage.send("huge", tmp_path / "source")

    assert sent.size == 80 << 20
    assert storage.fetch("huge", tmp_path / "out") == sent


def test_each_small_operation_is_one_request(server: S3Server, storage: S3Storage, tmp_path: Path) -> None:
    for verb, call in _verbs(storage, tmp_path).items():
        server.reset()
        call()

        assert len(server.requests) == 1, verb


def test_the_endpoint_option_wins_over_the_environment(
    server: S3Server, storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with S3Server(["models"]) as other:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", other.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL", other.endpoint)
        storage.create("a", b"1")
        storage.location()

        assert other.requests == ()
    assert server.buckets.keys("models") == ("team/a",)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_without_the_option_the_environments_endpoint_is_used(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"{server.endpoint}/")
    storage = S3Storage("models")

    assert storage.create("a", b"1") is True
    assert storage.location().endpoint == server.endpoint


def test_obstores_own_environment_cannot_switch_preconditions_off(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")

    assert storage.create("a", b"1") is True
    assert storage.create("a", b"2") is False


@pytest.mark.parametrize(
    "endpoint", ["", "localhost:9000", "ftp://host", "http://", "http://user:hunter2@host", "http://h?x", "http://h:x"]
)
def test_an_endpoint_is_an_http_address_and_nothing_more(endpoint: str) -> None:
    with pytest.raises(InvalidLocation, match="Write http://host:port") as caught:
        S3Options(endpoint=endpoint)

    assert "hunter2" not in str(caught.value) + repr(caught.value.value)


def test_a_variable_that_obstore_cannot_read_is_a_typed_error(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_S3_EXPRESS", "perhaps")

    with pytest.raises(StorageError, match="Check the AWS_"):
        storage.get("a")


@pytest.mark.parametrize(("versioning", "said"), [(True, "on"), (False, "off")])
def test_the_location_tells_the_versioning(*, versioning: bool, said: str) -> None:
    with S3Server(["models"], versioning=versioning) as server:
        location = S3Storage("models", "a/b", S3Options(endpoint=server.endpoint)).location()

    assert (location.container, location.prefix, location.versioning) == ("models", "a/b", said)


def test_versioning_that_may_not_be_asked_for_is_unknown() -> None:
    with S3Server(["models"], denied=["GetBucketVersioning"]) as server:
        assert S3Storage("models", "", S3Options(endpoint=server.endpoint)).location().versioning == "unknown"


def test_the_location_of_a_missing_bucket_is_a_typed_error(server: S3Server) -> None:
    with pytest.raises(StorageMissing, match="'elsewhere'"):
        S3Storage("elsewhere", "", S3Options(endpoint=server.endpoint)).location()


@pytest.mark.parametrize(("denied", "region"), [([], "eu-central-1"), (["HeadBucket"], "us-east-1")])
def test_a_bucket_is_asked_for_its_region(denied: list[str], region: str) -> None:
    with S3Server(["models"], region="eu-central-1", denied=denied) as server:
        assert open_bucket("models", S3Options(endpoint=server.endpoint)).region() == region


@pytest.mark.parametrize(
    ("bucket", "options", "host_style", "address"),
    [
        ("models", S3Options(region="eu-west-1"), True, None),
        ("my.models", S3Options(region="eu-west-1"), False, None),
        ("models", S3Options(region="eu-west-1", path_style=True), False, None),
        ("models", S3Options(endpoint="https://host:9000/"), False, "https://host:9000"),
        ("models", S3Options(endpoint="https://host:9000", path_style=False), True, "https://models.host:9000"),
    ],
)
def test_the_bucket_is_in_the_host_name_at_aws_and_in_the_path_elsewhere(
    bucket: str, options: S3Options, address: str | None, *, host_style: bool
) -> None:
    config = _config(bucket, options, _aws(bucket, options))

    assert config["virtual_hosted_style_request"] is host_style
    assert config.get("endpoint") == config.get("aws_endpoint_url_s3") == address
    assert config["region"] == options.region or "us-east-1"


def test_a_region_nobody_named_is_asked_for_at_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    options = S3Options()
    with S3Server(["models"], region="eu-central-1") as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.endpoint)

        assert _region("models", options, _aws("models", options), None) == "eu-central-1"
        monkeypatch.setenv("AWS_REGION", "eu-north-1")
        assert _region("models", options, _aws("models", options), None) == "eu-north-1"


def test_configured_endpoints_can_be_ignored_as_for_aws_own_tools(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")

    assert open_bucket("models", S3Options()).endpoint == ""


def test_what_others_put_into_the_bucket_is_left_out_or_named(server: S3Server, storage: S3Storage) -> None:
    client = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1")
    storage.put("a/b", b"1")
    for key in ("team/a/", "team/a/.tmp~1", "team/a/back\\slash"):
        client.put_object(Bucket="models", Key=key, Body=b"")
    assert [info.key for info in storage.list("a/")] == ["a/b"]

    client.put_object(Bucket="models", Key="team/a/../b", Body=b"")
    with pytest.raises(StorageError, match="Remove the object with that key"):
        list(storage.list("a/"))


def test_a_service_that_knows_no_conditions_is_refused_with_what_to_do(server: S3Server, storage: S3Storage) -> None:
    server.script = _always("PutObject", "501")

    with pytest.raises(UnsafeStorage, match=r"NotImplemented.*conditional=False .* single_writer=True"):
        store_over(storage).save({"weights": [1]}, "risk", format="pickle")

    assert server.buckets.keys("models") == ()


def test_without_conditions_a_store_is_refused_each_time_unless_it_has_one_writer(server: S3Server) -> None:
    server.script = _always("PutObject", "501")
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, conditional=False))
    for _ in range(3):
        with pytest.raises(UnsafeStorage, match="a second create of the same key succeeds"):
            store_over(storage).save({"weights": [1]}, "risk", format="pickle")

    for key in ("run-1", "run-2", "run-1"):
        saved = store_over(storage, single_writer=True).save({"weights": [key]}, "risk", format="pickle", key=key)

    assert saved.number == 1
    assert len(audit(storage, "risk").entries) == 2


def test_a_store_that_was_found_safe_is_tested_again_without_conditions(server: S3Server, storage: S3Storage) -> None:
    store_over(storage).save({"weights": [1]}, "risk", format="pickle")
    unconditional = S3Storage("models", "team", S3Options(endpoint=server.endpoint, conditional=False))

    with pytest.raises(UnsafeStorage):
        store_over(unconditional).save({"weights": [2]}, "risk", format="pickle")

    assert unconditional.location().versioning == "unconditional"


def test_a_pickle_has_neither_secrets_nor_connections(storage: S3Storage) -> None:
    storage.put("a", b"1")
    pickled = pickle.dumps(storage)

    assert ACCESS_KEY.encode() not in pickled
    assert SECRET_KEY.encode() not in pickled
    assert pickle.loads(pickled).get("a") == b"1"


_FORKING = """
import os, sys
from modelstore_core.errors import StorageError
from modelstore_core.storage.opening import open_storage
storage = open_storage("s3://models", endpoint=sys.argv[1])
if sys.argv[2] == "used":
    storage.put("a", b"1")
if os.fork() == 0:
    try:
        print(storage.get("a"))
    except StorageError as error:
        print(error.fix)
else:
    os.wait()
"""


@pytest.mark.parametrize(("before", "said"), [("unused", "b'1'"), ("used", "Start processes by 'spawn'")])
def test_a_forked_process_works_or_is_told_and_never_hangs(server: S3Server, before: str, said: str) -> None:
    S3Storage("models", "", S3Options(endpoint=server.endpoint)).put("a", b"1")
    command = [sys.executable, "-W", "ignore", "-c", _FORKING, server.endpoint, before]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ), check=True)

    assert said in ran.stdout


def test_a_process_with_another_number_than_the_one_that_connected_is_refused(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("a", b"1")
    number = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: number + 1)

    with pytest.raises(StorageError, match="forked from one in which it was in use"):
        storage.get("a")


@pytest.mark.parametrize("package", ["obstore", "boto3"])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, storage: S3Storage, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    for use in (lambda: open_storage("s3://models"), lambda: storage.get("a")):
        with pytest.raises(MissingExtra, match=r'pip install "modelstore-pipelines\[s3\]"'):
            use()


def test_opening_imports_neither_package() -> None:
    script = (
        "import sys; from modelstore_core.storage.opening import open_storage; open_storage('s3://models');"
        "print([name for name in ('boto3', 'botocore', 'obstore') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.strip() == "[]"


def test_many_threads_connect_once(server: S3Server, storage: S3Storage) -> None:
    storage.together([partial(storage.put, f"{number}", b"1") for number in range(32)])

    assert server.counts() == {"PutObject": 32}
    assert storage._clients() is storage._clients()


@pytest.mark.parametrize(
    ("said", "kind", "expected", "fix"),
    [
        ("status code: 301 <Code>PermanentRedirect</Code>", "GenericError", StorageError, "own region"),
        ("this normally indicates an incorrectly configured region", "GenericError", StorageError, "own region"),
        ("status code: 403 <Code>RequestTimeTooSkewed</Code>", "PermissionDeniedError", StorageDenied, "clock"),
        ("status code: 500 ", "GenericError", StorageUnavailable, "Try again later"),
        ("status code: 501 <Code>NotImplemented</Code>", "GenericError", StorageError, ""),
        ("something else", "JoinError", StorageError, ""),
        ("HTTP error: error sending request … dns error", "GenericError", StorageUnavailable, "Try again later"),
    ],
)
def test_what_a_client_says_becomes_one_of_our_errors(
    said: str, kind: str, expected: type[StorageError], fix: str
) -> None:
    error = s3_error("read", "s3://models/a", "models", said, kind)

    assert type(error) is expected
    assert fix in error.fix


def test_what_a_service_repeats_of_the_request_is_not_passed_on() -> None:
    said = (
        "status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message>"
        "<CanonicalRequest>x-amz-security-token:hunter2</CanonicalRequest></Error>"
    )
    error = s3_error("read", "s3://models/a", "models", said, "PermissionDeniedError")

    assert "It does not match." in str(error)
    assert "hunter2" not in str(error)
