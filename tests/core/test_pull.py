"""Pulling a version's files: whole or not at all, and going on where an earlier try ended."""

from pathlib import Path

import pytest

from modelstore_core import Corrupt, InvalidInput, ModelStore, StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, store_over

FILES = {"a.bin": b"a" * 10, "deep/b.bin": b"b" * 20, "deep/er/c.bin": b"c" * 30}


@pytest.fixture
def memory(tmp_path: Path) -> MemoryStorage:
    """A storage that behaves as a remote one does, with a model `m` of three files."""
    memory = MemoryStorage(f"pull-{tmp_path.name}")
    write(tmp_path / "model", FILES)
    store_over(memory).save(tmp_path / "model", "m")
    return memory


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "model"


@pytest.fixture
def begun(target: Path) -> Path:
    """Where an earlier try has left what it had."""
    return target.with_name(".model.partial")


def failing(memory: Storage, kind: FaultKind, name: str) -> ModelStore:
    """A store whose storage fails at one file."""
    return store_over(
        FaultyStorage(memory, script=lambda verb, key, n: Fault(kind) if verb == "fetch" and name in key else None)
    )


def fetches(memory: Storage, target: Path) -> list[str]:
    """The files that a pull fetches."""
    counting = CountingStorage(memory)
    store_over(counting).pull("m", target)
    return sorted(request.key.rpartition("/")[2] for request in counting.requests if request.verb == "fetch")


@pytest.mark.parametrize(("kind", "error"), [("error", StorageUnavailable), ("crash", SimulatedCrash)])
def test_a_retry_fetches_only_what_is_missing(
    memory: MemoryStorage, target: Path, begun: Path, kind: FaultKind, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        failing(memory, kind, "c.bin").pull("m", target)
    assert not target.exists()
    assert sorted(read(begun)) == ["a.bin", "deep/b.bin"]

    assert fetches(memory, target) == ["c.bin"]
    assert read(target) == FILES
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_what_an_earlier_try_has_left_is_checked(memory: MemoryStorage, target: Path, begun: Path) -> None:
    write(begun, {"a.bin": b"a" * 9, "deep/b.bin": b"B" * 20, "deep/er/c.bin/in the way": b"", "else/more": b"else"})
    (begun / "link").symlink_to("/etc")

    assert fetches(memory, target) == ["a.bin", "b.bin", "c.bin"]
    assert read(target) == FILES
    assert sorted(path.name for path in target.rglob("*")) == ["a.bin", "b.bin", "c.bin", "deep", "er"]


def test_a_link_in_the_place_of_a_file_is_not_followed(
    memory: MemoryStorage, target: Path, begun: Path, tmp_path: Path
) -> None:
    write(begun, {"a.bin": FILES["a.bin"]})
    (tmp_path / "mine").write_bytes(FILES["deep/b.bin"])
    (begun / "deep").mkdir()
    (begun / "deep" / "b.bin").symlink_to(tmp_path / "mine")

    assert fetches(memory, target) == ["b.bin", "c.bin"]
    assert not (target / "deep" / "b.bin").is_symlink()
    assert (tmp_path / "mine").read_bytes() == FILES["deep/b.bin"]


def test_what_will_be_wrong_the_next_time_leaves_nothing(memory: MemoryStorage, target: Path) -> None:
    with pytest.raises(Corrupt):
        failing(memory, "flip", "c.bin").pull("m", target)

    assert [*target.parent.iterdir()] == []


def test_two_pulls_into_one_folder_do_not_mix(memory: MemoryStorage, target: Path) -> None:
    refused: list[InvalidInput] = []

    def other() -> None:
        with pytest.raises(InvalidInput, match="being made by somebody else") as caught:
            store_over(memory).pull("m", target)
        refused.append(caught.value)

    store_over(MeanwhileStorage(memory, other, verb="fetch")).pull("m", target)

    assert len(refused) == 1
    assert read(target) == FILES


def test_a_folder_in_the_making_that_is_somebody_else_s_is_refused(
    memory: MemoryStorage, target: Path, begun: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    begun.parent.mkdir()
    begun.symlink_to(tmp_path / "theirs")

    with pytest.raises(InvalidInput, match="belongs to somebody else"):
        store_over(memory).pull("m", target)
    assert [*(tmp_path / "theirs").iterdir()] == []


def test_an_empty_folder_is_filled(memory: MemoryStorage, target: Path) -> None:
    target.mkdir(parents=True)

    assert store_over(memory).pull("m", target) == target
    assert read(target) == FILES


def test_a_store_on_this_machine_is_pulled_from_too(tmp_path: Path, target: Path) -> None:
    write(tmp_path / "model", FILES)
    store = ModelStore(tmp_path / "store")
    store.save(tmp_path / "model", "m")
    store.pull("m", target)

    assert read(target) == FILES
