"""Connections to S3: the one module that meets boto3, and imports it only when a connection is made.

obstore moves the bytes; boto3 finds what people have configured for AWS: credentials (profiles, SSO, roles), region,
endpoint; and it asks of a bucket what obstore cannot.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from modelstore_core.errors import ModelStoreError
from modelstore_core.storage.connections import CALLS, CONNECT, Clients, check_endpoint, connect, require
from modelstore_core.storage.given import GivenBy, Kind, ask
from modelstore_core.storage.s3_bucket import Bucket
from modelstore_core.storage.s3_errors import credentials_missing
from modelstore_core.storage.s3_options import S3Options

if TYPE_CHECKING:
    import boto3
    import botocore.credentials
    import botocore.session
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential, S3Store

__all__ = [
    "Credentials",
    "connect_s3",
    "open_bucket",
    "require_packages",
]

# boto3 renews temporary credentials when they have 10 minutes left, so what it hands out is good for that long.
_CREDENTIALS_LAST = timedelta(minutes=10)
# A copy inside the service is answered when it is done.
_REPLY = timedelta(minutes=5)
# What a function gives is asked for again after five to ten minutes of use: boto3 renews 15 minutes ahead.
_GIVEN_LAST = timedelta(minutes=20)
_FIRST_REGION = "us-east-1"
_KINDS = (Kind(names=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), optional=("AWS_SESSION_TOKEN",)),)


class Credentials:
    """Asks boto3 for credentials, and remembers why it could not give any: obstore's own error is no help there."""

    def __init__(self, session: "boto3.Session") -> None:
        from obstore.auth.boto3 import Boto3CredentialProvider

        self._provider = Boto3CredentialProvider(session, ttl=_CREDENTIALS_LAST)
        self.failure = ""

    def __call__(self) -> "S3Credential":
        """What obstore asks for before a request."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._provider()
        except (BotoCoreError, ClientError, ModelStoreError) as error:
            self.failure = str(error)
            raise


def connect_s3(bucket: str, options: S3Options, given: GivenBy | None = None) -> tuple[Credentials | None, Clients]:
    """Make the connections; asks the network only for credentials, and for the region of a bucket at AWS.

    `MissingExtra`; `StorageDenied` if there are no credentials. They are None for anonymous access.

    Args:
        bucket: Its name.
        options: How to reach it.
        given: Gets the credentials; where there is nothing, boto3 finds them.
    """
    url = f"s3://{bucket}"
    require_packages(url)
    from obstore.store import S3Store

    aws = _aws(bucket, options, given)
    credentials = None if options.anonymous else _credentials(bucket, aws.session)
    config = _config(bucket, options, aws)

    def opener(client: "ClientConfig", retries: "RetryConfig") -> "S3Store":
        return S3Store(
            bucket, config=config, client_options=client, retry_config=retries, credential_provider=credentials
        )

    allow_http = config.get("endpoint", "").startswith("http://")
    return credentials, connect(url, "AWS_…", opener, allow_http=allow_http)


def require_packages(url: str) -> None:
    """`MissingExtra` if a package is missing; imports none."""
    require(url, "s3", ("obstore", "boto3"))


def open_bucket(bucket: str, options: S3Options, given: GivenBy | None = None) -> Bucket:
    """The bucket through boto3; asks the network nothing yet."""
    return _bucket(bucket, options, _aws(bucket, options, given))


@dataclass(frozen=True, slots=True)
class _Aws:
    """What is configured for AWS on this machine: boto3's session, and the botocore one inside it."""

    session: "boto3.Session"
    core: "botocore.session.Session"


def _aws(bucket: str, options: S3Options, given: GivenBy | None = None) -> _Aws:
    import boto3
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        core = botocore.session.Session(profile=options.profile)
        core.get_scoped_config()  # so that an unknown profile or a broken file is found here, in one place
        if given is not None:
            core.register_component("credential_provider", _Given(given, f"s3://{bucket}"))
        if options.role is not None:
            core.register_component("credential_provider", _Assumed(core, options))
        return _Aws(boto3.Session(botocore_session=core, region_name=options.region), core)
    except BotoCoreError as error:
        raise credentials_missing(f"s3://{bucket}", str(error).rstrip(".")) from None


class _Given:
    """In the place where a session's credentials come from: the function that the caller gave."""

    def __init__(self, source: GivenBy, url: str) -> None:
        self._fetch = partial(_fetched, source, url)
        self._first = self._fetch()  # now, where errors are raised as they are

    def load_credentials(self) -> "botocore.credentials.Credentials":
        """What it gave first, to be asked for again in time."""
        from botocore.credentials import RefreshableCredentials

        return RefreshableCredentials.create_from_metadata(self._first, self._fetch, "given")


