"""What an S3 client says went wrong, as one of our errors.

Clients put the service's whole reply into their message. A service's reply to a bad signature repeats the request,
session token included, so only the error's code and the sentence written for people are taken over from it.
"""

import re
from collections.abc import Mapping

from modelstore_core.errors import StorageDenied, StorageError, StorageMissing, StorageUnavailable

__all__ = ["credentials_missing", "denied", "s3_error"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,400})")

_DENIED_STATUS = frozenset({401, 403})
_BUSY_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504})
_DENIED_CODES = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"})
_REGION_CODES = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})

# What a client's message has in it if there was no reply at all; the first that fits.
_NO_REPLY: tuple[tuple[str, str], ...] = (
    ("dns error", "the host name of the endpoint is not known"),
    ("ConnectionRefused", "nothing listens at the endpoint (connection refused)"),
    ("certificate", "the certificate of the endpoint is not trusted"),
    ("kind: Timeout", "the time ran out before there was a reply"),
    ("", "the connection was lost before there was a whole reply"),
)

_FIX_DENIED = "Check the credentials (environment, profile, role) and that their policy allows this on the bucket."
_FIX_BY_CODE: Mapping[str, str] = {
    "InvalidAccessKeyId": "Check AWS_ACCESS_KEY_ID or the profile: the service does not know this access key.",
    "SignatureDoesNotMatch": "Check AWS_SECRET_ACCESS_KEY or the profile: the secret does not belong to the key.",
    "ExpiredToken": "The session has expired: sign in again (for example `aws sso login`).",
    "InvalidToken": "Check AWS_SESSION_TOKEN: it does not belong to these credentials.",
    "RequestTimeTooSkewed": "Set this machine's clock: it differs too much from the service's.",
    "AccessDenied": (
        "Allow s3:GetObject, s3:PutObject, s3:DeleteObject on the prefix and s3:ListBucket on the bucket "
        "(without it S3 says AccessDenied of every object that is not there)."
    ),
}
_FIX_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (profile=…, AWS_PROFILE), or use anonymous=True "
    "(`--option anonymous=true`) "
    "to read a public bucket."
)
_FIX_BUSY = "Try again later; if it stays so, check the endpoint and the network."
_FIX_REGION = "Name the bucket's own region: region='…'."


def s3_error(what: str, url: str, bucket: str, said: str, kind: str) -> StorageError:
    """The error for a failed request.

    Args:
        what: What was tried: "read", "create", …
        url: Of the object or the bucket.
        bucket: Its name.
        said: The client's message, which is not passed on as it is.
        kind: The name of the client's exception class.
    """
    status = int(found[1]) if (found := _STATUS.search(said)) else 0
    code = found[1] if (found := _CODE.search(said)) else ""
    message = found[1] if (found := _MESSAGE.search(said)) else ""
    reason = ": ".join(filter(None, [code, message if message != code else ""])) or _plain_reason(status, said, kind)
    text = f"Could not {what} {url!r}: {reason.rstrip('.')}."
    if code == "NoSuchBucket":
        fix = f"Create the bucket {bucket!r}, or check its name, the endpoint and the region."
        return StorageMissing(text, value=bucket, fix=fix)
    if status in _DENIED_STATUS or code in _DENIED_CODES:
        return denied(text, url, code)
    if code in _REGION_CODES or "incorrectly configured region" in said:
        return StorageError(text, value=url, fix=_FIX_REGION)
    if status in _BUSY_STATUS or (not status and "HTTP error" in said):
        return StorageUnavailable(text, value=url, fix=_FIX_BUSY)
    if kind == "InvalidPathError":
        return StorageError(text, value=url, fix="Remove the object with that key: it is none of the store's.")
    return StorageError(text, value=url)


def denied(text: str, url: str, code: str = "") -> StorageDenied:
    """The error for refused credentials or permissions, with what to check."""
    return StorageDenied(text, value=url, fix=_FIX_BY_CODE.get(code, _FIX_DENIED))


def credentials_missing(url: str, reason: str) -> StorageDenied:
    """The error for credentials that could not be found or obtained."""
    return StorageDenied(f"No credentials for {url!r}: {reason}.", value=url, fix=_FIX_CREDENTIALS)


def _plain_reason(status: int, said: str, kind: str) -> str:
    if status:
        return f"the service answered with status {status}"
    if "HTTP error" in said:
        return next(reason for sign, reason in _NO_REPLY if sign in said)
    if kind == "InvalidPathError":
        return f"there is an object with a key that cannot be read ({said.splitlines()[0][:200]})"
    return f"{kind} in the client library"
