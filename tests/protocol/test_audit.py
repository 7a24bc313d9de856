"""The audit that other tests end with notices what it is there to notice."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.protocol.support import save_by

from modelstore_core import ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def written(memory: MemoryStorage) -> MemoryStorage:
    """A log in which everything has happened: 7 commits, the last a promotion."""
    store = store_over(memory)
    for weight in (1, 2, 3):
        save_by(store, weight, key=f"k{weight}")
    store.delete("m@3")
    store.annotate("m@1", tags={"a": "b"})
    store.promote("m@1", "c")
    store.promote("m@2", "c")
    return memory


def rewrite(memory: MemoryStorage, seq: int, edit: Edit) -> None:
    """Change a commit, and mend the chain and the short entries after it, as a clever forger would."""
    prev: str | None = None
    entries: list[Any] = []
    for info in sorted(memory.list("models/m/log/"), key=lambda info: info.key):
        commit = json.loads(memory.get(info.key) or b"")
        if commit["entry"]["seq"] == seq:
            edit(commit)
        commit["recent"], commit["prev"] = entries, prev
        raw = json.dumps(commit, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        memory.put(info.key, raw)
        prev, entries = hashlib.sha256(raw).hexdigest(), [*entries, commit["entry"]]


def test_a_good_log_passes(written: MemoryStorage) -> None:
    rewrite(written, 1, lambda commit: None)
    found = audit(written, "m")

    assert (found.numbers, found.live, found.aliases) == ([1, 2, 3], [1, 2], {"c": 2})


EDITS: dict[str, tuple[int, Edit, str]] = {
    "a number twice": (2, lambda c: c["entry"]["op"].update(number=1), "version 1 comes after 1"),
    "a gap in the numbers": (3, lambda c: c["entry"]["op"].update(number=4), "version 4 comes after 2"),
    "a state that is not the fold": (5, lambda c: c["state"].update(live=3), "state of log/5"),
    "a lost annotation": (6, lambda c: c["state"]["aliases"]["c"].update(annotated=None), "state of log/6"),
    "a fork in an alias's history": (7, lambda c: c["entry"]["op"].update(previous=3), "c"),
    "an alias on a deleted version": (7, lambda c: c["entry"]["op"].update(number=3, record=3), "c"),
    "another model": (4, lambda c: c.update(model="other"), "other"),
    "two live versions of one key": (3, lambda c: c["entry"].update(key="k2"), "k2"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_forged_log_does_not_pass(written: MemoryStorage, edit: str) -> None:
    seq, change, complaint = EDITS[edit]
    rewrite(written, seq, change)

    with pytest.raises(AssertionError, match=complaint):
        audit(written, "m")


STRAY = "0123456789abcdef" * 2


@pytest.fixture
def collected(written: MemoryStorage) -> MemoryStorage:
    """The same, and then a stray folder is condemned (8) and version 3 purged (9)."""
    written.put(f"models/m/data/{STRAY}/half.bin", b"12345")
    assert len(store_over(written).collect("m", older_than=0).removed) == 2
    return written


FORGED_COLLECTIONS: dict[str, tuple[int, Edit, str]] = {
    "a version's id condemned": (2, lambda c: c["entry"]["op"].update(data=STRAY), "condemned a version's id"),
    "a version under a condemned id": (9, lambda c: c["entry"].update(op=_added(c)), "an id that is condemned"),
    "a condemnation of nothing": (8, lambda c: c["entry"]["op"].update(ids=[]), "of nothing"),
    "an id condemned twice at once": (8, lambda c: c["entry"]["op"].update(ids=[STRAY, STRAY]), "an id twice"),
    "an id condemned again": (9, lambda c: c["entry"].update(op={"kind": "condemn", "ids": [STRAY]}), "a second time"),
    "an empty log": (1, lambda c: c["entry"].update(op={"kind": "condemn", "ids": [STRAY]}), "in an empty log"),
    "a purge of a live version": (9, lambda c: c["entry"]["op"].update(number=1, record=1), "purge"),
    "a purge of another record": (9, lambda c: c["entry"]["op"].update(record=1), "purge"),
    "a restoration after the purge": (9, lambda c: c["entry"]["op"].update(kind="restore"), "is not there|state"),
}


def _added(commit: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "add_version", "number": 4, "data": STRAY, "supersedes": None, "aliases": {}, "files": []}


@pytest.mark.parametrize("edit", FORGED_COLLECTIONS)
def test_a_forged_collection_does_not_pass(collected: MemoryStorage, edit: str) -> None:
    seq, change, complaint = FORGED_COLLECTIONS[edit]
    rewrite(collected, seq, change)

    with pytest.raises(AssertionError, match=complaint):
        audit(collected, "m")


def test_what_lies_in_folders_of_no_version_is_named(collected: MemoryStorage, memory: MemoryStorage) -> None:
    assert audit(collected, "m").strays == frozenset()
    purged = store_over(collected).get("m@3").url.rsplit("/", 1)[1]
    for data_id in (purged, STRAY):
        memory.put(f"models/m/data/{data_id}/late.bin", b"late")

    assert audit(collected, "m").strays == {purged, STRAY}


def test_an_op_id_that_occurs_twice_does_not_pass(written: MemoryStorage) -> None:
    for seq in (2, 5):
        rewrite(written, seq, lambda commit: commit["entry"].update(op_id="0" * 32))

    with pytest.raises(AssertionError, match="op id occurs twice"):
        audit(written, "m")


def test_a_broken_chain_does_not_pass(written: MemoryStorage) -> None:
    key = f"models/m/log/{4:020}.json"
    written.put(key, (written.get(key) or b"") + b" ")

    with pytest.raises(AssertionError, match="chain at 4"):
        audit(written, "m")


def test_a_hole_does_not_pass(written: MemoryStorage) -> None:
    written.delete([f"models/m/log/{4:020}.json"])

    with pytest.raises(AssertionError, match="hole"):
        audit(written, "m")


def test_other_bytes_in_a_file_do_not_pass(written: MemoryStorage) -> None:
    (first, *_) = [info.key for info in written.list("models/m/data/")]
    written.put(first, b"something else")

    with pytest.raises(AssertionError, match=r"bytes of model\.pkl"):
        audit(written, "m")


def test_a_missing_or_wrong_block_does_not_pass(store: ModelStore, memory: MemoryStorage) -> None:
    for step in range(40):
        store.annotate("m@1", metrics={"step": step})
    (block,) = [info.key for info in memory.list("models/m/blocks/")]
    raw = memory.get(block) or b""
    memory.put(block, raw.replace(b'"step":3', b'"step":4', 1))

    with pytest.raises(AssertionError, match="is not what the log says"):
        audit(memory, "m")
    memory.delete([block])
    with pytest.raises(AssertionError, match="no block"):
        audit(memory, "m")
