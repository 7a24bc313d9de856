"""Indexes and segments that are torn, stale, of somebody else, or lie: they cost time, and change no answer."""

import gzip
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.maintenance.long_logs import (
    INDEX,
    Document,
    as_listed,
    by_the_log,
    long,
    segments,
    with_index,
    with_segment,
)
from tests.maintenance.support import copied, objects_of

from modelstore_core import ModelVersion
from modelstore_core.documents.segments import read_index
from modelstore_core.maintenance import compacting
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

DEEP = b'{"changes":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture(scope="module")
def kept() -> Mapping[str, bytes]:
    """The objects of 2,100 versions, maintained: one segment of 1,024 and an index of the rest."""
    storage = long(2100, annotate=50, promote=500, delete=70)
    store_over(storage).maintain("m")
    return objects_of(storage)


@pytest.fixture(scope="module")
def expected(kept: Mapping[str, bytes]) -> list[ModelVersion]:
    """Every version as the log says it is, newest first."""
    return placeless(by_the_log(copied(kept)))


def placeless(versions: list[ModelVersion]) -> list[ModelVersion]:
    """The versions without the name of the storage they lie in."""
    return [replace(version, url="") for version in versions]


@pytest.fixture
def storage(kept: Mapping[str, bytes]) -> MemoryStorage:
    return copied(kept)


@pytest.fixture
def spoilt(storage: MemoryStorage, request: pytest.FixtureRequest) -> MemoryStorage:
    """The store with its index or segment spoilt."""
    request.param(storage)
    return storage


def raw(body: bytes) -> Callable[[MemoryStorage], None]:
    return lambda storage: storage.put(INDEX, body)


def said(**fields: Any) -> Callable[[MemoryStorage], None]:
    """The index, with these fields instead."""
    return lambda storage: with_index(storage, lambda document: document.update(fields))


def row(place: int, **fields: Any) -> Callable[[MemoryStorage], None]:
    """The index, with these fields in one of its rows."""
    return lambda storage: with_index(storage, lambda document: document["rows"][place].update(fields))


def record(**fields: Any) -> Callable[[Document], None]:
    """A change of the last row's record in an index or segment."""
    return lambda document: document["rows"][-1]["record"].update(fields)


def operation(**fields: Any) -> Callable[[Document], None]:
    return lambda document: document["rows"][-1]["record"]["op"].update(fields)


def entry(**fields: Any) -> Callable[[MemoryStorage], None]:
    """The index, with these fields in what it says of its segment."""
    return lambda storage: with_index(storage, lambda document: document["segments"][0].update(fields))


def spoil(change: Callable[[bytes], bytes], key: Callable[[MemoryStorage], str]) -> Callable[[MemoryStorage], None]:
    return lambda storage: storage.put(key(storage), change(storage.get(key(storage)) or b""))


def the_index(_: MemoryStorage) -> str:
    return INDEX


def the_segment(storage: MemoryStorage) -> str:
    return segments(storage)[0]


