"""The catalog of all models: the same answers as from the logs, whatever became of it, and never a failure."""

import gzip
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.maintenance.support import check, copied, found, memory, objects_of

from modelstore_core import ModelStore, ModelVersion
from modelstore_core.documents.canonical import encode, seal
from modelstore_core.documents.catalog import Snapshot, pack, read_catalog, write_catalog
from modelstore_core.journal.catalog import CATALOG
from modelstore_core.registry.memory import Memory
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, MeanwhileVerb, store_over
from modelstore_core.testing.synthetic import fill

Document = dict[str, Any]
Spoil = Callable[[MemoryStorage], object]

MODELS = ["a", "b", "c", "Dé", "e", "f", "g"]


@pytest.fixture
def storage() -> MemoryStorage:
    """A few models with versions that were annotated, promoted, deleted, and a catalog of them."""
    storage = memory()
    store = store_over(storage)
    for name in MODELS:
        for auc in (0.1, 0.2, 0.3, 0.4):
            store.save({"w": auc}, name, format="pickle", metrics={"auc": auc}, tags={"of": name})
        store.annotate(f"{name}@1", tags={"seen": "yes"}, metrics={"loss": 1})
        store.promote(f"{name}@3", "champion")
        store.delete(f"{name}@2")
    store.maintain()
    return storage


def by_the_logs(storage: MemoryStorage, *, deleted: bool = True) -> list[ModelVersion]:
    """Every version of every model, as a store says that has no catalog, one model after the other."""
    store = store_over(storage)
    return [version for name in sorted(MODELS) for version in store.versions(name, deleted=deleted)]


def searched(storage: MemoryStorage, *, deleted: bool = True) -> list[ModelVersion]:
    """The same, as a new reader finds it by one search."""
    return [*store_over(storage).search(limit=None, deleted=deleted)]


def requests(storage: MemoryStorage) -> int:
    """What a first search costs."""
    counting = CountingStorage(storage)
    store_over(counting).search()
    return len(counting.requests)


def lines(storage: MemoryStorage, key: str = CATALOG) -> list[Document]:
    return [json.loads(line) for line in gzip.decompress(storage.get(key) or b"").splitlines()]


def rewrite(storage: MemoryStorage, change: Callable[[list[Document]], object]) -> None:
    """Change the catalog's lines, and keep it whole: its sum and the count of its lines are right."""
    said = lines(storage)
    change(said)
    head, *rest = said
    head = {name: value for name, value in head.items() if name != "sum"} | {"rows": len(rest)}
    storage.put(CATALOG, gzip.compress(seal(encode(head)) + b"".join(map(encode, rest))))


def of(model: str, said: list[Document]) -> int:
    return next(place for place, line in enumerate(said) if line.get("model") == model)


def said(model: str, /, **fields: Any) -> Spoil:
    """The catalog, with other fields in what it says of a model."""
    return lambda storage: rewrite(storage, lambda lines: lines[of(model, lines)].update(fields))


def state(model: str, /, **fields: Any) -> Spoil:
    return lambda storage: rewrite(storage, lambda lines: lines[of(model, lines)]["state"].update(fields))


def row(model: str, number: int, /, **fields: Any) -> Spoil:
    """The catalog, with other fields in the row of a version."""
    return lambda storage: rewrite(storage, lambda lines: lines[of(model, lines) + number].update(fields))


def test_a_search_by_the_catalog_is_what_the_logs_say(storage: MemoryStorage) -> None:
    assert requests(storage) == 2
    assert searched(storage) == by_the_logs(storage)
    assert searched(storage, deleted=False) == by_the_logs(storage, deleted=False)
    assert [model.name for model in store_over(storage).models()] == sorted(MODELS)


def test_models_by_the_catalog_are_those_by_their_heads(storage: MemoryStorage) -> None:
    bare = copied({key: body for key, body in objects_of(storage).items() if key != CATALOG})

    assert store_over(storage).models() == store_over(bare).models()


