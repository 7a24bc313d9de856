"""What S3 says went wrong, and what to do about it."""

from dataclasses import replace

from modelstore_core.errors import StorageDenied, StorageError, UnsafeStorage
from modelstore_core.storage import replies
from modelstore_core.storage.replies import Service, service_error

__all__ = ["credentials_missing", "s3_error"]

_S3 = Service(
    missing="NoSuchBucket",
    fix_missing="Create the bucket {}, or check its name, the endpoint and the region.",
    denied=frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"}),
    fix_denied="Check the credentials (environment, profile, role) and that their policy allows this on the bucket.",
    fixes={
        "InvalidAccessKeyId": "Check AWS_ACCESS_KEY_ID or the profile: the service does not know this access key.",
        "SignatureDoesNotMatch": "Check AWS_SECRET_ACCESS_KEY or the profile: the secret does not belong to the key.",
        "ExpiredToken": "The session has expired: sign in again (for example `aws sso login`).",
        "InvalidToken": "Check AWS_SESSION_TOKEN: it does not belong to these credentials.",
        "RequestTimeTooSkewed": "Set this machine's clock: it differs too much from the service's.",
        "AccessDenied": "Allow s3:GetObject, s3:PutObject, s3:DeleteObject on the prefix, s3:ListBucket on the bucket.",
    },
    fix_credentials=(
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (profile=…, AWS_PROFILE), or use "
        "anonymous=True (`--option anonymous=true`) to read a public bucket."
    ),
    misplaced=frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}),
    fix_misplaced="Name the bucket's own region: region='…'.",
)
_HIDDEN = (
    "Grant s3:ListBucket on the bucket: without it S3 says 403 for a missing object, and the end of a log is found by "
    "what is missing. If it is granted (to everybody, for anonymous reading), grant s3:GetObject on the prefix."
)
_FIX_UNCONDITIONAL = (
    "The service knows no If-None-Match, so it can hold a store of one writer only: conditional=False "
    "(`--option conditional=false`) and single_writer=True (`--single-writer`)."
)
_S3_READING = replace(_S3, fixes={**_S3.fixes, "AccessDenied": _HIDDEN})


def s3_error(what: str, url: str, bucket: str, said: str, kind: str) -> StorageError:
    """The error for a failed request.

    Args:
        what: What was tried: "read", "create", …
        url: Of the object or the bucket.
        bucket: Its name.
        said: The client's message, which is not passed on as it is.
        kind: The name of the client's exception class.
    """
    error = service_error(_S3_READING if what == "read" else _S3, what, url, bucket, (kind, said))
    if what == "create" and "<Code>NotImplemented<" in said:
        return UnsafeStorage(error.what, value=url, fix=_FIX_UNCONDITIONAL)
    return error


def credentials_missing(url: str, reason: str) -> StorageDenied:
    """The error for credentials that could not be found or obtained."""
    return replies.credentials_missing(_S3, url, reason)
