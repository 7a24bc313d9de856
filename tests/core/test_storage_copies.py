"""Copies and sweeps in a folder: what shares an inode, what shares blocks, what is copied, and what is left alone."""

import fcntl
import hashlib
import math
import os
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.contract.file_systems import unsupported

from modelstore_core.errors import StorageError, StorageUnavailable
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage

_SHA256 = hashlib.sha256(b"model").hexdigest()
_FICLONE = 0x40049409
_LATER = 10_000.0


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "store")


@pytest.fixture
def sent(storage: LocalStorage, tmp_path: Path) -> Path:
    """An object that was sent, and so is read-only; where it lies."""
    (tmp_path / "source").write_bytes(b"model")
    storage.send("data/1/model", tmp_path / "source")
    return storage.root / "data/1/model"


@pytest.fixture
def no_clones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "ioctl", unsupported)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("no_clones")
def test_a_read_only_file_gets_a_second_name(storage: LocalStorage, sent: Path) -> None:
    assert storage.copy("data/1/model", "data/2/model", _SHA256) is True

    assert (storage.root / "data/2/model").samefile(sent)
    assert stat.S_IMODE(sent.stat().st_mode) & 0o222 == 0
    assert _names(storage.root) == ["model", "model"]


@pytest.mark.usefixtures("no_clones")
def test_a_file_that_may_be_written_is_never_linked(storage: LocalStorage, sent: Path) -> None:
    sent.chmod(0o644)

    assert storage.copy("data/1/model", "data/2/model", _SHA256) is True
    sent.write_bytes(b"other")

    assert storage.get("data/2/model") == b"model"
    assert (storage.root / "data/2/model").stat().st_mode & 0o222 == 0


