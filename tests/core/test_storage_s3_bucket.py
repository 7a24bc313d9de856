"""What a bucket does by itself, copies and sweeps, and what it is told: roles, encryption, checksums, permissions."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from tests.contract.aws import ACCESS_KEY, use_fake_aws
from tests.contract.moto_server import MotoServer

from modelstore_core.errors import StorageDenied, StorageMissing, StorageUnavailable
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.storage.s3_bucket import _hexadecimal
from modelstore_core.testing.s3_server import S3FaultKind, S3Script, S3Server
from modelstore_core.testing.s3_wire import S3Call

_LARGE = bytes(range(256)) * (20 << 12)  # 20 MiB, three parts
_SHA256 = hashlib.sha256(b"model").hexdigest()
_ROLE = "arn:aws:iam::123456789012:role/models"


class _Clock:
    """A service's clock that stands still unless it is set."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(autouse=True)
def aws_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return use_fake_aws(monkeypatch, tmp_path)


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def server(clock: _Clock) -> Iterator[S3Server]:
    with S3Server(["models", "others"], clock=clock) as server:
        yield server


@pytest.fixture
def storage(server: S3Server) -> S3Storage:
    return S3Storage("models", "team", S3Options(endpoint=server.endpoint))


def _always(operation: str, fault: S3FaultKind) -> S3Script:
    return lambda asked, _key, _number: fault if asked == operation else None


def test_a_copy_is_one_request_and_no_byte_passes_here(server: S3Server, storage: S3Storage) -> None:
    storage.put("a", b"model")
    server.reset()

    assert storage.copy("a", "b", _SHA256) is True
    assert server.counts() == {"CopyObject": 1}
    assert storage.get("b") == b"model"


def test_a_copy_comes_from_another_bucket_and_prefix_of_the_service(server: S3Server, storage: S3Storage) -> None:
    origin = S3Storage("others", "elsewhere", S3Options(endpoint=server.endpoint))
    origin.put("a", b"model")

    assert storage.copy("a", "b", _SHA256, origin=origin) is True
    assert server.buckets.keys("models") == ("team/b",)


def test_nothing_is_copied_from_another_service(storage: S3Storage) -> None:
    storage.put("a", b"something else")
    with S3Server(["models"]) as other:
        origin = S3Storage("models", "team", S3Options(endpoint=other.endpoint))
        origin.put("a", b"model")

        assert storage.copy("a", "b", _SHA256, origin=origin) is False
        assert "CopyObject" not in other.counts()
    assert storage.get("b") is None


def test_a_service_that_proves_nothing_is_asked_once(tmp_path: Path) -> None:
    with S3Server(["models"], prove_copies=False) as server:
        storage = S3Storage("models", "", S3Options(endpoint=server.endpoint))
        storage.put("a", b"model")

        assert [storage.copy("a", target, _SHA256) for target in ("b", "c", "d")] == [False] * 3
        assert server.counts()["CopyObject"] == 1
        assert server.buckets.keys("models") == ("a",)


@pytest.mark.parametrize("said", ["", "uUYyzQ==", "wrong", f"{b64encode(bytes(32)).decode()}-3"])
def test_only_the_digest_of_the_whole_object_is_a_proof(said: str) -> None:
    """Not one of the digests of its parts, which ends in their number."""
    assert _hexadecimal(said) == ""
    assert _hexadecimal(b64encode(bytes(32)).decode()) == "00" * 32


def test_a_copy_that_is_not_proven_and_may_not_be_deleted_is_sent_over(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"model")
    with S3Server(["models"], prove_copies=False, denied=["DeleteObjects"]) as server:
        storage = S3Storage("models", "", S3Options(endpoint=server.endpoint))
        storage.put("a", b"model")

        assert storage.copy("a", "b", _SHA256) is False
        storage.send("b", tmp_path / "source")
        assert storage.get("b") == b"model"


def test_other_bytes_do_not_make_a_service_one_that_proves_nothing(storage: S3Storage) -> None:
    storage.put("a", b"other bytes")
    storage.put("b", b"model")

    assert storage.copy("a", "c", _SHA256) is False
    assert storage.get("c") is None
    assert storage.copy("b", "c", _SHA256) is True


def test_a_copy_that_is_refused_is_for_the_caller_to_send(server: S3Server, storage: S3Storage) -> None:
    storage.put("a", b"model")
    server.script = _always("CopyObject", "denied")

    assert storage.copy("a", "b", _SHA256) is False


