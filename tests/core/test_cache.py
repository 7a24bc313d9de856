"""The read cache: what is asked with it, what is never believed in it, and who shares it."""

import errno
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelstore_core import Corrupt, InvalidInput, ModelStore, StorageUnavailable, VersionPurged
from modelstore_core.artifacts.cache import Cache
from modelstore_core.artifacts.eviction import trim
from modelstore_core.artifacts.locks import Lock
from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.formats.trust import parse_trust
from modelstore_core.model.operations import Purge
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.keys import check_key
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Passed, Received, Storage, unwatched
from modelstore_core.store.handle import Handle, Settings
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage
from modelstore_core.testing.stores import StillClock, commit, store_over

SIZE = 1000


@pytest.fixture
def memory(tmp_path: Path) -> MemoryStorage:
    """A storage that behaves as a remote one does, with a model `m` of two versions, one of which has an alias."""
    memory = MemoryStorage(f"cache-{tmp_path.name}")
    store = store_over(memory)
    for letter in "ab":
        save(store, tmp_path, letter)
    store.promote("m@1", "champion")
    return memory


def save(store: ModelStore, folder: Path, letter: str) -> None:
    """Save a model of two files, one of which is always the same."""
    made = folder / f"model-{letter}"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "weights.bin").write_bytes(letter.encode() * SIZE)
    (made / "always.txt").write_bytes(b"always")
    store.save(made, "m")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cached(storage: Storage, place: Path, limit: int = 1 << 30) -> ModelStore:
    """A new, cold store with a cache."""
    settings = Settings(
        actor="ada",
        trust=parse_trust("full"),
        single_writer=False,
        patience=60.0,
        cache=Cache(path=place, limit=limit),
    )
    return ModelStore.over(Handle(storage, settings, StillClock().ports()))


def own(place: Path) -> Path:
    """This user's part of the cache."""
    return place / f"u{os.geteuid()}"


def files_of(place: Path) -> list[Path]:
    """The files that the cache has, each once."""
    return sorted(path for path in (own(place) / "files").rglob("*") if path.is_file())


def weights(folder: Path) -> bytes:
    return (folder / "deep" / "weights.bin").read_bytes()


def test_a_load_by_alias_takes_one_request_once_everything_is_there(memory: MemoryStorage, place: Path) -> None:
    counting = CountingStorage(memory)
    store = cached(counting, place)
    first = store.load("m@champion")
    counting.reset()
    again = store.load("m@champion")

    assert (len(counting.requests), counting.rounds) == (1, 1)
    assert weights(first) == weights(again) == b"a" * SIZE


def test_another_process_finds_what_the_first_has_fetched(memory: MemoryStorage, place: Path) -> None:
    cached(memory, place).load("m@1")
    counting = CountingStorage(memory)

    assert weights(cached(counting, place).load("m@1")) == b"a" * SIZE
    assert "fetch" not in counting.summary()


def test_a_file_that_two_versions_share_is_fetched_once(memory: MemoryStorage, place: Path) -> None:
    counting = CountingStorage(memory)
    store = cached(counting, place)
    store.load("m@1")
    store.load("m@2")

    assert counting.summary()["fetch"] == 3
    assert [path.name for path in files_of(place)] == sorted(
        {file.sha256 for number in (1, 2) for file in store.get(f"m@{number}").files}
    )


def test_a_path_is_the_same_from_call_to_call_and_from_process_to_process(memory: MemoryStorage, place: Path) -> None:
    store = cached(memory, place)
    paths = {s.load("m@1", as_="path") for s in (store, store, cached(memory, place))}

    assert len(paths) == 1
    assert weights(paths.pop()) == b"a" * SIZE


def test_only_the_user_can_see_it_and_nobody_write_into_its_files(memory: MemoryStorage, place: Path) -> None:
    cached(memory, place).load("m@1", as_="path")
    modes = {path.stat().st_mode & 0o777 for path in own(place).rglob("*") if path.is_dir()}

    assert own(place).stat().st_mode & 0o777 == 0o700
    assert modes == {0o700}
    assert {path.stat().st_mode & 0o777 for path in files_of(place)} == {0o444}


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)


def replace_by_nothing(path: Path) -> None:
    path.unlink()


