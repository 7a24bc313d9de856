"""A model's derived listing as it lies in the storage: what is whole is read and remembered, all else is not there."""

from collections.abc import Callable, Sequence
from functools import partial

from modelstore_core.documents.segments import Index, Rows, Segment, read_index, read_segment
from modelstore_core.storage.protocol import Storage

__all__ = ["STRIDE", "Segments", "is_due"]

STRIDE = 1024
"""An index is worth being written, or asked for, again once the log has grown by so many commits."""


def is_due(seq: int) -> bool:
    """Whether the writer of this commit is the one to bring the index up to date: each 1,024th is.

    It is a commit after a block: who folds the log on from there need not read the block before.
    """
    return seq > 1 and seq % STRIDE == 1


_MOST_REMEMBERED = 64 * 1024 * 1024
_MOST_READ = 16 * 1024


class Segments:
    """The index and segments of one model. What they say is to be proven by whoever asks.

    Safe to share between threads: what it remembers never becomes wrong, only old.
    """

    def __init__(self, storage: Storage, root: str, model: str) -> None:
        self.folder = f"{root}/segments/"
        self.index_key = f"{self.folder}index.json.gz"
        self._storage = storage
        self._model = model
        self._index: Index | None = None
        self._asked: int | None = None
        self._bodies: dict[str, bytes] = {}
        self._rows: dict[str, Rows] = {}

    def key(self, segment: Segment) -> str:
        """Where a segment lies."""
        return f"{self.folder}{segment.name}.json.gz"

    @property
    def known(self) -> Index | None:
        """The index as it was found when it was last asked for."""
        return self._index

    @property
    def size(self) -> int:
        """How many bytes of memory all this takes, about."""
        rows = [*self._rows.values(), *([] if self._index is None else [self._index.rows])]
        return sum(map(len, self._bodies.values())) + sum(one.size for one in rows)

    def index(self, seq: int) -> Index | None:
        """The index, asked for if that was never done, or the log, now of this length, has grown enough since."""
        if self._asked is None or seq >= self._asked + STRIDE:
            self.look(seq)
        return self._index

    def look(self, seq: int) -> bool:
        """Ask for the index of a log of about this length, and remember it if it is one; whether there is anything."""
        raw = self._storage.get(self.index_key)
        self._take(None if raw is None else read_index(raw, self._model), seq)
        return raw is not None

    def distrust(self) -> None:
        """Do without the index, which is not what the log says, until the log has grown."""
        self._index = None

    def forget(self) -> None:
        """Forget everything: the log is another one, or the index."""
        self._index, self._asked = None, None
        self._bodies.clear()
        self._rows.clear()

    def fetches(self, segments: Sequence[Segment]) -> list[Callable[[], object]]:
        """The calls that fetch what of these segments is not here yet, free to run side by side."""
        if sum(map(len, self._bodies.values())) > _MOST_REMEMBERED:
            self._bodies.clear()
        return [partial(self._fetch, segment) for segment in segments if segment.name not in self._bodies]

    def rows(self, segment: Segment) -> Rows | None:
        """The rows of a segment that was fetched, or None if it is not whole."""
        found = self._rows.get(segment.name)
        if found is not None and (found.first, found.last) == (segment.first, segment.last):
            return found
        body = self._bodies.get(segment.name)
        rows = None if body is None else read_segment(body, segment, self._model)
        if rows is not None and sum(map(len, self._rows.values())) + len(rows) <= _MOST_READ:
            rows.remember()
            self._rows[segment.name] = rows
        return rows

    def put(self, segment: Segment, body: bytes) -> None:
        """Store a segment; no harm if it is there."""
        self._storage.put(self.key(segment), body)
        self._bodies[segment.name] = body

    def put_index(self, body: bytes, seq: int) -> None:
        """Store the index, in place of any other, and remember it."""
        self._storage.put(self.index_key, body)
        self._take(read_index(body, self._model), seq)

    def _take(self, index: Index | None, seq: int) -> None:
        self._index, self._asked = index, seq
        if index is not None:
            index.rows.remember()
            named = {segment.name for segment in index.segments}
            self._rows = {name: rows for name, rows in self._rows.items() if name in named}

    def _fetch(self, segment: Segment) -> None:
        body = self._storage.get(self.key(segment))
        if body is not None:
            self._bodies[segment.name] = body
