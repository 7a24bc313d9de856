"""What an object store's client says went wrong, as one of our errors.

Clients put the service's whole reply into their message. A service's reply to a bad signature repeats the request,
session token included, so only the error's code and the sentence written for people are taken over from it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelstore_core.errors import StorageDenied, StorageError, StorageMissing, StorageUnavailable

__all__ = ["Service", "credentials_missing", "service_error"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<\n]{1,400})")

_DENIED_STATUS = frozenset({401, 403})
_BUSY_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504})

# What a client's message has in it if there was no reply at all; the first that fits.
_NO_REPLY: tuple[tuple[str, str], ...] = (
    ("dns error", "the host name of the endpoint is not known"),
    ("ConnectionRefused", "nothing listens at the endpoint (connection refused)"),
    ("certificate", "the certificate of the endpoint is not trusted"),
    ("kind: Timeout", "the time ran out before there was a reply"),
    ("", "the connection was lost before there was a whole reply"),
)

# Clients that find no credentials ask the machine they run on, as machines of a cloud can tell.
_NO_IDENTITY = "Error performing token request"

_FIX_BUSY = "Try again later; if it stays so, check the endpoint and the network."


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The words of one service.

    Attributes:
        missing: The error's code if the bucket is not there.
        fix_missing: What to do about it; "{}" is the bucket's name.
        denied: Codes of refused credentials that come with another status than 401 or 403.
        fix_denied: What to check about a refusal, if `fixes` does not know its code.
        fixes: What to do, by code.
        fix_credentials: What to do if there are none.
        misplaced: Codes that say that the bucket is in another region.
        fix_misplaced: What to do about it.
    """

    missing: str
    fix_missing: str
    denied: frozenset[str]
    fix_denied: str
    fixes: Mapping[str, str]
    fix_credentials: str
    misplaced: frozenset[str] = frozenset()
    fix_misplaced: str = ""


def service_error(service: Service, what: str, url: str, bucket: str, error: tuple[str, str]) -> StorageError:
    """The error for a failed request.

    Args:
        service: Whose words the reply is in.
        what: What was tried: "read", "create", …
        url: Of the object or the bucket.
        bucket: Its name.
        error: The client's exception: the name of its class, and its message, which is not passed on as it is.
    """
    kind, said = error
    status = int(found[1]) if (found := _STATUS.search(said)) else 0
    if _NO_IDENTITY in said and status not in _BUSY_STATUS:
        return credentials_missing(service, url, "none were found, and this machine has no identity of its own")
    code = found[1] if (found := _CODE.search(said)) else ""
    message = found[1] if (found := _MESSAGE.search(said)) else ""
    reason = ": ".join(filter(None, [code, message if message != code else ""])) or _plain_reason(status, said, kind)
    text = f"Could not {what} {url!r}: {reason.rstrip('.')}."
    if code == service.missing:
        return StorageMissing(text, value=bucket, fix=service.fix_missing.format(repr(bucket)))
    if status in _DENIED_STATUS or code in service.denied:
        return StorageDenied(text, value=url, fix=service.fixes.get(code, service.fix_denied))
    if code in service.misplaced or "incorrectly configured region" in said:
        return StorageError(text, value=url, fix=service.fix_misplaced)
    if status in _BUSY_STATUS or (not status and "HTTP error" in said):
        return StorageUnavailable(text, value=url, fix=_FIX_BUSY)
    if kind == "InvalidPathError":
        return StorageError(text, value=url, fix="Remove the object with that key: it is none of the store's.")
    return StorageError(text, value=url)


def credentials_missing(service: Service, url: str, reason: str) -> StorageDenied:
    """The error for credentials that could not be found or obtained."""
    return StorageDenied(f"No credentials for {url!r}: {reason}.", value=url, fix=service.fix_credentials)


def _plain_reason(status: int, said: str, kind: str) -> str:
    if status:
        return f"the service answered with status {status}"
    if "HTTP error" in said:
        return next(reason for sign, reason in _NO_REPLY if sign in said)
    if kind == "InvalidPathError":
        return f"there is an object with a key that cannot be read ({said.splitlines()[0][:200]})"
    return f"{kind} in the client library"
