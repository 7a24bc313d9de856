"""The synthetic log: byte for byte what a store would have written, only faster."""

import itertools

import pytest

from modelstore_core.documents.commit import read_commit, write_commit
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over
from modelstore_core.testing.synthetic import fill, plain_version

_spaces = itertools.count()


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(f"synthetic-{next(_spaces)}")


def test_a_filled_log_is_one_that_a_store_could_have_written(memory: MemoryStorage) -> None:
    commits = fill(memory, "Ünïcode", 100, annotate=3, promote=7, delete=5)
    found = audit(memory, "Ünïcode", files=False)

    assert (len(found.entries), found.numbers) == (commits, [*range(1, 101)])
    assert {entry["verb"] for entry in found.entries} == {"save", "annotate", "promote", "delete"}
    assert (len(found.live), found.aliases) == (83, {"champion": 98})


def test_its_bytes_are_those_of_the_documents_own_writer(memory: MemoryStorage) -> None:
    commits = fill(memory, "m", 40, annotate=3, promote=7)
    base = None
    for seq in range(1, commits + 1):
        raw = memory.get(f"models/m/log/{seq:020}.json") or b""
        found = read_commit(raw, "it")
        base, written = write_commit("m", base, found.entry, found.state)

        assert written == raw


def test_a_store_reads_and_extends_it(memory: MemoryStorage) -> None:
    fill(memory, "m", 70, promote=10)
    store = store_over(memory)

    assert [v.number for v in store.versions("m")] == [*range(70, 0, -1)]
    assert store.get("m@champion").metrics == plain_version(70).metrics
    assert store.save({"w": 1}, "m", format="pickle").number == 71
    assert store_over(memory).load("m@71") == {"w": 1}


def test_a_thinned_out_log_is_listed_all_the_same(memory: MemoryStorage) -> None:
    commits = fill(memory, "m", 100, whole=False)

    assert [int(info.key[-25:-5]) for info in memory.list("models/m/log/")] == [1, *range(97, commits + 1)]
    assert len(store_over(memory).versions("m")) == 100
