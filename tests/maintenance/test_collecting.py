"""What a collection removes, what it leaves alone, and by whose clock."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.protocol.support import data_ids, save_by

from modelstore_core import (
    AttemptSuperseded,
    Collection,
    Corrupt,
    InvalidInput,
    ModelNotFound,
    ModelStore,
    UnsafeStorage,
    VersionPurged,
)
from modelstore_core.journal.log import Journal
from modelstore_core.maintenance.holdings import Holdings
from modelstore_core.registry.view import View
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import ObjectInfo, Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import StillClock, store_over

STRAY = "0123456789abcdef" * 2
HOUR = 3600.0

_spaces = count()


class AgedMemory(MemoryStorage):
    """Says of some objects that they are so many hours older."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hours: dict[str, float] = {}

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return aged(super().list(prefix), self.hours)


class AgedLocal(LocalStorage):
    """The same in a folder, where the kernel's clock stamps and nobody can stamp otherwise."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.hours: dict[str, float] = {}

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return aged(super().list(prefix), self.hours)


Aged: TypeAlias = AgedMemory | AgedLocal


def aged(infos: Iterator[ObjectInfo], hours: Mapping[str, float]) -> Iterator[ObjectInfo]:
    return (replace(info, modified=info.modified - hours.get(info.key, 0) * HOUR) for info in infos)


def age(storage: Aged, part: str, hours: float) -> None:
    """From now on all objects that are there with this in their key are that old."""
    storage.hours |= {info.key: hours for info in storage.list("") if part in info.key}


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(f"collecting-{next(_spaces)}")


@pytest.fixture(params=["memory", "local"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Aged:
    return AgedMemory(f"collecting-{next(_spaces)}") if request.param == "memory" else AgedLocal(tmp_path / "store")


def filled(storage: Storage) -> ModelStore:
    """A model: 1 deleted, 2 superseded by 3, 4 superseded by 5 but aliased, 5 live; and a stray folder."""
    store = store_over(storage)
    save_by(store, 1)
    save_by(store, 2, key="a")
    save_by(store, 3, key="a", attempt=1)
    save_by(store, 4, key="b")
    store.promote("m@4", "steady")
    save_by(store, 5, key="b", attempt=1)
    store.delete("m@1")
    storage.put(f"models/m/data/{STRAY}/half.bin", b"12345")
    return store


@pytest.fixture
def store(storage: Storage) -> ModelStore:
    return filled(storage)


def objects(storage: Storage) -> dict[str, bytes | None]:
    return {info.key: storage.get(info.key) for info in storage.list("")}


def told(collection: Collection) -> list[tuple[str, int | None, int, int]]:
    return [(one.kind, one.number, one.objects, one.bytes) for one in collection.removed]


def test_what_no_version_needs_goes_and_all_else_stays(storage: Storage, store: ModelStore) -> None:
    collection = store.collect(older_than=0)

    assert told(collection) == [("condemned", None, 1, 5), ("purged", 1, 1, 21), ("purged", 2, 1, 21)]
    assert (collection.objects, collection.bytes, collection.dry_run) == (3, 47, False)
    found = audit(storage, "m")
    assert (found.live, found.aliases, found.strays) == ([3, 5], {"steady": 4}, frozenset())
    assert [store.load(f"m@{n}") for n in (3, 4, 5)] == [{"w": 3}, {"w": 4}, {"w": 5}]
    assert not store.collect(older_than=0).removed


def test_an_alias_keeps_a_superseded_version_until_it_moves(storage: Storage, store: ModelStore) -> None:
    store.collect(older_than=0)
    assert store.load("m@steady") == {"w": 4}

    store.promote("m@5", "steady")
    assert told(store.collect(older_than=0)) == [("purged", 4, 1, 21)]
    assert store.get("m@4").purged


def test_what_is_purged_cannot_come_back(storage: Storage, store: ModelStore) -> None:
    store.collect(older_than=0)

    for verb in (store.restore, store.load, store.delete, lambda ref: store.promote(ref, "c")):
        with pytest.raises(VersionPurged):
            verb("m@1")
    assert store.get("m@1").purged
    assert [v.number for v in store.versions("m", deleted=True)] == [5, 4, 3, 2, 1]
    assert [event.kind for event in store.history("m", limit=2)] == ["version.purged", "version.purged"]


def test_a_keyed_save_whose_version_was_purged_supersedes_it(storage: Storage, store: ModelStore) -> None:
    store.delete("m@3")
    store.collect(older_than=0)

    with pytest.raises(AttemptSuperseded):
        save_by(store, 3, key="a", attempt=0)
    again = save_by(store, 3, key="a", attempt=1)
    assert (again.number, again.supersedes) == (6, 3)
    assert store.load("m@6") == {"w": 3}
    audit(storage, "m")


def test_a_dry_run_reports_the_same_and_writes_nothing(storage: Storage, store: ModelStore) -> None:
    before = objects(storage)
    dry = store.collect(older_than=0, dry_run=True)
    assert objects(storage) == before

    assert dry.dry_run
    assert [replace(one, age=0) for one in dry.removed] == [
        replace(one, age=0) for one in store.collect(older_than=0).removed
    ]


@pytest.mark.parametrize("spared", ["data/", "log/"])
def test_what_is_younger_than_asked_stays(storage: Aged, store: ModelStore, spared: str) -> None:
    """The age of a stray is its youngest object's; that of a deletion its commit's, not its files'."""
    age(storage, "models/", 30)
    assert len(store.collect(older_than=timedelta(hours=31)).removed) == 0
    age(storage, spared, 0)

    expected = ["purged", "purged"] if spared == "data/" else ["condemned"]
    assert [one.kind for one in store.collect().removed] == expected
    assert {round(one.age / HOUR) for one in store.collect(older_than=0).removed} == {0}


