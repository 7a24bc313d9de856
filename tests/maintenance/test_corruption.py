"""One changed bit, or a lost end, in every object of a store: nobody loads it, nobody is told something wrong by it.

Every object is damaged many times, at places drawn by a seed. Files of versions are refused before anything opens them.
Readers of the rest answer as before or by a typed error. `verify` names every damaged object, and repairs what follows
from the log. The counts are printed (`pytest -rP`).
"""

import gzip
import random
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from tests.maintenance.support import check, copied, objects_of
from tests.properties.effort import SOAK

from modelstore_core import Corrupt, ModelStore, ModelStoreError
from modelstore_core.cli.documents import as_document
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

TIMES = 25 * SOAK or 1
GOLDEN = Path(__file__).parents[1] / "golden" / "format-1"
FEATURES = {"log": "/log/", "block": "/blocks/", "hint": "heads/", "claim": "/keys/", "listing": "/segments/"}

Objects = dict[str, bytes]


class Canary:
    """An object that sings when it is unpickled."""

    songs = 0

    def __init__(self, size: int) -> None:
        self.ballast = random.Random(size).randbytes(size)

    def __setstate__(self, state: dict[str, bytes]) -> None:
        Canary.songs += 1
        self.__dict__.update(state)


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one bit changed or, one time in eight, without their end."""
    if chance.random() < 1 / 8:
        return raw[: chance.choice([0, 1, len(raw) // 2, len(raw) - 1, chance.randrange(len(raw))])]
    place = chance.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ 1 << chance.randrange(8)]) + raw[place + 1 :]


def of(objects: Objects, part: str) -> list[str]:
    return sorted(key for key in objects if part in key)


def says_the_same(raw: bytes, other: bytes) -> bool:
    """Whether gzip unpacks both to the same: a few bits of its first ten bytes mean nothing, nor does padding."""
    try:
        return gzip.decompress(raw) == gzip.decompress(other)
    except (OSError, EOFError, zlib.error):
        return False


@pytest.fixture(scope="module")
def singing(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemoryStorage, Path]:
    """A store in memory and one in a folder, each with a version of every kind of files."""
    folder = tmp_path_factory.mktemp("singing")
    memory, local = MemoryStorage(f"singing-{folder.name}"), LocalStorage(folder / "store")
    (folder / "tree" / "deep").mkdir(parents=True)
    (folder / "tree" / "a.bin").write_bytes(b"\0" * 100)
    (folder / "tree" / "deep" / "b.txt").write_text("text")
    for storage in (memory, local):
        store = store_over(storage)
        store.save(Canary(3000), "m", format="pickle")
        store.save(folder / "tree" / "a.bin", "m")
        store.save(folder / "tree", "m")
    return memory, folder / "store"


def refuses(store: ModelStore, number: int) -> bool:
    try:
        store.load(f"m@{number}")
    except Corrupt:
        return True
    return False


def test_no_damaged_file_is_loaded_from_a_remote_store(singing: tuple[MemoryStorage, Path]) -> None:
    storage, chance, refused, songs = singing[0], random.Random(1), 0, Canary.songs
    store = store_over(storage)
    numbers = {v.url.rpartition("/")[2]: v.number for v in store.versions("m")}
    sound = objects_of(storage)
    keys = of(sound, "/data/")
    for _ in range(400 * TIMES):
        for key in keys:
            storage.put(key, damaged(sound[key], chance))
            assert refuses(store, numbers[key.split("/")[3]]), key
            refused += 1
            storage.put(key, sound[key])

    print(f"{refused} damaged files of a remote store: all refused, none opened")
    assert refused == len(keys) * 400 * TIMES >= 1600
    assert Canary.songs == songs
    assert isinstance(store.load("m@1"), Canary)


def test_no_damaged_file_is_loaded_from_a_folder(singing: tuple[MemoryStorage, Path]) -> None:
    root, chance, refused, songs = singing[1], random.Random(2), 0, Canary.songs
    store = store_over(LocalStorage(root))
    numbers = {v.url.rpartition("/")[2]: v.number for v in store.versions("m")}
    files = [path for path in root.glob("models/m/data/**/*") if path.is_file()]
    for path in files:
        path.chmod(0o644)
        sound = path.read_bytes()
        for _ in range(300 * TIMES):
            path.write_bytes(damaged(sound, chance))
            assert refuses(store, numbers[path.relative_to(root).parts[3]]), path
            refused += 1
        path.write_bytes(sound)

    print(f"{refused} damaged files of a folder: all refused, none opened")
    assert refused == len(files) * 300 * TIMES >= 1200
    assert Canary.songs == songs


READS: Mapping[str, Callable[[ModelStore], object]] = {
    "get the newest": lambda s: s.get("m"),
    "get by number": lambda s: s.get("m@1"),
    "get by alias": lambda s: s.get("m@champion"),
    "load": lambda s: s.load("m@4"),
    "list": lambda s: s.versions("m", deleted=True),
    "filter": lambda s: s.versions("m", where="metrics.step > 3"),
    "history": lambda s: s.history("m"),
    "models": lambda s: s.models(),
    "changes": lambda s: s.changes().events,
    "retry of a save": lambda s: s.save({"w": 1}, "m", format="pickle", key="k1").number,
    "retry of a promotion": lambda s: s.promote("m@1", "champion", key="p1").number,
}


def answers(storage: MemoryStorage, verbs: Mapping[str, Callable[[ModelStore], object]]) -> dict[str, object]:
    """What cold handles are told; a typed error is no answer."""
    told: dict[str, object] = {}
    for name, read in verbs.items():
        with suppress(ModelStoreError):
            told[name] = as_document(read(store_over(storage, patience=1.0)))
    return told


def three(seed: int) -> dict[str, Callable[[ModelStore], object]]:
    """Three of the verbs, others each time."""
    return {name: READS[name] for name in random.Random(seed).sample(sorted(READS), 3)}


def test_no_reader_is_told_something_wrong_by_a_damaged_object(objects: Objects) -> None:
    storage, chance, tried, told = copied(objects), random.Random(3), 0, 0
    truth = answers(storage, READS)
    assert set(truth) == set(READS)
    head = of(objects, "models/m/log/")[-1]
    others = [*(key for part in FEATURES.values() for key in of(objects, part)), "store.json"]
    for key in [head] * 100 + [key for key in others for _ in range(16)] + of(objects, "/segments/") * 30:
        for _ in range(TIMES):
            storage.put(key, damaged(objects[key], chance))
            tried += 1
            for name, answer in answers(storage, three(tried)).items():
                assert answer == truth[name], (name, key)
                told += 1
            for touched in {key, *of(objects, "heads/")}:  # a retry announces what it has found
                storage.put(touched, objects[touched])

    print(f"{tried} damaged objects, each asked for by 3 verbs: {told} right answers, {3 * tried - told} typed errors")
    assert tried >= 900 * TIMES
    assert told > tried


def test_verify_names_every_damaged_commit(objects: Objects) -> None:
    """All of them are damaged at once, each in its own way."""
    chance, named = random.Random(4), 0
    keys = of(objects, "/log/")
    for _ in range(60 * TIMES):
        storage = copied({**objects, **{key: damaged(objects[key], chance) for key in keys}})
        done = check(storage)
        assert set(keys) <= {problem.key for problem in done.problems}, set(keys) - {p.key for p in done.problems}
        named += len(keys)

    print(f"{named} damaged commits: all named")
    assert named >= 2400 * TIMES


def test_verify_names_every_damaged_newest_commit(objects: Objects) -> None:
    """Nothing but its own sum tells: no commit comes after it, and all before it are sound."""
    chance, head = random.Random(5), of(objects, "models/m/log/")[-1]
    for _ in range(60 * TIMES):
        storage = copied({**objects, head: damaged(objects[head], chance)})
        assert head in {problem.key for problem in check(storage, name="m").problems}


def test_verify_names_every_damaged_derived_object_and_repairs_it(objects: Objects) -> None:
    chance, named, mended = random.Random(6), 0, 0
    keys = [key for part in ("/blocks/", "heads/", "/keys/", "/segments/") for key in of(objects, part)]
    for _ in range(80 * TIMES):
        storage = copied({**objects, **{key: damaged(objects[key], chance) for key in keys}})
        silent = {key for key in keys if key.endswith(".gz") and says_the_same(storage.get(key) or b"", objects[key])}
        unread = {key for key in keys if b'"sum"' not in (storage.get(key) or b"") and "/blocks/" not in key}
        done = check(storage, repair=True)
        assert set(keys) - silent - unread <= {problem.key for problem in done.problems}
        assert done.ok, done
        named += len(done.problems)
        mended += sum(problem.repaired for problem in done.problems)
        assert check(storage).problems == ()
        told = answers(storage, READS)
        for key in keys:
            storage.put(key, objects[key])
        assert told == answers(storage, READS)

    print(f"{named} damaged derived objects: named, {mended} written anew, the rest counts for nothing")
    assert named >= 500 * TIMES


def test_verify_names_every_damaged_file(objects: Objects) -> None:
    chance, named = random.Random(7), 0
    keys = of(objects, "/data/")
    for _ in range(60 * TIMES):
        storage = copied({**objects, **{key: damaged(objects[key], chance) for key in keys}})
        done = check(storage, read_data=True)
        assert {problem.key for problem in done.problems if problem.severity == "damage"} == set(keys)
        named += len(keys)

    print(f"{named} damaged files: all named")
    assert named >= 360 * TIMES


def test_verify_names_a_damaged_store_document(objects: Objects) -> None:
    chance = random.Random(8)
    for _ in range(100 * TIMES):
        raw = damaged(objects["store.json"], chance)
        storage = copied({"store.json": raw})
        named = {problem.key for problem in check(storage).problems}
        assert named == {"store.json"} or b'"sum"' not in raw


def test_verify_names_every_damaged_commit_without_a_sum_but_the_newest(tmp_path: Path) -> None:
    """As the first writers left them: each following commit holds the sha256 of the one before."""
    chance, named = random.Random(9), 0
    sound = {path.relative_to(GOLDEN).as_posix(): path.read_bytes() for path in GOLDEN.rglob("*") if path.is_file()}
    keys = of(sound, "risk.churn/log/")[:-1]
    for turn in range(30 * TIMES):
        some = keys[turn % 2 :: 2]
        storage = copied({**sound, **{key: damaged(sound[key], chance) for key in some}})
        assert set(some) <= {problem.key for problem in check(storage).problems}
        named += len(some)

    print(f"{named} damaged commits without a sum: all named")
    assert named >= 500 * TIMES
