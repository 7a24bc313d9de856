"""A model's deletion and return, decided on the newest commit like everything else."""

from collections.abc import Callable

import pytest
from tests.protocol.support import data_ids, save_by

from modelstore_core import ModelDeleted, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import MeanwhileStorage, store_over

Race = Callable[[Callable[[ModelStore], object]], ModelStore]


@pytest.fixture(params=["cold", "warm"])
def against(request: pytest.FixtureRequest, memory: MemoryStorage, store: ModelStore) -> Race:
    """A handle on the model of two versions, and another writer who acts just before its next commit is offered."""

    def race(act: Callable[[ModelStore], object]) -> ModelStore:
        other = MeanwhileStorage(memory, lambda: act(store_over(memory)), verb="create", key="/log/")
        racing = store_over(other)
        if request.param == "warm":
            racing.history("m")
        return racing

    return race


WRITES: dict[str, Callable[[ModelStore], object]] = {
    "save": lambda s: save_by(s, 3),
    "save with a key": lambda s: save_by(s, 3, key="k"),
    "promote": lambda s: s.promote("m@1", "c"),
    "annotate": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@1"),
    "describe": lambda s: s.describe("m", owner="ada"),
}


@pytest.mark.parametrize("write", WRITES)
def test_what_comes_after_the_deletion_is_refused_and_leaves_nothing(
    against: Race, memory: MemoryStorage, write: str
) -> None:
    with pytest.raises(ModelDeleted):
        WRITES[write](against(lambda other: other.delete_model("m")))

    assert [entry["verb"] for entry in audit(memory, "m").entries[2:]] == ["delete_model"]
    assert len(data_ids(memory)) == 2


@pytest.mark.parametrize("write", WRITES)
def test_what_comes_before_the_deletion_is_deleted_with_the_rest(
    against: Race, memory: MemoryStorage, write: str
) -> None:
    against(WRITES[write]).delete_model("m")
    with pytest.raises(ModelDeleted):
        store_over(memory).get("m@1")

    store_over(memory).restore_model("m")
    assert len(audit(memory, "m").entries) == 5


def test_two_deletions_are_one_and_so_are_two_returns(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: other.delete_model("m")).delete_model("m")
    assert len(audit(memory, "m").entries) == 3


def test_two_returns_are_one(against: Race, store: ModelStore, memory: MemoryStorage) -> None:
    store.delete_model("m")

    assert not against(lambda other: other.restore_model("m")).restore_model("m").deleted
    assert len(audit(memory, "m").entries) == 4


def test_what_two_say_of_a_model_is_both_there(against: Race, memory: MemoryStorage) -> None:
    against(lambda other: other.describe("m", tags={"theirs": "1"})).describe("m", tags={"ours": "2"})

    assert dict(store_over(memory).model("m").tags) == {"theirs": "1", "ours": "2"}
    audit(memory, "m")


@pytest.mark.parametrize("write", WRITES)
def test_a_handle_that_remembers_a_deletion_hears_of_the_return(
    store: ModelStore, memory: MemoryStorage, write: str
) -> None:
    store.delete_model("m")
    warm = store_over(memory)
    warm.history("m")
    store.restore_model("m")

    WRITES[write](warm)
    assert len(audit(memory, "m").entries) == 5


def test_a_refusal_is_given_only_after_the_next_commit_was_found_absent(
    store: ModelStore, memory: MemoryStorage
) -> None:
    store.delete_model("m")
    counting = CountingStorage(memory)
    warm = store_over(counting)
    warm.history("m")
    counting.reset()
    with pytest.raises(ModelDeleted):
        warm.annotate("m@1", tags={"a": "b"})

    assert [(r.verb, r.key) for r in counting.requests][-1] == ("get", f"models/m/log/{4:020}.json")
    assert counting.summary().get("create", 0) == 0


@pytest.mark.parametrize("nth", [1, 2])
def test_a_collector_takes_nothing_more_once_the_model_is_back(
    store: ModelStore, memory: MemoryStorage, nth: int
) -> None:
    """It purges version by version; whatever was not purged before the return is there after it."""
    store.promote("m@2", "c")
    store.delete_model("m")
    racing = MeanwhileStorage(
        memory, lambda: store_over(memory).restore_model("m"), verb="create", key="/log/", nth=nth
    )
    store_over(racing).collect("m", older_than=0)

    found = audit(memory, "m")
    assert found.live == [1, 2][nth - 1 :]
    assert found.aliases == {"c": 2}
    assert store_over(memory).load("m@c") == {"w": 2}
    assert not found.strays


def test_a_model_that_was_deleted_again_is_collected_by_its_newest_deletion(
    store: ModelStore, memory: MemoryStorage
) -> None:
    store.delete_model("m")
    store.restore_model("m")
    store.delete_model("m")

    assert store.collect("m").objects == 0
    assert store.collect("m", older_than=0).objects == 2
    assert audit(memory, "m").live == []


def test_a_keyed_deletion_is_not_repeated_after_the_return(store: ModelStore, memory: MemoryStorage) -> None:
    store.delete_model("m", key="x")
    store.restore_model("m", key="x")
    store.delete_model("m", key="x")

    assert not store_over(memory).model("m").deleted
    assert [entry["verb"] for entry in audit(memory, "m").entries[2:]] == ["delete_model", "restore_model"]


def test_a_save_of_a_deleted_model_can_be_tried_again_with_its_key(store: ModelStore, memory: MemoryStorage) -> None:
    store.delete_model("m")
    with pytest.raises(ModelDeleted):
        save_by(store, 3, key="k")
    store.restore_model("m")

    assert save_by(store, 3, key="k").number == 3
    assert save_by(store_over(memory), 3, key="k").number == 3
    assert audit(memory, "m").live == [1, 2, 3]
