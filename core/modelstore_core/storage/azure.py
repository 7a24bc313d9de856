"""A storage in a container of Azure Blob Storage. obstore finds the credentials and moves the bytes."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstore_core.errors import InvalidLocation, StorageError
from modelstore_core.storage.connections import Clients, check_endpoint, connect, require
from modelstore_core.storage.given import GivenBy, Kind, ask
from modelstore_core.storage.objects import ObjectStorage
from modelstore_core.storage.protocol import Location
from modelstore_core.storage.replies import Service, service_error

if TYPE_CHECKING:
    from obstore.store import AzureConfig, AzureCredential, AzureStore, ClientConfig, RetryConfig

__all__ = ["AzureOptions", "AzureStorage", "require_packages"]

_AZURE = Service(
    missing="ContainerNotFound",
    fix_missing="Create the container {}, or check its name, the account and the endpoint.",
    denied=frozenset({"PublicAccessNotPermitted"}),
    fix_denied=(
        "Check the credentials and that they have the role Storage Blob Data Contributor (to read: Reader) on the "
        "container."
    ),
    fixes={
        "AuthenticationFailed": "Check AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, and this machine's clock.",
        "AuthorizationFailure": "Check AZURE_STORAGE_ACCOUNT_KEY, and that the account's firewall admits this machine.",
        "KeyBasedAuthenticationNotPermitted": "The account refuses keys: sign in as a principal that has a role there.",
    },
    fix_credentials=(
        "Set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and "
        "AZURE_TENANT_ID; after `az login` AZURE_USE_AZURE_CLI=true; or use anonymous=True "
        "(`--option anonymous=true`) to read a public container."
    ),
)
_ACCOUNT_VARIABLES = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
_ENDPOINT_VARIABLES = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
_KEY, _SIGNATURE = "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"
_PRINCIPAL = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")
_KINDS = (
    Kind(names=(_KEY,)),
    Kind(names=(_SIGNATURE,)),
    Kind(names=_PRINCIPAL, weaker_than=(_KEY, "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_TOKEN")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureOptions:
    """How to reach a container. Holds no secret: credentials are found in the environment, where obstore looks.

    Attributes:
        account: The storage account. Without it AZURE_STORAGE_ACCOUNT_NAME, then AZURE_STORAGE_ACCOUNT are asked.
        endpoint: The account's address, for any but https://ACCOUNT.blob.core.windows.net: another cloud, a private
            address, an emulator (http://127.0.0.1:10000/ACCOUNT). Without it AZURE_STORAGE_ENDPOINT and
            AZURE_ENDPOINT are asked.
        anonymous: Sign nothing, as for public containers.
    """

    account: str | None = None
    endpoint: str | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_endpoint(self.endpoint)


class AzureStorage(ObjectStorage):
    """Bytes under keys in a container, below a prefix.

    Holds configuration only: it pickles without secrets or connections, and connects on first use, in each process
    anew.
    """

    scheme = "az"
    service = "Azure Blob Storage"
    bucket_missing = _AZURE.missing
    upload_gone = "InvalidBlockList"

    def __init__(
        self, bucket: str, prefix: str = "", options: AzureOptions | None = None, given: GivenBy | None = None
    ) -> None:
        super().__init__(bucket, prefix)
        self.options = options or AzureOptions()
        self._given = given

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.bucket!r}, {self.prefix!r}, {self.options!r})"

    def __reduce__(self) -> tuple[type["AzureStorage"], tuple[str, str, AzureOptions, GivenBy | None]]:
        return type(self), (self.bucket, self.prefix, self.options, self._given)

    def location(self) -> Location:
        """Asks nothing: whether an account keeps versions, Azure tells only those who manage it."""
        return Location(
            scheme=self.scheme,
            endpoint=_endpoint(self.options, self._account()),
            container=self.bucket,
            prefix=self.prefix,
            versioning="unknown",
        )

    def _account(self) -> str:
        account = self.options.account or _first_variable(_ACCOUNT_VARIABLES)
        if not account:
            url = f"az://{self.bucket}"
            raise InvalidLocation(
                f"{url!r} does not say which storage account it is in.",
                value=url,
                fix="Give account='…' (`--option account=…`), or set AZURE_STORAGE_ACCOUNT_NAME.",
            )
        return account

    def _connect(self) -> Clients:
        url = f"az://{self.bucket}"
        require_packages(url)
        from obstore.store import AzureStore

        account = self._account()
        endpoint = _endpoint(self.options, account)
        # Whatever is left out here, obstore takes from the environment.
        config: AzureConfig = {
            "account_name": account,
            "endpoint": endpoint,
            "skip_signature": self.options.anonymous,
            "use_emulator": False,
            "use_fabric_endpoint": False,
        }

        given = {} if self._given is None else ask(self._given, _KINDS, url)
        if "AZURE_CLIENT_SECRET" in given:
            client_id, secret, tenant = map(given.__getitem__, _PRINCIPAL)
            config |= {"client_id": client_id, "client_secret": secret, "tenant_id": tenant}
        provider = _provider(given)

        def opener(client: "ClientConfig", retries: "RetryConfig") -> "AzureStore":
            return AzureStore(
                self.bucket, config=config, client_options=client, retry_config=retries, credential_provider=provider
            )

        return connect(url, "AZURE_…", opener, allow_http=endpoint.startswith("http://"))

    def _error(self, what: str, url: str, error: Exception) -> StorageError:
        return service_error(_AZURE, what, url, self.bucket, (type(error).__name__, str(error)))


def require_packages(url: str) -> None:
    """`MissingExtra` if a package is missing; imports none."""
    require(url, "azure", ("obstore",))


def _provider(given: Mapping[str, str]) -> "Callable[[], AzureCredential] | None":
    """What obstore asks instead of the environment, which it would follow even against what it is configured with."""
    key, signature = given.get(_KEY), given.get(_SIGNATURE)
    if key is not None:
        return lambda: {"access_key": key, "expires_at": None}
    if signature is not None:
        return lambda: {"sas_token": signature, "expires_at": None}
    return None


def _endpoint(options: AzureOptions, account: str) -> str:
    named = options.endpoint or _first_variable(_ENDPOINT_VARIABLES)
    return check_endpoint(named) if named else f"https://{account}.blob.core.windows.net"


def _first_variable(names: tuple[str, ...]) -> str:
    return next(filter(None, map(os.environ.get, names)), "")