TORN: dict[str, Spoil] = {
    "missing": lambda s: s.delete([CATALOG]),
    "empty": lambda s: s.put(CATALOG, b""),
    "no gzip": lambda s: s.put(CATALOG, b"catalog"),
    "torn": lambda s: s.put(CATALOG, (s.get(CATALOG) or b"")[:-9]),
    "followed by more": lambda s: s.put(CATALOG, (s.get(CATALOG) or b"") + b"\0"),
    "one document of another kind": lambda s: s.put(CATALOG, gzip.compress(seal(encode({"format": 1, "rows": 0})))),
    "of a later format": lambda s: rewrite(s, lambda lines: lines[0].update(format=2)),
    "deep": lambda s: s.put(CATALOG, gzip.compress(b"[" * 100_000)),
    "a line too few": lambda s: rewrite(s, lambda lines: lines.pop()),
    "a line too many": lambda s: rewrite(s, lambda lines: lines.append(lines[-1])),
    "a line that is no JSON": lambda s: s.put(
        CATALOG, gzip.compress(gzip.decompress(s.get(CATALOG) or b"").replace(b'"etag"', b'"etag'))
    ),
    "no model": said("c", model=None),
    "no state": said("c", state=None),
    "no time": said("c", time="yesterday"),
    "as many rows as it likes": said("c", rows=10**9),
    "a wrong name of a shard": lambda s: rewrite(s, lambda lines: lines[0].update(shards=[{"name": "x", "size": 1}])),
}


@pytest.mark.parametrize("spoil", TORN.values(), ids=TORN)
def test_without_a_whole_catalog_the_logs_are_read(storage: MemoryStorage, spoil: Spoil) -> None:
    spoil(storage)

    assert searched(storage) == by_the_logs(storage)
    assert requests(storage) > 3 * len(MODELS)


LIES: dict[str, Spoil] = {
    "an etag of another time": said("c", etag="old"),
    "a time of another hint": said("c", modified=1.0),
    "a folder of another model": said("c", model="C"),
    "no rows": said("c", model="c2"),
    "a live version that is deleted": row("c", 1, deleted=True),
    "a row of another number": lambda s: rewrite(
        s, lambda lines: lines[of("c", lines) + 2].update(lines[of("c", lines) + 1])
    ),
    "a row that is none": row("c", 2, record={"seq": 1}),
    "a row of a commit to come": lambda s: rewrite(s, lambda lines: lines[of("c", lines) + 2]["record"].update(seq=99)),
    "another newest version": state("c", newest={"number": 1, "record": 1, "annotated": None, "superseded_by": None}),
    "more live versions": state("c", live=4),
    "an old commit that the log does not have": lambda s: [said("c", etag="old")(s), said("c", op="0" * 32)(s)],
    "an old commit after the head": lambda s: [said("c", etag="old")(s), said("c", seq=99)(s)],
    "an old state that never was": lambda s: [said("c", etag="old")(s), state("c", live=1)(s)],
    "old rows that never were": lambda s: [said("c", etag="old")(s), row("c", 1, deleted=True)(s)],
}


@pytest.mark.parametrize("spoil", LIES.values(), ids=LIES)
def test_a_model_of_which_the_catalog_cannot_be_right_is_read_from_its_log(
    storage: MemoryStorage, spoil: Spoil
) -> None:
    spoil(storage)

    assert searched(storage) == by_the_logs(storage)
    assert 2 < requests(storage) <= 2 + 3 + 4


@pytest.mark.parametrize("spoil", [*TORN.values(), *LIES.values()], ids=[*TORN, *LIES])
def test_maintain_writes_a_sound_catalog_again(storage: MemoryStorage, spoil: Spoil) -> None:
    spoil(storage)
    store_over(storage).maintain()

    assert searched(storage) == by_the_logs(storage)
    assert requests(storage) == 2
    assert check(storage).ok


def test_the_catalog_of_another_store_is_none_of_ours(storage: MemoryStorage) -> None:
    other = memory()
    for name in MODELS:
        fill(other, name, 3, promote=1)
    store_over(other).maintain()
    storage.put(CATALOG, other.get(CATALOG) or b"")

    assert searched(storage) == by_the_logs(storage)


def test_in_a_copy_of_a_store_the_catalog_is_an_old_one_until_it_is_maintained(storage: MemoryStorage) -> None:
    copy = copied(objects_of(storage))

    assert searched(copy) == by_the_logs(copy)
    assert requests(copy) == 2 + 3 * len(MODELS)
    store_over(copy).maintain()
    assert requests(copy) == 2


CHANGES: dict[str, Callable[[ModelStore], object]] = {
    "save": lambda s: s.save({"w": 1}, "c", format="pickle"),
    "annotate": lambda s: s.annotate("c@1", tags={"seen": "late"}, metrics={"auc": None}),
    "promote": lambda s: s.promote("c@1", "champion"),
    "delete": lambda s: s.delete("c@4"),
    "restore": lambda s: s.restore("c@2"),
    "unalias": lambda s: s.unalias("c", "champion"),
    "a new model": lambda s: s.save({"w": 1}, "new", format="pickle"),
}


