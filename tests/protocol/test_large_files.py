"""Saves that look first for what they need not send, and copies: dead at any operation, and beside a collector."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from modelstore_core import ModelStore, StorageError
from modelstore_core.artifacts.earlier import WORTH_IT_HERE, WORTH_IT_THERE
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, Script, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, MeanwhileVerb, store_over

Fresh = Callable[[], Storage]
Act = Callable[[ModelStore], int]

FILES = ("large.bin", "small.txt")


@pytest.fixture(params=["memory", "local"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Empty storages, as many as are asked for."""
    names = (f"large-{tmp_path.name}-{number}" for number in itertools.count())
    if request.param == "memory":
        return lambda: MemoryStorage(next(names))
    return lambda: LocalStorage(tmp_path / next(names))


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A large file and a small one."""
    folder = tmp_path / "model"
    folder.mkdir()
    size = WORTH_IT_THERE if "memory" in request.node.name else WORTH_IT_HERE
    (folder / "large.bin").write_bytes(b"w" * size)
    (folder / "small.txt").write_bytes(b"small")
    return folder


@pytest.fixture
def acts(model: Path, tmp_path: Path) -> Mapping[str, Act]:
    """What is done to a store, each by one key."""
    origin = store_over(MemoryStorage(f"origin-{tmp_path.name}"))
    origin.save(model, "m")
    return {
        "save": lambda store: store.save(model, "m", key="k").number,
        "copy": lambda store: origin.copy("m@1", store, key="k").number,
    }


def prepared(fresh: Fresh, model: Path, *, empty: bool) -> Storage:
    """A store without the model, or with a version that has the same large file."""
    storage = fresh()
    store = store_over(storage)
    store.save({"w": 1}, "another", format="pickle")  # so that the storage need not be tested again and again
    if not empty:
        store.save(model, "m")
    return storage


def is_right(storage: Storage, model: Path, number: int) -> None:
    """The whole log is a careful writer's, and the version has all its bytes."""
    audit(storage, "m")
    folder = store_over(storage).load(f"m@{number}", as_="path")
    assert [(folder / name).read_bytes() == (model / name).read_bytes() for name in FILES] == [True, True]


def at(number: int, kind: FaultKind) -> Script:
    return lambda verb, key, n: Fault(kind) if n == number else None


@pytest.mark.parametrize("kind", ["crash", "crash_after"])
@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("verb", ["save", "copy"])
def test_dead_at_any_operation_the_work_is_finished_by_a_retry(
    fresh: Fresh, model: Path, acts: Mapping[str, Act], verb: str, empty: bool, kind: FaultKind
) -> None:
    expected = 1 if empty else 2
    for number in itertools.count(1):
        storage = prepared(fresh, model, empty=empty)
        dying = FaultyStorage(storage, script=at(number, kind))
        try:
            acts[verb](store_over(dying))
        except SimulatedCrash:
            assert acts[verb](store_over(storage)) == expected
            is_right(storage, model, expected)
        else:
            break
    assert number > 6


FILES_MOVE = {"send", "settle", "copy"}
MOMENTS: tuple[tuple[MeanwhileVerb, str], ...] = (
    ("create", "/keys/"),
    ("copy", "/data/"),
    ("send", "/data/"),
    ("create", "/log/"),
    ("put", "heads/"),
)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", MOMENTS, ids=" ".join)
@pytest.mark.parametrize("verb", ["save", "copy"])
def test_a_collector_at_any_moment_takes_no_byte_of_what_is_published(
    fresh: Fresh, model: Path, acts: Mapping[str, Act], verb: str, moment: tuple[MeanwhileVerb, str], after: bool
) -> None:
    """Of the crashed attempt whose files the retry goes on with, and of the version whose bytes it shares, it does."""
    storage = prepared(fresh, model, empty=False)
    crashing = FaultyStorage(
        storage, script=lambda v, k, n: Fault("crash_after") if v in FILES_MOVE and "/data/" in k else None
    )
    with pytest.raises(SimulatedCrash):
        acts[verb](store_over(crashing))

    def collect() -> None:
        store_over(storage).delete("m@1")
        store_over(storage).collect(older_than=0)

    racing = MeanwhileStorage(storage, collect, verb=moment[0], key=moment[1], after=after)
    try:
        number = acts[verb](store_over(racing))
    except StorageError:
        if verb == "copy" or isinstance(storage, MemoryStorage):
            raise
        # In a folder a save makes its files where they belong: they have gone with what nobody had published.
        number = acts[verb](store_over(storage))

    is_right(storage, model, number)