@pytest.mark.usefixtures("no_clones")
def test_where_there_are_no_links_bytes_are_copied(
    storage: LocalStorage, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", unsupported)

    assert storage.copy("data/1/model", "data/2/model", _SHA256) is True

    assert not (storage.root / "data/2/model").samefile(sent)
    assert storage.get("data/2/model") == b"model"


@pytest.mark.usefixtures("no_clones")
def test_a_file_that_is_exchanged_while_it_is_linked_is_copied_by_its_bytes(
    storage: LocalStorage, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(source: Path, target: str, **options: Any) -> None:
        sent.unlink()
        sent.write_bytes(b"other")
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)

    assert storage.copy("data/1/model", "data/2/model", _SHA256) is True
    assert storage.get("data/2/model") == b"model"
    assert _names(storage.root) == ["model", "model"]


def test_where_blocks_can_be_shared_they_are_and_the_clone_is_what_is_checked(
    storage: LocalStorage, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stands for btrfs and xfs, which test_file_systems.py mounts where it can: Linux's request, done by copying."""

    def ioctl(target: int, request: int, source: int) -> None:
        assert request == _FICLONE
        os.write(target, clones.pop())

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    clones = [b"moder", b"model"]

    assert storage.copy("data/1/model", "data/2/model", _SHA256) is True
    assert not (storage.root / "data/2/model").samefile(sent)
    assert storage.copy("data/1/model", "data/3/model", _SHA256) is False
    assert storage.get("data/3/model") is None


@pytest.mark.usefixtures("no_clones")
def test_a_repeated_link_leaves_no_temporary_file(storage: LocalStorage, sent: Path) -> None:
    """To rename one name of a file over another does nothing, and leaves both."""
    for _ in range(2):
        assert storage.copy("data/1/model", "data/2/model", _SHA256) is True

    assert _names(storage.root) == ["model", "model"]


def test_copies_cross_from_store_to_store(storage: LocalStorage, sent: Path, tmp_path: Path) -> None:
    other = LocalStorage(tmp_path / "other")

    assert other.copy("data/1/model", "data/9/model", _SHA256, origin=storage) is True
    assert other.get("data/9/model") == b"model"


def test_copies_cross_file_systems(storage: LocalStorage, sent: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == sent.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm: mount a tmpfs there")
    other = LocalStorage(memory / f"modelstore-{os.getpid()}" / "store")
    try:
        assert other.copy("data/1/model", "data/9/model", _SHA256, origin=storage) is True
        assert other.get("data/9/model") == b"model"
    finally:
        other.delete(["data/9/model"])
        other.root.rmdir()
        other.root.parent.rmdir()


def test_what_is_no_file_is_not_copied(storage: LocalStorage, sent: Path, tmp_path: Path) -> None:
    (storage.root / "link").symlink_to(sent)

    with pytest.raises(StorageError):
        storage.copy("link", "data/2/model", _SHA256)
    assert storage.copy("data/1", "data/2/model", _SHA256) is False
    assert storage.get("data/2/model") is None


def test_a_copy_is_durable_before_it_is_said(
    storage: LocalStorage, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    storage.copy("data/1/model", "data/2/model", _SHA256)

    copy = storage.root / "data/2/model"
    assert {copy.stat().st_ino, copy.parent.stat().st_ino} <= set(synced)


def _left(storage: LocalStorage, key: str) -> None:
    path = storage.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a com")


def test_what_killed_writers_left_is_swept_below_the_prefix(storage: LocalStorage, sent: Path) -> None:
    for key in ("data/1/.tmp~1", "data/2/.tmp~2", "log/.tmp~3"):
        _left(storage, key)
    later = time.time() + _LATER

    rehearsed = storage.sweep("data/", later, dry_run=True)
    assert sorted(info.key for info in rehearsed) == ["data/1/.tmp~1", "data/2/.tmp~2"]
    assert {info.size for info in rehearsed} == {10}
    assert _names(storage.root) == [".tmp~1", ".tmp~2", ".tmp~3", "model"]

    assert storage.sweep("data/", later, dry_run=False) == rehearsed
    assert _names(storage.root) == [".tmp~3", "model"]
    assert not (storage.root / "data/2").exists()


def test_a_living_writer_that_was_swept_is_told_to_try_again(
    storage: LocalStorage, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {"link": os.link, "replace": os.replace}

    def sweep_and(call: str, *arguments: Any, **options: Any) -> None:
        assert len(storage.sweep("", math.inf, dry_run=False)) == 1
        real[call](*arguments, **options)

    for call in real:
        monkeypatch.setattr(os, call, partial(sweep_and, call))
    writes: list[Callable[[], object]] = [
        lambda: storage.create("log/1", b"1"),
        lambda: storage.put("store.json", b"1"),
        lambda: storage.send("data/2/model", tmp_path / "source"),
    ]
    for write in writes:
        with pytest.raises(StorageUnavailable, match=r"swept away.* Try again"):
            write()

    assert _names(storage.root) == ["model"]


def test_what_was_touched_lately_is_left_alone(storage: LocalStorage) -> None:
    before = time.time() - 60
    _left(storage, "log/.tmp~1")
    os.utime(storage.root / "log/.tmp~1", (0, 0))

    assert storage.sweep("", before, dry_run=False) == []


def test_a_linked_copy_is_as_new_as_its_name(storage: LocalStorage, sent: Path) -> None:
    os.utime(sent, (0, 0))
    before = time.time() - 60
    storage.copy("data/1/model", "data/2/model", _SHA256)

    (copy,) = storage.list("data/2/")
    assert copy.modified > before


def test_wrappers_copy_from_wrapped_storages(tmp_path: Path) -> None:
    inner, other = MemoryStorage(f"copies{tmp_path}"), MemoryStorage(f"others{tmp_path}")
    other.put("a", b"model")
    origin = CountingStorage(FaultyStorage(other))
    counting = CountingStorage(inner)
    meanwhile = MeanwhileStorage(inner, lambda: inner.put("met", b"1"), verb="copy", key="d")
    wrappers: list[Storage] = [counting, FaultyStorage(inner), meanwhile]

    for number, storage in enumerate(wrappers):
        assert storage.copy("a", "bcd"[number], _SHA256, origin=origin) is True
        assert storage.sweep("", 0.0, dry_run=True) == ()

    assert counting.summary() == {"copy": 1, "sweep": 1}
    assert sorted(info.key for info in inner.list("")) == ["b", "c", "d", "met"]


def test_copies_and_sweeps_meet_faults(tmp_path: Path) -> None:
    inner = MemoryStorage(f"faulty{tmp_path}")
    inner.put("a", b"model")

    lying = FaultyStorage(inner, rates={"lie": 1})
    assert lying.copy("a", "b", _SHA256) is False
    for verb in ("copy", "sweep"):
        crashing = FaultyStorage(inner, rates={"crash": 1})
        with pytest.raises(SimulatedCrash, match=verb):
            crashing.copy("a", "b", _SHA256) if verb == "copy" else crashing.sweep("", 0.0, dry_run=False)
    assert inner.get("b") is None
