"""Connections to S3: the one module that meets boto3, and imports it only when a connection is made.

obstore moves the bytes; boto3 finds what people have configured for AWS: credentials (profiles, SSO, roles), region,
endpoint; and it asks for a bucket's versioning.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from modelstore_core.errors import StorageError, StorageMissing, StorageUnavailable
from modelstore_core.storage.connections import CONNECT, SMALL_REQUEST, Clients, check_endpoint, connect, require
from modelstore_core.storage.s3_errors import credentials_missing

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from mypy_boto3_s3 import S3Client
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential, S3Store

__all__ = [
    "Credentials",
    "S3Options",
    "connect_s3",
    "discovered_region",
    "effective_endpoint",
    "require_packages",
    "versioning",
]

# boto3 renews temporary credentials when they have 10 minutes left, so what it hands out is good for that long.
_CREDENTIALS_LAST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How to reach a bucket. Holds no secret: credentials are found where boto3 looks for them.

    Attributes:
        endpoint: The service's address, for any but AWS. Without it AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the
            profile are asked.
        region: Without it AWS_REGION, AWS_DEFAULT_REGION, the profile, then the bucket are asked.
        profile: A profile of the AWS configuration files; without it AWS_PROFILE, then the default one.
        path_style: Whether the bucket goes into the path rather than the host name. Without it: where there is an
            endpoint, or the bucket's name is no host name.
        anonymous: Sign nothing, as for public buckets.
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_endpoint(self.endpoint)


class Credentials:
    """Asks boto3 for credentials, and remembers why it could not give any: obstore's own error is no help there."""

    def __init__(self, session: "boto3.Session") -> None:
        from obstore.auth.boto3 import Boto3CredentialProvider

        self._provider = Boto3CredentialProvider(session, ttl=_CREDENTIALS_LAST)
        self.failure = ""

    def __call__(self) -> "S3Credential":
        """What obstore asks for before a request."""
        from botocore.exceptions import BotoCoreError

        try:
            return self._provider()
        except BotoCoreError as error:
            self.failure = str(error)
            raise


def connect_s3(bucket: str, options: S3Options) -> tuple[Credentials | None, Clients]:
    """Make the connections; asks the network only for credentials, and for the region of a bucket at AWS.

    `MissingExtra`; `StorageDenied` if there are no credentials. They are None for anonymous access.
    """
    url = f"s3://{bucket}"
    require_packages(url)
    from obstore.store import S3Store

    aws = _aws(bucket, options)
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


def effective_endpoint(bucket: str, options: S3Options) -> str:
    """The service's address, "" for AWS's own: the option, else the environment's or the profile's."""
    return _endpoint(options, _aws(bucket, options)) or ""


def versioning(bucket: str, options: S3Options) -> Literal["on", "off", "unknown"]:
    """Whether the bucket keeps versions; "unknown" if the service will not say."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        reply = _boto3_client(options, _aws(bucket, options)).get_bucket_versioning(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"].get("Code") == "NoSuchBucket":
            raise StorageMissing(
                f"There is no bucket {bucket!r}.", value=bucket, fix="Create it, or check its name and the endpoint."
            ) from None
        return "unknown"
    except BotoCoreError as error:
        raise _unreachable(bucket, error) from None
    return "on" if reply.get("Status") == "Enabled" else "off"


def discovered_region(bucket: str, client: "S3Client") -> str:
    """The region a bucket says it is in, in a header that even a refusal has; AWS's first if it does not say."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        headers: Mapping[str, str] = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    except BotoCoreError as error:
        raise _unreachable(bucket, error) from None
    return headers.get("x-amz-bucket-region", "us-east-1")


def _unreachable(bucket: str, error: Exception) -> StorageError:
    kind = type(error).__name__
    if "Credential" in kind or "Token" in kind:
        return credentials_missing(f"s3://{bucket}", str(error).rstrip("."))
    return StorageUnavailable(
        f"Could not reach the service of {f's3://{bucket}'!r}: {kind}.",
        value=bucket,
        fix="Check the endpoint and the network, and try again.",
    )


@dataclass(frozen=True, slots=True)
class _Aws:
    """What is configured for AWS on this machine: boto3's session, and the botocore one inside it."""

    session: "boto3.Session"
    core: "botocore.session.Session"


def _aws(bucket: str, options: S3Options) -> _Aws:
    import boto3
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        core = botocore.session.Session(profile=options.profile)
        core.get_scoped_config()  # so that an unknown profile or a broken file is found here, in one place
        return _Aws(boto3.Session(botocore_session=core, region_name=options.region), core)
    except BotoCoreError as error:
        raise credentials_missing(f"s3://{bucket}", str(error).rstrip(".")) from None


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
    if endpoint is not None:
        address = endpoint if path_style else endpoint.replace("://", f"://{bucket}.", 1)
        config |= {"endpoint": address, "aws_endpoint_url_s3": address}
    return config


def _region(bucket: str, options: S3Options, aws: _Aws, endpoint: str | None) -> str:
    known = options.region or os.environ.get("AWS_REGION") or aws.session.region_name
    if known or endpoint is not None:
        return known or "us-east-1"
    return discovered_region(bucket, _boto3_client(options, aws))


def _boto3_client(options: S3Options, aws: _Aws) -> "S3Client":
    import botocore
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT.total_seconds(),
        read_timeout=SMALL_REQUEST.total_seconds(),
        retries={"total_max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "auto" if options.path_style is None else "path" if options.path_style else "virtual"},
        signature_version=botocore.UNSIGNED if options.anonymous else None,
    )
    region = options.region or os.environ.get("AWS_REGION") or aws.session.region_name or "us-east-1"
    return aws.session.client("s3", region_name=region, endpoint_url=_endpoint(options, aws), config=config)


def _is_host_name(bucket: str) -> bool:
    # A dot would be beyond the wildcard of the service's certificate.
    return bucket == bucket.lower() and "." not in bucket and "_" not in bucket