INDEXES: Mapping[str, Callable[[MemoryStorage], object]] = {
    "missing": lambda storage: storage.delete([INDEX]),
    "empty": raw(b""),
    "garbage": raw(b"\x00" * 100),
    "not packed": spoil(gzip.decompress, the_index),
    "of more lines": spoil(lambda body: gzip.compress(gzip.decompress(body) + b"{}\n"), the_index),
    "of a line torn": spoil(lambda body: gzip.compress(gzip.decompress(body)[:-1]), the_index),
    "of lines and no end": raw(gzip.compress(b'{"rows":99999999}' + b"\n" * 100_000_000)),
    "torn": spoil(lambda body: body[: len(body) // 2], the_index),
    "with one bit changed": spoil(lambda body: body[:3000] + bytes([body[3000] ^ 1]) + body[3001:], the_index),
    "followed by more": spoil(lambda body: body + b"more", the_index),
    "two in one": spoil(lambda body: body * 2, the_index),
    "no object": raw(gzip.compress(b"[]\n")),
    "too deep": raw(gzip.compress(DEEP)),
    "of another model": said(model="other"),
    "of a later format": said(format=2),
    "of no format": said(format=None),
    "of a changed sum": spoil(
        lambda body: gzip.compress(gzip.decompress(body).replace(b'"sum":"', b'"sum":"0', 1)), the_index
    ),
    "of an op id that nobody had": said(op="0" * 32),
    "of another commit's bytes": said(seq=32, op="0" * 32, sha256="0" * 64),
    "of no commit": said(seq=0),
    "of a commit that is to come": said(seq=10**6),
    "of a commit beyond all": said(seq=2**63 - 1),
    "of a negative commit": said(seq=-1),
    "of a commit that is text": said(seq="1"),
    "without rows": said(rows=[]),
    "without segments": said(segments=[]),
    "with segments that are none": said(segments=[1]),
    "with rows that are none": said(rows=[1] * 1076),
    "with a row of nothing": said(rows=[{}] * 1076),
    "that begins too early": said(first=1024),
    "that begins at nothing": said(first=0),
    "with a row too few": lambda s: with_index(s, lambda d: d["rows"].pop()),
    "with a row too many": lambda s: with_index(s, lambda d: d["rows"].append(d["rows"][-1])),
    "with rows in disorder": lambda s: with_index(s, lambda d: d["rows"].reverse()),
    "with changes that are none": said(changes={"7": 1}),
    "with changes of no number": said(changes={"seven": {}}),
    "with changes of versions it has": said(changes={"2000": {"deleted": True}}),
    "with changes beyond all": said(changes={"9" * 5000: {}}),
    "that deletes the newest": row(-1, deleted=True),
    "that purges by text": row(-1, purged="yes"),
    "superseded by text": row(-1, superseded_by="2"),
    "superseded by less than nothing": row(-1, superseded_by=-2),
    "annotated by a number": row(-1, annotation=3),
    "annotated by a record": lambda s: with_index(
        s, lambda d: d["rows"][-1].update(annotation=d["rows"][-1]["record"])
    ),
    "with common values that are not there": row(-1, common={"environment": 5}),
    "with common values before all": row(-1, common={"environment": -1}),
    "with common values that are a text": row(-1, common="environment"),
    "with common values of no record": row(-1, common={}, record=3),
    "with a record that is cut": lambda s: with_index(s, record(cut=["params"])),
    "with a record of a later commit": lambda s: with_index(s, record(seq=10**5)),
    "with a record of an unknown verb": lambda s: with_index(s, record(verb="sing")),
    "with a record of an unknown kind": lambda s: with_index(s, operation(kind="sing")),
    "with a record of another version": lambda s: with_index(s, operation(number=7)),
    "with files outside": lambda s: with_index(s, operation(files=[["../../etc/passwd", 1, "0" * 64]])),
    "whose segment lies elsewhere": entry(name="../../../store.json"),
    "whose segment has no name": entry(name=""),
    "whose segment has another size": entry(size=1),
    "whose segment has a size that is none": entry(size=None),
    "whose segment is not there": entry(name="0" * 64),
    "whose segment ends before it begins": entry(last=0),
    "whose segment ends late": entry(last=2**62),
    "with an overlap": lambda s: with_index(s, lambda d: d["segments"].append(d["segments"][0])),
}

SEGMENTS: Mapping[str, Callable[[MemoryStorage], object]] = {
    "missing": lambda storage: storage.delete(segments(storage)),
    "empty": spoil(lambda _: b"", the_segment),
    "torn": spoil(lambda body: body[:5000], the_segment),
    "with one bit changed": spoil(lambda body: body[:5000] + bytes([body[5000] ^ 1]) + body[5001:], the_segment),
    "of another model": lambda s: with_segment(s, lambda d: d.update(model="other")),
    "of a later format": lambda s: with_segment(s, lambda d: d.update(format=2)),
    "of other versions": lambda s: with_segment(s, lambda d: d.update(first=2)),
    "with a row too few": lambda s: with_segment(s, lambda d: d["rows"].pop()),
    "with rows in disorder": lambda s: with_segment(s, lambda d: d["rows"].reverse()),
    "with rows that are none": lambda s: with_segment(s, lambda d: d.update(rows=[None] * 1024)),
    "with a deleted version too many": lambda s: with_segment(s, lambda d: d["rows"][-1].update(deleted=True)),
    "with a deleted version too few": lambda s: with_segment(
        s, lambda d: [row.pop("deleted", None) for row in d["rows"]]
    ),
    "with a record of another version": lambda s: with_segment(s, operation(number=7)),
    "with a record without a number": lambda s: with_segment(s, operation(number=None)),
    "with a record of another commit": lambda s: with_segment(s, record(seq=10**5)),
}


ANEW = frozenset(
    {
        "torn",
        "of an op id that nobody had",
        "with a row too few",
        "with common values that are not there",
        "of other versions",
        "with a record of another version",
    }
)


def cases(spoilers: Mapping[str, Callable[[MemoryStorage], object]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "spoilt", [pytest.param(spoil, id=name) for name, spoil in spoilers.items()], indirect=True
    )


@cases(INDEXES)
def test_no_index_changes_an_answer(spoilt: MemoryStorage, expected: list[ModelVersion]) -> None:
    assert placeless(as_listed(spoilt)) == expected
    assert [v.number for v in store_over(spoilt).versions("m", limit=100)][:2] == [2100, 2098]
    assert store_over(spoilt).get("m@1024").metrics == expected[-1024].metrics


@cases(SEGMENTS)
def test_no_segment_changes_an_answer(spoilt: MemoryStorage, expected: list[ModelVersion]) -> None:
    assert placeless(as_listed(spoilt)) == expected
    assert store_over(spoilt).get("m@1024").metrics == expected[-1024].metrics


@cases({name: spoiler for name, spoiler in (*INDEXES.items(), *SEGMENTS.items()) if name in ANEW})
def test_what_is_not_as_the_log_says_is_found_and_written_anew(
    spoilt: MemoryStorage, expected: list[ModelVersion]
) -> None:
    store = store_over(spoilt)
    journal, head = store._handle.journal("m"), store._handle.view("m").require()
    flaws = compacting.differences(journal, head)
    compacting.rebuild(journal, head)

    assert flaws
    assert compacting.differences(journal, head) == ()
    assert placeless(as_listed(spoilt)) == expected


@cases({name: INDEXES[name] for name in ("torn", "with files outside", "whose segment is not there")})
def test_maintain_writes_what_it_cannot_read_anew(spoilt: MemoryStorage, expected: list[ModelVersion]) -> None:
    store_over(spoilt).maintain()
    store = store_over(spoilt)

    assert compacting.differences(store._handle.journal("m"), store._handle.view("m").require()) == ()
    assert placeless(as_listed(spoilt)) == expected


def test_a_whole_index_has_no_flaw_and_neither_has_none(storage: MemoryStorage) -> None:
    store = store_over(storage)
    journal, head = store._handle.journal("m"), store._handle.view("m").require()
    assert compacting.differences(journal, head) == ()
    storage.delete([INDEX])

    assert compacting.differences(journal, head) == ()


def test_an_index_that_stops_early_is_held_to_the_log_up_to_there(storage: MemoryStorage) -> None:
    store = store_over(storage)
    store.annotate("m@5", tags={"later": "yes"})
    store.delete("m@6")
    journal, head = store._handle.journal("m"), store._handle.view("m").require()

    assert compacting.differences(journal, head) == ()


LIES: Mapping[str, tuple[Callable[[MemoryStorage], object], str]] = {
    "of a record in the index": (lambda s: with_index(s, operation(metrics={"auc": 1.0})), "index"),
    "of a record in a segment": (lambda s: with_segment(s, operation(metrics={"auc": 1.0})), "segment"),
    "of a change": (said(changes={"5": {"superseded_by": 6}}), "index"),
    "of a deletion": (lambda s: with_segment(s, lambda d: d["rows"][4].update(deleted=True)), "segment"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_no_reader_could_notice_is_found_by_whoever_checks(storage: MemoryStorage, lie: str) -> None:
    tell, where = LIES[lie]
    tell(storage)
    store = store_over(storage)
    flaws = compacting.differences(store._handle.journal("m"), store._handle.view("m").require())

    assert [flaw.problem for flaw in flaws] == ["is not what the log says"]
    assert ("index" if flaws[0].key == INDEX else "segment") == where


def test_a_bomb_does_not_fill_the_memory() -> None:
    bomb = gzip.compress(b'{"rows":"' + b"x" * 200_000_000 + b'"}')
    tracemalloc.start()
    found = read_index(bomb, "m")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found is None
    assert peak < 150_000_000


def test_no_writer_s_decision_rests_on_an_index(storage: MemoryStorage) -> None:
    """It says that version 5 is deleted and 2100 is not: writers see the log alone."""
    with_index(storage, lambda d: d["changes"].update({"5": {"deleted": True}}))
    store = store_over(storage)

    assert store.promote("m@5", "old").number == 5
    assert store.delete("m@2099").deleted
