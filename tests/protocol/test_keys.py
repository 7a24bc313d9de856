"""One piece of work, one effect: under retries, crashes, zombies and claims that rest on a lie."""

from collections.abc import Callable, Mapping

import pytest
from tests.protocol.support import claim_of, crash, data_ids, save, save_by, write_hint

from modelstore_core import AttemptSuperseded, GateRefused, Improves, ModelNotFound, ModelStore, VersionNotFound
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import MeanwhileStorage, store_over

Act = Callable[[ModelStore], object]

VERBS: Mapping[str, Act] = {
    "save": lambda s: save_by(s, 7, key="k").number,
    "promote": lambda s: s.promote("m@2", "champion", key="k").number,
    "rollback": lambda s: s.rollback("m", "steady", key="k").number,
    "unalias": lambda s: s.unalias("m", "steady", key="k").number,
    "annotate": lambda s: s.annotate("m@1", tags={"team": "risk"}, key="k").number,
    "delete": lambda s: s.delete("m@1", key="k").number,
    "restore": lambda s: s.restore("m@3", key="k").number,
}


@pytest.fixture
def busy(store: ModelStore) -> ModelStore:
    """A model on which every verb of the table has something to do."""
    save_by(store, 3)
    store.delete("m@3")
    store.promote("m@1", "steady")
    store.promote("m@2", "steady")
    store.promote("m@1", "other")
    store.unalias("m", "other")
    return store


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_key_commits_once_whoever_asks_again(busy: ModelStore, memory: MemoryStorage, verb: str) -> None:
    first = VERBS[verb](busy)
    commits = len(audit(memory, "m").entries)

    assert VERBS[verb](busy) == VERBS[verb](store_over(memory)) == first
    assert len(audit(memory, "m").entries) == commits


@pytest.mark.parametrize("verb", VERBS)
def test_a_crash_before_the_reply_is_found_by_the_retry(busy: ModelStore, memory: MemoryStorage, verb: str) -> None:
    commits = len(audit(memory, "m").entries)
    crash(memory, "create", "/log/", VERBS[verb])
    VERBS[verb](store_over(memory))

    assert len(audit(memory, "m").entries) == commits + 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_retry_gives_the_outcome_of_then_though_the_world_moved_on(
    busy: ModelStore, memory: MemoryStorage, verb: str
) -> None:
    first = VERBS[verb](busy)
    for _ in range(40):
        busy.annotate("m@2", metrics={"auc": len(audit(memory, "m", files=False).entries)})
    commits = len(audit(memory, "m").entries)

    assert VERBS[verb](store_over(memory)) == first
    assert len(audit(memory, "m").entries) == commits


def test_a_refusal_is_an_outcome_that_a_retry_gets_again(busy: ModelStore, memory: MemoryStorage) -> None:
    busy.promote("m@2", "champion")
    for store in (busy, store_over(memory)):
        with pytest.raises(GateRefused):
            store.promote("m@1", "champion", gates=[Improves("auc")], key="k")

    assert [e["op"]["kind"] for e in audit(memory, "m").entries].count("refuse_alias") == 1


def test_one_key_serves_several_verbs(busy: ModelStore, memory: MemoryStorage) -> None:
    for _ in range(2):
        for act in VERBS.values():
            act(store_over(memory))

    assert [e["verb"] for e in audit(memory, "m").entries if e["key"] == "k"] == [*VERBS]


