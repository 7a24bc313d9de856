"""The buckets of our test server: S3's operations on objects in memory, each atomic under one lock."""

import base64
import hashlib
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice
from urllib.parse import unquote

from modelstore_core.testing.s3_wire import (
    Reply,
    S3Call,
    S3Error,
    all_tags,
    element,
    http_date,
    iso_date,
    url_encoded,
    xml_reply,
)

__all__ = ["Buckets"]

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    parts: tuple[bytes, ...]
    etag: str
    modified: float

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))

    def sliced(self, start: int, stop: int) -> tuple[memoryview, ...]:
        pieces, place = [], 0
        for part in self.parts:
            piece = memoryview(part)[max(0, start - place) : max(0, stop - place)]
            place += len(part)
            if piece:
                pieces.append(piece)
        return tuple(pieces)


@dataclass(slots=True, kw_only=True)
class _Upload:
    bucket: str
    key: str
    begun: float
    parts: dict[int, tuple[bytes, float]] = field(default_factory=dict)

    def body(self, number: int) -> bytes:
        return self.parts[number][0]


class Buckets:
    """Objects in named buckets; a bucket that was not named at the start does not exist.

    Args:
        names: The buckets.
        region: What they say of themselves.
        versioning: Likewise; nothing is versioned either way.
        ignore_preconditions: Write even if `If-Match` or `If-None-Match` do not hold, as some servers do.
        prove_copies: Answer a copy with the checksum that was asked for; not all servers do.
        may_list: Whether callers may list: S3 hides from others whether an object is there.
        clock: What objects and parts are stamped with.
    """

    def __init__(  # noqa: PLR0913 -- switches of a test server, keyword-only
        self,
        names: Collection[str],
        *,
        region: str = "us-east-1",
        versioning: bool = False,
        ignore_preconditions: bool = False,
        prove_copies: bool = True,
        may_list: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._objects: dict[str, dict[str, _Object]] = {name: {} for name in names}
        self._uploads: dict[str, _Upload] = {}
        self._upload_numbers = count(1)
        self._region = region
        self._versioning = versioning
        self._ignore_preconditions = ignore_preconditions
        self._prove_copies = prove_copies
        self._may_list = may_list
        self._clock = clock
        self._lock = threading.Lock()
        self._operations: Mapping[str, Callable[[S3Call], Reply]] = {
            "AbortMultipartUpload": self._abort_upload,
            "CompleteMultipartUpload": self._complete_upload,
            "CopyObject": self._copy,
            "CreateMultipartUpload": self._create_upload,
            "DeleteObject": self._delete,
            "DeleteObjects": self._delete_many,
            "GetBucketLocation": self._location,
            "GetBucketVersioning": self._get_versioning,
            "GetObject": self._get,
            "HeadBucket": self._head_bucket,
            "HeadObject": self._get,
            "ListMultipartUploads": self._list_uploads,
            "ListObjectsV2": self._list,
            "ListParts": self._list_parts,
            "PutObject": self._put,
            "UploadPart": self._upload_part,
        }

    def apply(self, call: S3Call) -> Reply:
        """Do the operation, atomically; raises `S3Error`."""
        with self._lock:
            if call.bucket not in self._objects:
                raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
            return self._operations[call.operation](call)

    def keys(self, bucket: str) -> tuple[str, ...]:
        """The keys of a bucket, sorted: a look behind the storage under test."""
        with self._lock:
            return tuple(sorted(self._objects[bucket]))

    def _find(self, bucket: str, key: str) -> _Object:
        found = self._objects.get(bucket, {}).get(key)
        if found is None and not self._may_list:
            raise S3Error(403, "AccessDenied", "Access Denied")
        if found is None:
            raise S3Error(404, "NoSuchKey", "The specified key does not exist.")
        return found

    def _get(self, call: S3Call) -> Reply:
        found = self._find(call.bucket, call.key)
        if not _matches(call.headers.get("if-match", "*"), found):
            raise S3Error(412, "PreconditionFailed")
        if "if-none-match" in call.headers and _matches(call.headers["if-none-match"], found):
            raise S3Error(304, "NotModified")
        start, stop = _range(call.headers.get("range", ""), found.size)
        headers = {"ETag": found.etag, "Last-Modified": http_date(found.modified), "Accept-Ranges": "bytes"}
        if "range" not in call.headers:
            return Reply(headers=headers, body=found.parts)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
        return Reply(status=206, headers=headers, body=found.sliced(start, stop))

    def _check_preconditions(self, call: S3Call) -> None:
        if self._ignore_preconditions:
            return
        found = self._objects[call.bucket].get(call.key)
        if "if-match" in call.headers:
            if found is None:
                raise S3Error(404, "NoSuchKey", "The specified key does not exist.")
            if not _matches(call.headers["if-match"], found):
                raise S3Error(412, "PreconditionFailed")
        if "if-none-match" in call.headers and found and _matches(call.headers["if-none-match"], found):
            raise S3Error(412, "PreconditionFailed")

    def _store(self, call: S3Call, parts: tuple[bytes, ...], etag: str) -> _Object:
        self._check_preconditions(call)
        stored = _Object(parts=parts, etag=etag, modified=self._clock())
        self._objects[call.bucket][call.key] = stored
        return stored

    def _put(self, call: S3Call) -> Reply:
        stored = self._store(call, (call.body,), _etag(call.body))
        return Reply(headers={"ETag": stored.etag})

    def _copy(self, call: S3Call) -> Reply:
        bucket, _, key = unquote(call.headers["x-amz-copy-source"]).removeprefix("/").partition("/")
        source = self._find(bucket, key)
        stored = self._store(call, source.parts, source.etag)
        children = [element("ETag", stored.etag), element("LastModified", iso_date(stored.modified))]
        if self._prove_copies and call.headers.get("x-amz-checksum-algorithm") == "SHA256":
            digest = hashlib.sha256(b"".join(stored.parts)).digest()
            children += [element("ChecksumSHA256", base64.b64encode(digest).decode())]
        return xml_reply("CopyObjectResult", *children)

    def _delete(self, call: S3Call) -> Reply:
        self._objects[call.bucket].pop(call.key, None)
        return Reply(status=204)

    def _delete_many(self, call: S3Call) -> Reply:
        keys = all_tags(call.body, "Key")
        if len(keys) > _PAGE:
            raise S3Error(400, "MalformedXML")
        for key in keys:
            self._objects[call.bucket].pop(key, None)
        deleted = [] if all_tags(call.body, "Quiet") == ["true"] else keys
        return xml_reply("DeleteResult", *(f"<Deleted>{element('Key', key)}</Deleted>" for key in deleted))

    def _list(self, call: S3Call) -> Reply:
        if not self._may_list:
            raise S3Error(403, "AccessDenied", "Access Denied")
        prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
        most = min(int(call.query.get("max-keys") or _PAGE), _PAGE)
        after = call.query.get("continuation-token") or call.query.get("start-after", "")
        entries = list(islice(_rolled_up(self._objects[call.bucket], prefix, delimiter, after), most + 1))
        page = entries[:most]
        show = url_encoded if call.query.get("encoding-type") == "url" else str
        children = [
            element("Name", call.bucket),
            element("Prefix", show(prefix)),
            element("MaxKeys", most),
            element("KeyCount", len(page)),
            element("IsTruncated", str(len(entries) > most).lower()),
        ]
        if "encoding-type" in call.query:
            children.append(element("EncodingType", "url"))
        if len(entries) > most:
            children.append(element("NextContinuationToken", page[-1][0]))
        children += [_shown(show(key), found) for key, found in page]
        return xml_reply("ListBucketResult", *children)

    def _head_bucket(self, _call: S3Call) -> Reply:
        return Reply(headers={"x-amz-bucket-region": self._region})

    def _location(self, _call: S3Call) -> Reply:
        return xml_reply("LocationConstraint", self._region)

    def _get_versioning(self, _call: S3Call) -> Reply:
        return xml_reply("VersioningConfiguration", *([element("Status", "Enabled")] if self._versioning else []))

    def _create_upload(self, call: S3Call) -> Reply:
        upload_id = f"upload-{next(self._upload_numbers)}"
        self._uploads[upload_id] = _Upload(bucket=call.bucket, key=call.key, begun=self._clock())
        return xml_reply(
            "InitiateMultipartUploadResult",
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("UploadId", upload_id),
        )

    def _upload(self, call: S3Call) -> _Upload:
        upload = self._uploads.get(call.query["uploadId"])
        if upload is None or (upload.bucket, upload.key) != (call.bucket, call.key):
            raise S3Error(404, "NoSuchUpload")
        return upload

    def _upload_part(self, call: S3Call) -> Reply:
        self._upload(call).parts[int(call.query["partNumber"])] = call.body, self._clock()
        return Reply(headers={"ETag": _etag(call.body)})

    def _complete_upload(self, call: S3Call) -> Reply:
        upload = self._upload(call)
        numbers = [int(number) for number in all_tags(call.body, "PartNumber")]
        if not numbers or numbers != sorted(set(numbers) & set(upload.parts)):
            raise S3Error(400, "InvalidPart")
        parts = tuple(map(upload.body, numbers))
        digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
        stored = self._store(call, parts, _etag(digests, f"-{len(parts)}"))
        del self._uploads[call.query["uploadId"]]
        return xml_reply(
            "CompleteMultipartUploadResult",
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("ETag", stored.etag),
        )

    def _abort_upload(self, call: S3Call) -> Reply:
        self._upload(call)
        del self._uploads[call.query["uploadId"]]
        return Reply(status=204)

    def _list_parts(self, call: S3Call) -> Reply:
        parts = sorted(self._upload(call).parts.items())
        return xml_reply(
            "ListPartsResult",
            element("UploadId", call.query["uploadId"]),
            element("IsTruncated", "false"),
            *(
                f"<Part>{element('PartNumber', number)}{element('ETag', _etag(part))}{element('Size', len(part))}"
                f"{element('LastModified', iso_date(arrived))}</Part>"
                for number, (part, arrived) in parts
            ),
        )

    def _list_uploads(self, call: S3Call) -> Reply:
        return xml_reply(
            "ListMultipartUploadsResult",
            element("IsTruncated", "false"),
            *(
                f"<Upload>{element('Key', upload.key)}{element('UploadId', upload_id)}"
                f"{element('Initiated', iso_date(upload.begun))}</Upload>"
                for upload_id, upload in self._uploads.items()
                if upload.bucket == call.bucket and upload.key.startswith(call.query.get("prefix", ""))
            ),
        )


def _etag(body: bytes, suffix: str = "") -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}{suffix}"'


