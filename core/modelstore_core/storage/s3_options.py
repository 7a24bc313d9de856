"""How to reach a bucket of S3, and how to write to it: everything that can be set, and nothing secret."""

import re
from dataclasses import dataclass

from modelstore_core.errors import InvalidLocation
from modelstore_core.storage.connections import check_endpoint

__all__ = ["S3Options"]

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_SESSION = re.compile(r"[\w+=,.@-]{2,64}")
_SSE = ("AES256", "aws:kms")
_CHECKSUMS = ("sha256", "crc64nvme")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How to reach a bucket. Holds no secret: credentials are found where boto3 looks for them.

    Attributes:
        endpoint: The service's address, for any but AWS. Without it AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the
            profile are asked.
        region: Without it AWS_REGION, AWS_DEFAULT_REGION, the profile, then the bucket are asked.
        profile: A profile of the AWS configuration files; without it AWS_PROFILE, then the default one.
        role: The ARN of a role to assume with the credentials that were found; renewed before it runs out.
        role_session: What the role's use is called in the account's trail; "modelstore" if left out.
        external_id: What the role's owner asks of those who assume it; not a secret.
        path_style: Whether the bucket goes into the path rather than the host name. Without it: where there is an
            endpoint, or the bucket's name is no host name.
        anonymous: Sign nothing, as for public buckets.
        sse: What the service is to encrypt objects with: "AES256" or "aws:kms"; without it the bucket's own default.
        kms_key: The id or ARN of the key for "aws:kms", which it implies; without it AWS's own key.
        conditional: Whether creates rest on the service's `If-None-Match`. False is for services that refuse it, and
            for one writer at a time: a look, and then a write.
        checksum: What is sent with the bytes of each object for the service to check: "sha256" or "crc64nvme".
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    role_session: str | None = None
    external_id: str | None = None
    path_style: bool | None = None
    anonymous: bool = False
    conditional: bool = True
    sse: str | None = None
    kms_key: str | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_endpoint(self.endpoint)
        _check("role", self.role, _ROLE, "Write arn:aws:iam::<account>:role/<name>.")
        _check("role_session", self.role_session, _SESSION, "Use 2 to 64 letters, digits and any of _+=,.@- .")
        _check_one_of("sse", self.sse, _SSE)
        _check_one_of("checksum", self.checksum, _CHECKSUMS)
        if self.role is None and (self.role_session or self.external_id):
            raise _invalid("role", self.role, "Without a role there is nothing to say of it: name the role.")
        if self.role is not None and self.anonymous:
            raise _invalid("anonymous", self.anonymous, "A role needs credentials: leave out one of the two.")
        if self.kms_key is not None and self.sse == "AES256":
            raise _invalid("sse", self.sse, "A KMS key belongs to sse='aws:kms'.")

    @property
    def encryption(self) -> str | None:
        """What the service is to encrypt objects with."""
        return self.sse or ("aws:kms" if self.kms_key is not None else None)


def _check(name: str, option: str | None, pattern: re.Pattern[str], fix: str) -> None:
    if option is not None and not pattern.fullmatch(option):
        raise _invalid(name, option, fix)


def _check_one_of(name: str, option: str | None, known: tuple[str, ...]) -> None:
    if option is not None and option not in known:
        raise _invalid(name, option, f"Known are: {', '.join(known)}.")


def _invalid(name: str, option: object, fix: str) -> InvalidLocation:
    return InvalidLocation(f"The option {name}={option!r} cannot be used.", value=option, fix=fix)
