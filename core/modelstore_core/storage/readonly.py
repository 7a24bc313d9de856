"""A storage around a storage that lets nothing be written: for who must not, or cannot, and should hear so at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from modelstore_core.errors import StoreReadOnly
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched

T = TypeVar("T")

__all__ = ["ReadOnlyStorage", "underlying"]


class ReadOnlyStorage:
    """Passes every read on, and refuses every write before it reaches the storage."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    @property
    def url(self) -> str:
        """The inner storage's."""
        return self.inner.url

    def location(self) -> Location:
        """The inner storage's."""
        return self.inner.location()

    def get(self, key: str) -> bytes | None:
        """Passed on."""
        return self.inner.get(key)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Passed on."""
        return self.inner.fetch(key, target, passed)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Passed on."""
        return self.inner.list(prefix)

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Passed on."""
        return self.inner.together(calls)

    def local_path(self, key: str) -> Path | None:
        """The inner storage's: to read."""
        return self.inner.local_path(key)

    def refuse(self, key: str = "") -> NoReturn:
        """Say no.

        Raises:
            StoreReadOnly: Always.
        """
        raise StoreReadOnly(
            f"{self.url!r} was opened to be read only.",
            value=key or self.url,
            fix="Nothing was written. Open it without read_only to write.",
        )

    def create(self, key: str, body: bytes) -> bool:  # noqa: ARG002 -- the protocol's
        """Refused."""
        self.refuse(key)

    def put(self, key: str, body: bytes) -> None:  # noqa: ARG002 -- the protocol's
        """Refused."""
        self.refuse(key)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:  # noqa: ARG002 -- the protocol's
        """Refused."""
        self.refuse(key)

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:  # noqa: ARG002
        """Refused."""
        self.refuse(target)

    def delete(self, keys: Iterable[str]) -> None:
        """Refused."""
        self.refuse(next(iter(keys), ""))

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        """Passed on as far as it only looks."""
        if not dry_run:
            self.refuse(prefix)
        return self.inner.sweep(prefix, before, dry_run=True)

    def settle(self, keys: Sequence[str]) -> None:
        """Refused."""
        self.refuse(next(iter(keys), ""))


def underlying(storage: Storage) -> Storage:
    """The storage itself: another one copies from it only if it knows its kind."""
    return storage.inner if isinstance(storage, ReadOnlyStorage) else storage
