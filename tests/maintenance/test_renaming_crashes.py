"""A rename that dies at any operation, or on a storage that fails: the next finishes it; never do two names answer."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.maintenance.renames import entries, names, operations, two_versions
from tests.properties.effort import SOAK
from tests.protocol.support import save_by

from modelstore_core import CommitUncertain, ModelMoved, ModelMoving, ModelStore, StorageUnavailable
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import store_over

Fresh = Callable[[], Storage]

KINDS: tuple[FaultKind, ...] = ("crash", "crash_after")
VERBS = ["save", "save", "promote", "delete", "rename"]


@pytest.fixture(params=["memory", "local"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Stores with a model `m` of three versions, the first of them deleted, as many as are asked for."""
    spaces = (f"renaming-{tmp_path.name}-{number}" for number in itertools.count())

    def filled() -> Storage:
        name = next(spaces)
        storage = two_versions(MemoryStorage(name) if request.param == "memory" else LocalStorage(tmp_path / name))
        store_over(storage).promote("m@2", "champion", key="p")
        store_over(storage).delete("m@1")
        return storage

    return filled


def dies(storage: Storage, number: int, kind: FaultKind) -> bool:
    """Whether a rename dies at this operation; False if it is over by then."""
    faulty = FaultyStorage(storage, script=lambda verb, key, n: Fault(kind) if n == number else None)
    try:
        store_over(faulty).rename("m", "n")
    except SimulatedCrash:
        return True
    return False


def sound(storage: Storage) -> str:
    """The name that is the model's, which nothing has happened to."""
    (name,) = names(storage)
    store = store_over(storage)
    assert store.load(f"{name}@champion") == {"w": 2}
    assert [model.name for model in store.models()] == [name]
    assert {version.name for version in store.search()} == {name}
    other = "n" if name == "m" else "m"
    if entries(storage, other):
        with pytest.raises(ModelMoving if other == "n" else ModelMoved):
            store.get(f"{other}@2")
    assert store.verify().ok
    return name


def finished(storage: Storage) -> None:
    assert sound(storage) == "n"
    store = store_over(storage)
    store.restore("n@1")
    assert store.load("n@1") == {"w": 1}
    assert [entry["verb"] for entry in entries(storage, "m")] == VERBS
    assert [entry["verb"] for entry in entries(storage, "n")] == [*VERBS, "restore"]
    assert entries(storage, "n")[:4] == entries(storage, "m")[:4]
    assert store.promote("n@1", "champion", key="p").number == 2
    assert store.save({"w": 1}, "n", format="pickle", key="k1").number == 1
    for name in ("m", "n"):
        assert not audit(storage, name).strays


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_any_operation_loses_nothing_and_is_finished_by_the_next(fresh: Fresh, kind: FaultKind) -> None:
    in_memory = isinstance(fresh(), MemoryStorage)
    for number in range(1, operations(fresh()) + 1, 1 if SOAK or in_memory else 2):
        storage = fresh()

        assert dies(storage, number, kind), number
        sound(storage)
        store_over(storage).rename("m", "n")
        finished(storage)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_a_crash_in_the_rename_after_a_crash_is_finished_too(fresh: Fresh) -> None:
    last = operations(fresh())
    for first, second in itertools.product(range(1, last + 1), range(1, last + 1, 1 if SOAK else 5)):
        storage = fresh()
        dies(storage, first, "crash_after")
        dies(storage, second, "crash_after")
        store_over(storage).rename("m", "n")

        finished(storage)


