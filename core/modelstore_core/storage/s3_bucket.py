"""What boto3 asks of a bucket: its versioning and region, copies that prove themselves, uploads never finished.

Nothing here is needed to read or write an object.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelstore_core.errors import StorageError, StorageMissing, StorageUnavailable
from modelstore_core.storage.s3_errors import credentials_missing, s3_error

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

__all__ = ["Bucket", "Upload"]

_SERVER_ERROR, _NOT_IMPLEMENTED = 500, 501
_SHA256_SIZE = 32
# What services answer that keep no list of unfinished uploads, or have nothing on it.
_NO_UPLOADS = frozenset({"NoSuchUpload", "NotImplemented", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload in parts that was begun and not finished.

    Attributes:
        path: The key it would have, prefix of the store included.
        id: The service's name for it.
        size: Of the parts that have arrived, in bytes.
        touched: When the last of them arrived, or it was begun; seconds since the epoch, by the service's clock.
    """

    path: str
    id: str
    size: int
    touched: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket, as boto3's client sees it. Safe to share between threads.

    Attributes:
        name: Of the bucket.
        client: boto3's.
        endpoint: The service's address, "" for AWS's own.
        encryption: What a write says of encryption, in boto3's words.
    """

    name: str
    client: "S3Client"
    endpoint: str
    encryption: Mapping[str, str]

    def versioning(self) -> Literal["on", "off", "unknown"]:
        """Whether the bucket keeps versions; "unknown" if the service will not say."""
        from botocore.exceptions import ClientError

        try:
            with self._reached():
                reply = self.client.get_bucket_versioning(Bucket=self.name)
        except ClientError as error:
            if _code(error) == "NoSuchBucket":
                raise StorageMissing(
                    f"There is no bucket {self.name!r}.",
                    value=self.name,
                    fix="Create it, or check its name and the endpoint.",
                ) from None
            return "unknown"
        return "on" if reply.get("Status") == "Enabled" else "off"

    def region(self) -> str:
        """The region it says it is in, in a header that even a refusal has; AWS's first if it does not say."""
        from botocore.exceptions import ClientError

        headers: Mapping[str, str]
        try:
            with self._reached():
                headers = self.client.head_bucket(Bucket=self.name)["ResponseMetadata"]["HTTPHeaders"]
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        return headers.get("x-amz-bucket-region", "us-east-1")

    def copied(self, origin: str, source: str, target: str) -> str | None:
        """Let the service copy an object of up to 5 GB, and say which sha256 the new one has.

        Args:
            origin: The bucket of the source.
            source: The key to copy from.
            target: The key to copy to.

        Returns:
            The sha256, hexadecimal; "" if the service has copied and does not say; None if it has refused.
        """
        from botocore.exceptions import ClientError

        try:
            with self._reached():
                reply = self.client.copy_object(
                    Bucket=self.name,
                    Key=target,
                    CopySource={"Bucket": origin, "Key": source},
                    ChecksumAlgorithm="SHA256",
                    **self.encryption,  # type: ignore[arg-type]  # a TypedDict of strings
                )
        except ClientError as error:
            if _status(error) < _SERVER_ERROR or _status(error) == _NOT_IMPLEMENTED:
                return None
            raise self._failed("copy", source, error) from None
        return _hexadecimal(reply["CopyObjectResult"].get("ChecksumSHA256", ""))

    def uploads(self, prefix: str, before: float) -> Iterator[Upload]:
        """Uploads of keys that begin with the prefix, last touched before that time."""
        from botocore.exceptions import ClientError

        pages = self.client.get_paginator("list_multipart_uploads")
        try:
            with self._reached():
                for page in pages.paginate(Bucket=self.name, Prefix=prefix):
                    for found in page.get("Uploads", ()):
                        begun = found["Initiated"].timestamp()
                        # Not every service heeds the prefix.
                        if begun < before and found["Key"].startswith(prefix):
                            upload = self._upload(found["Key"], found["UploadId"], begun)
                            if upload.touched < before:
                                yield upload
        except ClientError as error:
            if _code(error) not in _NO_UPLOADS:
                raise self._failed("list the unfinished uploads of", prefix, error) from None

    def _upload(self, path: str, upload_id: str, begun: float) -> Upload:
        size, touched, pages = 0, begun, self.client.get_paginator("list_parts")
        with suppress(self.client.exceptions.NoSuchUpload):
            for page in pages.paginate(Bucket=self.name, Key=path, UploadId=upload_id):
                for part in page.get("Parts", ()):
                    size += part["Size"]
                    touched = max(touched, part["LastModified"].timestamp())
        return Upload(path=path, id=upload_id, size=size, touched=touched)

    def abort(self, upload: Upload) -> None:
        """Drop the upload and its parts; one that has ended meanwhile is no error."""
        from botocore.exceptions import ClientError

        try:
            with self._reached():
                self.client.abort_multipart_upload(Bucket=self.name, Key=upload.path, UploadId=upload.id)
        except ClientError as error:
            if _code(error) != "NoSuchUpload":
                raise self._failed("drop the unfinished upload of", upload.path, error) from None

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Only the bucket's own answers pass: what went wrong on the way to it becomes one of our errors."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.operation_name == "AssumeRole":
                raise credentials_missing(f"s3://{self.name}", str(error).rstrip(".")) from None
            raise
        except BotoCoreError as error:
            kind = type(error).__name__
            if "Credential" in kind or "Token" in kind:
                raise credentials_missing(f"s3://{self.name}", str(error).rstrip(".")) from None
            raise StorageUnavailable(
                f"Could not reach the service of {f's3://{self.name}'!r}: {kind}.",
                value=self.name,
                fix="Check the endpoint and the network, and try again.",
            ) from None

    def _failed(self, what: str, path: str, error: "ClientError") -> StorageError:
        message = error.response["Error"].get("Message")
        said = f"status code: {_status(error)} <Code>{_code(error)}</Code><Message>{message}"
        return s3_error(what, f"s3://{self.name}/{path}", self.name, said, "ClientError")


def _code(error: "ClientError") -> str:
    return error.response["Error"].get("Code", "")


def _status(error: "ClientError") -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _hexadecimal(checksum: str) -> str:
    """The digest of the whole object; "" for none, and for one of the digests of its parts ("…-3")."""
    try:
        digest = base64.b64decode(checksum, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == _SHA256_SIZE else ""
