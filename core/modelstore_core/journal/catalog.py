"""The catalog of all models as it lies in the storage: what is whole is read, all else is not there."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial

from modelstore_core.documents.catalog import Shard, Snapshot, pack, read_catalog, write_catalog
from modelstore_core.documents.lines import Lines
from modelstore_core.storage.protocol import Storage

__all__ = ["CATALOG", "documents", "read_shard", "remove_old", "shard_key", "store"]

_FOLDER = "catalog/"
CATALOG = f"{_FOLDER}index.json.gz"


def shard_key(shard: Shard) -> str:
    """Where a shard lies."""
    return f"{_FOLDER}{shard.name}.json.gz"


def documents(storage: Storage) -> Iterator[Snapshot]:
    """Every model in the catalog, document by document: no more than one is open at a time."""
    raw = storage.get(CATALOG)
    first = None if raw is None else read_catalog(raw)
    if first is None:
        return
    yield from first.snapshots
    bodies = storage.together([partial(storage.get, shard_key(shard)) for shard in first.shards])
    for shard, body in zip(first.shards, bodies, strict=True):
        yield from read_shard(shard, body) or ()


def read_shard(shard: Shard, body: bytes | None) -> tuple[Snapshot, ...] | None:
    """The models in a shard, or None if its bytes are not those that the first document named."""
    if body is None or len(body) != shard.size or hashlib.sha256(body).hexdigest() != shard.name:
        return None
    found = read_catalog(body)
    return None if found is None else found.snapshots


def store(storage: Storage, snapshots: Iterable[Snapshot]) -> None:
    """Write the catalog of these models: its shards, if one document does not hold them, and then the first."""
    shards: list[Shard] = []
    waiting: Lines | None = None
    for group in pack(snapshots):
        if waiting is not None:
            shards.append(_put(storage, waiting))
        waiting = group
    assert waiting is not None
    if shards:
        shards.append(_put(storage, waiting))
        waiting = Lines()
    storage.put(CATALOG, write_catalog(waiting, shards))


def remove_old(storage: Storage, before: float) -> int:
    """Remove the shards that are not named and were stored before then, by the store's clock; how many."""
    raw = storage.get(CATALOG)
    first = None if raw is None else read_catalog(raw)
    named = {CATALOG, *(shard_key(shard) for shard in (() if first is None else first.shards))}
    old = [info.key for info in storage.list(_FOLDER) if info.key not in named and info.modified < before]
    ours = [key for key in old if key.endswith(".json.gz")]
    storage.delete(ours)
    return len(ours)


def _put(storage: Storage, group: Lines) -> Shard:
    body = write_catalog(group)
    shard = Shard(name=hashlib.sha256(body).hexdigest(), size=len(body))
    storage.put(shard_key(shard), body)
    return shard