@pytest.mark.parametrize("act", CHANGES.values(), ids=CHANGES)
def test_a_change_of_another_handle_is_in_the_next_search(
    storage: MemoryStorage, act: Callable[[ModelStore], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "MODELS", [*MODELS, "new"])
    store_over(storage).save({"w": 0}, "new", format="pickle")
    warm = store_over(storage)
    before = [*warm.search(limit=None, deleted=True)]
    act(store_over(storage))

    expected = by_the_logs(storage)
    assert expected != before
    assert [*warm.search(limit=None, deleted=True)] == expected
    assert searched(storage) == expected
    assert warm.models() == store_over(storage).models()


def test_a_change_while_the_search_reads_is_in_the_next_one_at_the_latest(storage: MemoryStorage) -> None:
    storage.delete([CATALOG])
    moments: list[tuple[MeanwhileVerb, str]] = [("list", "heads/"), ("get", "heads/c"), ("get", "models/c/log")]
    for step, (verb, key) in enumerate(moments):
        act = lambda: store_over(storage).annotate("c@1", metrics={"step": step})  # noqa: B023, E731 -- called in this turn
        slow = MeanwhileStorage(storage, act, verb=verb, key=key, after=True)
        reader = store_over(slow)
        reader.search()

        assert slow.acted
        assert reader.search("name = 'c' AND number = 1")[0].metrics["step"] == step


def test_a_change_while_maintain_reads_is_not_lost_to_searches(storage: MemoryStorage) -> None:
    store_over(storage).annotate("c@1", tags={"first": "yes"})
    act = lambda: store_over(storage).annotate("c@1", tags={"second": "yes"})  # noqa: E731
    slow = MeanwhileStorage(storage, act, verb="put", key=CATALOG)
    store_over(slow).maintain()

    assert slow.acted
    assert searched(storage) == by_the_logs(storage)
    assert store_over(storage).search("tags.second = 'yes'")[0].ref == "c@1"


def test_a_model_whose_hint_is_gone_is_gone_from_searches(storage: MemoryStorage) -> None:
    warm = store_over(storage)
    warm.search()
    storage.delete(["heads/c.json"])

    for store in (warm, store_over(storage)):
        assert "c" not in {version.name for version in store.search(limit=None)}
        assert "c" not in {model.name for model in store.models()}


def test_a_model_that_was_never_saved_whole_is_in_no_search_and_asked_about_once(storage: MemoryStorage) -> None:
    def script(verb: str, key: str, _: int) -> Fault | None:
        return Fault("crash") if verb == "create" and "models/half/log" in key else None

    with pytest.raises(SimulatedCrash):
        store_over(FaultyStorage(storage, script=script)).save({"w": 1}, "half", format="pickle")
    counting = CountingStorage(storage)
    store = store_over(counting)

    assert [*store.search(limit=None, deleted=True)] == by_the_logs(storage)
    counting.reset()
    store.search()
    assert counting.summary() == {"list": 1}
    store_over(storage).maintain()
    assert searched(storage) == by_the_logs(storage)


def test_versions_of_a_deleted_model_are_in_no_search(storage: MemoryStorage) -> None:
    warm = store_over(storage)
    warm.search()
    store_over(storage).delete_model("c")

    for store in (warm, store_over(storage)):
        assert "c" not in {version.name for version in store.search(limit=None, deleted=True)}
        assert "c" not in {model.name for model in store.models()}
    store_over(storage).maintain()
    assert "c" not in {version.name for version in searched(storage)}
    store_over(storage).restore_model("c")
    assert searched(storage) == by_the_logs(storage)


def test_a_lie_that_fits_is_found_by_verify_and_mended(storage: MemoryStorage) -> None:
    def lie(lines: list[Document]) -> None:
        lines[of("c", lines) + 4]["record"]["op"]["metrics"]["auc"] = 0.99

    rewrite(storage, lie)

    assert searched(storage) != by_the_logs(storage)
    assert found(check(storage)) == {("repairable", CATALOG)}
    assert check(storage, repair=True).ok
    assert searched(storage) == by_the_logs(storage)
    assert check(storage).problems == ()


@pytest.mark.parametrize("name", ["torn", "a live version that is deleted", "an old commit after the head"])
def test_verify_finds_what_is_wrong_with_the_catalog_and_mends_it(storage: MemoryStorage, name: str) -> None:
    {**TORN, **LIES}[name](storage)

    done = check(storage)
    assert {key for _, key in found(done)} <= {CATALOG}
    check(storage, repair=True)
    assert check(storage).problems == ()
    assert requests(storage) == 2


def test_an_old_catalog_is_no_flaw(storage: MemoryStorage) -> None:
    for act in CHANGES.values():
        act(store_over(storage))
    storage.delete(["heads/a.json"])

    assert not [p for p in check(storage).problems if p.key.startswith("catalog/")]


def test_a_catalog_that_knows_more_than_the_log_is_a_flaw(storage: MemoryStorage) -> None:
    said("c", seq=99)(storage)

    assert found(check(storage)) == {("repairable", CATALOG)}


def test_a_reader_that_may_not_write_searches_as_well(storage: MemoryStorage) -> None:
    handle = store_over(storage)._handle
    pickled: ModelStore = pickle.loads(pickle.dumps(ModelStore.over(handle)))
    pickled.search()

    size = len(pickle.dumps(pickled))
    assert size == len(pickle.dumps(ModelStore.over(handle)))
    assert [*pickled.search(limit=None, deleted=True)] == by_the_logs(storage)


def large(storage: MemoryStorage, models: int) -> None:
    """So many models whose versions take nearly the most that a snapshot keeps."""
    long = "x" * 240_000

    for number in range(models):
        fill(storage, f"large-{number:02}", 4, record=lambda n: replace(plain(n), description=long))


def plain(number: int) -> Any:
    from modelstore_core.testing.synthetic import plain_version

    return plain_version(number)


def shards(storage: MemoryStorage) -> list[str]:
    return sorted(info.key for info in storage.list("catalog/") if info.key != CATALOG)


@pytest.fixture(scope="module")
def sharded() -> MemoryStorage:
    """Models that do not fit into one document."""
    storage = memory()
    large(storage, 40)
    store_over(storage).maintain()
    return storage


def test_what_one_document_does_not_hold_is_in_shards(sharded: MemoryStorage) -> None:
    counting = CountingStorage(sharded)
    found = store_over(counting).search("metrics.auc >= 0", limit=None)

    assert len(shards(sharded)) == 2
    assert counting.summary() == {"list": 1, "get": 3}
    assert [v.ref for v in found] == [f"large-{n:02}@{i}" for n in range(40) for i in (4, 3, 2, 1)]


def test_a_shard_that_is_damaged_or_missing_is_replaced_by_the_logs(sharded: MemoryStorage) -> None:
    one, other = shards(sharded)
    bodies = {key: sharded.get(key) or b"" for key in (one, other)}
    sharded.put(one, bodies[one][:-1])
    sharded.delete([other])
    try:
        assert len(store_over(sharded).search(limit=None)) == 160
        assert {key for _, key in found(check(sharded)) if key.startswith("catalog/")} == {one, other}
    finally:
        for key, body in bodies.items():
            sharded.put(key, body)


def test_shards_that_are_not_named_are_removed_after_a_day(sharded: MemoryStorage) -> None:
    store = store_over(sharded)
    before = shards(sharded)
    store.annotate("large-00@1", tags={"new": "yes"})
    store.maintain()

    assert {*before} < {*shards(sharded)}


def test_versions_too_large_for_a_snapshot_are_in_searches_all_the_same(storage: MemoryStorage) -> None:
    fill(storage, "huge", 5, record=lambda n: replace(plain(n), description="x" * 240_000))
    store_over(storage).maintain()
    store = store_over(storage)

    for _ in range(2):
        assert [v.number for v in store.search("name = 'huge'")] == [5, 4, 3, 2, 1]
    assert lines(storage)[of("huge", lines(storage))]["rows"] is None


def test_memory_is_bounded_and_what_does_not_fit_is_asked_for_again(storage: MemoryStorage) -> None:
    counting = CountingStorage(storage)
    store = store_over(counting)
    store._handle._memory = memory_of = Memory(most=60_000)

    for _ in range(2):
        assert [*store.search(limit=None, deleted=True)] == by_the_logs(storage)
        assert 0 < memory_of.size <= 60_000
    counting.reset()
    store.search()
    assert counting.summary() == {"list": 1, "get": 1}


def test_a_snapshot_is_read_as_it_was_written(storage: MemoryStorage) -> None:
    catalog = read_catalog(storage.get(CATALOG) or b"")
    assert catalog is not None

    def told(snapshot: Snapshot) -> object:
        rows = snapshot.rows
        return replace(snapshot, rows=None), rows and [rows.row(n) for n in range(1, rows.last + 1)]

    again = read_catalog(write_catalog(next(pack(catalog.snapshots))))
    assert again is not None
    assert [*map(told, again.snapshots)] == [*map(told, catalog.snapshots)]