def _matches(condition: str, found: _Object) -> bool:
    return condition == "*" or found.etag in {etag.strip() for etag in condition.split(",")}


def _range(wanted: str, size: int) -> tuple[int, int]:
    if not wanted:
        return 0, size
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    if int(first) >= size:
        raise S3Error(416, "InvalidRange")
    return int(first), min(size, int(last) + 1) if last else size


def _rolled_up(
    objects: Mapping[str, _Object], prefix: str, delimiter: str, after: str
) -> Iterator[tuple[str, _Object | None]]:
    """The entries of a listing after a key: objects, and None for each common prefix up to the delimiter."""
    keys = sorted(objects)
    last_common = ""
    for key in keys[bisect_right(keys, after) :]:
        if not key.startswith(prefix):
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        common = prefix + head + found
        if not found:
            yield key, objects[key]
        elif common not in {last_common, after}:
            last_common = common
            yield common, None


def _shown(key: str, found: _Object | None) -> str:
    if found is None:
        return f"<CommonPrefixes>{element('Prefix', key)}</CommonPrefixes>"
    return (
        f"<Contents>{element('Key', key)}{element('LastModified', iso_date(found.modified))}"
        f"{element('ETag', found.etag)}{element('Size', found.size)}{element('StorageClass', 'STANDARD')}</Contents>"
    )
