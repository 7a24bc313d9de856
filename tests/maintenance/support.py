"""A store in which everything has happened, and ways to damage it."""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelstore_core import AtLeast, ModelStore, Verification
from modelstore_core.maintenance.building import Builder
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.stores import store_over

_spaces = itertools.count()

OTHER = "Ünïcode name"
HINT = "heads/m.json"


def log(seq: int) -> str:
    return f"models/m/log/{seq:020}.json"


def block(first: int) -> str:
    return f"models/m/blocks/{first:020}-{first + 31:020}.json"


def memory() -> MemoryStorage:
    """An empty storage of its own."""
    return MemoryStorage(f"maintenance-{next(_spaces)}")


def fill(storage: Storage, folder: Path) -> ModelStore:
    """Two models with versions of several formats, some deleted, superseded, purged; every kind of operation."""
    store = store_over(storage)
    path = folder / "weights.bin"
    path.write_bytes(b"weights of a file")
    (folder / "model").mkdir()
    for name in ("a.txt", "b/c.txt"):
        (folder / "model" / name).parent.mkdir(exist_ok=True)
        (folder / "model" / name).write_text(f"text of {name}")
    for weight in (1, 2, 3):
        store.save({"w": weight}, "m", format="pickle", metrics={"auc": weight / 10}, key=f"k{weight}", aliases=["new"])
    store.save({"w": 4}, "m", format="pickle", key="k3", attempt=1, metrics={"auc": float("nan")})
    store.save(path, "m", tags={"team": "risk"}, params={"depth": 3})
    store.save(folder / "model", "m", description="a folder")
    store.promote("m@1", "champion", reason="first", key="p1")
    store.promote("m@2", "champion", gates=[AtLeast("auc", 0.15)])
    store.rollback("m", "champion")
    store.delete("m@5")
    store.restore("m@5")
    store.delete("m@2")
    store.unalias("m", "new")
    storage.put(f"models/m/data/{'5' * 32}/left.bin", b"of a save that crashed")
    for step in range(25):  # enough that the coarsest clock of a disk sees all before it as past
        store.annotate("m@1", metrics={"step": step}, tags={"note": f"step {step}"})
    store.collect("m", older_than=0)
    store.save({"w": 9}, OTHER, format="pickle")
    segment(storage, "m", 3)
    return store


def segment(storage: Storage, name: str, count: int) -> None:
    """Give the model an index and, though it is short, a segment of its first versions."""
    handle = store_over(storage)._handle
    journal = handle.journal(name)
    head = handle.view(name).require()
    builder = Builder(journal)
    builder.take(journal.entries(1, head))
    builder._cut(count)
    builder.store()
    journal.segments.put_index(builder.index(head.seq, head.entry.op_id, head.sha256), head.seq)


def copied(objects: Mapping[str, bytes]) -> MemoryStorage:
    """A storage with these objects."""
    storage = memory()
    for key, body in objects.items():
        storage.put(key, body)
    return storage


def objects_of(storage: Storage) -> dict[str, bytes]:
    """Everything that lies there."""
    return {info.key: storage.get(info.key) or b"" for info in storage.list("")}


def edit(storage: Storage, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change a document behind the store's back; without its sum, as the first writers wrote."""
    document = json.loads(storage.get(key) or b"")
    document.pop("sum", None)
    raw = json.dumps(change(document), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    storage.put(key, raw.encode() + b"\n")


def found(done: Verification) -> set[tuple[str, str]]:
    """The severities and keys of what was found and not repaired."""
    return {(problem.severity, problem.key) for problem in done.problems if not problem.repaired}


def check(storage: Storage, **options: Any) -> Verification:
    """What a cold handle finds."""
    return store_over(storage).verify(**options)
