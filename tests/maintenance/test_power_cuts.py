"""In a folder, what another writer left half done is made durable before anybody rests on it.

A writer that is killed after it gave a commit its name, and before it synced the folder, leaves a commit that everybody
sees and that a power cut may still take away. Nobody sees that from outside; what is seen here is the order of what
is asked of the storage.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from modelstore_core import ModelStore, StorageError
from modelstore_core.storage.local import LocalStorage
from modelstore_core.testing.faults import Fault, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import store_over


class Recording(LocalStorage):
    """Remembers what was settled, created and put."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.done: list[tuple[str, str]] = []

    def settle(self, keys: Sequence[str]) -> None:
        self.done += [("settle", key) for key in keys]
        super().settle(keys)

    def create(self, key: str, body: bytes) -> bool:
        self.done.append(("create", key))
        return super().create(key, body)

    def put(self, key: str, body: bytes) -> None:
        self.done.append(("put", key))
        super().put(key, body)


def log(seq: int) -> str:
    return f"models/m/log/{seq:020}.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = store_over(LocalStorage(tmp_path / "store"))
    store.save({"w": 1}, "m", format="pickle", key="k")
    store.promote("m@1", "champion", key="p")
    store.save({"w": 2}, "m", format="pickle")
    store.delete("m@2", key="d")
    return tmp_path / "store"


RESTING: Mapping[str, Callable[[ModelStore], object]] = {
    "a save that its key finds": lambda s: s.save({"w": 1}, "m", format="pickle", key="k"),
    "a promotion that its key finds": lambda s: s.promote("m@1", "champion", key="p"),
    "a promotion that changes nothing": lambda s: s.promote("m@1", "champion"),
    "a deletion that changes nothing": lambda s: s.delete("m@2"),
}


@pytest.mark.parametrize("act", RESTING)
def test_an_answer_without_a_commit_settles_what_it_rests_on_before_it_is_announced(root: Path, act: str) -> None:
    storage = Recording(root)

    RESTING[act](store_over(storage))

    assert storage.done.index(("settle", log(4))) < storage.done.index(("put", "heads/m.json"))


@pytest.mark.parametrize("act", RESTING)
def test_where_it_cannot_be_settled_nothing_is_acknowledged(root: Path, act: str) -> None:
    failing = FaultyStorage(LocalStorage(root), script=lambda verb, *_: Fault("error") if verb == "settle" else None)

    with pytest.raises(StorageError):
        RESTING[act](store_over(failing, patience=0.1))


def test_a_claim_that_was_found_is_settled_before_a_commit_rests_on_it(root: Path) -> None:
    storage = Recording(root)

    store_over(storage).save({"w": 3}, "m", format="pickle", key="k", attempt=1)

    settled = [key for verb, key in storage.done if verb == "settle"]
    assert [key for key in settled if "/keys/" in key]


def test_files_go_only_after_the_purge_that_was_found_is_settled(root: Path) -> None:
    store_over(LocalStorage(root)).collect("m", older_than=0)
    left = root / "models/m/data"
    (left / ("5" * 32)).mkdir()
    (left / ("5" * 32) / "x").write_text("left over")
    store_over(LocalStorage(root)).collect("m", older_than=0)
    (left / ("5" * 32)).mkdir()
    (left / ("5" * 32) / "x").write_text("by a writer that was late")
    storage = Recording(root)

    gone = store_over(storage).collect("m", older_than=0)

    assert [one.kind for one in gone.removed] == ["leftover"]
    assert ("settle", log(6)) in storage.done


def test_what_a_rename_repeats_is_settled_under_the_old_name_first(root: Path) -> None:
    storage = Recording(root)

    store_over(storage).rename("m", "n")

    assert storage.done.index(("settle", log(4))) < storage.done.index(("create", f"models/n/log/{1:020}.json"))


@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_what_an_earlier_rename_has_repeated_is_settled_before_the_model_moves(root: Path, last: int) -> None:
    """Whoever makes a commit has made those before it durable; the last one that is found may not be."""
    died = f"models/n/log/{last:020}.json"
    dying = FaultyStorage(
        LocalStorage(root),
        script=lambda verb, key, _: Fault("crash_after") if (verb, key) == ("create", died) else None,
    )
    with pytest.raises(SimulatedCrash):
        store_over(dying).rename("m", "n")
    storage = Recording(root)

    store_over(storage).rename("m", "n")

    assert storage.done.index(("settle", died)) < storage.done.index(("put", "heads/m.json"))


def test_an_arrival_rests_on_a_move_that_is_settled(root: Path) -> None:
    dying = FaultyStorage(
        LocalStorage(root),
        script=lambda verb, key, _: Fault("crash_after") if (verb, key) == ("create", log(5)) else None,
    )
    with pytest.raises(SimulatedCrash):
        store_over(dying).rename("m", "n")
    storage = Recording(root)

    store_over(storage).annotate("n@1", tags={"a": "b"})

    assert storage.done.index(("settle", log(5))) < storage.done.index(("put", "heads/n.json"))


def test_a_commit_of_ones_own_needs_no_second_sync(root: Path) -> None:
    storage = Recording(root)

    store_over(storage).promote("m@1", "other")

    assert ("settle", log(5)) not in storage.done
