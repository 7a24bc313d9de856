"""A storage in an S3 bucket, or in any service that speaks S3 and keeps its promise about `If-None-Match`."""

import os
from collections.abc import Sequence
from contextlib import suppress

from modelstore_core.errors import StorageDenied, StorageError
from modelstore_core.storage.connections import Clients
from modelstore_core.storage.given import GivenBy
from modelstore_core.storage.keys import check_key, check_prefix
from modelstore_core.storage.objects import ObjectStorage
from modelstore_core.storage.protocol import Location, ObjectInfo, Storage
from modelstore_core.storage.s3_bucket import Bucket
from modelstore_core.storage.s3_clients import Credentials, connect_s3, open_bucket
from modelstore_core.storage.s3_errors import credentials_missing, s3_error
from modelstore_core.storage.s3_options import S3Options

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

    def __init__(
        self, bucket: str, prefix: str = "", options: S3Options | None = None, given: GivenBy | None = None
    ) -> None:
        super().__init__(bucket, prefix)
        self.options = options or S3Options()
        self._given = given
        self._credentials: Credentials | None = None
        self._opened: tuple[int, Bucket] | None = None
        self._proves_copies = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket!r}, {self.prefix!r}, {self.options!r})"

    def __reduce__(self) -> tuple[type["S3Storage"], tuple[str, str, S3Options, GivenBy | None]]:
        return type(self), (self.bucket, self.prefix, self.options, self._given)

    def location(self) -> Location:
        """Asks the service for the bucket's versioning."""
        bucket = self._bucket()
        return Location(
            scheme=self.scheme,
            endpoint=bucket.endpoint,
            container=self.bucket,
            prefix=self.prefix,
            versioning=bucket.versioning() if self.options.conditional else "unconditional",
        )

    def create(self, key: str, body: bytes) -> bool:
        """One PUT with `If-None-Match: *`, never retried; False for a 412, and for a 409, which may be a lie.

        Without conditions (see `S3Options`) a look and then a write. The self-test would take that for the real thing
        whenever no writer happens to be quick enough, so below `self-test/` the look is left out: it fails each time.
        """
        if self.options.conditional:
            return super().create(key, body)
        if not key.startswith("self-test/") and self.get(key) is not None:
            return False
        self.put(key, body)
        return True

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """One CopyObject inside the service, of up to 5 GB; proven by the SHA256 that it computes of the new object.

        A service that has once copied without saying the SHA256 is not asked again. The source may lie in another
        bucket of the same service, if this storage's credentials may read it.
        """
        path, home = self._path(target), self if origin is None else origin
        if not isinstance(home, S3Storage):
            check_key(source)
            return False
        bucket, from_path = self._bucket(), home._path(source)  # noqa: SLF001 -- another of this class
        if not self._proves_copies or (home is not self and home._bucket().endpoint != bucket.endpoint):  # noqa: SLF001
            return False
        said = bucket.copied(home.bucket, from_path, path)
        if said == sha256:
            return True
        if said is not None:
            self._proves_copies = self._proves_copies and said != ""
            with suppress(StorageDenied):  # who may not delete may send, which is what the caller does now
                self.delete([target])
        return False

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Abort uploads in parts that were begun and never finished; nobody sees them, but they are paid for."""
        check_prefix(prefix)
        bucket, root = self._bucket(), f"{self.prefix}/" if self.prefix else ""
        left = [*bucket.uploads(root + prefix, before)]
        for upload in left:
            if not dry_run:
                bucket.abort(upload)
        return [
            ObjectInfo(key=upload.path[len(root) :], size=upload.size, etag=upload.id, modified=upload.touched)
            for upload in left
        ]

    def _bucket(self) -> Bucket:
        # One a process: a forked one must not speak on its parent's connections.
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            opened = self._opened = os.getpid(), open_bucket(self.bucket, self.options, self._given)
        return opened[1]

    def _connect(self) -> Clients:
        self._credentials, clients = connect_s3(self.bucket, self.options, self._given)
        return clients

    def _error(self, what: str, url: str, error: Exception) -> StorageError:
        kind = type(error).__name__
        if kind == "UnauthenticatedError" and self._credentials and self._credentials.failure:
            return credentials_missing(url, self._credentials.failure.rstrip("."))
        return s3_error(what, url, self.bucket, str(error), kind)
