"""Folders without hard links: what creates are atomic by, who says so, and what a killed writer leaves."""

import errno
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.file_systems import unsupported

from modelstore_core.errors import StorageDenied, StorageError, StorageUnavailable
from modelstore_core.storage import exclusive
from modelstore_core.storage.local import LocalStorage

_SAYS_SO = "has neither hard links nor a rename"
_CLAIM_OF_1 = ".tmp~claim~" + hashlib.sha256(b"1").hexdigest()[:32]
_LATER = 10_000.0


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "store")


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", unsupported)


@pytest.fixture
def claims(no_links: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "_rename_without_replacing", lambda: unsupported)
    monkeypatch.setattr(exclusive, "_WAITS", (0.0,) * 5)


@contextmanager
def _held(storage: LocalStorage) -> Iterator[Path]:
    """Somebody is between claiming the name of `log/1` and giving the claim back."""
    (storage.root / "log").mkdir(parents=True, exist_ok=True)
    with (storage.root / "log" / _CLAIM_OF_1).open("xb") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        yield Path(claim.name)


def _leave_claim(storage: LocalStorage) -> Path:
    """Somebody was killed there."""
    with _held(storage) as claim:
        return claim


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_with_hard_links_creates_are_links(storage: LocalStorage) -> None:
    assert storage.creates_by is None
    storage.create("log/1", b"1")

    assert storage.creates_by == "link"


def test_without_hard_links_creates_are_renames_and_nobody_need_know(no_links: None, storage: LocalStorage) -> None:
    assert storage.create("log/1", b"1") is True
    assert storage.create("log/1", b"2") is False

    assert storage.creates_by == "rename"
    assert _names(storage.root / "log") == ["1"]