@pytest.mark.parametrize("hint", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("grows", [0, 1, 4, 40])
def test_a_claim_from_a_lying_hint_hides_no_earlier_commit(
    store: ModelStore, memory: MemoryStorage, hint: int, grows: int
) -> None:
    write_hint(memory, hint, "0" * 32)
    crash(memory, "create", "/log/", lambda s: save_by(s, 7, key="k"))
    for step in range(grows):
        store.annotate("m@1", metrics={"step": step})
    retried = save(memory, 7, key="k")

    assert claim_of(memory, "k") == {"key": "k", "op": "0" * 32, "seq": hint}
    assert retried.number == 3
    assert audit(memory, "m").live == [1, 2, 3]


@pytest.mark.parametrize("verb", ["promote", "rollback", "annotate", "delete"])
def test_other_verbs_see_through_such_a_claim_too(busy: ModelStore, memory: MemoryStorage, verb: str) -> None:
    commits = len(audit(memory, "m").entries)
    write_hint(memory, commits + 1, "0" * 32)
    crash(memory, "create", "/log/", VERBS[verb])
    VERBS[verb](store_over(memory))

    assert len(audit(memory, "m").entries) == commits + 1


@pytest.mark.parametrize("damage", [b"", b"{", b'{"key":"k","op":"","seq":"9"}', b'{"key":"k","op":"x","seq":7}'])
def test_a_damaged_claim_proves_nothing(busy: ModelStore, memory: MemoryStorage, damage: bytes) -> None:
    VERBS["annotate"](busy)
    commits = len(audit(memory, "m").entries)
    (claim,) = [info.key for info in memory.list("models/m/keys/")]
    memory.put(claim, damage)
    VERBS["annotate"](store_over(memory))

    assert len(audit(memory, "m").entries) == commits


def test_a_claim_is_staked_once_and_later_calls_use_what_it_says(store: ModelStore, memory: MemoryStorage) -> None:
    save(memory, 3, key="k")
    staked = claim_of(memory, "k")
    store.annotate("m@1", metrics={"auc": 1})
    save(memory, 4, key="k")

    assert claim_of(memory, "k") == staked
    assert staked["seq"] == 2


def test_attempts_that_alternate_leave_the_last_one_live(store: ModelStore, memory: MemoryStorage) -> None:
    numbers = [save(memory, weight, key="k", attempt=i).number for i, weight in enumerate([3, 4, 3])]

    assert numbers == [3, 4, 5]
    assert audit(memory, "m").live == [1, 2, 5]
    assert store.get("m@3").superseded_by == 4
    assert store.load("m@3") == {"w": 3}


@pytest.mark.parametrize("warm", [True, False])
def test_a_zombie_gets_the_version_of_the_later_attempt(store: ModelStore, memory: MemoryStorage, warm: bool) -> None:
    zombie = store if warm else store_over(memory)
    save(memory, 3, key="k", attempt=1)

    assert save_by(zombie, 4, key="k", attempt=0).number == 3
    assert audit(memory, "m").numbers == [1, 2, 3]


def test_a_zombie_is_refused_when_the_version_of_the_later_attempt_is_gone(
    store: ModelStore, memory: MemoryStorage
) -> None:
    save(memory, 3, key="k", attempt=1)
    store.delete("m@3")

    with pytest.raises(AttemptSuperseded, match="Attempt 0 of key 'k' comes after attempt 1"):
        save(memory, 4, key="k", attempt=0)
    assert audit(memory, "m").numbers == [1, 2, 3]


def test_a_zombie_that_overtakes_between_decision_and_commit_is_seen(store: ModelStore, memory: MemoryStorage) -> None:
    slow = MeanwhileStorage(memory, lambda: save(memory, 3, key="k", attempt=1), verb="create", key="/log/")

    assert save_by(store_over(slow), 4, key="k", attempt=0).number == 3
    assert audit(memory, "m").live == [1, 2, 3]


def test_the_same_bytes_at_the_same_time_are_one_version(store: ModelStore, memory: MemoryStorage) -> None:
    slow = MeanwhileStorage(memory, lambda: save(memory, 3, key="k"), verb="create", key="/log/")

    assert save_by(store_over(slow), 3, key="k").number == 3
    assert audit(memory, "m").numbers == [1, 2, 3]
    assert len(data_ids(memory)) == 3


def test_a_retry_after_deletion_is_a_new_version_and_the_old_one_stays_superseded(
    store: ModelStore, memory: MemoryStorage
) -> None:
    save(memory, 3, key="k")
    store.delete("m@3")
    retried = save(memory, 3, key="k")
    store.restore("m@3")

    assert (retried.number, retried.supersedes) == (4, 3)
    assert audit(memory, "m").live == [1, 2, 4]
    assert store.get("m@3").superseded_by == 4


def test_an_alias_stays_on_a_superseded_version(store: ModelStore, memory: MemoryStorage) -> None:
    save(memory, 3, key="k")
    store.promote("m@3", "champion")
    save(memory, 4, key="k")

    assert store.load("m@champion") == {"w": 3}
    assert store.get("m@champion").superseded_by == 4
    assert store.get("m").number == 4


def test_without_a_key_the_same_bytes_are_new_versions(memory: MemoryStorage) -> None:
    assert [save(memory, 1).number for _ in range(3)] == [1, 2, 3]


def test_a_key_that_found_no_model_leaves_nothing_behind(memory: MemoryStorage) -> None:
    with pytest.raises(ModelNotFound):
        store_over(memory).annotate("m@1", tags={"a": "b"}, key="k")

    assert [*memory.list("")] == []


def test_a_keyed_call_that_began_before_the_model_was_there_commits_once_all_the_same(memory: MemoryStorage) -> None:
    def two_versions_and_a_rollback() -> None:
        for weight in (1, 2, 3):
            save(memory, weight)
            store_over(memory).promote(f"m@{weight}", "c")
        store_over(memory).rollback("m", "c", key="k")

    # The first read of log/1 finds nothing; the model, and an earlier call of this very key, come before the second.
    slow = MeanwhileStorage(memory, two_versions_and_a_rollback, verb="get", key="/log/", after=True)
    rolled = store_over(slow).rollback("m", "c", key="k")

    assert slow.acted
    assert rolled.number == 2
    assert [e["verb"] for e in audit(memory, "m").entries].count("rollback") == 1


def test_a_keyed_call_that_began_before_the_model_was_there_is_found_by_its_retry(memory: MemoryStorage) -> None:
    def three_promotions() -> None:
        for weight in (1, 2, 3):
            save(memory, weight)
            store_over(memory).promote(f"m@{weight}", "c")

    slow = MeanwhileStorage(memory, three_promotions, verb="get", key="/log/", after=True)
    store_over(slow).rollback("m", "c", key="k")
    store_over(memory).rollback("m", "c", key="k")

    assert store_over(memory).get("m@c").number == 2


def test_rolling_back_what_never_moved_is_no_outcome_to_remember(store: ModelStore, memory: MemoryStorage) -> None:
    store.promote("m@1", "c")
    with pytest.raises(VersionNotFound):
        store.rollback("m", "c", key="k")
    store.promote("m@2", "c")

    assert store.rollback("m", "c", key="k").number == 1
