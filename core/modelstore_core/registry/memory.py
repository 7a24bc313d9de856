"""What a handle remembers of the models it has met: as they were under an etag of their hint, and so never wrong."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from modelstore_core.documents.catalog import Snapshot
from modelstore_core.registry.indexed import Indexed
from modelstore_core.storage.protocol import ObjectInfo

__all__ = ["Held", "Memory"]

_MOST = 64 * 1024 * 1024
_EACH = 2048  # a state, a name, and the objects around them
_VIEW = 128 * 1024  # a head with the entries it repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One model as it was read.

    Attributes:
        snapshot: Its state, and its versions where they are few.
        view: It, where they are many: what its journal remembers has them.
        base: An older snapshot that has versions, where the newer one was not asked for them.
    """

    snapshot: Snapshot
    view: Indexed | None = None
    base: Snapshot | None = None

    def is_of(self, hint: ObjectInfo) -> bool:
        """Whether nothing was acknowledged between the reading and the listing that shows the hint so."""
        return (self.snapshot.etag, self.snapshot.modified) == (hint.etag, hint.modified)

    @property
    def has_versions(self) -> bool:
        """Whether it tells of the versions too."""
        return self.snapshot.rows is not None or self.view is not None

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        rows = [one.rows.size for one in (self.snapshot, self.base) if one is not None and one.rows is not None]
        return _EACH + sum(rows) + (0 if self.view is None else _VIEW + self.view.journal.size)


@dataclass(slots=True)
class Memory:
    """The models that were met, by folder: as many as fit. Safe to share between threads."""

    most: int = _MOST
    _held: dict[str, Held] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _total: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        return self._total

    def get(self, folder: str) -> Held | None:
        """The folder's model, if it is remembered."""
        return self._held.get(folder)

    def keep(self, folder: str, held: Held) -> None:
        """Remember it, if there is room."""
        with self._lock:
            self._drop(folder)
            size = held.size
            if self._total + size <= self.most:
                self._held[folder], self._sizes[folder] = held, size
                self._total += size

    def keep_only(self, folders: Collection[str]) -> None:
        """Forget all others: their hints are gone."""
        with self._lock:
            for folder in [folder for folder in self._held if folder not in folders]:
                self._drop(folder)

    def _drop(self, folder: str) -> None:
        self._held.pop(folder, None)
        self._total -= self._sizes.pop(folder, 0)