NEXT: dict[str, Callable[[ModelStore, str], object]] = {
    "save": lambda s, name: s.save({"w": 9}, name, format="pickle", key="next"),
    "annotate": lambda s, name: s.annotate(f"{name}@2", tags={"a": "b"}),
    "delete the model": lambda s, name: (s.delete_model(name), s.restore_model(name)),
    "collect": lambda s, name: s.collect(older_than=0),
}


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("then", NEXT)
def test_others_go_on_after_a_crash_under_the_name_that_is_the_models(fresh: Fresh, then: str) -> None:
    """Also where the last step was missing: the first who writes under the new name makes it."""
    for number in range(1, operations(fresh()) + 1):
        storage = fresh()
        dies(storage, number, "crash_after")
        name = sound(storage)
        NEXT[then](store_over(storage), name)

        assert names(storage) == [name]
        audit(storage, name)
        store_over(storage).rename("m", "n")
        assert names(storage) == ["n"]
        audit(storage, "n")
        assert store_over(storage).verify().ok
        assert [entry["verb"] for entry in entries(storage, "n")].count("rename") == 1


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_after_a_crash_it_can_get_another_name_instead(fresh: Fresh) -> None:
    for number in range(1, operations(fresh()) + 1):
        storage = fresh()
        dies(storage, number, "crash_after")
        if sound(storage) == "n":
            continue
        store_over(storage).rename("m", "o")

        assert names(storage) == ["o"]
        if entries(storage, "n"):
            for ask in (lambda s: s.get("n@2"), lambda s: save_by(s, 3), lambda s: s.rename("n", "p")):
                with pytest.raises(ModelMoved, match="'o'"):
                    ask(store_over(storage))
        store_over(storage).collect(older_than=0)
        assert not [*storage.list("models/n/data/")]
        assert store_over(storage).verify().ok
        with pytest.raises(ModelMoved, match="'o'"):
            store_over(storage).rename("m", "n")
        assert names(storage) == ["o"]


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("name", ["n", "o"])
def test_a_deletion_that_was_taken_back_long_ago_and_is_being_repeated_is_none(fresh: Fresh, name: str) -> None:
    """The newest commit under the new name may be the repeated deletion: nobody may take that back there."""
    asks: list[Callable[[ModelStore], object]] = [
        lambda s: s.restore_model("n"),
        lambda s: s.delete_model("n"),
        lambda s: s.undo("n"),
        lambda s: s.history("n"),
        lambda s: s.save({"w": 3}, "n", format="pickle"),
    ]
    storage = two_versions(fresh())
    store = store_over(storage)
    store.delete_model("m")
    store.restore_model("m")
    died = f"models/n/log/{len(entries(storage, 'm')) - 1:020}.json"
    dying = FaultyStorage(storage, script=lambda _, key, __: Fault("crash_after") if key == died else None)
    with pytest.raises(SimulatedCrash):
        store_over(dying).rename("m", "n")
    assert entries(storage, "n")[-1]["verb"] == "delete_model"

    for ask in asks:
        with pytest.raises(ModelMoving):
            ask(store_over(storage))
    store_over(storage).collect(older_than=0)
    assert [model.name for model in store_over(storage).models(deleted=True)] == ["m"]
    assert store_over(storage).rename("m", name).aliases == {"champion": 2}
    store_over(storage).collect(older_than=0)
    assert names(storage) == [name]
    assert not audit(storage, "n", files=name == "n").strays
    assert store_over(storage).verify().ok


FAULTS: dict[FaultKind, float] = {"error": 0.05, "lost_reply": 0.05, "lie": 0.03, "delay": 0.03}


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(40))
def test_on_a_storage_that_fails_a_rename_repeated_comes_to_its_end(fresh: Fresh, seed: int) -> None:
    storage = fresh()
    faulty = FaultyStorage(storage, seed, rates=FAULTS)
    for _ in range(50):
        try:
            store_over(faulty).rename("m", "n")
        except (StorageUnavailable, CommitUncertain):
            names(storage)
        else:
            break
    faulty.land()
    store_over(storage).rename("m", "n")

    finished(storage)


def others_finish(storage: Storage, when: int, _verb: str, _key: str, number: int) -> None:
    if number == when:
        store_over(storage).rename("m", "n")
        store_over(storage).save({"w": 9}, "n", format="pickle")
        store_over(storage).collect(older_than=0)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
def test_a_worker_thought_dead_that_goes_on_changes_nothing(fresh: Fresh) -> None:
    """It stops at any operation; others finish the rename and write on; then it does the rest of what it had begun."""
    for number in range(1, operations(fresh()) + 1):
        storage = fresh()

        zombie = FaultyStorage(storage, script=partial(others_finish, storage, number))
        assert store_over(zombie).rename("m", "n").name == "n"
        store_over(storage).collect(older_than=0)

        assert names(storage) == ["n"]
        assert store_over(storage).load("n@3") == {"w": 9}
        for name in ("m", "n"):
            assert not audit(storage, name).strays
        assert store_over(storage).verify().ok