def test_a_copy_survives_lost_replies_and_says_when_a_service_is_gone(server: S3Server, storage: S3Storage) -> None:
    storage.put("a", b"model")
    faults: list[S3FaultKind] = ["drop_after", "503_before"]
    server.script = lambda asked, _key, _number: faults.pop() if asked == "CopyObject" and faults else None
    assert storage.copy("a", "b", _SHA256) is True

    server.script = _always("CopyObject", "503_before")
    with pytest.raises(StorageUnavailable, match="copy"):
        storage.copy("a", "c", _SHA256)


def _begun(server: S3Server, key: str, *parts: bytes) -> None:
    """An upload whose sender was killed."""
    client = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1")
    upload = client.create_multipart_upload(Bucket="models", Key=key)["UploadId"]
    for number, part in enumerate(parts, 1):
        client.upload_part(Bucket="models", Key=key, UploadId=upload, PartNumber=number, Body=part)


def _uploads(server: S3Server) -> list[str]:
    client = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1")
    return [upload["Key"] for upload in client.list_multipart_uploads(Bucket="models").get("Uploads", [])]


def test_unfinished_uploads_below_the_prefix_are_swept(server: S3Server, storage: S3Storage, clock: _Clock) -> None:
    for key in ("team/data/1/a", "team/data/2/b", "team/other", "elsewhere/data/1/a"):
        _begun(server, key, b"12345", b"678")
    later = clock.time + 60

    rehearsed = storage.sweep("data/", later, dry_run=True)
    assert len(_uploads(server)) == 4
    swept = storage.sweep("data/", later, dry_run=False)

    assert swept == rehearsed
    assert [(info.key, info.size, info.modified) for info in swept] == [
        ("data/1/a", 8, clock.time),
        ("data/2/b", 8, clock.time),
    ]
    assert _uploads(server) == ["team/other", "elsewhere/data/1/a"]


def test_an_upload_that_still_gets_parts_is_left_alone(server: S3Server, storage: S3Storage, clock: _Clock) -> None:
    begun = clock.time
    client = boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1")
    upload = client.create_multipart_upload(Bucket="models", Key="team/data/1/a")["UploadId"]
    _begun(server, "team/data/1/b")
    clock.time += 3600
    client.upload_part(Bucket="models", Key="team/data/1/a", UploadId=upload, PartNumber=1, Body=b"1")

    assert [info.key for info in storage.sweep("", begun + 60, dry_run=False)] == ["data/1/b"]
    assert storage.sweep("", begun, dry_run=False) == []
    assert _uploads(server) == ["team/data/1/a"]


@pytest.mark.parametrize("moment", ["ListParts", "AbortMultipartUpload"])
def test_an_upload_that_ends_while_it_is_swept_is_no_error(
    server: S3Server, storage: S3Storage, clock: _Clock, moment: str
) -> None:
    _begun(server, "team/a", b"1")
    _begun(server, "team/b", b"1")
    upload = S3Call(
        operation="AbortMultipartUpload",
        bucket="models",
        key="team/a",
        query={"uploadId": "upload-1"},
        headers={},
        body=b"",
    )
    ending = [upload]

    def end(asked: str, _key: str, _number: int) -> None:
        if asked == moment and ending:
            server.buckets.apply(ending.pop())

    server.script = end

    assert [info.key for info in storage.sweep("", clock.time + 60, dry_run=False)] == ["a", "b"]
    assert _uploads(server) == []


@pytest.mark.parametrize("operation", ["ListMultipartUploads", "AbortMultipartUpload"])
def test_who_may_not_sweep_is_told_what_failed(server: S3Server, storage: S3Storage, operation: str) -> None:
    _begun(server, "team/a", b"1")
    server.script = _always(operation, "denied")

    with pytest.raises(StorageDenied, match="unfinished upload"):
        storage.sweep("", 2e9, dry_run=False)


def test_sweeping_a_missing_bucket_is_a_typed_error(server: S3Server) -> None:
    with pytest.raises(StorageMissing, match="'elsewhere'"):
        S3Storage("elsewhere", "", S3Options(endpoint=server.endpoint)).sweep("", 0.0, dry_run=True)


