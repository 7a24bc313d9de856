"""A log that is not what was written is said to be corrupt; one of a later release is said to be too new."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.protocol.support import save_by

from modelstore_core import Corrupt, ModelStore, StoreTooNew
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

Edit = Callable[[dict[str, Any]], dict[str, Any]]


def key(seq: int, model: str = "m") -> str:
    return f"models/{model}/log/{seq:020}.json"


def edit(memory: MemoryStorage, seq: int, change: Edit) -> None:
    """Change a commit behind the store's back, and nothing after it; without its sum, as the first writers wrote."""
    changed = change(json.loads(memory.get(key(seq)) or b""))
    memory.put(key(seq), json.dumps({name: value for name, value in changed.items() if name != "sum"}).encode())


@pytest.fixture
def five(store: ModelStore, memory: MemoryStorage) -> ModelStore:
    """Five commits."""
    for step in range(3):
        store.annotate("m@1", metrics={"step": step})
    return store


READS: Mapping[str, Callable[[ModelStore], object]] = {
    "get": lambda s: s.get("m"),
    "load": lambda s: s.load("m@1"),
    "versions": lambda s: s.versions("m"),
    "history": lambda s: s.history("m"),
    "models": lambda s: s.models(),
    "changes": lambda s: s.changes(),
    "save": lambda s: save_by(s, 9, key="k"),
    "promote": lambda s: s.promote("m@1", "c"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"\xff", b'{"format":1}', b'{"format":"1"}'])
def test_a_head_that_cannot_be_read_is_corrupt_for_every_verb(
    five: ModelStore, memory: MemoryStorage, read: str, raw: bytes
) -> None:
    memory.put(key(5), raw)

    with pytest.raises(Corrupt, match="log/5"):
        READS[read](store_over(memory))


@pytest.mark.parametrize("read", READS)
def test_a_head_of_a_later_format_is_too_new_for_every_verb(five: ModelStore, memory: MemoryStorage, read: str) -> None:
    edit(memory, 5, lambda commit: {**commit, "format": 2, "state": "of another kind"})

    with pytest.raises(StoreTooNew, match="Upgrade"):
        READS[read](store_over(memory))


@pytest.mark.parametrize("change", [{"verb": "split"}, {"op": {"kind": "merge_models"}}])
def test_a_verb_or_operation_of_a_later_release_is_too_new(
    five: ModelStore, memory: MemoryStorage, change: dict[str, Any]
) -> None:
    edit(memory, 5, lambda commit: {**commit, "entry": {**commit["entry"], **change}})

    with pytest.raises(StoreTooNew, match="Upgrade"):
        store_over(memory).get("m")


def test_a_hole_in_the_log_is_corrupt(five: ModelStore, memory: MemoryStorage) -> None:
    save_by(five, 3)
    for _ in range(30):
        five.promote("m@1", "c")
        five.promote("m@2", "c")
    blocks = [info.key for info in memory.list("models/m/blocks/")]
    memory.delete([key(2), *blocks])

    with pytest.raises(Corrupt, match="has a hole at 2"):
        store_over(memory).history("m")


def test_a_commit_that_does_not_follow_the_one_before_is_corrupt(five: ModelStore, memory: MemoryStorage) -> None:
    warm = store_over(memory)
    warm.get("m")
    five.annotate("m@1", metrics={"step": 9})
    edit(memory, 6, lambda commit: {**commit, "prev": "0" * 64})

    with pytest.raises(Corrupt, match="does not follow the commit before it"):
        warm.get("m")
    with pytest.raises(Corrupt, match="does not follow the commit before it"):
        warm.promote("m@1", "c")


def test_a_commit_of_another_base_met_while_committing_is_corrupt(five: ModelStore, memory: MemoryStorage) -> None:
    warm = store_over(memory)
    warm.get("m")
    edit(memory, 5, lambda commit: commit)  # the same, in other bytes
    store_over(memory).annotate("m@1", metrics={"step": 9})

    with pytest.raises(Corrupt, match="does not follow the commit before it"):
        warm.promote("m@1", "c")


WRONG: Mapping[str, Edit] = {
    "another model": lambda c: {**c, "model": "other"},
    "another position": lambda c: {**c, "entry": {**c["entry"], "seq": 4}},
    "no op": lambda c: {**c, "entry": {k: v for k, v in c["entry"].items() if k != "op"}},
    "no op id": lambda c: {**c, "entry": {**c["entry"], "op_id": None}},
    "no state": lambda c: {k: v for k, v in c.items() if k != "state"},
    "a state without next": lambda c: {**c, "state": {"live": 1}},
    "a negative next": lambda c: {**c, "state": {**c["state"], "next": -1}},
    "an absurd next": lambda c: {**c, "state": {**c["state"], "next": 10**400}},
    "recent too short": lambda c: {**c, "recent": c["recent"][1:]},
    "recent out of order": lambda c: {**c, "recent": c["recent"][::-1]},
    "recent that is none": lambda c: {**c, "recent": 5},
    "an alias to nowhere": lambda c: {**c, "state": {**c["state"], "aliases": {"c": None}}},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("read", ["get", "save"])
def test_a_head_with_anything_wrong_is_corrupt(five: ModelStore, memory: MemoryStorage, wrong: str, read: str) -> None:
    edit(memory, 5, WRONG[wrong])

    with pytest.raises(Corrupt):
        READS[read](store_over(memory))


def test_all_problems_of_a_document_are_said_at_once(five: ModelStore, memory: MemoryStorage) -> None:
    edit(memory, 5, lambda c: {**c, "model": 5, "prev": 5, "state": {**c["state"], "next": "x", "live": None}})

    with pytest.raises(Corrupt, match=r"model is not text.*prev is not text") as raised:
        store_over(memory).get("m")
    assert "state.next" in str(raised.value)


def test_a_folder_with_another_models_log_is_corrupt(five: ModelStore, memory: MemoryStorage) -> None:
    for seq in range(1, 6):
        memory.put(key(seq, "stolen"), memory.get(key(seq)) or b"")

    with pytest.raises(Corrupt, match=r"log/1 of 'stolen' says it is log/1 of 'm'"):
        store_over(memory).get("stolen")
    with pytest.raises(Corrupt, match=r"log/1 of 'stolen' says it is log/1 of 'm'"):
        store_over(memory).save({"w": 1}, "stolen", format="pickle")


@pytest.mark.parametrize("edited", [{"format": 2}, {"features": ["shards"]}])
def test_a_store_of_a_later_release_is_not_written(
    five: ModelStore, memory: MemoryStorage, edited: dict[str, Any]
) -> None:
    memory.put("store.json", json.dumps({**json.loads(memory.get("store.json") or b""), **edited}).encode())
    before = {info.key: info.etag for info in memory.list("")}

    for write in (READS["save"], READS["promote"]):
        with pytest.raises(StoreTooNew, match="Upgrade"):
            write(store_over(memory))
    assert {info.key: info.etag for info in memory.list("")} == before
    assert store_over(memory).get("m").number == 2


def test_keys_that_the_format_does_not_know_are_left_alone(five: ModelStore, memory: MemoryStorage) -> None:
    edit(memory, 5, lambda c: {**c, "comment": "by hand", "entry": {**c["entry"], "weather": "fine"}})
    memory.put("models/m/segments/x.json.gz", b"derived")
    memory.put("notes.txt", b"ours")

    assert store_over(memory).get("m").number == 2
    assert save_by(store_over(memory), 3).number == 3
