"""A collector that dies at any operation, or on a storage that fails: the next one finishes, and nothing is lost."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.properties.effort import SOAK
from tests.protocol.support import save_by

from modelstore_core import CommitUncertain, ModelStore, StorageUnavailable
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import Audit, audit
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import store_over

Fresh = Callable[[], Storage]

STRAYS = ("0123456789abcdef" * 2, "f" * 32)
KINDS: tuple[FaultKind, ...] = ("crash", "crash_after")


@pytest.fixture(params=["memory", "local"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Empty storages, as many as are asked for."""
    names = (f"collecting-{tmp_path.name}-{number}" for number in itertools.count())
    if request.param == "memory":
        return lambda: MemoryStorage(next(names))
    return lambda: LocalStorage(tmp_path / next(names))


def filled(fresh: Fresh) -> Storage:
    """Two strays of two objects each, a deleted version, a superseded one, and one that an alias keeps."""
    storage = fresh()
    store = store_over(storage)
    save_by(store, 1)
    save_by(store, 2, key="a")
    save_by(store, 3, key="a", attempt=1)
    store.promote("m@3", "steady")
    save_by(store, 4, key="a", attempt=2)
    store.delete("m@1")
    for stray, name in itertools.product(STRAYS, ("a", "b")):
        storage.put(f"models/m/data/{stray}/{name}.bin", b"12345")
    return storage


def collect(store: ModelStore) -> int:
    return store.collect(older_than=0).objects


def sound(storage: Storage) -> Audit:
    """Nothing that is to be had has lost anything."""
    assert store_over(storage).load("m@steady") == {"w": 3}
    assert store_over(storage).load("m") == {"w": 4}
    return audit(storage, "m")


def finished(storage: Storage) -> None:
    found = sound(storage)
    assert (found.live, found.strays) == ([4], frozenset())
    verbs = [e["verb"] for e in found.entries]
    assert (verbs.count("condemn"), verbs.count("purge")) == (1, 2)
    assert not [*storage.list("self-test/")]


def dies(storage: Storage, number: int, kind: FaultKind) -> bool:
    """Whether a collection dies at this operation; False if it is over by then."""
    try:
        collect(store_over(FaultyStorage(storage, script=lambda verb, key, n: Fault(kind) if n == number else None)))
    except SimulatedCrash:
        return True
    return False


def operations(fresh: Fresh) -> int:
    faulty = FaultyStorage(filled(fresh), script=lambda verb, key, number: None)
    assert collect(store_over(faulty)) == 6
    return faulty.operations


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_any_operation_loses_nothing_and_is_finished_by_the_next(fresh: Fresh, kind: FaultKind) -> None:
    for number in range(1, operations(fresh) + 1):
        storage = filled(fresh)

        assert dies(storage, number, kind), number
        sound(storage)
        collect(store_over(storage))
        clear_probes(storage)
        finished(storage)
        assert collect(store_over(storage)) == 0


def clear_probes(storage: Storage) -> None:
    """What asks a store for its time may be left behind by one who died in between; it goes after a day."""
    storage.delete([info.key for info in storage.list("self-test/")])


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_a_crash_in_the_collection_after_a_crash_is_finished_too(fresh: Fresh) -> None:
    last = operations(fresh)
    for first, second in itertools.product(range(1, last + 1), range(1, last + 1, 1 if SOAK else 4)):
        storage = filled(fresh)
        dies(storage, first, "crash_after")
        dies(storage, second, "crash_after")
        collect(store_over(storage))

        clear_probes(storage)
        finished(storage)


def test_others_write_on_after_a_crash(fresh: Fresh) -> None:
    for number in range(1, operations(fresh) + 1, 1 if SOAK else 2):
        storage = filled(fresh)
        warm = store_over(storage)
        warm.get("m")
        dies(storage, number, "crash_after")
        save_by(warm, 5)
        store_over(storage).promote("m@5", "steady")
        collect(warm)

        found = audit(storage, "m")
        assert (found.live, found.strays) == ([4, 5], frozenset())


FAULTS: dict[FaultKind, float] = {"error": 0.08, "lost_reply": 0.08, "lie": 0.04, "delay": 0.04}


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(40 * (SOAK * 25 or 1)))
def test_on_a_storage_that_fails_a_collection_repeated_comes_to_its_end(fresh: Fresh, seed: int) -> None:
    storage = filled(fresh)
    faulty = FaultyStorage(storage, seed, rates=FAULTS)
    for _ in range(50):
        try:
            collect(store_over(faulty))
        except (StorageUnavailable, CommitUncertain):
            sound(storage)
        else:
            break
    faulty.land()
    collect(store_over(storage))  # a probe or a commit may have landed late

    clear_probes(storage)
    finished(storage)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("kind", ["error", "lost_reply"])
def test_a_failing_delete_is_tried_again(fresh: Fresh, kind: FaultKind) -> None:
    storage = filled(fresh)
    failed: list[str] = []

    def once(verb: str, key: str, number: int) -> Fault | None:
        if verb == "delete" and key not in failed:
            failed.append(key)
            return Fault(kind)
        return None

    assert collect(store_over(FaultyStorage(storage, script=once))) == 6
    assert len(failed) == 2
    finished(storage)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_what_can_never_be_deleted_is_an_error_and_left_for_later(fresh: Fresh) -> None:
    storage = filled(fresh)
    broken = FaultyStorage(
        storage, script=lambda verb, key, _: Fault("error") if verb == "delete" and "/data/" in key else None
    )
    with pytest.raises(StorageUnavailable):
        collect(store_over(broken, patience=1.0))

    assert len(sound(storage).strays) == 4
    assert collect(store_over(storage)) == 6
    finished(storage)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_one_who_does_not_hear_of_his_commit_removes_nothing_and_the_next_does(fresh: Fresh) -> None:
    storage = filled(fresh)
    silent = FaultyStorage(
        storage, script=lambda verb, key, _: Fault("lost_reply") if verb == "create" and "/log/" in key else None
    )
    with pytest.raises(CommitUncertain):
        collect(store_over(silent, patience=1.0))

    found = sound(storage)
    assert (found.entries[-1]["verb"], len(found.strays)) == ("condemn", 2)
    assert collect(store_over(storage)) == 6
    finished(storage)
