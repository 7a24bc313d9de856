"""The index and segments: the same answers as from the log, whoever wrote what in between, and never a failure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Literal

import pytest
from tests.maintenance.long_logs import INDEX, as_listed, by_the_log, index, long, refresh_at, segments
from tests.maintenance.support import block, copied, memory, objects_of
from tests.protocol.support import save_by

from modelstore_core import Corrupt, Maintained, ModelNotFound, ModelStore, VersionDeleted
from modelstore_core.documents.segments import LARGEST, Row, pack, write_row
from modelstore_core.journal import segments as journal_segments
from modelstore_core.maintenance import compacting
from modelstore_core.maintenance.building import LARGE, Builder
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import AddVersion, Annotate, Entry, Purge
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing import synthetic
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, MeanwhileVerb, commit, store_over


@pytest.fixture(scope="module")
def grown() -> Mapping[str, bytes]:
    """The objects of 2,100 versions, some annotated, promoted, deleted."""
    return objects_of(long(2100, annotate=7, promote=40, delete=11))


@pytest.fixture(scope="module")
def kept(grown: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The same, maintained."""
    storage = copied(grown)
    store_over(storage).maintain("m")
    return objects_of(storage)


@pytest.fixture
def busy(grown: Mapping[str, bytes]) -> MemoryStorage:
    return copied(grown)


@pytest.fixture
def compacted(kept: Mapping[str, bytes]) -> MemoryStorage:
    return copied(kept)


def test_a_compacted_listing_is_what_the_log_says(compacted: MemoryStorage) -> None:
    assert as_listed(compacted) == by_the_log(compacted)
    assert [(s["first"], s["last"]) for s in index(compacted)["segments"]] == [(1, 1024)]


LATER: list[Callable[[ModelStore], object]] = [
    lambda s: s.annotate("m@5", tags={"seen": "late"}, metrics={"auc": None}),
    lambda s: s.annotate("m@2000", description="of the tail"),
    lambda s: s.delete("m@6"),
    lambda s: s.restore("m@10"),
    lambda s: s.promote("m@7", "old"),
    lambda s: save_by(s, 1, key="k"),
    lambda s: save_by(s, 2, key="k", attempt=1),
    lambda s: commit(s.storage, "m", Purge(number=6, record=s._handle.view("m").version(6).record.seq)),
]


def test_what_happens_after_the_index_is_folded_on_top(compacted: MemoryStorage) -> None:
    store = store_over(compacted)
    for act in LATER:
        act(store)

    assert as_listed(compacted) == by_the_log(compacted)
    assert [v.number for v in store_over(compacted).versions("m", limit=3)] == [2102, 2100, 2099]


def test_what_happened_to_old_versions_goes_into_the_next_index(compacted: MemoryStorage) -> None:
    store = store_over(compacted)
    for act in LATER:
        act(store)
    before = segments(compacted)
    store_over(compacted).maintain("m")

    assert segments(compacted) == before
    assert {*index(compacted)["changes"]} == {"5", "6", "10"}
    assert as_listed(compacted) == by_the_log(compacted)


@pytest.mark.parametrize("number", [1, 10, 1024, 1025, 2080, 2100])
def test_any_version_is_found_by_its_number(compacted: MemoryStorage, number: int) -> None:
    expected = {version.number: version for version in by_the_log(compacted)}

    assert store_over(compacted).get(f"m@{number}") == expected[number]


def test_a_deleted_version_far_back_is_not_loaded(compacted: MemoryStorage) -> None:
    with pytest.raises(VersionDeleted):
        store_over(compacted).load("m@10")


def test_versions_far_back_are_reached_through_many_deleted_ones() -> None:
    storage = long(2500, promote=600, delete=1)
    store_over(storage).maintain("m")

    assert [v.number for v in store_over(storage).versions("m", limit=4)] == [2500, 2400, 1800, 1200]
    assert [v.number for v in store_over(storage).versions("m")] == [2500, 2400, 1800, 1200, 600]
    assert as_listed(storage) == by_the_log(storage)


