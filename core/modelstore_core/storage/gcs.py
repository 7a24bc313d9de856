"""A storage in a bucket of Google Cloud Storage, by its XML API. obstore finds the credentials and moves the bytes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstore_core.errors import StorageError
from modelstore_core.storage.connections import Clients, check_endpoint, connect, require
from modelstore_core.storage.given import GivenBy, Kind, ask
from modelstore_core.storage.objects import ObjectStorage
from modelstore_core.storage.protocol import Location
from modelstore_core.storage.replies import Service, service_error

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSConfig, GCSCredential, GCSStore, RetryConfig

__all__ = ["GCSOptions", "GCSStorage", "require_packages"]

_GCS = Service(
    missing="NoSuchBucket",
    fix_missing="Create the bucket {}, or check its name and the endpoint.",
    denied=frozenset(),
    fix_denied=(
        "Check the credentials and that they have the role Storage Object User (to read: Storage Object Viewer) on "
        "the bucket."
    ),
    fixes={
        "AuthenticationRequired": "The token has expired or is not known: sign in again.",
    },
    fix_credentials=(
        "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, sign in by `gcloud auth application-default login`, or use "
        "anonymous=True (`--option anonymous=true`) to read a public bucket."
    ),
)
_SERVICE = "https://storage.googleapis.com"
_KEY, _TOKEN = "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN"
_KINDS = (
    Kind(names=(_KEY,), weaker_than=(_TOKEN, "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")),
    Kind(names=(_TOKEN,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GCSOptions:
    """How to reach a bucket. Holds no secret: credentials are found in the environment, where obstore looks.

    Attributes:
        endpoint: The service's address, for any but Google's own. Without it GOOGLE_BASE_URL is asked.
        anonymous: Look for no credentials, to read public buckets; a GOOGLE_BEARER_TOKEN is sent all the same.
    """

    endpoint: str | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_endpoint(self.endpoint)


class GCSStorage(ObjectStorage):
    """Bytes under keys in a bucket, below a prefix.

    Holds configuration only: it pickles without secrets or connections, and connects on first use, in each process
    anew.
    """

    scheme = "gs"
    service = "Google Cloud Storage"
    bucket_missing = _GCS.missing
    upload_gone = "NoSuchUpload"

    def __init__(
        self, bucket: str, prefix: str = "", options: GCSOptions | None = None, given: GivenBy | None = None
    ) -> None:
        super().__init__(bucket, prefix)
        self.options = options or GCSOptions()
        self._given = given

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket!r}, {self.prefix!r}, {self.options!r})"

    def __reduce__(self) -> tuple[type["GCSStorage"], tuple[str, str, GCSOptions, GivenBy | None]]:
        return type(self), (self.bucket, self.prefix, self.options, self._given)

    def location(self) -> Location:
        """Asks nothing: preconditions hold whether or not a bucket keeps versions."""
        return Location(
            scheme=self.scheme,
            endpoint=_endpoint(self.options),
            container=self.bucket,
            prefix=self.prefix,
            versioning="unknown",
        )

    def _connect(self) -> Clients:
        url = f"gs://{self.bucket}"
        require_packages(url)
        from obstore.store import GCSStore

        endpoint = _endpoint(self.options)
        # Whatever is left out here, obstore takes from the environment.
        config: GCSConfig = {"skip_signature": self.options.anonymous, "base_url": endpoint or _SERVICE}

        given = {} if self._given is None else ask(self._given, _KINDS, url)
        if _KEY in given:
            config["service_account_key"] = given[_KEY]
        provider = _provider(given.get(_TOKEN))

        def opener(client: "ClientConfig", retries: "RetryConfig") -> "GCSStore":
            return GCSStore(
                self.bucket, config=config, client_options=client, retry_config=retries, credential_provider=provider
            )

        return connect(url, "GOOGLE_…", opener, allow_http=endpoint.startswith("http://"))

    def _error(self, what: str, url: str, error: Exception) -> StorageError:
        return service_error(_GCS, what, url, self.bucket, (type(error).__name__, str(error)))


def require_packages(url: str) -> None:
    """`MissingExtra` if a package is missing; imports none."""
    require(url, "gcs", ("obstore",))


def _provider(token: str | None) -> "Callable[[], GCSCredential] | None":
    """What obstore asks instead of the environment."""
    if token is None:
        return None
    return lambda: {"token": token, "expires_at": None}


def _endpoint(options: GCSOptions) -> str:
    named = options.endpoint or os.environ.get("GOOGLE_BASE_URL")
    return check_endpoint(named) if named else ""
