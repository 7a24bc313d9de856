"""Retention: which versions go, and that each deletion is judged when it is committed."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from tests.protocol.support import save_by

from modelstore_core import InvalidInput, ModelNotFound, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import MeanwhileStorage, StillClock, store_over

_spaces = count()


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(f"pruning-{next(_spaces)}")


def on_day(memory: MemoryStorage, day: int) -> ModelStore:
    return store_over(memory, ports=StillClock(date=datetime(2026, 1, day, tzinfo=UTC)).ports())


@pytest.fixture
def store(memory: MemoryStorage) -> ModelStore:
    """Versions of January 1st to 6th, as of the 10th: 2 is deleted, 3 superseded by 4, 1 has an alias."""
    for day in range(1, 7):
        save_by(on_day(memory, day), day, key="k" if day in {3, 4} else None, attempt=day)
    store = on_day(memory, 10)
    store.delete("m@2")
    store.promote("m@1", "steady")
    return store


def numbers(store: ModelStore, **rules: Any) -> list[int]:
    return [version.number for version in store.prune("m", **rules)]


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        ({"keep": 2}, [4]),
        ({"keep": 1}, [4, 5]),
        ({"keep": 0}, [4, 5, 6]),
        ({"keep": 3}, []),
        ({"keep": 100}, []),
        ({"older_than": timedelta(days=5)}, [4]),
        ({"older_than": 5 * 86400 - 1}, [4, 5]),
        ({"older_than": 0}, [4, 5, 6]),
        ({"older_than": timedelta(days=999_999_999)}, []),
        ({"keep": 1, "older_than": timedelta(days=5)}, [4]),
        ({"keep": 2, "older_than": 0}, [4]),
        ({"keep": 0, "older_than": timedelta(days=30)}, []),
    ],
)
def test_what_neither_number_nor_age_nor_an_alias_keeps_goes(
    memory: MemoryStorage, store: ModelStore, rules: dict[str, Any], gone: list[int]
) -> None:
    assert numbers(store, **rules, dry_run=True) == gone
    assert len(audit(memory, "m").entries) == 8

    assert numbers(store, **rules, reason="retention") == gone
    assert audit(memory, "m").live == [number for number in (1, 4, 5, 6) if number not in gone]
    assert {event.reason for event in store.history("m")[: len(gone)]} <= {"retention"}
    assert numbers(store, **rules) == []


def test_the_deleted_come_back_by_restore_until_they_are_collected(memory: MemoryStorage, store: ModelStore) -> None:
    gone = store.prune("m", keep=1)

    assert [(version.number, version.deleted) for version in gone] == [(4, True), (5, True)]
    assert store.restore("m@5").number == 5
    assert [one.number for one in store.collect(older_than=0).removed] == [2, 3, 4]
    assert store.load("m@5") == {"w": 5}


def test_every_model_is_pruned_if_none_is_named(store: ModelStore) -> None:
    for weight in (1, 2):
        store.save({"w": weight}, "other", format="pickle")
    store.storage.put("heads/fresh.json", b'{"model":"fresh","nonce":"","op":"","seq":0}\n')

    assert [v.ref for v in store.prune(keep=1)] == ["m@4", "m@5", "other@1"]


def test_an_alias_set_meanwhile_protects(memory: MemoryStorage, store: ModelStore) -> None:
    other = MeanwhileStorage(memory, lambda: store_over(memory).promote("m@4", "c"), verb="create", key="/log/")

    assert numbers(store_over(other), keep=1) == [5]
    assert audit(memory, "m").live == [1, 4, 6]


def test_a_version_that_is_among_the_newest_by_now_stays(memory: MemoryStorage, store: ModelStore) -> None:
    def delete() -> None:
        for number in (5, 6):
            store_over(memory).delete(f"m@{number}")

    other = MeanwhileStorage(memory, delete, verb="create", key="/log/")

    assert numbers(store_over(other), keep=2) == []
    assert audit(memory, "m").live == [1, 4]


def test_a_version_deleted_meanwhile_is_not_deleted_twice(memory: MemoryStorage, store: ModelStore) -> None:
    other = MeanwhileStorage(memory, lambda: store_over(memory).delete("m@4"), verb="create", key="/log/")

    assert numbers(store_over(other), keep=1) == [5]
    assert [event.number for event in store.history("m", limit=2)] == [5, 4]


def test_a_retry_with_the_key_returns_what_the_first_call_deleted(memory: MemoryStorage, store: ModelStore) -> None:
    assert numbers(store, keep=1, key="tonight") == [4, 5]
    store.restore("m@5")
    commits = len(audit(memory, "m").entries)

    again = store_over(memory).prune("m", keep=1, key="tonight")
    assert [(version.number, version.deleted) for version in again] == [(4, True), (5, False)]
    assert len(audit(memory, "m").entries) == commits
    assert numbers(store, keep=1, key="tomorrow") == [5]


def test_a_retry_finishes_what_a_killed_call_began(memory: MemoryStorage, store: ModelStore) -> None:
    class Killed(Exception):
        pass

    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        numbers(store_over(MeanwhileStorage(memory, kill, verb="create", key="/log/", nth=2)), keep=1, key="tonight")
    assert audit(memory, "m").live == [1, 5, 6]

    assert numbers(store, keep=1, key="tonight") == [4, 5]
    assert audit(memory, "m").live == [1, 6]


def test_hundreds_go_in_one_call(memory: MemoryStorage) -> None:
    store = store_over(memory)
    for weight in range(1, 121):
        save_by(store, weight)

    assert len(store_over(memory).prune("m", keep=20)) == 100
    assert audit(memory, "m").live == [*range(101, 121)]


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({}, "Nothing says which versions to keep"),
        ({"keep": -1}, "keep=-1 is no count"),
        ({"keep": True}, "keep=True is no count"),
        ({"keep": "3"}, "keep='3' is no count"),
        ({"older_than": -1}, "older_than=-1 is no span of time"),
        ({"older_than": "30d"}, "older_than='30d' is no span of time"),
        ({"keep": 1, "reason": None}, "None is not text"),
        ({"keep": 1, "key": ""}, "The idempotency key '' must be text"),
        ({"keep": 1, "key": "k" * 512}, "must be text of 1 to 512 bytes"),
    ],
)
def test_what_is_no_rule_is_refused_before_anything_goes(
    memory: MemoryStorage, store: ModelStore, rules: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        store.prune("m", **rules)

    assert len(audit(memory, "m").entries) == 8


def test_an_unknown_model_is_not_found(store: ModelStore) -> None:
    with pytest.raises(ModelNotFound):
        store.prune("churn", keep=1)
    assert not store_over(MemoryStorage(f"pruning-{next(_spaces)}")).prune(keep=1)