def test_a_reader_that_listed_before_hears_what_came_after(compacted: MemoryStorage) -> None:
    reader = store_over(compacted)
    reader.versions("m")
    for act in LATER:
        act(store_over(compacted))

    assert [*reader.versions("m", deleted=True)] == by_the_log(compacted)


def test_an_index_appears_by_itself_with_the_first_commit_after_1024() -> None:
    storage = long(1020)
    store, seen = store_over(storage), []
    for weight in range(6):
        save_by(store, weight)
        seen.append(storage.get(INDEX) is not None)

    assert seen == [False, False, False, False, True, True]
    assert index(storage)["seq"] == 1025
    assert as_listed(storage) == by_the_log(storage)


@pytest.mark.parametrize(("verb", "key"), [("get", "/segments/"), ("put", "/segments/"), ("get", "/blocks/")])
def test_that_an_index_cannot_be_written_is_not_the_failure_of_a_verb(verb: str, key: str) -> None:
    storage = long(1024)
    faulty = FaultyStorage(storage, script=lambda v, k, _: Fault("error") if v == verb and key in k else None)

    assert save_by(store_over(faulty), 1).number == 1025
    assert [injected.verb for injected in faulty.injected] != []
    assert storage.get(INDEX) is None


def test_a_writer_leaves_an_index_that_is_far_behind_to_maintain() -> None:
    storage = long(9 * 1024)
    save_by(store_over(storage), 1)
    assert storage.get(INDEX) is None

    refresh_at(storage, 1025, 9 * 1024)
    assert index(storage)["seq"] == 9 * 1024


def test_beside_commits_segments_are_merged_with_no_larger_ones() -> None:
    storage, counts = long(6 * 1024 + 1), []
    for seq in range(1025, 6 * 1024 + 2, 1024):
        refresh_at(storage, seq)
        counts.append([s["last"] - s["first"] + 1 for s in index(storage)["segments"]])

    assert counts == [[], [1024], [2048], [2048, 1024], [4096], [4096, 1024]]
    assert as_listed(storage) == by_the_log(storage)


def test_maintain_merges_all_that_fit_together() -> None:
    storage = long(5 * 1024)
    refresh_at(storage, 1025, 2049, 3073, 4097)
    assert len(index(storage)["segments"]) == 2
    done = store_over(storage).maintain("m")

    assert [(s["first"], s["last"]) for s in index(storage)["segments"]] == [(1, 4096)]
    assert [*done] == [Maintained(name="m", commits=5120, versions=5120, segments=1)]
    assert as_listed(storage) == by_the_log(storage)


def note(number: int, description: str) -> Entry:
    """An entry that annotates a version."""
    op = Annotate(number=number, record=number, description=description)
    time = "2026-01-01T00:00:00.000000Z"
    return Entry(seq=10_000 + number, op_id="", verb="annotate", actor="", time=time, op=op)


@pytest.mark.parametrize(("length", "left"), [(1000, 1024), (3000, 0)])
def test_too_many_changes_are_worked_into_their_segments(compacted: MemoryStorage, length: int, left: int) -> None:
    journal = store_over(compacted)._handle.journal("m")
    journal.segments.look(1)
    builder = Builder(journal, journal.segments.known)
    before = builder.segments[:]
    builder.take([note(number, "x" * length) for number in range(1, 1025)])
    builder.compact(LARGE, fully=True)

    assert (len(builder.changes), builder.segments == before) == (left, left > 0)
    assert builder.versions == 2100


def test_a_superseded_version_in_a_segment_is_a_change(compacted: MemoryStorage) -> None:
    journal = store_over(compacted)._handle.journal("m")
    journal.segments.look(1)
    builder = Builder(journal, journal.segments.known)
    op = replace(synthetic.plain_version(2101), supersedes=5)
    builder.take([replace(note(1, ""), op=op), replace(note(1, ""), op=Purge(number=5, record=5))])

    assert builder.changes[5] == {"superseded_by": 2101, "purged": True}