def test_what_only_the_deletion_of_the_model_has_ended_is_as_old_as_that(storage: Aged, store: ModelStore) -> None:
    """1 and 2 were over a day before; 3 and 5 were live, and an alias pointed to 4."""
    age(storage, "models/", 30)
    store.delete_model("m")

    assert [one.number for one in store.collect().removed] == [None, 1, 2]
    age(storage, "models/m/log/", 30)
    assert [one.number for one in store.collect().removed] == [3, 4, 5]
    assert audit(storage, "m").live == []


def test_a_folder_is_as_young_as_its_youngest_object(storage: Aged, store: ModelStore) -> None:
    age(storage, "models/", 30)
    storage.put(f"models/m/data/{STRAY}/other.bin", b"just now")

    assert [one.kind for one in store.collect().removed] == ["purged", "purged"]


@pytest.mark.parametrize("years", [-10, 0, 10])
def test_a_clock_ten_years_off_changes_nothing(storage: Aged, years: int) -> None:
    filled(storage)
    save_by(store_over(storage), 6)
    age(storage, "data/", 30)
    age(storage, "log/", 30)
    store_over(storage).delete("m@6")
    wrong = StillClock(date=datetime.now(UTC) + timedelta(days=365 * years))
    collection = store_over(storage, ports=wrong.ports()).collect()

    assert [(one.kind, one.number) for one in collection.removed] == [("condemned", None), ("purged", 1), ("purged", 2)]
    assert {round(one.age / HOUR) for one in collection.removed} == {30}
    assert store_over(storage).restore("m@6").number == 6


def test_condemned_and_purged_folders_that_still_hold_objects_are_finished_whatever_their_age(
    storage: Storage, store: ModelStore
) -> None:
    purged = store.get("m@1").url.rsplit("/", 1)[1]
    store.collect(older_than=0)
    for data_id in (STRAY, purged):
        storage.put(f"models/m/data/{data_id}/late.bin", b"sent by a slow writer")
    hint = storage.get("heads/m.json")
    commits = len(audit(storage, "m").entries)

    assert told(store.collect()) == [("leftover", None, 1, 21), ("leftover", 1, 1, 21)]
    assert not audit(storage, "m").strays
    assert len(audit(storage, "m").entries) == commits
    # the commits that allowed it may have been made by one who died before he told of them
    assert storage.get("heads/m.json") != hint


@pytest.mark.parametrize(
    "foreign", ["README", "not-an-id/weights.bin", f"{STRAY}0/x", f"{STRAY.upper()}/x", STRAY[:-1]]
)
def test_what_is_no_data_folder_is_left_alone(memory: MemoryStorage, foreign: str) -> None:
    store = store_over(memory)
    save_by(store, 1)
    memory.put(f"models/m/data/{foreign}", b"somebody's notes")

    assert not store.collect(older_than=0).removed
    assert memory.get(f"models/m/data/{foreign}") == b"somebody's notes"


