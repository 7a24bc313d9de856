"""Stores that something happened to: typed errors, nothing made worse, and `verify` says what it is.

A copy that ended half-way, a hole in a log, files of others, a disk that is full, a permission that is taken away,
clocks that are wrong, names at every limit.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.maintenance.support import HINT, check, copied, found, log, memory, objects_of

from modelstore_core import ModelStore, ModelStoreError, StorageDenied, StorageError, Verification
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Passed, Received, unwatched
from modelstore_core.testing.s3_server import S3FaultKind, S3Server
from modelstore_core.testing.stores import StillClock, store_over

Objects = dict[str, bytes]

WRITES: Mapping[str, Callable[[ModelStore], object]] = {
    "save": lambda s: s.save({"w": 77}, "m", format="pickle", key="new"),
    "retry": lambda s: s.save({"w": 2}, "m", format="pickle", key="k2"),
    "promote": lambda s: s.promote("m@4", "champion"),
    "roll back": lambda s: s.rollback("m", "champion"),
    "annotate": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@6"),
    "collect": lambda s: s.collect("m", older_than=0),
    "prune": lambda s: s.prune("m", keep=1),
    "maintain": lambda s: s.maintain("m"),
    "repair": lambda s: s.verify(repair=True),
}
READS: Mapping[str, Callable[[ModelStore], object]] = {
    "get": lambda s: s.get("m@1").metrics,
    "load": lambda s: s.load("m@1"),
    "list": lambda s: [v.number for v in s.versions("m", deleted=True)],
    "history": lambda s: [e.id for e in s.history("m")],
}


def damage(done: Verification) -> set[str]:
    return {problem.key for problem in done.problems if problem.severity == "damage"}


def overwritten(before: Objects, after: Objects) -> set[str]:
    """What is gone or has other bytes, but for what may be written anew at any time."""
    return {key for key in before if before[key] != after.get(key) and not key.startswith("heads/")}


def test_a_copy_that_ended_half_way_is_told_from_a_whole_one(objects: Objects) -> None:
    """In whatever order objects are copied, and wherever the copying ends."""
    keys = sorted(objects)
    for seed in range(120):
        chance = random.Random(seed)
        order = keys if seed % 3 == 0 else chance.sample(keys, len(keys))
        there = order[: chance.randrange(1, len(keys))]
        storage = copied({key: objects[key] for key in there})
        done = check(storage, repair=True)
        last = max((int(key[-25:-5]) for key in there if key.startswith("models/m/log/")), default=0)
        holes = {log(seq) for seq in range(1, last)} - set(there)
        assert holes <= damage(done)
        if HINT in there and last < len([key for key in keys if key.startswith("models/m/log/")]):
            assert HINT in damage(done)
        assert overwritten(copy_of(there, objects), objects_of(storage)) == set()


def copy_of(there: list[str], objects: Objects) -> Objects:
    return {key: objects[key] for key in there}


def test_files_that_were_not_copied_are_named(objects: Objects) -> None:
    lost = {key for key in objects if "/data/" in key}

    assert damage(check(copied({key: body for key, body in objects.items() if key not in lost}))) == lost


def test_what_follows_from_a_copied_log_is_made_again(objects: Objects) -> None:
    parts = ("/log/", "/data/", "store.json")
    storage = copied({key: body for key, body in objects.items() if any(part in key for part in parts)})
    assert not store_over(storage).models()  # nobody knows of them without a hint

    assert check(storage, repair=True).ok

    assert [model.name for model in store_over(storage).models()] == ["m", "Ünïcode name"]
    assert store_over(storage).save({"w": 1}, "m", format="pickle", key="k1").number == 1
    assert check(storage).problems == ()


def test_what_was_made_by_a_rebuilt_store_is_what_was_there(objects: Objects) -> None:
    derived = [key for key in objects if "/blocks/" in key]
    storage = copied({key: body for key, body in objects.items() if key not in derived})

    check(storage, repair=True)

    assert {key: storage.get(key) for key in derived} == {key: objects[key] for key in derived}


@pytest.mark.parametrize("verb", [*WRITES])
@pytest.mark.parametrize("lost", [1, 4, 20, 34])
def test_no_verb_makes_a_log_with_a_hole_worse(objects: Objects, verb: str, lost: int) -> None:
    """A verb that has no use for the commit works; one that needs it says so. Nothing that was there is changed."""
    storage = copied({key: body for key, body in objects.items() if key != log(lost)})
    before, known = objects_of(storage), damage(check(storage))
    assert known == {log(lost)}

    with suppress(ModelStoreError):
        WRITES[verb](store_over(storage, patience=1.0))

    after = objects_of(storage)
    assert {key for key in overwritten(before, after) if "/segments/" not in key} <= {"store.json"}  # tested here
    assert damage(check(storage)) == known


@pytest.mark.parametrize("read", READS)
def test_a_hole_gives_readers_a_typed_error_or_the_right_answer(objects: Objects, read: str) -> None:
    right = READS[read](store_over(copied(objects)))
    for lost in range(1, 40):
        storage = copied({key: body for key, body in objects.items() if key != log(lost)})
        with suppress(ModelStoreError):
            assert READS[read](store_over(storage)) == right


STRANGERS = (
    "README.txt",
    "heads/notes.txt",
    "heads/deep/er.json",
    "models/stray.bin",
    "models/m/.DS_Store",
    "models/m/log/00000000000000000003.json.bak",
    "models/m/log/3.json",
    "models/m/blocks/tmp",
    "models/m/keys/x.json",
    "models/m/data/notes.txt",
    "models/m/data/short/x",
    "models/UPPER/log/00000000000000000001.json",
    "other/store.json",
)


def test_files_of_others_change_no_answer_and_are_left_alone(objects: Objects) -> None:
    storage = copied(objects)
    right = {name: read(store_over(storage)) for name, read in READS.items()}
    for key in STRANGERS:
        storage.put(key, b"of somebody else")

    done = check(storage, repair=True)
    assert {name: read(store_over(storage)) for name, read in READS.items()} == right
    for write in WRITES.values():
        write(store_over(storage))

    assert done.ok
    assert len(done.problems) >= 5
    assert {storage.get(key) for key in STRANGERS} == {b"of somebody else"}
    assert check(storage, read_data=True).ok


def test_clocks_that_are_decades_off_leave_a_sound_store() -> None:
    storage = memory()
    for year in (2036, 2016, 1971):
        clock = StillClock(date=datetime(year, 1, 1, tzinfo=UTC))
        store = store_over(storage, ports=clock.ports())
        store.save({"w": year}, "m", format="pickle")
        store.save({"w": year}, "m", format="pickle")
        store.delete(f"m@{store.get('m').number - 1}")
        store.collect(older_than=0)
    done = check(storage, read_data=True)

    assert (done.ok, done.problems, done.versions) == (True, (), 3)
    assert [v.number for v in store_over(storage).versions("m")] == [6, 4, 2]


class FullDisk(MemoryStorage):
    """Takes nothing more."""

    def create(self, key: str, body: bytes) -> bool:
        if self.get(key) is not None:
            return False
        raise self._full(key)

    def put(self, key: str, body: bytes) -> None:
        raise self._full(key)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        raise self._full(key)

    def _full(self, key: str) -> StorageError:
        said = f"Could not write {key!r}: No space left on device."
        return StorageError(said, value=key, fix="The disk is full: free some space there and try again.")


@pytest.mark.parametrize("verb", [verb for verb in WRITES if verb != "repair"])
def test_a_full_disk_is_said_and_changes_nothing(objects: Objects, verb: str) -> None:
    storage = copied(objects)
    store_over(storage).annotate("m@1", tags={"tested": "here"})
    full, before = FullDisk(storage.name), objects_of(storage)

    with suppress(ModelStoreError):  # what has nothing to do may well be done
        WRITES[verb](store_over(full, patience=1.0))
    with pytest.raises(StorageError, match="disk is full"):
        store_over(full).save({"w": 5}, "m", format="pickle")

    assert objects_of(storage) == before
    assert check(storage, read_data=True).ok
    assert check(full, read_data=True).ok  # looking needs no room


def test_what_cannot_be_repaired_for_lack_of_room_is_an_error_and_repaired_later(objects: Objects) -> None:
    storage = copied(objects)
    storage.delete([HINT, f"models/m/blocks/{1:020}-{32:020}.json"])

    with pytest.raises(StorageError, match="disk is full"):
        check(FullDisk(storage.name), repair=True)
    diagnosis = store_over(FullDisk(storage.name), patience=1.0).doctor()

    assert not diagnosis.ok
    assert "No space left" in str(diagnosis)
    assert check(storage, repair=True).ok


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with S3Server(["bucket"]) as running:
        yield running


def opened(server: S3Server) -> ModelStore:
    return ModelStore("s3://bucket/models", endpoint=server.endpoint, region="us-east-1")


def test_a_permission_that_is_taken_away_half_way_costs_no_more_than_the_verb(server: S3Server, tmp_path: Path) -> None:
    """From the nth request of a save on, everything that writes is forbidden; then the same save is tried again."""
    weights = tmp_path / "weights.bin"
    opened(server).save({"w": 0}, "m", format="pickle")
    taken = 0
    for nth in range(1, 20):
        weights.write_bytes(b"weights %d" % nth)
        asked = [0]

        def forbid(
            operation: str, key: str, number: int, asked: list[int] = asked, nth: int = nth
        ) -> S3FaultKind | None:
            asked[0] += 1
            return "denied" if asked[0] >= nth and operation in {"PutObject", "DeleteObjects"} else None

        server.script = forbid
        with suppress(StorageDenied, ModelStoreError):
            opened(server).save(weights, "m", key=f"save {nth}")
        taken += asked[0] >= nth
        server.script = None
        again = opened(server).save(weights, "m", key=f"save {nth}")
        assert again.number == nth + 1

    done = opened(server).verify(read_data=True)
    assert taken >= 5
    assert (done.ok, done.versions) == (True, 20)


def test_a_bucket_that_may_not_be_read_any_more_is_an_error_and_no_damage(server: S3Server) -> None:
    opened(server).save({"w": 0}, "m", format="pickle")
    opened(server).save({"w": 1}, "m", format="pickle")
    for nth in range(1, 9):
        asked = [0]

        def forbid(
            operation: str, key: str, number: int, asked: list[int] = asked, nth: int = nth
        ) -> S3FaultKind | None:
            asked[0] += 1
            return "denied" if asked[0] >= nth else None

        server.script = forbid
        with pytest.raises(StorageDenied):
            opened(server).verify(read_data=True)
    server.script = None

    assert opened(server).verify(read_data=True).ok


LONGEST = (
    "n" * 200,
    "é" * 100,
    "模" * 66,
    "con",
    "nul.x",
    "a--b",
    "a.",
    "...x",
    "UPPER",
    "upper",
    "with blanks and (brackets)",
    "100%",
    "a" * 100,
    "a" * 101,
    "\u202eright to left",
)


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_names_at_every_limit_are_kept_listed_and_verified(tmp_path: Path, where: str) -> None:
    store = ModelStore(tmp_path / "store" if where == "folder" else f"memory://{tmp_path}")
    path = tmp_path / ("f" * 250)
    path.write_bytes(b"weights")
    for name in LONGEST:
        store.save(path, name, key="k" * 512, aliases=["a" * 255], tags={"t" * 200: "v" * 1000})
    done = store.verify(read_data=True)

    assert (done.ok, done.problems, done.models) == (True, (), len(LONGEST))
    assert {model.name for model in store.models()} == set(LONGEST)
    assert {store.load(f"{name}@{'a' * 255}").read_bytes() for name in LONGEST} == {b"weights"}
    assert found(store.verify("n" * 200)) == set()


def test_a_thousand_aliases_are_verified() -> None:
    storage = memory()
    store_over(storage).save({"w": 1}, "m", format="pickle", aliases=[f"alias-{number}" for number in range(1000)])
    store_over(storage).save({"w": 2}, "m", format="pickle", aliases=["alias-7"])

    assert check(storage, read_data=True).problems == ()