def test_rows_are_packed_into_as_many_segments_as_they_need() -> None:
    rows = [write_row(Row(record=replace(note(n, ""), op=synthetic.plain_version(n)))) for n in range(1, 6)]

    assert [(s.first, s.last) for s, _ in pack("m", 1, iter(rows), 2)] == [(1, 2), (3, 4), (5, 5)]


def test_a_refresh_that_needs_a_segment_which_is_gone_is_given_up() -> None:
    storage = long(3100)
    refresh_at(storage, 2049)
    before = storage.get(INDEX)
    storage.delete(segments(storage))
    with pytest.raises(Corrupt):
        refresh_at(storage, 3073)

    assert storage.get(INDEX) == before
    assert as_listed(storage) == by_the_log(storage)


def test_a_version_after_the_index_is_found_by_its_number() -> None:
    storage = long(2100, annotate=1)
    refresh_at(storage, 3073)

    assert store_over(storage).get("m@1700") == by_the_log(storage)[-1700]


def test_what_is_remembered_of_segments_has_a_limit(compacted: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_segments, "_MOST_REMEMBERED", 1000)
    counting = CountingStorage(compacted)
    store = store_over(counting)
    first = store.versions("m")
    counting.reset()

    assert store.versions("m") == first
    assert [request.key for request in counting.requests if "/segments/" in request.key] == segments(compacted)


def test_records_of_any_length_make_no_document_too_large() -> None:
    def record(number: int) -> AddVersion:
        return replace(synthetic.plain_version(number), params={"text": f"{number:04}" * 25_000})

    storage = memory()
    synthetic.fill(storage, "m", 120, record=record)
    store_over(storage).maintain("m")
    found = index(storage)

    assert sum(len(str(row)) for row in found["rows"]) < 4 * 1024 * 1024
    assert all(s["expanded"] < LARGEST for s in found["segments"])
    assert [found["segments"][0]["first"], found["segments"][-1]["last"]] == [1, found["first"] - 1]
    assert as_listed(storage) == by_the_log(storage)


def test_what_versions_have_alike_is_stored_once() -> None:
    def record(number: int) -> AddVersion:
        environment: JsonObject = {"python": "3.12.1", "requirements": ["scikit-learn==1.6"] * 20}
        return replace(synthetic.plain_version(number), environment=environment)

    storage = memory()
    synthetic.fill(storage, "m", 300, record=record)
    store_over(storage).maintain("m")

    assert len(index(storage)["common"]) == 1
    assert as_listed(storage) == by_the_log(storage)


def test_maintain_writes_blocks_that_are_missing_or_damaged(busy: MemoryStorage) -> None:
    whole = {first: busy.get(block(first)) for first in (1, 33, 65)}
    busy.delete([block(1)])
    busy.put(block(33), b"torn")
    done = store_over(busy).maintain()

    assert [one.blocks for one in done] == [2]
    assert {first: busy.get(block(first)) for first in whole} == whole


def test_maintaining_again_writes_nothing_new(compacted: MemoryStorage) -> None:
    objects = {info.key: info.etag for info in compacted.list("models/")}
    done = store_over(compacted).maintain()[0]

    assert (done.blocks, done.segments, done.removed) == (0, 0, 0)
    assert {info.key for info in compacted.list("models/") if info.etag != objects.get(info.key)} <= {INDEX}


def test_of_a_short_log_nothing_is_made() -> None:
    storage = long(32)

    assert [*store_over(storage).maintain()] == [Maintained(name="m", commits=32, versions=32)]
    assert [*storage.list("models/m/segments/")] == []


def test_a_store_without_models_needs_no_maintenance() -> None:
    storage = memory()

    assert [*store_over(storage).maintain()] == []
    assert [*storage.list("")] == []
    with pytest.raises(ModelNotFound):
        store_over(storage).maintain("m")