def _headers(server: S3Server, name: str) -> dict[str, set[str]]:
    """Which values of a header came with each operation; "" where it was left out."""
    found: dict[str, set[str]] = {}
    for request in server.requests:
        found.setdefault(request.operation, set()).add(request.headers.get(name, ""))
    return found


def _write_everything(storage: S3Storage, folder: Path) -> None:
    (folder / "large").write_bytes(_LARGE)
    (folder / "small").write_bytes(b"model")
    storage.create("log/1", b"1")
    storage.put("heads/1", b"1")
    storage.send("large", folder / "large")
    storage.send("small", folder / "small")
    assert storage.copy("small", "copy", _SHA256)
    assert storage.get("large") == _LARGE


@pytest.mark.parametrize(
    ("options", "algorithm", "key"),
    [
        (S3Options(sse="AES256"), "AES256", ""),
        (S3Options(sse="aws:kms"), "aws:kms", ""),
        (S3Options(kms_key="alias/models"), "aws:kms", "alias/models"),
        (S3Options(), "", ""),
    ],
)
def test_every_object_is_encrypted_as_asked(
    server: S3Server, tmp_path: Path, options: S3Options, algorithm: str, key: str
) -> None:
    storage = S3Storage("models", "", replace(options, endpoint=server.endpoint))
    _write_everything(storage, tmp_path)

    algorithms = _headers(server, "x-amz-server-side-encryption")
    keys = _headers(server, "x-amz-server-side-encryption-aws-kms-key-id")
    for operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        assert algorithms[operation] == {algorithm}
        assert keys[operation] == {key}
    for operation in ("GetObject", "UploadPart"):
        assert algorithms[operation] == {""}


@pytest.mark.parametrize("checksum", ["sha256", "crc64nvme"])
def test_every_body_comes_with_its_checksum(server: S3Server, tmp_path: Path, checksum: str) -> None:
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, checksum=checksum))
    _write_everything(storage, tmp_path)

    sums = _headers(server, f"x-amz-checksum-{checksum}")
    assert "" not in sums["PutObject"] | sums["UploadPart"]


def test_a_role_is_assumed_for_everything(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = S3Options(endpoint=server.endpoint, role=_ROLE, role_session="nightly", external_id="42")
    storage = S3Storage("models", "", options)
    with MotoServer() as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
        _write_everything(storage, tmp_path)
        storage.location()

    for request in server.requests:
        assert request.headers["x-amz-security-token"]
        assert ACCESS_KEY not in request.headers["authorization"]


def test_a_role_that_cannot_be_assumed_is_a_denial(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.endpoint)  # which is no STS
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, role=_ROLE))

    for call in (lambda: storage.get("a"), storage.location, lambda: storage.copy("a", "b", _SHA256)):
        with pytest.raises(StorageDenied, match="AssumeRole"):
            call()


def test_a_role_needs_credentials_to_be_assumed_with(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, role=_ROLE))

    with pytest.raises(StorageDenied, match="none were found"):
        storage.get("a")


@pytest.mark.parametrize("anonymous", [False, True])
def test_without_permission_to_list_the_error_says_what_to_grant(tmp_path: Path, *, anonymous: bool) -> None:
    with S3Server(["models"], may_list=False) as server:
        storage = S3Storage("models", "", S3Options(endpoint=server.endpoint, anonymous=anonymous))
        storage.put("log/1", b"1")

        assert storage.get("log/1") == b"1"
        with pytest.raises(StorageDenied, match=r"Grant s3:ListBucket .* says 403 for a missing object"):
            storage.get("log/2")
        with pytest.raises(StorageDenied, match="Grant s3:ListBucket"):
            storage.fetch("log/2", tmp_path / "out")
        with pytest.raises(StorageDenied, match="s3:ListBucket on the bucket"):
            list(storage.list("log/"))


def test_a_permission_that_is_taken_away_half_way_is_a_denial_everywhere(
    server: S3Server, storage: S3Storage, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(_LARGE)
    storage.send("a", tmp_path / "source")
    number = server.counts()["UploadPart"] + 4
    server.reset()
    server.script = lambda operation, _key, count: "denied" if operation == "UploadPart" and count > number else None

    with pytest.raises(StorageDenied, match="Allow s3:GetObject, s3:PutObject"):
        storage.send("b", tmp_path / "source")

    assert server.buckets.keys("models") == ("team/a",)
    assert _uploads(server) == []
