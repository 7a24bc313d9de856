"""Laws of the documents: what was written is read, in canonical bytes, and short entries stay short and true."""

from dataclasses import replace
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties import strategies as some
from tests.properties.effort import effort

from modelstore_core import Corrupt
from modelstore_core.documents.canonical import check_sum, encode, parse, seal, unsealed
from modelstore_core.documents.commit import Commit, read_commit, write_commit
from modelstore_core.documents.entries import read_entry, summarize, write_entry
from modelstore_core.documents.sidecars import (
    Claim,
    Hashed,
    Mark,
    StoreDocument,
    read_block,
    read_claim,
    read_hint,
    read_store,
    write_block,
    write_claim,
    write_hint,
    write_store,
)
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import Entry, Purge
from modelstore_core.model.state import State

NEVER_CUT = {"kind", "number", "data", "digest", "size", "format", "supersedes"}
PURGE = Purge(number=1, record=1)
MARKS = st.builds(Mark, seq=st.integers(0, 10**18), op_id=some.hexes)


@given(some.entries)
@effort(150)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    written = encode(write_entry(entry))
    read = read_entry(parse(written, "it"), "it")

    # NaN is not equal to itself, so the bytes are compared, and the values where they can be.
    assert encode(write_entry(read)) == written
    assert (read.seq, read.op_id, read.verb, read.key, type(read.op)) == (
        entry.seq,
        entry.op_id,
        entry.verb,
        entry.key,
        type(entry.op),
    )


@given(some.chains())
@effort(40)
def test_a_commit_is_read_as_it_was_written(chain: list[tuple[Commit, bytes]]) -> None:
    before: Commit | None = None
    for commit, raw in chain:
        read = read_commit(raw, "it")

        assert encode(parse(raw, "it")) == raw
        assert (read.seq, read.state, read.prev, read.sha256) == (
            commit.seq,
            commit.state,
            None if before is None else before.sha256,
            commit.sha256,
        )
        assert [e.op_id for e in read.recent] == [c.entry.op_id for c, _ in chain[: commit.seq - 1]]
        before = read


@given(some.states)
@effort(60)
def test_a_state_is_read_as_it_was_written(state: State) -> None:
    entry = Entry(seq=1, op_id="0" * 32, verb="purge", actor="a", time="2026-01-01T00:00:00.000000Z", op=PURGE)
    commit, raw = write_commit("m", None, entry, state)

    assert read_commit(raw, "it").state == commit.state == state


@given(some.text, MARKS, some.hexes)
@effort(60)
def test_a_hint_is_read_as_it_was_written(model: str, mark: Mark, nonce: str) -> None:
    assert read_hint(write_hint(model, mark, nonce)) == (model, mark)


@given(some.text, MARKS, st.just("") | some.hexes)
@effort(60)
def test_a_claim_is_read_as_it_was_written(key: str, mark: Mark, data_id: str) -> None:
    claim = Claim(mark=mark, data_id=data_id)

    assert read_claim(write_claim(key, claim)) == claim


@given(st.lists(some.entries, min_size=1, max_size=4), st.integers(0, 5), some.digests)
@effort(20)
def test_a_block_is_read_as_it_was_written(drawn: list[Entry], block: int, sha256: str) -> None:
    first = block * 32 + 1
    rows = [
        Hashed(entry=replace(entry, seq=first + i), sha256=sha256) for i, entry in enumerate(islice(cycle(drawn), 32))
    ]
    raw = write_block("m", rows)
    read = read_block(raw, "m", first, first + 31)

    assert read is not None
    assert write_block("m", read) == raw
    assert read_block(raw, "m", first + 32, first + 63) is None
    assert read_block(raw, "another", first, first + 31) is None


@given(some.hexes, some.times, some.json_objects)
@effort(40)
def test_the_stores_own_document_is_read_as_it_was_written(store_id: str, time: str, report: JsonObject) -> None:
    document = StoreDocument(id=store_id, created_at=time, features=(), self_test=report)

    assert read_store(write_store(document)) == document


@given(some.entries)
@effort(150)
def test_a_short_entry_says_less_and_nothing_else(entry: Entry) -> None:
    whole = write_entry(entry)
    short = summarize(whole)
    operation, said = whole["op"], short["op"]
    assert isinstance(operation, dict)
    assert isinstance(said, dict)
    cut = set(operation) - set(said)

    assert said == {name: value for name, value in operation.items() if name not in cut}
    assert not cut & NEVER_CUT
    assert short.get("cut", []) == sorted(cut)
    assert {**short, "op": None, "cut": None} == {**whole, "op": None, "cut": None}
    assert len(encode(short)) <= 1024 or set(said) <= NEVER_CUT | {"alias", "record"}


@given(some.entries)
@effort(100)
def test_a_short_entry_is_at_most_a_kibibyte(entry: Entry) -> None:
    """With the names that people and orchestrators give; a key of 512 control characters alone would be more."""
    plain = replace(entry, actor="ada@example.org", key=None if entry.key is None else "run-42/train/model[2026-01-01]")

    assert len(encode(summarize(write_entry(plain)))) <= 1024


@given(some.entries)
@effort(100)
def test_a_short_entry_is_read_and_written_again_as_it_is(entry: Entry) -> None:
    short = encode(summarize(write_entry(entry)))
    read = read_entry(parse(short, "it"), "it")

    assert encode(write_entry(read)) == short
    assert encode(summarize(write_entry(read))) == short


@given(some.json_objects)
@effort(60)
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(document: JsonObject) -> None:
    assert encode(dict(reversed(document.items()))) == encode(document)
    assert parse(encode(document), "it") == document


@given(some.entries, some.states)
@effort(60)
def test_a_document_without_a_sum_is_read_as_the_one_with_it(entry: Entry, state: State) -> None:
    commit, raw = write_commit("m", None, replace(entry, seq=1), state)
    read = read_commit(unsealed(raw), "it")

    assert seal(unsealed(raw)) == raw
    assert encode(write_entry(read.entry)) == encode(write_entry(commit.entry))
    assert read.state == commit.state


@given(some.json_objects.filter(bool), st.data())
@effort(150)
def test_no_changed_bit_of_a_sealed_document_is_read_as_something_else(
    document: JsonObject, data: st.DataObject
) -> None:
    raw = seal(encode(document))
    changed = bytearray(raw)
    changed[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    try:
        found = parse(bytes(changed), "it")
        check_sum(found, bytes(changed), "it")
    except Corrupt:
        return
    # one bit of the word "sum" makes it a key that readers ignore: what they read is what was written
    assert {name: value for name, value in found.items() if name in document} == document
    assert len(found) == len(document) + 1


@given(some.json_objects.filter(bool), st.data())
@effort(60)
def test_no_part_of_a_sealed_document_is_a_document(document: JsonObject, data: st.DataObject) -> None:
    raw = seal(encode(document))
    part = raw[: data.draw(st.integers(0, len(raw) - 1))]

    with pytest.raises(Corrupt):
        check_sum(parse(part, "it"), part, "it")