def replace_by_symlink(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("harm", [spoil, replace_by_nothing, replace_by_symlink])
@pytest.mark.parametrize("where", ["files", "folders"])
def test_what_is_wrong_in_the_cache_is_replaced_before_anything_reads_it(
    memory: MemoryStorage, place: Path, harm: Callable[[Path], None], where: str
) -> None:
    cached(memory, place).load("m@1")
    for path in [path for path in (own(place) / where).rglob("*") if path.is_file() and path.suffix != ".lock"]:
        harm(path)

    folder = cached(memory, place).load("m@1", as_="path")
    assert (weights(folder), (folder / "always.txt").read_bytes()) == (b"a" * SIZE, b"always")
    assert not (folder / "always.txt").is_symlink()


def test_what_is_wrong_in_the_store_is_told_and_not_kept(memory: MemoryStorage, place: Path) -> None:
    flipping = FaultyStorage(memory, script=lambda verb, key, n: Fault("flip") if verb == "fetch" else None)
    with pytest.raises(Corrupt, match="is not what was saved"):
        cached(flipping, place).load("m@1")

    assert files_of(place) == []
    assert weights(cached(memory, place).load("m@1")) == b"a" * SIZE


def test_what_the_storage_says_is_said_once(memory: MemoryStorage, place: Path) -> None:
    failing = FaultyStorage(memory, script=lambda verb, key, n: Fault("error") if verb == "fetch" else None)
    counting = CountingStorage(failing)
    with pytest.raises(StorageUnavailable):
        cached(counting, place).load("m@1")

    assert counting.summary()["fetch"] == 2


def test_a_purged_version_is_not_to_be_had_from_the_cache(memory: MemoryStorage, place: Path) -> None:
    store = cached(memory, place)
    store.load("m@2")
    store_over(memory).delete("m@2")
    commit(memory, "m", Purge(number=2, record=2))

    with pytest.raises(VersionPurged):
        store.load("m@2")


@pytest.mark.parametrize("obstacle", ["file in its place", "full disk", "folder for a file", "file for a folder"])
def test_a_cache_that_does_not_work_costs_no_load(
    memory: MemoryStorage, place: Path, obstacle: str, tmp_path: Path
) -> None:
    storage: Storage = memory
    if obstacle == "file in its place":
        place.write_bytes(b"")
    elif obstacle == "full disk":
        storage = FullDisk(memory.name, place)
    elif obstacle == "file for a folder":
        folder = cached(memory, place).load("m@1", as_="path")
        shutil.rmtree(folder)
        folder.write_bytes(b"")
    else:
        folder = cached(memory, place).load("m@1", as_="path")
        (folder / "always.txt").unlink()
        (folder / "always.txt" / "in the way").mkdir(parents=True)

    assert weights(cached(storage, place).load("m@1")) == b"a" * SIZE


class FullDisk(MemoryStorage):
    """A storage whose files do not fit below one folder."""

    def __init__(self, name: str, full: Path) -> None:
        super().__init__(name)
        self.full = full

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        with typed_errors("write", target):
            if target.is_relative_to(self.full):
                raise OSError(errno.ENOSPC, "No space left on device")
        return super().fetch(key, target, passed)


def test_a_cache_that_others_can_change_is_refused(memory: MemoryStorage, place: Path) -> None:
    store = cached(memory, place)
    store.load("m@1")
    own(place).chmod(0o770)

    with pytest.raises(InvalidInput, match="can be changed by others"):
        store.load("m@1")


def test_what_was_not_used_for_longest_goes_first(memory: MemoryStorage, place: Path) -> None:
    store = cached(memory, place)
    for letter in "cd":
        save(store, place.parent, letter)
    for number in (1, 2, 3):
        with held(memory, place, number):
            pass
    for number, second in ((1, 3), (2, 1), (3, 2)):
        lock = own(place) / "folders" / f"{digest(memory, number)}.lock"
        os.utime(lock, (second, second))
    with held(memory, place, 4, limit=2 * SIZE + 100):
        pass

    kept = {path.name for path in (own(place) / "folders").iterdir() if path.is_dir()}
    assert kept == {digest(memory, 1), digest(memory, 4)}
    assert sum(path.stat().st_size for path in files_of(place)) == 2 * SIZE + len("always")


def digest(storage: Storage, number: int) -> str:
    return store_over(storage).get(f"m@{number}").digest.removeprefix("sha256:")


@contextmanager
def held(storage: Storage, place: Path, number: int, limit: int = 1 << 30) -> Iterator[Path]:
    """Hold a version's folder in the cache, as a load does while it reads."""
    version = store_over(storage).get(f"m@{number}")
    root, data_id = version.url.removeprefix(f"{storage.url}/").rsplit("/data/", 1)
    artifacts = Artifacts(storage, root, cache=Cache(path=place, limit=limit))
    with artifacts.opened(data_id, version.files) as folder:
        yield folder


def test_what_somebody_reads_stays_however_full_the_cache_is(memory: MemoryStorage, place: Path) -> None:
    with held(memory, place, 1) as folder:
        with held(memory, place, 2, limit=1) as other:
            assert (weights(folder), weights(other)) == (b"a" * SIZE, b"b" * SIZE)
        trim(own(place), 1)
        assert weights(folder) == b"a" * SIZE
        assert not other.exists()
    trim(own(place), 1)
    assert files_of(place) == []
    assert [*(own(place) / "folders").iterdir()] == []


def test_a_path_stays_until_the_process_ends(memory: MemoryStorage, place: Path) -> None:
    path = cached(memory, place).load("m@1", as_="path")
    trim(own(place), 1)

    assert weights(path) == b"a" * SIZE


def test_what_a_killed_process_was_fetching_is_removed(memory: MemoryStorage, place: Path) -> None:
    with held(memory, place, 1):
        filling = own(place) / "filling"
        (filling / "dead").mkdir()
        (filling / "dead" / "0").write_bytes(b"half")
        (filling / "dead.lock").write_bytes(b"")
        (filling / "alive").mkdir()
        with Lock.shared(filling / "alive.lock"):
            trim(own(place), 1 << 30)

            assert sorted(path.name for path in filling.iterdir()) == ["alive", "alive.lock"]


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    """Else a reader and who removes the folder could both believe that they hold it."""
    path = tmp_path / "x.lock"
    for _ in range(20):
        alone = Lock.alone(path)
        assert alone is not None
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(Lock.shared, path)
            alone.release(remove=True)
            with waiting.result(timeout=60):
                assert Lock.alone(path) is None


def test_a_lock_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        Lock.alone(tmp_path)


def test_only_one_process_trims_at_a_time(memory: MemoryStorage, place: Path) -> None:
    with held(memory, place, 1):
        pass
    with Lock.shared(own(place) / "trim.lock"):
        trim(own(place), 1)
    assert len(files_of(place)) == 2


class Distant(LocalStorage):
    """A folder that many processes share, and that nobody can read but by fetching."""

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None


def load_many(root: Path, place: Path, who: int, count: int) -> list[bool]:
    """Load one version after the other; whether each was right."""
    store = cached(Distant(root), place, limit=3 * SIZE)
    numbers = [1 + (who + i) % 6 for i in range(count)]
    return [weights(store.load(f"m@{number}", as_="path")) == bytes([96 + number]) * SIZE for number in numbers]


def open_many(root: Path, place: Path, who: int, count: int) -> list[bool]:
    """Open one version after the other, and let it go again."""
    right = []
    for i in range(count):
        number = 1 + (who + i) % 6
        with held(Distant(root), place, number, limit=3 * SIZE) as folder:
            right.append(weights(folder) == bytes([96 + number]) * SIZE)
    return right


def test_processes_and_threads_share_a_cache_that_is_far_too_small(tmp_path: Path, place: Path) -> None:
    root = tmp_path / "store"
    store = store_over(Distant(root))
    for letter in "abcdef":
        save(store, tmp_path, letter)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, spawn) as processes, ThreadPoolExecutor(3) as threads:
        asked = [processes.submit(open_many, root, place, who, 40) for who in range(3)]
        asked += [processes.submit(load_many, root, place, 3, 40)]
        asked += [threads.submit(open_many, root, place, who, 40) for who in range(3)]
        told = [future.result(timeout=120) for future in asked]

    assert told == [[True] * 40] * 7


def test_the_cache_travels_with_a_pickled_store(memory: MemoryStorage, place: Path) -> None:
    store = pickle.loads(pickle.dumps(cached(memory, place)))
    store.load("m@1")

    assert len(files_of(place)) == 2


def test_a_store_on_this_machine_needs_no_cache(tmp_path: Path, place: Path) -> None:
    store = ModelStore(tmp_path / "store", cache=place)
    save(store, tmp_path, "a")

    assert weights(store.load("m")) == b"a" * SIZE
    assert not place.exists()
