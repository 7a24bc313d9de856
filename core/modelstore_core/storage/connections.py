"""Connections to object stores through obstore, which is imported only when one is made.

Two clients each: one never retries, for writes whose outcome the caller has to find out (a retry inside would report
the first try's own success as "taken"); one retries, for reads and for files that nobody else writes.
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from modelstore_core.errors import InvalidLocation, MissingExtra, StorageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = [
    "CALLS",
    "CONNECT",
    "SMALL_REQUEST",
    "Clients",
    "check_endpoint",
    "connect",
    "refuse_forked_process",
    "require",
]

CONNECT = timedelta(seconds=5)
SMALL_REQUEST = timedelta(seconds=60)
# For 8 MiB, eight at a time: a line of 2 Mbit/s is fast enough.
_LARGE_REQUEST = timedelta(minutes=5)
# A request that took its five minutes deserves another try, but is signed only once: credentials last ten minutes.
_RETRIED_FOR = timedelta(minutes=9)
# Shorter than what services allow: a write on a connection they have just closed would have an unknown outcome.
_IDLE = timedelta(seconds=15)
CALLS = 16
_PARTS = 8

if TYPE_CHECKING:
    Opener: TypeAlias = Callable[[ClientConfig, RetryConfig], ObjectStore]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """One process's connections to one bucket.

    Attributes:
        once: Never retries.
        again: Retries what failed for lack of a good reply.
        patient: Makes a client like `again` that waits so many times as long, for requests so many times as large.
        failures: What either raises.
        exists: What a create raises if the key is taken, or seems so.
        calls: Threads for calls that run together.
        parts: Threads for the parts of large objects; not those of `calls`, which may be waiting for them.
    """

    once: "ObjectStore"
    again: "ObjectStore"
    patient: "Callable[[float], ObjectStore]"
    failures: tuple[type[Exception], ...]
    exists: type[Exception]
    calls: ThreadPoolExecutor
    parts: ThreadPoolExecutor


class _Runtime:
    """The process that has the threads obstore stands on: all instances of this module's connections share them."""

    pid: int | None = None


def refuse_forked_process(name: str) -> None:
    """`StorageError` in a process forked from one that was connected: obstore would wait for ever, in any client.

    Its threads are not there after a fork, and it does not start new ones (measured with 0.12).
    """
    if _Runtime.pid not in {None, os.getpid()}:
        raise StorageError(
            f"{name} cannot be used in a process that was forked from one in which it was in use.",
            value=os.getpid(),
            fix="Start processes by 'spawn' or 'forkserver', or fork before the first use of the store.",
        )


def connect(url: str, variables: str, opener: "Opener", *, allow_http: bool) -> Clients:
    """Make the connections; asks the network nothing that the opener does not ask.

    Args:
        url: Of the bucket, for errors.
        variables: The environment variables that may be at fault if none can be made: "AWS_…".
        opener: Makes a client of the service.
        allow_http: Whether the endpoint is one without encryption.
    """
    _Runtime.pid = os.getpid()
    from obstore.exceptions import AlreadyExistsError, BaseError

    def client(timeout: timedelta, retries: int) -> "ObjectStore":
        config: ClientConfig = {
            "allow_http": allow_http,
            "connect_timeout": CONNECT,
            "pool_idle_timeout": _IDLE,
            "timeout": timeout,
        }
        try:
            return opener(config, {"max_retries": retries, "retry_timeout": _RETRIED_FOR})
        except BaseError as error:
            reason = str(error).partition("\n")[0][:200]
            raise StorageError(
                f"Could not set up a connection to {url!r}: {reason}.",
                value=url,
                fix=f"Check the {variables} variables of the environment and the options.",
            ) from None

    return Clients(
        once=client(SMALL_REQUEST, 0),
        again=client(_LARGE_REQUEST, 5),
        patient=lambda factor: client(_LARGE_REQUEST * factor, 5),
        failures=(BaseError, FileNotFoundError, NotImplementedError),
        exists=AlreadyExistsError,
        calls=ThreadPoolExecutor(CALLS, "storage-call"),
        parts=ThreadPoolExecutor(_PARTS, "storage-part"),
    )


def require(url: str, extra: str, packages: Sequence[str]) -> None:
    """`MissingExtra`, with the line that installs it, if a package is missing; imports none."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(
                f"{url!r} needs the package {package}, which is not installed.",
                value=package,
                fix=f'Run: pip install "modelstore-pipelines[{extra}]"',
            )


def check_endpoint(endpoint: str) -> str:
    """Return it without a trailing slash; `InvalidLocation` unless it is an HTTP address and nothing more."""
    try:
        parts = urlsplit(endpoint)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        plain = False
    if not plain or "@" in endpoint or "?" in endpoint or "#" in endpoint:
        # What stands before an @ may be a password.
        shown = endpoint.rpartition("@")[2]
        raise InvalidLocation(
            f"{shown!r} is not an endpoint.", value=shown, fix="Write http://host:port or https://host, nothing more."
        )
    return endpoint.rstrip("/")
