"""A storage in an S3 bucket, or in any service that speaks S3 and keeps its promise about `If-None-Match`."""

from modelstore_core.errors import StorageError
from modelstore_core.storage.connections import Clients
from modelstore_core.storage.objects import ObjectStorage
from modelstore_core.storage.protocol import Location
from modelstore_core.storage.s3_clients import Credentials, S3Options, connect_s3, effective_endpoint, versioning
from modelstore_core.storage.s3_errors import credentials_missing, s3_error

__all__ = ["S3Options", "S3Storage"]


class S3Storage(ObjectStorage):
    """Bytes under keys in a bucket, below a prefix.

    Holds configuration only: it pickles without secrets or connections, and connects on first use, in each process
    anew.
    """

    scheme = "s3"
    service = "S3"
    bucket_missing = "NoSuchBucket"
    upload_gone = "NoSuchUpload"

    def __init__(self, bucket: str, prefix: str = "", options: S3Options | None = None) -> None:
        super().__init__(bucket, prefix)
        self.options = options or S3Options()
        self._credentials: Credentials | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket!r}, {self.prefix!r}, {self.options!r})"

    def __reduce__(self) -> tuple[type["S3Storage"], tuple[str, str, S3Options]]:
        return type(self), (self.bucket, self.prefix, self.options)

    def location(self) -> Location:
        """Asks the service for the bucket's versioning."""
        return Location(
            scheme=self.scheme,
            endpoint=effective_endpoint(self.bucket, self.options),
            container=self.bucket,
            prefix=self.prefix,
            versioning=versioning(self.bucket, self.options),
        )

    def _connect(self) -> Clients:
        self._credentials, clients = connect_s3(self.bucket, self.options)
        return clients

    def _error(self, what: str, url: str, error: Exception) -> StorageError:
        kind = type(error).__name__
        if kind == "UnauthenticatedError" and self._credentials and self._credentials.failure:
            return credentials_missing(url, self._credentials.failure)
        return s3_error(what, url, self.bucket, str(error), kind)