def test_all_models_are_maintained() -> None:
    storage = memory()
    for name, versions in (("b", 100), ("a", 4200), ("c", 3)):
        synthetic.fill(storage, name, versions)

    assert [(m.name, m.versions, m.segments) for m in store_over(storage).maintain()] == [
        ("a", 4200, 1),
        ("b", 100, 0),
        ("c", 3, 0),
    ]


def test_a_segment_that_no_index_names_is_removed_once_it_is_old() -> None:
    storage = long(4200)
    refresh_at(storage, 2049, 3073)
    old = segments(storage)
    store_over(storage).maintain("m")
    new = [key for key in segments(storage) if key not in old]
    journal = store_over(storage)._handle.journal("m")

    assert (len(old), len(new), store_over(storage).maintain("m")[0].removed) == (2, 1, 0)
    assert compacting.remove_old(storage, journal, before=float("inf")) == 2
    assert segments(storage) == new
    assert as_listed(storage) == by_the_log(storage)


def test_a_reader_that_meets_a_removed_segment_reads_the_log(compacted: MemoryStorage) -> None:
    reader = store_over(compacted)
    reader.versions("m", limit=70)
    compacted.delete(segments(compacted))

    assert [*reader.versions("m", deleted=True)] == by_the_log(compacted)
    assert as_listed(compacted) == by_the_log(compacted)
    assert store_over(compacted).maintain("m")[0].segments == 1
    assert as_listed(compacted) == by_the_log(compacted)


MOMENTS: list[tuple[MeanwhileVerb, str, int]] = [
    ("get", "/segments/", 1),
    ("get", "/blocks/", 5),
    ("get", "/log/", 1),
    ("put", "/segments/", 1),
    ("put", "/segments/", 2),
    ("list", "/segments/", 1),
]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("other", ["writer", "maintainer", "reader"])
def test_maintain_runs_beside_everything(
    busy: MemoryStorage, moment: tuple[MeanwhileVerb, str, int], other: str
) -> None:
    acts: dict[str, Callable[[], object]] = {
        "writer": lambda: store_over(busy).delete("m@5"),
        "maintainer": lambda: store_over(busy).maintain(),
        "reader": lambda: store_over(busy).versions("m"),
    }
    verb, key, nth = moment
    slow = MeanwhileStorage(busy, acts[other], verb=verb, key=key, nth=nth)
    store_over(slow).maintain()

    assert slow.acted
    assert as_listed(busy) == by_the_log(busy)


def test_an_index_newer_than_the_head_that_was_read_is_no_lie(compacted: MemoryStorage) -> None:
    """The index is asked for beside the newest commit: another may have been committed, and indexed, in between."""

    def other() -> None:
        save_by(store_over(compacted), 1)
        store_over(compacted).maintain("m")

    slow = CountingStorage(MeanwhileStorage(compacted, other, verb="get", key="/segments/index"))

    assert store_over(slow).versions("m", limit=100)[0].number == 2101
    assert len(slow.requests) == 4 + 2


@pytest.mark.parametrize("kind", ["crash", "crash_after"])
def test_maintain_may_be_killed_at_every_write(busy: MemoryStorage, kind: Literal["crash", "crash_after"]) -> None:
    busy.delete([block(33)])
    expected = by_the_log(busy)
    for nth in range(20):
        writes = count()

        def script(verb: str, key: str, _: int, writes: Iterator[int] = writes, nth: int = nth) -> Fault | None:
            mutating = verb in {"put", "create", "delete"} and not key.startswith("self-test/")
            return Fault(kind) if mutating and next(writes) == nth else None

        try:
            store_over(FaultyStorage(busy, script=script)).maintain()
        except SimulatedCrash:
            assert as_listed(busy) == expected
        else:
            break
    assert nth >= 3
    assert as_listed(busy) == expected
    assert busy.get(INDEX) is not None
