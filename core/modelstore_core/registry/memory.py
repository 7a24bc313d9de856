"""What a handle remembers of the models it has met: as they were under an etag of their hint, and so never wrong."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

from modelstore_core.documents.catalog import Snapshot
from modelstore_core.registry.indexed import Indexed
from modelstore_core.storage.protocol import ObjectInfo

__all__ = ["Held", "Memory"]

_MOST = 128 * 1024 * 1024
_EACH = 2048  # a state, a name, and the objects around them
_VIEW = 128 * 1024  # a head with the entries it repeats
_MOST_READ = 8192  # versions that are kept as they were read


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


class Memory:
    """The models that were met, by folder: as many as fit into so many bytes. Safe to share between threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._held: dict[str, Held] = {}
        self._costs: dict[str, tuple[int, int]] = {}  # bytes, and versions that are kept as they were read
        self._size = 0
        self._read = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about."""
        return self._size

    def get(self, folder: str) -> Held | None:
        """The folder's model, if it is remembered."""
        return self._held.get(folder)

    def keep(self, folder: str, held: Held) -> None:
        """Remember it, if there is room."""
        rows = held.snapshot.rows
        with self._lock:
            self._drop(folder)
            read = 0 if rows is None or self._read + len(rows) > _MOST_READ else len(rows)
            if read and rows is not None:
                rows.remember()
            size = held.size
            if self._size + size <= self._most:
                self._held[folder], self._costs[folder] = held, (size, read)
                self._size, self._read = self._size + size, self._read + read

    def keep_only(self, folders: Collection[str]) -> None:
        """Forget all others: their hints are gone."""
        with self._lock:
            for folder in [folder for folder in self._held if folder not in folders]:
                self._drop(folder)

    def _drop(self, folder: str) -> None:
        self._held.pop(folder, None)
        size, read = self._costs.pop(folder, (0, 0))
        self._size, self._read = self._size - size, self._read - read