def test_a_lost_race_between_looking_and_renaming_is_a_taken_key(
    no_links: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.create("log/0", b"0")
    monkeypatch.setattr("modelstore_core.storage.staging.exists", lambda *_: False)

    assert storage.create("log/0", b"late") is False
    assert storage.get("log/0") == b"0"


def test_claims_are_said_once_and_leave_nothing(claims: None, storage: LocalStorage) -> None:
    with pytest.warns(UserWarning, match=_SAYS_SO):
        assert storage.create("log/1", b"1") is True
    assert storage.create("log/1", b"2") is False
    assert storage.create("log/2", b"2") is True

    assert storage.creates_by == "claim"
    assert _names(storage.root / "log") == ["1", "2"]


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_lost_race_between_looking_and_claiming_is_a_taken_key(
    claims: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.create("log/1", b"1")
    monkeypatch.setattr("modelstore_core.storage.staging.exists", lambda *_: False)

    assert storage.create("log/1", b"late") is False
    assert storage.get("log/1") == b"1"
    assert _names(storage.root / "log") == ["1"]


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_name_that_is_taken_says_nothing_of_how_creates_are_made(
    claims: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems look first whether the name is taken, and only then whether there are links."""
    storage.create("log/1", b"1")
    (storage.root / "log/2").touch()
    monkeypatch.setattr("modelstore_core.storage.staging.exists", lambda *_: False)
    monkeypatch.setattr(os, "link", _taken)

    assert storage.create("log/2", b"2") is False
    assert storage.creates_by == "claim"


def _taken(*_: object, **__: object) -> None:
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def test_a_system_without_such_a_rename_claims(
    no_links: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "_NO_REPLACE", {sys.platform: ("no_such_call", 0)})
    exclusive._rename_without_replacing.cache_clear()
    try:
        with pytest.warns(UserWarning, match=_SAYS_SO):
            assert storage.create("log/1", b"1") is True
    finally:
        exclusive._rename_without_replacing.cache_clear()

    assert storage.creates_by == "claim"


def test_any_other_failure_of_such_a_rename_is_a_typed_error(
    no_links: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(exclusive, "_rename_without_replacing", lambda: fail)

    with pytest.raises(StorageError, match="check its health"):
        storage.create("log/1", b"1")


@pytest.mark.parametrize("left", [True, False])
def test_a_claim_that_stays_blocks_its_key_alone_and_is_named(
    claims: None, storage: LocalStorage, *, left: bool
) -> None:
    with ExitStack() as stack:
        if left:
            _leave_claim(storage)
        else:
            stack.enter_context(_held(storage))
        with pytest.raises(StorageUnavailable, match=rf"its claim '{_CLAIM_OF_1}' stays.*mstore collect"):
            storage.create("log/1", b"1")

        assert storage.get("log/1") is None
        assert list(storage.list("")) == []
        with pytest.warns(UserWarning, match=_SAYS_SO):
            assert storage.create("log/2", b"2") is True


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_claim_that_is_left_is_swept(claims: None, storage: LocalStorage) -> None:
    claim = _leave_claim(storage)
    later = time.time() + _LATER

    assert storage.sweep("log/", claim.stat().st_ctime - 1, dry_run=False) == []
    assert [info.key for info in storage.sweep("log/", later, dry_run=True)] == [f"log/{_CLAIM_OF_1}"]
    assert [info.key for info in storage.sweep("log/", later, dry_run=False)] == [f"log/{_CLAIM_OF_1}"]

    assert storage.create("log/1", b"1") is True


def test_a_claim_whose_holder_is_alive_is_never_swept(storage: LocalStorage) -> None:
    with _held(storage) as claim:
        assert storage.sweep("log/", time.time() + _LATER, dry_run=False) == []
        assert claim.exists()


def test_a_claim_that_goes_while_it_is_swept_is_no_error(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, real = _leave_claim(storage), fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        claim.unlink(missing_ok=True)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)

    assert storage.sweep("log/", time.time() + _LATER, dry_run=False) == []


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_claim_that_a_sweeper_took_before_it_was_locked_is_made_again(
    claims: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, moments = fcntl.flock, [True]

    def flock(descriptor: int, how: int) -> None:
        if moments and moments.pop():
            (storage.root / "log" / _CLAIM_OF_1).unlink()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)

    assert storage.create("log/1", b"1") is True
    assert _names(storage.root / "log") == ["1"]


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_file_system_without_locks_has_claims_too(
    claims: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", unsupported)

    assert storage.create("log/1", b"1") is True
    _leave_claim_without_lock(storage)
    assert len(storage.sweep("", time.time() + _LATER, dry_run=False)) == 1


def _leave_claim_without_lock(storage: LocalStorage) -> None:
    (storage.root / "log" / _CLAIM_OF_1).touch()


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_a_rename_that_fails_gives_the_claim_back(
    claims: None, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageError, match="check its health"):
        storage.create("log/1", b"1")
    monkeypatch.setattr(os, "replace", real)

    assert _names(storage.root / "log") == []
    assert storage.create("log/1", b"1") is True


def test_files_that_have_no_mode_to_change_are_settled_all_the_same(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT refuses it, to the owner too."""
    storage.put("data/1/model", b"model")
    monkeypatch.setattr(os, "fchmod", unsupported)
    storage.settle(["data/1/model"])
    assert storage.get("data/1/model") == b"model"

    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StorageDenied, match="Could not settle"):
        storage.settle(["data/1/model"])


_WITHOUT = """
import errno, os, sys, warnings
from pathlib import Path
from modelstore_core.errors import StorageUnavailable
from modelstore_core.storage import exclusive
from modelstore_core.storage.local import LocalStorage
warnings.simplefilter("ignore")

def unsupported(*_, **__):
    raise OSError(errno.EPERM, "not here")

os.link = unsupported
if sys.argv[2] == "claim":
    exclusive._rename_without_replacing = lambda: unsupported
storage = LocalStorage(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    try:
        if storage.create(f"race/{number}", b"%d" % os.getpid() * 1000):
            print(number, flush=True)
    except StorageUnavailable:
        pass
"""


_Racer = subprocess.Popen[str]


def _race(storage: LocalStorage, how: str, keys: int, interfere: Callable[[_Racer], object]) -> list[int]:
    """Four processes that want the same keys; the numbers of those that somebody says were his."""
    command = [sys.executable, "-c", _WITHOUT, storage.url, how, str(keys)]
    with ExitStack() as stack:
        racers = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(4)
        ]
        assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 4
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        interfere(racers[0])
        said = [racer.communicate(timeout=60)[0] for racer in racers]
    return [int(line) for text in said for line in text.split()]


@pytest.mark.parametrize("how", ["rename", "claim"])
def test_one_of_many_racing_processes_wins_each_key(storage: LocalStorage, how: str) -> None:
    won = _race(storage, how, 100, lambda _: None)

    assert sorted(won) == list(range(100))
    assert _names(storage.root / "race") == sorted(map(str, range(100)))


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
@pytest.mark.parametrize("how", ["rename", "claim"])
def test_a_killed_process_leaves_nothing_half_and_blocks_one_key_at_most(storage: LocalStorage, how: str) -> None:
    def kill(racer: _Racer) -> None:
        assert racer.stdout
        racer.stdout.readline()
        racer.send_signal(signal.SIGKILL)

    won = _race(storage, how, 60, kill)
    written = {int(info.key.removeprefix("race/")) for info in storage.list("race/")}

    assert len(won) == len(set(won))
    assert set(won) <= written
    assert len(written) >= 59
    for number in written:
        body = storage.get(f"race/{number}") or b""
        assert body == body[: len(body) // 1000] * 1000
    storage.sweep("", time.time() + _LATER, dry_run=False)
    assert all(storage.create(f"race/{number}", b"1") for number in {*range(60)} - written)
    assert not list(storage.root.rglob(".tmp~*"))
