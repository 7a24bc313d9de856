"""Models as of commits that were read before: what snapshots say of them, held to the state that they carry."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from modelstore_core.documents.catalog import Snapshot
from modelstore_core.documents.segments import Index, Rows
from modelstore_core.errors import Corrupt
from modelstore_core.journal.log import Journal
from modelstore_core.model.state import State
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.indexed import folded, held_to
from modelstore_core.registry.view import View

T = TypeVar("T")

__all__ = ["Remembered", "as_index"]


class Remembered(View):
    """One model as its snapshot has it; nothing is asked for."""

    def __init__(self, journal: Journal, snapshot: Snapshot) -> None:
        super().__init__(journal, None)
        self._snapshot = snapshot

    @property
    def state(self) -> State:
        """What holds after the snapshot's commit."""
        return self._snapshot.state

    def shown(self, shown: Callable[[Folded], T], *, deleted: bool) -> list[T]:
        """What is shown of the versions, live ones or all, newest first; there must be rows of them.

        Raises:
            Corrupt, StoreTooNew: The rows are not what the state says.
        """
        rows = self._snapshot.rows
        assert rows is not None
        return held_to(self.model, self.state, self._versions(rows), shown, deleted=deleted)

    def _versions(self, rows: Rows) -> Iterator[Folded]:
        for number in range(rows.last, rows.first - 1, -1):
            version = folded(rows.row(number))
            if max(version.record.seq, version.annotated or 0) > self._snapshot.seq:
                raise Corrupt(f"A row of {self.model!r} is of a commit after its own.", value=number, fix="")
            yield version


def as_index(snapshot: Snapshot) -> Index | None:
    """The snapshot as an index, to be proven by the log and folded on from; None if it has no rows."""
    if snapshot.rows is None or not snapshot.seq:
        return None
    return Index(seq=snapshot.seq, op_id=snapshot.op_id, sha256=snapshot.sha256, rows=snapshot.rows)
