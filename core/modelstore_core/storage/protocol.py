"""What a store asks of a folder or a bucket: bytes under keys, one of them created only if absent.

A key is a relative path with forward slashes, never empty, without `.` or `..` parts. Implementations know
nothing of models. Every method may raise a `StorageError`; which one says what the caller may do:
`StorageMissing`, `StorageDenied`, `StorageUnavailable`, or the plain class for the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

T = TypeVar("T")

__all__ = ["Location", "ObjectInfo", "Passed", "Received", "Storage", "unwatched"]

Passed: TypeAlias = Callable[[int], None]
"""Told how many bytes have just passed, from whichever thread they passed in; must not raise.

Of a transfer that succeeds the numbers add up to the size of the file.
"""


def unwatched(_count: int) -> None:
    """Hear how many bytes have passed, and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One stored object, as a listing shows it.

    Attributes:
        key: The object's key.
        size: In bytes.
        etag: Changes whenever the object is written with other bytes.
        modified: Seconds since the epoch, by the store's clock.
    """

    key: str
    size: int
    etag: str
    modified: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What arrived while a file was sent or fetched, measured on the bytes that passed.

    Attributes:
        size: In bytes.
        sha256: Hexadecimal digest of those bytes.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a storage points, without secrets: what a self-test report is bound to.

    Attributes:
        scheme: "file", "memory", "s3", …
        endpoint: The service's address, "" for the default one and for folders.
        container: The bucket; "" for folders.
        prefix: The path of the store's root inside it.
        versioning: "on", "off" or "unknown": some servers ignore preconditions once it is on. "unconditional" if
            creates use none, whatever the server would do with them.
    """

    scheme: str
    endpoint: str
    container: str
    prefix: str
    versioning: str


class Storage(Protocol):
    """Bytes under keys. Instances are safe to share between threads."""

    @property
    def url(self) -> str:
        """The root's URL (without secrets, without a trailing slash); a folder's is its absolute path."""

    def location(self) -> Location:
        """Where this points. May ask the service (about versioning), so not for hot paths."""

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None if there is none. Reads may be retried by the implementation."""

    def create(self, key: str, body: bytes) -> bool:
        """Write the object only if the key is free: True if this call wrote it, False if the key seems taken.

        Atomic: of any number of concurrent creates of one key at most one writes, and readers see all of the body
        or nothing. Durable when it returns True. **One attempt, never retried inside**: on a lost reply it raises
        `StorageUnavailable` although the object may be there, and some services say "taken" of a key that is free;
        the caller reads back.
        """

    def put(self, key: str, body: bytes) -> None:
        """Write or overwrite the object atomically; one attempt, never retried inside."""

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Stream a local file to a new key and report what was sent. May be retried inside: nobody else writes it."""

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Stream the object into a new local file (created with mode 0600, never through a symlink) and report it.

        None, and no file, if there is no such object.
        """

    def copy(self, source: str, target: str, sha256: str, *, origin: "Storage | None" = None) -> bool:
        """Make the new object `target` a copy of `source`, the bytes staying out of this process where that can be.

        True only if the object at `target` is proven to have that sha256; it is durable then, as after `send`. False,
        and nothing at `target`, if this storage cannot do it or cannot prove it, or if the source is gone or has other
        bytes: then the caller sends. May be retried inside: nobody else writes the target.

        Args:
            source: The key to copy from.
            target: The key to copy to.
            sha256: What the bytes must have, hexadecimal.
            origin: The storage that `source` lies in, if it is another one; one of another kind cannot be copied from.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects; missing ones are no error."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix` (which ends in "/"), in no promised order."""

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Drop what was begun below `prefix` and never finished: half-sent uploads, temporary files.

        Only what was last touched before `before` (seconds since the epoch, by the store's clock): leave time to those
        who are still at it, for whom it would fail. Objects are never dropped.

        Returns:
            What was dropped, or with `dry_run` would be. The names need not be keys; sizes are of what has arrived.
        """

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Run independent calls on this storage, at the same time where that pays; results in order.

        The first error is raised, after all calls have ended.
        """

    def local_path(self, key: str) -> Path | None:
        """Where the object of this key lies or would lie in this machine's file system; None if it is remote."""

    def settle(self, keys: Sequence[str]) -> None:
        """Make files written through `local_path` durable and read-only; nothing to do for a remote storage."""
