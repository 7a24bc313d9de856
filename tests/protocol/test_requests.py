"""What a verb costs, in requests and in rounds that wait for one another, on a storage that is not on this machine.

n is the number of files saved, m of files loaded. Asked once by every new handle before its first write, beside its
first request, and so no round of its own: `store.json`, and where the storage lies (which tells of versioning).
"""

from collections.abc import Callable, Mapping

import pytest
from tests.protocol.support import save_by

from modelstore_core import AtLeast, Improves, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over

Act = Callable[[ModelStore], object]

ADMISSION = 2
LONG = {f"parameter {i}": "x" * 30 for i in range(50)}
"""Params that make a record too long for the short entries of later commits, as most real ones are."""


@pytest.fixture
def counting(memory: MemoryStorage) -> CountingStorage:
    """A model with all its versions among the newest commits, but their records in full only where they stand."""
    store = store_over(memory)
    for weight in (1, 2, 3, 4):
        save_by(store, weight)
    store.save({"w": 5}, "m", format="pickle", params=LONG)
    for number in (1, 2):
        store.promote(f"m@{number}", "c")
    store.promote("m@5", "long")
    store.delete("m@4")
    return CountingStorage(memory)


def cost(counting: CountingStorage, store: ModelStore, act: Act) -> tuple[int, int]:
    """The requests and rounds of one call."""
    counting.reset()
    act(store)
    return len(counting.requests), counting.rounds


def cold(counting: CountingStorage, act: Act) -> tuple[int, int]:
    """The cost to a new handle, without what it asks once of every store."""
    requests, rounds = cost(counting, store_over(counting), act)
    once = [r for r in counting.requests if r.key == "store.json" or r.verb == "location"]
    assert len(once) in {0, ADMISSION}
    assert {r.round for r in once} <= {1}
    return requests - len(once), rounds


def warm(counting: CountingStorage, act: Act) -> tuple[int, int]:
    """The cost to a handle that has written before and knows the head."""
    store = store_over(counting)
    store.annotate("m@1", metrics={"warm": audit(counting, "m", files=False).entries[-1]["seq"]})
    return cost(counting, store, act)


