"""Blocks: 32 commits in one object, the same from every writer, and never more than a matter of cost."""

import json
from collections.abc import Mapping

import pytest
from tests.protocol.support import save_by

from modelstore_core import ModelStore, StorageUnavailable, StoreTooNew
from modelstore_core.documents.canonical import unsealed
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage
from modelstore_core.testing.stores import MeanwhileStorage, store_over

FIRST = f"models/m/blocks/{1:020}-{32:020}.json"
SECOND = f"models/m/blocks/{33:020}-{64:020}.json"


def grow(store: ModelStore, to: int) -> None:
    """Make the log of `m` that long."""
    length = len(store.history("m"))
    for step in range(length, to):
        store.annotate("m@1", metrics={"step": step})


@pytest.fixture
def long(store: ModelStore, memory: MemoryStorage) -> ModelStore:
    """Seventy commits: two blocks, and some after."""
    grow(store, 70)
    return store


def test_a_block_is_written_just_before_the_commit_that_follows_it(store: ModelStore, memory: MemoryStorage) -> None:
    counting = CountingStorage(memory)
    writer = store_over(counting)
    grow(writer, 70)
    written = [
        (r.verb, r.key) for r in counting.requests if "/blocks/" in r.key or r.key.endswith(("33.json", "65.json"))
    ]

    assert [w for w in written if w[0] != "get"] == [
        ("put", FIRST),
        ("create", f"models/m/log/{33:020}.json"),
        ("put", SECOND),
        ("create", f"models/m/log/{65:020}.json"),
    ]
    audit(memory, "m")


@pytest.mark.parametrize("length", [31, 32, 33, 64, 65])
def test_a_cold_writer_at_a_boundary_writes_what_a_warm_one_would(
    store: ModelStore, memory: MemoryStorage, length: int
) -> None:
    grow(store, length)
    cold = MemoryStorage(f"{memory.name}-cold")
    for info in memory.list(""):
        cold.put(info.key, memory.get(info.key) or b"")
    save_by(store, 3)
    save_by(store_over(cold), 3)

    blocks = {info.key: memory.get(info.key) for info in memory.list("models/m/blocks/")}
    assert blocks == {info.key: cold.get(info.key) for info in cold.list("models/m/blocks/")}
    assert len(blocks) == length // 32
    audit(cold, "m")


def test_racing_writers_write_equal_blocks(store: ModelStore, memory: MemoryStorage) -> None:
    grow(store, 32)
    between: list[bytes | None] = []

    def other() -> None:
        save_by(store_over(memory), 4)
        between.append(memory.get(FIRST))

    save_by(store_over(MeanwhileStorage(memory, other, verb="put", key="/blocks/")), 3)

    assert between == [memory.get(FIRST)]
    assert audit(memory, "m").numbers == [1, 2, 3, 4]


def spoiled(block: bytes) -> Mapping[str, bytes | None]:
    document = {name: value for name, value in json.loads(block).items() if name != "sum"}
    one_cut = {**document, "entries": [{**document["entries"][0], "cut": ["reason"]}, *document["entries"][1:]]}
    return {
        "missing": None,
        "empty": b"",
        "torn": block[: len(block) // 2],
        "garbage": b"\x00" * 100,
        "one entry short": json.dumps({**document, "entries": document["entries"][1:]}).encode(),
        "out of order": json.dumps({**document, "entries": document["entries"][::-1]}).encode(),
        "with a cut entry": json.dumps(one_cut).encode(),
        "of another model": json.dumps({**document, "model": "other"}).encode(),
        "with another number": block.replace(b'"auc":0.2', b'"auc":0.3'),
        "entries that are none": json.dumps({**document, "entries": [1] * 32}).encode(),
    }


@pytest.mark.parametrize("damage", [*spoiled(b'{"entries":[{}]}')])
def test_without_a_usable_block_the_log_is_read(long: ModelStore, memory: MemoryStorage, damage: str) -> None:
    expected = [event.id for event in long.history("m")]
    block = spoiled(memory.get(FIRST) or b"")[damage]
    memory.delete([FIRST])
    if block is not None:
        memory.put(FIRST, block)

    assert [event.id for event in store_over(memory).history("m")] == expected
    assert store_over(memory).get("m@2").metrics == {"auc": 0.2}
    assert store_over(memory).save({"w": 9}, "m", format="pickle", key="k").number == 3


def test_of_a_block_of_a_later_format_the_commits_decide(long: ModelStore, memory: MemoryStorage) -> None:
    expected = [event.id for event in long.history("m")]
    for key in (FIRST, "models/m/log/00000000000000000001.json"):
        memory.put(key, unsealed(memory.get(key) or b"").replace(b'"format":1,', b'"format":2,', 1))
        if key == FIRST:
            assert [event.id for event in store_over(memory).history("m")] == expected

    with pytest.raises(StoreTooNew):
        store_over(memory).history("m")


def test_without_its_block_no_commit_is_made(store: ModelStore, memory: MemoryStorage) -> None:
    grow(store, 32)
    silent = FaultyStorage(memory, script=lambda verb, key, _: Fault("error") if "/blocks/" in key else None)
    with pytest.raises(StorageUnavailable):
        store_over(silent, patience=2.0).annotate("m@1", tags={"a": "b"})

    assert len(audit(memory, "m").entries) == 32


@pytest.mark.parametrize("kind", ["error", "lost_reply", "delay"])
def test_a_block_that_fails_once_is_put_again(store: ModelStore, memory: MemoryStorage, kind: str) -> None:
    grow(store, 32)
    faults = [Fault("error" if kind == "error" else "lost_reply" if kind == "lost_reply" else "delay", after=3)]
    once = FaultyStorage(memory, script=lambda v, key, _: faults.pop() if faults and "/blocks/" in key else None)
    store_over(once).annotate("m@1", tags={"a": "b"})
    once.land()

    assert len(audit(memory, "m").entries) == 33


def test_a_block_left_by_a_writer_who_died_is_used(store: ModelStore, memory: MemoryStorage) -> None:
    grow(store, 32)
    dying = FaultyStorage(memory, script=lambda v, key, _: Fault("error") if v == "create" and "/log/" in key else None)
    with pytest.raises(Exception, match="did not say in time"):
        store_over(dying, patience=1.0).annotate("m@1", tags={"a": "b"})
    left = memory.get(FIRST)
    save_by(store_over(memory), 3)

    assert left is not None
    assert memory.get(FIRST) == left
    audit(memory, "m")


def test_long_entries_are_shortened_in_recent_and_whole_where_they_stand(
    store: ModelStore, memory: MemoryStorage
) -> None:
    store.save({"w": 3}, "m", format="pickle", params={"text": "x" * 5000}, tags={"team": "risk"})
    store.promote("m@3", "c", reason="y" * 5000)
    grow(store, 10)

    cold = store_over(memory)
    assert cold.get("m@3").params == {"text": "x" * 5000}
    assert cold.get("m@c").tags == {"team": "risk"}
    assert [event.reason for event in cold.history("m") if event.kind == "alias.moved"] == ["y" * 5000]
    assert len(memory.get(f"models/m/log/{10:020}.json") or b"") < 16_000
    audit(memory, "m")
