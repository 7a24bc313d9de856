"""Our S3 server, asked by boto3: other people's tests stand on it, so it has to be right."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.contract.aws import use_fake_aws

from modelstore_core.testing.s3_server import S3FaultKind, S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)


def _client(server: S3Server) -> "S3Client":
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
    return boto3.client("s3", endpoint_url=server.endpoint, region_name="us-east-1", config=config)


@pytest.fixture
def server() -> Iterator[S3Server]:
    with S3Server(["b"]) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> "S3Client":
    return _client(server)


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_an_object_comes_back_with_its_headers(client: "S3Client") -> None:
    put = client.put_object(Bucket="b", Key="a/ü 1", Body=b"12345")
    got = client.get_object(Bucket="b", Key="a/ü 1")
    head = client.head_object(Bucket="b", Key="a/ü 1")

    assert got["Body"].read() == b"12345"
    assert put["ETag"] == got["ETag"] == head["ETag"]
    assert head["ContentLength"] == 5
    assert abs(head["LastModified"].timestamp() - time.time()) < 60


@pytest.mark.parametrize(
    ("asked", "body", "range_"),
    [
        ("bytes=0-2", b"012", "bytes 0-2/10"),
        ("bytes=3-", b"3456789", "bytes 3-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_ranges_are_cut_out(client: "S3Client", asked: str, body: bytes, range_: str) -> None:
    client.put_object(Bucket="b", Key="a", Body=b"0123456789")
    got = client.get_object(Bucket="b", Key="a", Range=asked)

    assert (got["Body"].read(), got["ContentRange"]) == (body, range_)


def test_a_range_beyond_the_end_is_refused(client: "S3Client") -> None:
    client.put_object(Bucket="b", Key="a", Body=b"0123456789")

    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="b", Key="a", Range="bytes=10-")
    assert _code(caught) == "InvalidRange"


def test_preconditions_hold_on_writes(client: "S3Client") -> None:
    first = client.put_object(Bucket="b", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as taken:
        client.put_object(Bucket="b", Key="a", Body=b"2", IfNoneMatch="*")
    client.put_object(Bucket="b", Key="a", Body=b"3", IfMatch=first["ETag"])
    with pytest.raises(ClientError) as changed:
        client.put_object(Bucket="b", Key="a", Body=b"4", IfMatch=first["ETag"])
    with pytest.raises(ClientError) as missing:
        client.put_object(Bucket="b", Key="none", Body=b"4", IfMatch=first["ETag"])

    assert [_code(taken), _code(changed), _code(missing)] == ["PreconditionFailed", "PreconditionFailed", "NoSuchKey"]
    assert client.get_object(Bucket="b", Key="a")["Body"].read() == b"3"


def test_preconditions_hold_on_reads(client: "S3Client") -> None:
    etag = client.put_object(Bucket="b", Key="a", Body=b"1")["ETag"]

    with pytest.raises(ClientError) as unchanged:
        client.get_object(Bucket="b", Key="a", IfNoneMatch=etag)
    with pytest.raises(ClientError) as changed:
        client.get_object(Bucket="b", Key="a", IfMatch='"other"')

    assert [_code(unchanged), _code(changed)] == ["304", "PreconditionFailed"]
    assert client.get_object(Bucket="b", Key="a", IfMatch=etag)["Body"].read() == b"1"


def test_a_server_that_ignores_preconditions_overwrites() -> None:
    with S3Server(["b"], ignore_preconditions=True) as server:
        for body in (b"1", b"2"):
            _client(server).put_object(Bucket="b", Key="a", Body=body, IfNoneMatch="*")

        assert _client(server).get_object(Bucket="b", Key="a")["Body"].read() == b"2"


def test_one_of_many_racing_creates_wins(client: "S3Client") -> None:
    def create(writer: int, number: int) -> bool:
        try:
            client.put_object(Bucket="b", Key=f"{number}", Body=b"%d" % writer, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        for number in range(10):
            won = list(pool.map(create, range(16), [number] * 16))
            assert won.count(True) == 1
            assert client.get_object(Bucket="b", Key=f"{number}")["Body"].read() == b"%d" % won.index(True)


def test_listings_have_pages_prefixes_and_delimiters(client: "S3Client") -> None:
    keys = [f"a/{number:02}/x&y" for number in range(25)] + ["b"]
    for key in keys:
        client.put_object(Bucket="b", Key=key, Body=b"1")

    def listed(**options: Any) -> list[str]:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket="b", PaginationConfig={"PageSize": 7}, **options
        )
        return [
            name
            for page in pages
            for name in (
                *(found["Key"] for found in page.get("Contents", [])),
                *(found["Prefix"] for found in page.get("CommonPrefixes", [])),
            )
        ]

    assert listed() == keys
    assert listed(Prefix="a/1") == keys[10:20]
    assert listed(Delimiter="/") == ["b", "a/"]
    assert listed(Prefix="a/", Delimiter="/") == [f"a/{number:02}/" for number in range(25)]
    assert listed(StartAfter="a/20/x&y") == keys[21:]


def test_deletions_are_idempotent(client: "S3Client") -> None:
    for key in ("a", "b", "c&<d>"):
        client.put_object(Bucket="b", Key=key, Body=b"1")

    client.delete_object(Bucket="b", Key="a")
    client.delete_object(Bucket="b", Key="a")
    reply = client.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "c&<d>"}, {"Key": "missing"}]})

    assert [deleted["Key"] for deleted in reply["Deleted"]] == ["c&<d>", "missing"]
    assert [found["Key"] for found in client.list_objects_v2(Bucket="b")["Contents"]] == ["b"]


def test_more_than_a_thousand_deletions_are_refused(client: "S3Client") -> None:
    with pytest.raises(ClientError) as caught:
        client.delete_objects(Bucket="b", Delete={"Objects": [{"Key": f"{number}"} for number in range(1_001)]})
    assert _code(caught) == "MalformedXML"


def test_copies_have_the_same_bytes(client: "S3Client") -> None:
    client.put_object(Bucket="b", Key="a/ü", Body=b"1")
    client.copy_object(Bucket="b", Key="copy", CopySource={"Bucket": "b", "Key": "a/ü"})

    assert client.get_object(Bucket="b", Key="copy")["Body"].read() == b"1"


def test_multipart_uploads_are_joined_in_order(client: "S3Client") -> None:
    upload = client.create_multipart_upload(Bucket="b", Key="a")["UploadId"]
    etags = {
        number: client.upload_part(Bucket="b", Key="a", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in ((2, b"second"), (1, b"first"))
    }
    parts = client.list_parts(Bucket="b", Key="a", UploadId=upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 5), (2, 6)]

    client.complete_multipart_upload(
        Bucket="b",
        Key="a",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2)]},
    )

    got = client.get_object(Bucket="b", Key="a", Range="bytes=3-7")
    assert (got["Body"].read(), got["ETag"][-3:]) == (b"stsec", '-2"')
    assert "Uploads" not in client.list_multipart_uploads(Bucket="b")


def test_an_upload_can_be_aborted_or_be_unknown(client: "S3Client") -> None:
    upload = client.create_multipart_upload(Bucket="b", Key="a")["UploadId"]
    assert [found["Key"] for found in client.list_multipart_uploads(Bucket="b")["Uploads"]] == ["a"]
    client.abort_multipart_upload(Bucket="b", Key="a", UploadId=upload)

    with pytest.raises(ClientError) as caught:
        client.upload_part(Bucket="b", Key="a", UploadId=upload, PartNumber=1, Body=b"1")
    assert _code(caught) == "NoSuchUpload"


def test_a_completion_needs_its_parts_and_its_precondition(client: "S3Client") -> None:
    client.put_object(Bucket="b", Key="a", Body=b"1")
    upload = client.create_multipart_upload(Bucket="b", Key="a")["UploadId"]
    etag = client.upload_part(Bucket="b", Key="a", UploadId=upload, PartNumber=1, Body=b"2")["ETag"]

    def complete(number: int) -> str:
        with pytest.raises(ClientError) as caught:
            client.complete_multipart_upload(
                Bucket="b",
                Key="a",
                UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag}]},
                IfNoneMatch="*",
            )
        return _code(caught)

    assert [complete(7), complete(1)] == ["InvalidPart", "PreconditionFailed"]


_CHUNKS = b"5;chunk-signature=00\r\n12345\r\n3\r\n678\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Length": str(len(_CHUNKS))},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_bodies_in_chunks_are_decoded(server: S3Server, client: "S3Client", headers: dict[str, str]) -> None:
    connection = HTTPConnection(server.endpoint.removeprefix("http://"), timeout=10)
    connection.request("PUT", "/b/a", _CHUNKS, headers)
    reply = connection.getresponse()
    reply.read()
    connection.close()

    assert reply.status == 200
    assert client.get_object(Bucket="b", Key="a")["Body"].read() == b"12345678"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_bodies_with_checksums_are_taken(client: "S3Client", algorithm: Any) -> None:
    client.put_object(Bucket="b", Key="a", Body=io.BytesIO(b"1" * 100_000), ChecksumAlgorithm=algorithm)

    assert client.get_object(Bucket="b", Key="a")["Body"].read() == b"1" * 100_000


def test_a_body_that_breaks_off_is_not_stored(server: S3Server) -> None:
    with socket.create_connection(("127.0.0.1", int(server.endpoint.rpartition(":")[2])), 10) as connection:
        connection.sendall(b"PUT /b/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""

    assert server.buckets.keys("b") == ()
    assert server.requests == ()


def test_a_bucket_that_was_not_named_does_not_exist(client: "S3Client") -> None:
    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket="other", Key="a", Body=b"1")
    with pytest.raises(ClientError):
        client.head_bucket(Bucket="other")

    assert _code(caught) == "NoSuchBucket"
    assert client.head_bucket(Bucket="b")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_versioning_and_region_are_told() -> None:
    with S3Server(["b"], versioning=True, region="eu-west-1") as server:
        client = _client(server)

        assert client.get_bucket_versioning(Bucket="b")["Status"] == "Enabled"
        assert client.get_bucket_location(Bucket="b")["LocationConstraint"] == "eu-west-1"
        assert client.head_bucket(Bucket="b")["BucketRegion"] == "eu-west-1"


def test_the_access_key_can_be_required() -> None:
    with S3Server(["b"], access_key_id="another") as server, pytest.raises(ClientError) as caught:
        _client(server).get_object(Bucket="b", Key="a")

    assert _code(caught) == "InvalidAccessKeyId"


def test_what_it_does_not_know_it_says_it_does_not_implement(client: "S3Client") -> None:
    with pytest.raises(ClientError) as caught:
        client.list_buckets()
    assert _code(caught) == "NotImplemented"


@pytest.mark.parametrize(
    ("fault", "stored"),
    [("drop_before", False), ("drop_after", True), ("503_before", False), ("503_after", True), ("conflict", False)],
)
def test_a_fault_is_met_before_or_after_the_write(
    server: S3Server, client: "S3Client", fault: S3FaultKind, *, stored: bool
) -> None:
    server.script = lambda _operation, _key, number: fault if number == 1 else None

    with pytest.raises((ClientError, ConnectionClosedError)):
        client.put_object(Bucket="b", Key="a", Body=b"1", IfNoneMatch="*")

    assert server.buckets.keys("b") == (("a",) if stored else ())
    (request,) = server.requests
    assert (request.operation, request.key, request.fault) == ("PutObject", "a", fault)


def test_the_same_seed_draws_the_same_faults() -> None:
    def faults(seed: int) -> list[S3FaultKind | None]:
        with S3Server(["b"], seed=seed, rates={"503_before": 0.2, "conflict": 0.2, "delay": 0.2, "truncate": 0.2}) as s:
            client = _client(s)
            for number in range(50):
                with suppress(ClientError):
                    client.put_object(Bucket="b", Key=f"{number}", Body=b"1")
            return [request.fault for request in s.requests]

    first = faults(1)

    assert first == faults(1)
    assert set(first) == {None, "503_before", "delay"}


def test_a_delay_takes_its_time() -> None:
    with S3Server(["b"], latency_ms=30, delay_ms=30, rates={"delay": 1.0}) as server:
        start = time.monotonic()
        _client(server).put_object(Bucket="b", Key="a", Body=b"1")

        assert time.monotonic() - start > 0.05


def test_stopping_is_quick_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    asked = threading.Event()

    def script(_operation: str, _key: str, _number: int) -> S3FaultKind:
        asked.set()
        return "delay"

    with ThreadPoolExecutor(1) as pool:
        with S3Server(["b"], delay_ms=60_000, script=script) as server:
            waiting = pool.submit(_client(server).put_object, Bucket="b", Key="a", Body=b"1")
            assert asked.wait(10)
            start = time.monotonic()
        assert time.monotonic() - start < 10
        waiting.exception(10)

    assert set(threading.enumerate()) == before


def _broken(_operation: str, _key: str, _number: int) -> S3FaultKind:
    raise ZeroDivisionError


def test_its_own_failures_are_raised_when_it_stops() -> None:
    server = S3Server(["b"], script=_broken)
    server.__enter__()
    with pytest.raises(ClientError) as caught:
        _client(server).get_object(Bucket="b", Key="a")

    assert _code(caught) == "InternalError"
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        server.__exit__(None, None, None)
