"""Bytes that are not what was written: every reader says so by a typed error, and none by accident."""

import itertools
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties import strategies as some
from tests.properties.effort import effort

from modelstore_core import Corrupt, Improves, ModelStore, ModelStoreError, StoreTooNew
from modelstore_core.documents.canonical import encode
from modelstore_core.documents.commit import Commit, read_commit
from modelstore_core.documents.entries import summarize, write_entry
from modelstore_core.documents.sidecars import read_block, read_claim, read_hint, read_store
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

_spaces = itertools.count()


@cache
def sample() -> dict[str, bytes]:
    """The objects of a small store in which everything has happened, but no files."""
    storage = MemoryStorage("hostile-sample")
    store = store_over(storage)
    for weight in (1, 2, 3):
        store.save({"w": weight}, "m", format="pickle", metrics={"auc": weight / 10}, key=f"k{weight}")
    for number in (1, 2, 1):
        store.promote(f"m@{number}", "c")
    store.rollback("m", "c")
    store.annotate("m@1", tags={"team": "risk"}, metrics={"auc": float("nan")})
    store.delete("m@3")
    for step in range(30):
        store.annotate("m@2", metrics={"step": step})
    return {info.key: storage.get(info.key) or b"" for info in storage.list("")}


def objects(part: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """One of the objects whose key has this part in it, mangled."""
    keys = sorted(key for key in sample() if part in key)
    return st.sampled_from(keys).flatmap(lambda key: st.tuples(st.just(key), some.mangled(sample()[key])))


@given(st.one_of(st.binary(max_size=200), objects("/log/").map(lambda found: found[1])))
@effort(300)
def test_a_commit_is_read_or_said_to_be_corrupt(raw: bytes) -> None:
    with suppress(Corrupt):
        assert _can_be_carried_on(read_commit(raw, "it"))


def _can_be_carried_on(commit: Commit) -> bytes:
    """What was accepted can be written again, in full and in short, by whoever commits after it."""
    return encode(summarize(write_entry(commit.entry))) + b"".join(encode(write_entry(e)) for e in commit.recent)


@given(st.one_of(st.binary(max_size=200), objects("heads/").map(lambda found: found[1])))
@effort(150)
def test_anything_may_be_read_as_a_hint(raw: bytes) -> None:
    found = read_hint(raw)

    assert found is None or 0 <= found[1].seq < 2**63


@given(st.one_of(st.binary(max_size=200), objects("/keys/").map(lambda found: found[1])))
@effort(150)
def test_anything_may_be_read_as_a_claim(raw: bytes) -> None:
    claim = read_claim(raw)

    assert claim is None or 0 <= claim.mark.seq < 2**63


@given(st.one_of(st.binary(max_size=200), objects("/blocks/").map(lambda found: found[1])))
@effort(60)
def test_a_block_is_whole_or_left_aside(raw: bytes) -> None:
    with suppress(StoreTooNew):
        rows = read_block(raw, "m", 1, 32)
        assert rows is None or [row.entry.seq for row in rows] == [*range(1, 33)]


@given(st.one_of(st.binary(max_size=200), objects("store.json").map(lambda found: found[1])))
@effort(100)
def test_the_stores_own_document_is_read_or_said_to_be_corrupt(raw: bytes) -> None:
    with suppress(Corrupt):
        assert read_store(raw).features == ()


VERBS = {
    "get newest": lambda s: s.get("m"),
    "get by number": lambda s: s.get("m@1"),
    "get by alias": lambda s: s.get("m@c"),
    "load": lambda s: s.load("m@c"),
    "versions": lambda s: s.versions("m", deleted=True, order_by="metrics.auc DESC"),
    "history": lambda s: s.history("m"),
    "models": lambda s: s.models(),
    "changes": lambda s: s.changes(),
    "compare": lambda s: s.compare("m@1", "m@2"),
    "promote": lambda s: s.promote("m@2", "c", gates=[Improves("auc")]),
    "promote by key": lambda s: s.promote("m@2", "d", key="k1"),
    "rollback": lambda s: s.rollback("m", "c"),
    "annotate": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@2", force=True),
    "restore": lambda s: s.restore("m@3"),
    "save": lambda s: s.save({"w": 1}, "m", format="pickle", key="k3", aliases=["c"]),
}


@pytest.mark.parametrize("verb", VERBS)
@given(data=st.data())
@effort(40)
def test_every_verb_ends_well_or_by_a_typed_error_on_a_store_that_was_tampered_with(
    data: st.DataObject, verb: str
) -> None:
    head = max(key for key in sample() if "/log/" in key)
    part = data.draw(st.sampled_from([head, head, "/log/", "/blocks/", "heads/", "/keys/"]))
    key, raw = data.draw(objects(part))
    storage = MemoryStorage(f"hostile-{next(_spaces)}")
    for name, body in sample().items():
        storage.put(name, body)
    storage.put(key, raw)
    store: ModelStore = store_over(storage, patience=1.0)
    with suppress(ModelStoreError):
        VERBS[verb](store)
    storage.delete([info.key for info in storage.list("")])