@pytest.mark.parametrize("name", [None, "m"])
def test_in_an_empty_log_nothing_is_condemned(storage: Storage, name: str | None) -> None:
    store = store_over(storage)
    store.save({"w": 1}, "another", format="pickle")
    storage.put("heads/m.json", b'{"model":"m","nonce":"","op":"","seq":0}\n')
    storage.put(f"models/m/data/{STRAY}/half.bin", b"12345")
    collection = store.collect(name, older_than=0)

    assert (collection.uncommitted, told(collection)) == (("m",), [])
    assert data_ids(storage) == {STRAY}
    assert not [*storage.list("models/m/log/")]
    save_by(store, 1)
    assert told(store.collect(name, older_than=0)) == [("condemned", None, 1, 5)]


def test_an_unknown_model_is_not_found_and_an_empty_store_not_touched(storage: Storage) -> None:
    store = store_over(storage)
    assert told(store.collect()) == []
    assert objects(storage) == {}
    save_by(store, 1)
    with pytest.raises(ModelNotFound):
        store.collect("churn")


def test_only_the_named_model_is_collected(storage: Storage, store: ModelStore) -> None:
    for weight in (1, 2):
        store.save({"w": weight}, "other", format="pickle")
    store.delete("other@1")

    assert {one.model for one in store.collect("m", older_than=0).removed} == {"m"}
    assert [(one.model, one.number) for one in store.collect(older_than=0).removed] == [("other", 1)]


def test_a_model_that_cannot_be_read_stops_no_other(memory: MemoryStorage) -> None:
    store = filled(memory)
    store.save({"w": 1}, "broken", format="pickle")
    memory.put(f"models/broken/log/{1:020}.json", b"{")

    with pytest.raises(Corrupt):
        store_over(memory).collect(older_than=0)
    assert not audit(memory, "m").strays


def test_a_hole_in_the_log_is_nothing_to_remove_by(memory: MemoryStorage) -> None:
    store = filled(memory)
    deletion = next(e["seq"] for e in audit(memory, "m").entries if e["verb"] == "delete")
    save_by(store, 6)
    memory.delete([f"models/m/log/{deletion:020}.json"])

    collection = store_over(memory).collect(older_than=0)
    assert [(one.kind, one.number) for one in collection.removed] == [("condemned", None), ("purged", 2)]


def test_thousands_of_ids_are_condemned_by_a_few_commits(memory: MemoryStorage) -> None:
    store = store_over(memory)
    save_by(store, 1)
    for number in range(10_000):
        memory.put(f"models/m/data/{number:032x}/x", b"1")

    assert store.collect(older_than=0).objects == 10_000
    assert [len(e["op"]["ids"]) for e in audit(memory, "m").entries[1:]] == [4096, 4096, 1808]
    assert save_by(store, 2).number == 2


def test_a_long_log_is_folded_from_its_blocks(memory: MemoryStorage) -> None:
    store = filled(memory)
    for step in range(70):
        store.annotate("m@5", metrics={"step": step})
    counting = CountingStorage(memory)

    assert len(store_over(counting).collect(older_than=0).removed) == 3
    read = [r.key for r in counting.requests if r.verb == "get" and ("/blocks/" in r.key or "/log/" in r.key)]
    assert len(read) < 12
    assert not audit(memory, "m").strays


def test_where_nothing_is_to_do_the_only_writes_ask_for_the_time(memory: MemoryStorage) -> None:
    counting = CountingStorage(memory)
    costs = []
    for name in ("m", "n"):
        store_over(memory).save({"w": 1}, name, format="pickle")
        counting.reset()
        store_over(counting).collect()
        costs.append(len(counting.requests))

    assert [r.key[:10] for r in counting.requests if r.verb in {"create", "put", "delete"}] == ["self-test/"] * 2
    assert costs == [13, 18]  # for each model its hint twice, its data folders, and the head with what comes after it


