"""The catalog of all models: gathered and written, and held to the logs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from modelstore_core.documents.catalog import Snapshot, read_catalog
from modelstore_core.documents.segments import Rows
from modelstore_core.errors import Corrupt, ModelStoreError, StoreTooNew
from modelstore_core.journal.catalog import CATALOG, read_shard, shard_key, store
from modelstore_core.journal.log import Journal
from modelstore_core.maintenance.building import Builder
from modelstore_core.maintenance.compacting import Flaw, is_row
from modelstore_core.model.names import folder_of
from modelstore_core.registry.gathering import Gathering
from modelstore_core.registry.memory import Held
from modelstore_core.registry.snapshots import Remembered
from modelstore_core.storage.protocol import Storage

__all__ = ["catalogue", "flaws"]

_AT_ONCE = 16


def catalogue(storage: Storage, gathering: Gathering, journal_of: Callable[[str], Journal]) -> None:
    """Write the catalog of all models as they are now; what is known of one is held to its own state first.

    Raises:
        Corrupt: A log has a hole or is damaged.
    """
    gathered = gathering.everything(versions=True, long=False)
    store(storage, (_sound(held, gathering, journal_of) for held in gathered))


def flaws(storage: Storage, journal_of: Callable[[str], Journal]) -> Iterator[Flaw]:
    """What of the catalog is damaged, or not what the logs say; no catalog is no flaw, and neither is an old one."""
    raw = storage.get(CATALOG)
    if raw is None:
        return
    first = read_catalog(raw)
    if first is None:
        yield Flaw(key=CATALOG, problem="is damaged")
        return
    yield from _false(storage, CATALOG, first.snapshots, journal_of)
    for shard in first.shards:
        key = shard_key(shard)
        found = read_shard(shard, storage.get(key))
        if found is None:
            yield Flaw(key=key, problem="is missing or damaged")
        else:
            yield from _false(storage, key, found, journal_of)


def _sound(held: Held, gathering: Gathering, journal_of: Callable[[str], Journal]) -> Snapshot:
    """The model's snapshot; read from its log alone, if what was known of it cannot be true."""
    snapshot = held.snapshot
    if snapshot.rows is None:
        return snapshot
    try:
        Remembered(journal_of(snapshot.model), snapshot).shown(lambda _: None, deleted=True)
    except (Corrupt, StoreTooNew):
        return gathering.again(held).snapshot
    return snapshot


def _false(
    storage: Storage, key: str, snapshots: Sequence[Snapshot], journal_of: Callable[[str], Journal]
) -> Iterator[Flaw]:
    """A flaw for the document if it says of a model what its log does not; those whose hint is gone are not asked."""
    for at in range(0, len(snapshots), _AT_ONCE):
        some = snapshots[at : at + _AT_ONCE]
        wrong = storage.together([partial(_is_false, storage, one, journal_of) for one in some])
        names = [one.model for one, false in zip(some, wrong, strict=True) if false]
        if names:
            yield Flaw(key=key, problem=f"does not say of {', '.join(names)} what the log says")


def _is_false(storage: Storage, snapshot: Snapshot, journal_of: Callable[[str], Journal]) -> bool:
    try:
        journal = journal_of(snapshot.model)
        if not snapshot.seq or storage.get(f"heads/{folder_of(snapshot.model)}.json") is None:
            return False
        commit = journal.read(snapshot.seq)
        if commit is None or (commit.entry.op_id, commit.sha256) != (snapshot.op_id, snapshot.sha256):
            return True
        if (commit.state, commit.entry.time) != (snapshot.state, snapshot.time):
            return True
        return snapshot.rows is not None and not _are_rows(journal, snapshot.seq, snapshot.rows)
    except ModelStoreError:  # a name that is none, a row that cannot be read
        return True


def _are_rows(journal: Journal, seq: int, rows: Rows) -> bool:
    head = journal.newest()
    if head is None:
        return False
    truth = Builder(journal)
    truth.take(journal.entries(1, head, last=seq))
    return all(is_row(row, rows, number) for number, row in truth.rows_in_order())