def _fetched(source: GivenBy, url: str) -> dict[str, str]:
    given = ask(source, _KINDS, url)
    return {
        "access_key": given["AWS_ACCESS_KEY_ID"],
        "secret_key": given["AWS_SECRET_ACCESS_KEY"],
        "token": given.get("AWS_SESSION_TOKEN", ""),
        "expiry_time": (datetime.now(UTC) + _GIVEN_LAST).isoformat(),
    }


class _Assumed:
    """In the place where a session's credentials come from: those of a role, renewed by themselves."""

    def __init__(self, core: "botocore.session.Session", options: S3Options) -> None:
        self._own = core.get_component("credential_provider")
        self._create = partial(core.create_client, region_name=_named_region(options, core) or _FIRST_REGION)
        self._options = options

    def load_credentials(self) -> "botocore.credentials.Credentials | None":
        """The role's, to be asked for when they are used first; None if there are none to ask with."""
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        own = self._own.load_credentials()
        if own is None or self._options.role is None:
            return None
        said = {"RoleSessionName": self._options.role_session or "modelstore"}
        if self._options.external_id is not None:
            said["ExternalId"] = self._options.external_id
        fetcher = AssumeRoleCredentialFetcher(self._create, own, self._options.role, said)
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _credentials(bucket: str, session: "boto3.Session") -> Credentials:
    from botocore.exceptions import BotoCoreError

    try:
        return Credentials(session)
    except BotoCoreError as error:
        raise credentials_missing(f"s3://{bucket}", str(error).rstrip(".")) from None
    except ValueError:
        raise credentials_missing(f"s3://{bucket}", "none were found") from None


def _endpoint(options: S3Options, aws: _Aws) -> str | None:
    if options.endpoint is not None:
        return check_endpoint(options.endpoint)
    if aws.core.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    from botocore.configprovider import ConfiguredEndpointProvider

    found = ConfiguredEndpointProvider(
        full_config=aws.core.full_config, scoped_config=aws.core.get_scoped_config(), client_name="s3"
    ).provide()
    return check_endpoint(found) if found else None


def _config(bucket: str, options: S3Options, aws: _Aws) -> "S3Config":
    endpoint = _endpoint(options, aws)
    path_style = options.path_style
    if path_style is None:
        path_style = endpoint is not None or not _is_host_name(bucket)
    # Whatever is left out here, obstore takes from the environment: so the switches are all set.
    config: S3Config = {
        "conditional_put": "etag",
        "region": _region(bucket, options, aws, endpoint),
        "skip_signature": options.anonymous,
        "virtual_hosted_style_request": not path_style,
    }
    if options.anonymous:
        # Never used, but half a pair of keys in the environment would otherwise be an error.
        config |= {"access_key_id": "anonymous", "secret_access_key": "anonymous"}
    if options.encryption is not None:
        config["server_side_encryption"] = options.encryption
    if options.kms_key is not None:
        config["sse_kms_key_id"] = options.kms_key
    if options.checksum is not None:
        config["checksum_algorithm"] = options.checksum
    if endpoint is not None:
        address = endpoint if path_style else endpoint.replace("://", f"://{bucket}.", 1)
        config |= {"endpoint": address, "aws_endpoint_url_s3": address}
    return config


def _region(bucket: str, options: S3Options, aws: _Aws, endpoint: str | None) -> str:
    known = _named_region(options, aws.core)
    if known or endpoint is not None:
        return known or _FIRST_REGION
    return _bucket(bucket, options, aws).region()


def _named_region(options: S3Options, core: "botocore.session.Session") -> str | None:
    return options.region or os.environ.get("AWS_REGION") or core.get_config_variable("region")


def _bucket(bucket: str, options: S3Options, aws: _Aws) -> Bucket:
    import botocore
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT.total_seconds(),
        read_timeout=_REPLY.total_seconds(),
        max_pool_connections=CALLS,
        retries={"total_max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "auto" if options.path_style is None else "path" if options.path_style else "virtual"},
        signature_version=botocore.UNSIGNED if options.anonymous else None,
    )
    region = _named_region(options, aws.core) or _FIRST_REGION
    endpoint = _endpoint(options, aws)
    encryption = {"ServerSideEncryption": options.encryption, "SSEKMSKeyId": options.kms_key}
    return Bucket(
        name=bucket,
        client=aws.session.client("s3", region_name=region, endpoint_url=endpoint, config=config),
        endpoint=endpoint or "",
        encryption={name: said for name, said in encryption.items() if said is not None},
    )


def _is_host_name(bucket: str) -> bool:
    # A dot would be beyond the wildcard of the service's certificate.
    return bucket == bucket.lower() and "." not in bucket and "_" not in bucket