def test_a_storage_that_cannot_hold_a_store_is_not_collected() -> None:
    class Careless(MemoryStorage):
        def create(self, key: str, body: bytes) -> bool:
            self.put(key, body)
            return True

    careless = Careless(f"collecting-{next(_spaces)}")
    store = store_over(careless, single_writer=True)
    save_by(store, 1)
    careless.put(f"models/m/data/{STRAY}/half.bin", b"12345")
    with pytest.raises(UnsafeStorage):
        store_over(careless).collect(older_than=0)

    assert STRAY in data_ids(careless)
    assert told(store.collect(older_than=0)) == [("condemned", None, 1, 5)]


def test_a_store_that_is_slow_to_list_is_asked_for_its_time_again() -> None:
    class Slow(MemoryStorage):
        looks = 0

        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            self.looks += prefix.startswith("self-test/") and prefix != "self-test/"
            return super().list(prefix) if self.looks != 1 else iter(())

    slow = Slow(f"collecting-{next(_spaces)}")
    filled(MemoryStorage(slow.name))

    assert len(store_over(slow).collect("m", older_than=0).removed) == 3
    assert not [*slow.list("self-test/")]


def test_a_model_that_was_made_anew_meanwhile_is_folded_anew(memory: MemoryStorage) -> None:
    filled(memory)
    journal = Journal(memory, "m", StillClock().ports(), 1.0)
    holdings = Holdings(View(journal, journal.newest()))
    memory.delete([info.key for info in memory.list("models/m/")])
    save_by(store_over(memory), 9)
    anew = Journal(memory, "m", StillClock().ports(), 1.0)
    holdings.follow(View(anew, anew.newest()))

    (version,) = holdings.versions.values()
    assert version.live
    assert holdings.owner(*data_ids(memory)) == version


def test_files_in_the_making_that_were_left_go_as_uploads(tmp_path: Path) -> None:
    local = LocalStorage(tmp_path)
    store = store_over(local)
    save_by(store, 1)
    for place in ("models/m/log", "heads", "."):
        (tmp_path / place / ".tmp~left").write_bytes(b"half of it")

    assert told(store.collect()) == []
    of_one = store.collect("m", older_than=0).removed
    assert [(one.kind, one.model, one.objects, one.bytes) for one in of_one] == [("upload", "m", 1, 10)]
    for found in (store.collect(older_than=0, dry_run=True), store.collect(older_than=0)):
        assert [(one.kind, one.model) for one in found.removed] == [("upload", ""), ("upload", "")]
    assert [*tmp_path.rglob(".tmp~*")] == []


def test_what_killed_self_tests_left_goes_after_a_day_and_never_before(storage: Aged, store: ModelStore) -> None:
    """One that is under way would take it for a storage that breaks its promises."""
    store.collect(older_than=0)
    for name in ("old", "young"):
        storage.put(f"self-test/{name}/0", b"first\n")
    age(storage, "self-test/old", 25)

    assert told(store.collect("m", older_than=0)) == []
    assert [(one.kind, one.id) for one in store.collect(older_than=0).removed] == [("leftover", "self-test/old/0")]
    assert [info.key for info in storage.list("self-test/")] == ["self-test/young/0"]


@pytest.mark.parametrize("span", [-1, "1d", True, float("nan"), float("inf"), timedelta(seconds=-1), None])
def test_what_is_no_span_of_time_is_refused(memory: MemoryStorage, span: Any) -> None:
    with pytest.raises(InvalidInput, match="is no span of time"):
        store_over(memory).collect(older_than=span)


SHOWN: list[Callable[[Collection], str]] = [str, lambda found: found._repr_html_()]


@pytest.mark.parametrize("show", SHOWN)
def test_a_collection_shows_what_went_and_how_much_it_was(
    memory: MemoryStorage, show: Callable[[Collection], str]
) -> None:
    store = filled(memory)
    memory.put("heads/fresh.json", b'{"model":"fresh","nonce":"","op":"","seq":0}\n')
    text = show(store.collect(older_than=0, dry_run=True))

    assert "condemned" in text
    assert "would remove 3 objects of 47 bytes; without a commit yet, so left alone: fresh" in text
    store.collect(older_than=0)
    assert "nothing to remove" in show(store.collect())


def test_a_collection_becomes_a_data_frame(memory: MemoryStorage) -> None:
    frame = filled(memory).collect(older_than=0).to_pandas()

    assert [*frame.columns] == ["model", "kind", "number", "objects", "bytes", "age", "id"]
    assert frame["bytes"].sum() == 47
