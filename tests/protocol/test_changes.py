"""The feed of changes: along a chain of cursors every acknowledged change is told, and told once."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.protocol.support import crash, save, save_by

from modelstore_core import ModelStore
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.stores import MeanwhileStorage, MeanwhileVerb, store_over


def told(storage: Storage, cursor: str | None) -> tuple[list[str], str]:
    """What a cold watcher hears, and its next cursor."""
    feed = store_over(storage).changes(cursor)
    return [event.id for event in feed.events], feed.cursor


STEPS: list[tuple[MeanwhileVerb, str, int]] = [("list", "heads/", 1), ("get", "heads/", 1)]
STEPS += [("get", "/log/", nth) for nth in (1, 2)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("begins", [True, False])
def test_a_commit_at_any_moment_of_a_poll_is_told_once(
    store: ModelStore, memory: MemoryStorage, step: tuple[MeanwhileVerb, str, int], after: bool, begins: bool
) -> None:
    verb, key, nth = step
    heard, cursor = ([], None) if begins else told(memory, None)
    store.annotate("m@1", tags={"before": "the poll"})
    slow = MeanwhileStorage(memory, lambda: store.promote("m@1", "c"), verb=verb, key=key, nth=nth, after=after)
    for storage in (slow, memory, memory):
        news, cursor = told(storage, cursor)
        heard = heard + news

    assert slow.acted
    assert heard == ["m:1", "m:2", "m:3", "m:4"]


def test_a_commit_that_was_never_acknowledged_is_told_with_the_next(store: ModelStore, memory: MemoryStorage) -> None:
    heard, cursor = told(memory, None)
    crash(memory, "create", "/log/", lambda s: s.promote("m@1", "c"))
    save(memory, 3)
    news, cursor = told(memory, cursor)

    assert [*heard, *news] == ["m:1", "m:2", "m:3", "m:4"]
    assert told(memory, cursor)[0] == []


def test_a_model_whose_first_save_crashed_is_told_once_it_is_there(memory: MemoryStorage) -> None:
    crash(memory, "put", "heads/", lambda s: save_by(s, 1))
    heard, cursor = told(memory, None)
    save(memory, 1)
    news, _ = told(memory, cursor)

    assert (heard, news) == ([], ["m:1"])


def test_a_cursor_serves_any_handle(store: ModelStore, memory: MemoryStorage) -> None:
    warm = store_over(memory)
    cursor = warm.changes().cursor
    store.promote("m@1", "c")
    one, other = warm.changes(cursor), store_over(memory).changes(cursor)

    assert [e.id for e in one.events] == [e.id for e in other.events] == ["m:3"]
    assert one.cursor == other.cursor


def test_one_commit_with_several_effects_is_several_events(store: ModelStore, memory: MemoryStorage) -> None:
    _, cursor = told(memory, None)
    store.save({"w": 3}, "m", format="pickle", aliases=["a", "b"])
    store.delete("m@3", force=True)
    feed = store_over(memory).changes(cursor)

    assert [(e.id, e.kind, e.alias) for e in feed.events] == [
        ("m:3", "version.created", None),
        ("m:3:1", "alias.moved", "a"),
        ("m:3:2", "alias.moved", "b"),
        ("m:4", "version.deleted", None),
        ("m:4:1", "alias.dropped", "a"),
        ("m:4:2", "alias.dropped", "b"),
    ]


VERBS: list[Callable[[ModelStore], object]] = [
    lambda s: save_by(s, 1),
    lambda s: save_by(s, 2, key="k"),
    lambda s: save_by(s, 2, key="k"),
    lambda s: s.promote("m@1", "c"),
    lambda s: s.promote("m@1", "c"),
    lambda s: s.promote("m@2", "c", key="k"),
    lambda s: s.promote("m@2", "c", key="k"),
    lambda s: s.rollback("m", "c"),
    lambda s: s.annotate("m@1", tags={"a": "b"}),
    lambda s: s.annotate("m@1", tags={"a": "b"}),
    lambda s: s.unalias("m", "c"),
    lambda s: s.delete("m@1"),
    lambda s: s.delete("m@1"),
    lambda s: s.restore("m@1"),
]


@pytest.mark.parametrize("place", ["memory", "local"])
def test_after_every_answer_a_listing_shows_an_etag_never_seen_before(
    memory: MemoryStorage, tmp_path: Path, place: str
) -> None:
    storage: Storage = memory if place == "memory" else LocalStorage(tmp_path / "store")
    store, etags = store_over(storage), []
    steps = [partial(ModelStore.annotate, reference="m@1", metrics={"step": i}) for i in range(40)]
    acts: list[Callable[[ModelStore], object]] = [*VERBS, *steps]
    for act in acts:
        act(store)
        etags += [info.etag for info in storage.list("heads/")]

    assert len(etags) == len(set(etags)) == len(VERBS) + 40


FOREIGN = {
    "heads/readme.txt": b"hello",
    "heads/readme.json": b"hello",
    "heads/Upper.json": b"{}",
    "heads/deeper/m.json": b"{}",
    "heads/..json": b"{}",
    "heads/.json": b"{}",
    "heads/other.json": b'{"model":"m","nonce":"","op":"","seq":0}',
    "heads/never.json": b'{"model":"never","nonce":"","op":"","seq":7}',
    "heads/a-b--c14cddc033f64b9d.json": b'{"model":"a/b","nonce":"","op":"","seq":0}',
}


def test_foreign_files_among_the_hints_are_no_models(store: ModelStore, memory: MemoryStorage) -> None:
    for key, body in FOREIGN.items():
        memory.put(key, body)
    heard, cursor = told(memory, None)

    assert heard == ["m:1", "m:2"]
    assert [model.name for model in store_over(memory).models()] == ["m"]
    assert told(memory, cursor) == ([], cursor)


@pytest.mark.parametrize("hint", [None, b"", b"\xff", b'{"model":"other","nonce":"","op":"","seq":0}'])
def test_a_watcher_hears_of_changes_to_a_model_whose_hint_is_gone_or_spoilt(
    store: ModelStore, memory: MemoryStorage, hint: bytes | None
) -> None:
    _, cursor = told(memory, None)
    store.promote("m@1", "c")
    memory.delete(["heads/m.json"])
    if hint is not None:
        memory.put("heads/m.json", hint)
    heard, cursor = told(memory, cursor)
    assert heard == ["m:3"]

    assert told(memory, cursor)[0] == []
    store.promote("m@2", "c")
    assert told(memory, cursor)[0] == ["m:4"]


def test_a_model_made_anew_after_its_removal_is_told_from_its_beginning(
    store: ModelStore, memory: MemoryStorage
) -> None:
    _, cursor = told(memory, None)
    memory.delete([info.key for info in memory.list("")])
    assert told(memory, cursor)[0] == []
    save(memory, 1)

    assert told(memory, cursor)[0] == ["m:1"]


def test_a_feed_over_damaged_blocks_reads_the_commits(store: ModelStore, memory: MemoryStorage) -> None:
    for step in range(70):
        store.annotate("m@1", metrics={"step": step})
    memory.delete([f"models/m/blocks/{1:020}-{32:020}.json"])

    assert told(memory, None)[0] == [f"m:{seq}" for seq in range(1, 73)]