@pytest.fixture(params=[1, 3])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Act]:
    """A folder of so many files, and the saving of it."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(request.param):
        (folder / f"{number}.bin").write_bytes(b"weights %d" % number)
    return request.param, lambda s: s.save(folder, "m", params=LONG)


def test_a_save_takes_n_plus_4_requests_in_4_rounds_cold(counting: CountingStorage, files: tuple[int, Act]) -> None:
    assert cold(counting, files[1]) == (files[0] + 4, 4)


def test_a_save_takes_n_plus_2_requests_in_3_rounds_warm(counting: CountingStorage, files: tuple[int, Act]) -> None:
    assert warm(counting, files[1]) == (files[0] + 2, 3)


def test_a_key_is_one_request_more_and_no_round(counting: CountingStorage) -> None:
    assert cold(counting, lambda s: save_by(s, 9, key="a")) == (1 + 4 + 1, 4)
    assert warm(counting, lambda s: save_by(s, 9, key="b")) == (1 + 2 + 1, 3)
    assert warm(counting, lambda s: s.promote("m@3", "c", key="c")) == (3, 3)
    assert cold(counting, lambda s: s.promote("m@2", "c", key="d")) == (5, 4)


def test_a_first_save_asks_for_a_hint_and_puts_one(memory: MemoryStorage) -> None:
    store_over(memory).save({"w": 1}, "another", format="pickle")

    # The hint asked for; then, side by side, the file, a look for log/1, and the hint put; the commit; the hint.
    assert cold(CountingStorage(memory), lambda s: save_by(s, 1)) == (1 + 5, 4)


SHORT: Mapping[str, Act] = {
    "promote": lambda s: s.promote("m@3", "c"),
    "rollback": lambda s: s.rollback("m", "c"),
    "unalias": lambda s: s.unalias("m", "c"),
    "annotate": lambda s: s.annotate("m@1", tags={"team": "risk"}),
    "delete": lambda s: s.delete("m@1"),
    "restore": lambda s: s.restore("m@4"),
}


@pytest.mark.parametrize("verb", SHORT)
def test_other_writes_take_4_requests_in_4_rounds_cold(counting: CountingStorage, verb: str) -> None:
    assert cold(counting, SHORT[verb]) == (4, 4)


@pytest.mark.parametrize("verb", SHORT)
def test_other_writes_take_2_requests_in_2_rounds_warm(counting: CountingStorage, verb: str) -> None:
    assert warm(counting, SHORT[verb]) == (2, 2)


OF_LONG: Mapping[str, Act] = {
    "promote": lambda s: s.promote("m@5", "c"),
    "unalias": lambda s: s.unalias("m", "long"),
    "annotate": lambda s: s.annotate("m@5", tags={"team": "risk"}),
    "delete": lambda s: s.delete("m@5", force=True),
}


@pytest.mark.parametrize("verb", OF_LONG)
def test_a_record_too_long_for_a_short_entry_is_one_request_more_cold(counting: CountingStorage, verb: str) -> None:
    """And a round only to annotate it, for that the record has to be known; else it is read while the hint is put."""
    assert cold(counting, OF_LONG[verb]) == (5, 5 if verb == "annotate" else 4)


@pytest.mark.parametrize("verb", OF_LONG)
def test_a_record_too_long_for_a_short_entry_is_one_request_more_warm(counting: CountingStorage, verb: str) -> None:
    assert warm(counting, OF_LONG[verb]) == (3, 3 if verb == "annotate" else 2)


def test_a_gate_needs_both_records_and_both_are_read(counting: CountingStorage) -> None:
    assert cold(counting, lambda s: s.promote("m@3", "c", gates=[AtLeast("auc", 0.1)])) == (4, 4)
    assert warm(counting, lambda s: s.promote("m@1", "c", gates=[AtLeast("auc", 0.1)])) == (2, 2)


def test_recent_rules_cost_nothing(counting: CountingStorage, memory: MemoryStorage) -> None:
    store_over(memory).protect("m", "c", [AtLeast("auc", 0.1)])

    assert cold(counting, lambda s: s.promote("m@3", "c")) == (4, 4)
    assert warm(counting, lambda s: s.promote("m@1", "c")) == (2, 2)


def test_rules_that_are_not_recent_are_one_request_more_and_once_a_handle(
    counting: CountingStorage, memory: MemoryStorage
) -> None:
    """In one round with the records that they are judged on."""
    store = store_over(memory)
    store.protect("m", "c", [AtLeast("auc", 0.1), Improves("auc")])
    for step in range(60):
        store.annotate("m@1", metrics={"step": step})
    store.save({"w": 9}, "m", format="pickle", metrics={"auc": 0.9})

    assert cold(counting, lambda s: s.promote("m", "c")) == (4 + 1 + 1, 5)  # the rules, and the current record
    store.rollback("m", "c")
    knowing = store_over(counting)
    knowing.promote("m", "d")
    assert cost(counting, knowing, lambda s: s.promote("m", "c")) == (2 + 1 + 1, 3)
    knowing.rollback("m", "c")
    assert cost(counting, knowing, lambda s: s.promote("m", "c")) == (2, 2)


def test_an_outcome_a_vote_and_a_rule_cost_what_an_annotation_costs(counting: CountingStorage) -> None:
    for act in (
        lambda s: s.annotate("m@1", checks={"drift": True}),
        lambda s: s.request_approval("m@1", "long"),
        lambda s: s.approve("m@1", "long"),
        lambda s: s.protect("m", "c", [AtLeast("auc", 0.1)]),
        lambda s: s.unprotect("m", "c", reason="no more"),
    ):
        assert cold(counting, act) == (4, 4)
    assert warm(counting, lambda s: s.reject("m@1", "long")) == (2, 2)
    assert warm(counting, lambda s: s.protect("m", "c", [Improves("auc")])) == (2, 2)


def test_rules_are_told_from_the_head_and_what_set_them(counting: CountingStorage, memory: MemoryStorage) -> None:
    store = store_over(memory)
    for alias in ("c", "d", "e"):
        store.protect("m", alias, [AtLeast("auc", 0.1)])
    assert cold(counting, lambda s: s.gates("m")) == (3, 2)
    for step in range(60):
        store.annotate("m@1", metrics={"step": step})

    assert cold(counting, lambda s: s.gates("m")) == (3 + 3, 3)


def test_a_number_that_is_not_recent_is_one_request_more_for_each_block(
    counting: CountingStorage, memory: MemoryStorage
) -> None:
    store = store_over(memory)
    for step in range(90):
        store.annotate("m@2", metrics={"step": step})

    assert cold(counting, lambda s: s.get("m@3")) == (3 + 3, 3)
    assert cold(counting, lambda s: s.promote("m@3", "c")) == (4 + 3, 5)


@pytest.mark.parametrize("reference", ["m", "m@c"])
def test_a_load_takes_3_plus_m_requests_in_3_rounds_cold(counting: CountingStorage, reference: str) -> None:
    """The short entries of the head keep what loading needs, however long the record is."""
    assert cold(counting, lambda s: s.load(reference)) == (3 + 1, 3)


def test_a_cold_load_by_alias_reads_a_long_record_to_know_what_the_version_was_made_with(
    counting: CountingStorage,
) -> None:
    assert cold(counting, lambda s: s.load("m@long")) == (4 + 1, 4)


@pytest.mark.parametrize("reference", ["m@long", "m", "m@c"])
def test_a_load_whose_record_went_into_a_block_takes_one_more(
    counting: CountingStorage, memory: MemoryStorage, reference: str
) -> None:
    store = store_over(memory)
    for step in range(60):
        store.annotate("m@1", metrics={"step": step})

    assert cold(counting, lambda s: s.load(reference)) == (4 + 1, 4)


@pytest.mark.parametrize("reference", ["m@long", "m", "m@c", "m@1"])
def test_a_load_takes_1_plus_m_requests_in_2_rounds_warm(counting: CountingStorage, reference: str) -> None:
    store = store_over(counting)
    store.load(reference)

    assert cost(counting, store, lambda s: s.load(reference)) == (1 + 1, 2)


def test_all_files_are_fetched_in_one_round(counting: CountingStorage, files: tuple[int, Act]) -> None:
    files[1](store_over(counting))

    assert cold(counting, lambda s: s.load("m")) == (3 + files[0], 3)


@pytest.mark.parametrize("before", [31, 63])
def test_the_commit_after_a_full_block_is_one_request_and_one_round_more(memory: MemoryStorage, before: int) -> None:
    counting = CountingStorage(memory)
    store = store_over(counting)
    save_by(store, 1)
    for step in range(before):
        store.annotate("m@1", metrics={"step": step})

    assert cost(counting, store, lambda s: s.annotate("m@1", tags={"a": "b"})) == (3, 3)
    assert cost(counting, store, lambda s: s.annotate("m@1", tags={"a": "c"})) == (2, 2)


def test_a_cold_writer_of_a_block_reads_its_commits_in_one_round(memory: MemoryStorage) -> None:
    store = store_over(memory)
    save_by(store, 1)
    for step in range(31):
        store.annotate("m@1", metrics={"step": step})

    assert cold(CountingStorage(memory), lambda s: s.annotate("m@1", tags={"a": "b"})) == (4 + 31 + 1, 6)


def test_an_uncompacted_listing_is_one_request_for_each_32_commits_it_looks_back_over(
    counting: CountingStorage, memory: MemoryStorage
) -> None:
    """And one for the index that is not there, in a round that there is anyway."""
    store = store_over(memory)
    for weight in range(200):
        save_by(store, weight)

    assert cold(counting, lambda s: s.versions("m", limit=10)) == (3 + 1, 3)
    assert cold(counting, lambda s: s.versions("m", limit=100)) == (4 + 3, 3)
    assert cold(counting, lambda s: s.versions("m")) == (4 + 209 // 32, 3)
    assert cold(counting, lambda s: s.versions("m", order_by="metrics.auc", limit=10)) == (4 + 209 // 32, 3)


def test_listing_again_is_one_request_and_what_is_new(counting: CountingStorage, memory: MemoryStorage) -> None:
    store, reader = store_over(memory), store_over(counting)
    for weight in range(200):
        save_by(store, weight)
    reader.versions("m", limit=100)

    assert cost(counting, reader, lambda s: s.versions("m", limit=100)) == (1, 1)
    save_by(store, 200)
    assert cost(counting, reader, lambda s: s.versions("m", limit=100)) == (2, 2)


def test_all_of_a_long_history_is_one_request_for_each_32_commits(
    counting: CountingStorage, memory: MemoryStorage
) -> None:
    store = store_over(memory)
    for weight in range(200):
        save_by(store, weight)
    commits = len(audit(memory, "m").entries)
    requests, rounds = cold(counting, lambda s: s.history("m"))

    assert commits == 209
    assert (requests, rounds) == (3 + commits // 32, 3)


def test_a_feed_of_changes_reads_all_models_side_by_side(counting: CountingStorage, memory: MemoryStorage) -> None:
    for number in range(20):
        store_over(memory).save({"w": 1}, f"model-{number}", format="pickle")
        store_over(memory).save({"w": 2}, f"model-{number}", format="pickle", params=LONG)
        store_over(memory).promote(f"model-{number}@1", "c")

    # Of each of the twenty: hint, head, what is not after the head, and the one entry that is cut there. Of `m` two.
    assert cold(counting, lambda s: s.changes()) == (1 + 20 * 4 + 4, 4)


def test_an_idle_feed_of_changes_is_one_request(counting: CountingStorage) -> None:
    store = store_over(counting)
    cursor = store.changes().cursor

    assert cost(counting, store, lambda s: s.changes(cursor)) == (1, 1)


@pytest.mark.parametrize("verb", [*SHORT, "save", "load", "get", "versions", "history", "models", "changes"])
def test_a_handle_that_has_written_never_reads_store_json_again(counting: CountingStorage, verb: str) -> None:
    reads: dict[str, Act] = {
        "save": lambda s: save_by(s, 9),
        "load": lambda s: s.load("m"),
        "get": lambda s: s.get("m"),
        "versions": lambda s: s.versions("m"),
        "history": lambda s: s.history("m"),
        "models": lambda s: s.models(),
        "changes": lambda s: s.changes(),
    }
    warm(counting, {**SHORT, **reads}[verb])
    assert not [r for r in counting.requests if r.key == "store.json" or r.verb == "location"]
    if verb in reads and verb != "save":
        cost(counting, store_over(counting), reads[verb])
        assert not [r for r in counting.requests if r.key == "store.json" or r.verb == "location"]
