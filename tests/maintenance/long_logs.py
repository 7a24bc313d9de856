"""Long histories, what the log alone says of them, and ways to write an index that lies."""

import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.maintenance.support import memory

from modelstore_core import ModelVersion
from modelstore_core.documents.canonical import encode, seal
from modelstore_core.maintenance import compacting
from modelstore_core.registry import queries
from modelstore_core.registry.fold import fold
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing import synthetic
from modelstore_core.testing.stores import store_over

INDEX = "models/m/segments/index.json.gz"

Document = dict[str, Any]


def long(versions: int, *, annotate: int = 0, promote: int = 0, delete: int = 0) -> MemoryStorage:
    """A store with one model `m` of so many versions."""
    storage = memory()
    synthetic.fill(storage, "m", versions, annotate=annotate, promote=promote, delete=delete)
    return storage


def refresh_at(storage: Storage, *seqs: int) -> None:
    """Bring the index up to each of these commits, as their writers would have done."""
    journal = store_over(storage)._handle.journal("m")
    for seq in seqs:
        head = journal.read(seq)
        assert head is not None
        compacting.refresh(journal, head)


def by_the_log(storage: Storage) -> list[ModelVersion]:
    """Every version, newest first, as commits and blocks alone say it is."""
    view = store_over(storage)._handle.view("m")
    versions = fold(view.entries())
    return [queries.record_of(view, versions[number], storage.url) for number in sorted(versions, reverse=True)]


def as_listed(storage: Storage) -> list[ModelVersion]:
    """Every version, newest first, as a new reader lists them."""
    return [*store_over(storage).versions("m", deleted=True)]


def segments(storage: Storage) -> list[str]:
    """The keys of all stored segments."""
    found = [info.key for info in storage.list("models/m/segments/")]
    return sorted(key for key in found if key != INDEX)


def index(storage: Storage) -> Document:
    """The index as JSON."""
    return read(storage, INDEX)


def read(storage: Storage, key: str) -> Document:
    """An index or segment as JSON."""
    head, *rows = gzip.decompress(storage.get(key) or b"").splitlines()
    document: Document = json.loads(head)
    return {**document, "rows": [json.loads(row) for row in rows]}


def packed(document: Document) -> bytes:
    """An index or segment as bytes, its sum and the count of its rows right."""
    head = {**{k: v for k, v in document.items() if k != "sum"}, "rows": len(document["rows"])}
    return gzip.compress(seal(encode(head)) + b"".join(json.dumps(row).encode() + b"\n" for row in document["rows"]))


def with_index(storage: Storage, change: Callable[[Document], object]) -> None:
    """Change the index, and keep it whole."""
    document = index(storage)
    change(document)
    storage.put(INDEX, packed(document))


def with_segment(storage: Storage, change: Callable[[Document], object]) -> None:
    """Change the first segment, and have the index name it: all sums and sizes are right."""
    entry = index(storage)["segments"][0]
    document = read(storage, f"models/m/segments/{entry['name']}.json.gz")
    change(document)
    body = packed(document)
    name = hashlib.sha256(body).hexdigest()
    storage.put(f"models/m/segments/{name}.json.gz", body)
    with_index(storage, lambda d: d["segments"][0].update(name=name, size=len(body)))
