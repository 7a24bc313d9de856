"""What a folder adds to the contract: symlinks, crashes, permissions, durability, odd file systems."""

import errno
import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from modelstore_core.errors import StorageDenied, StorageError, StorageMissing
from modelstore_core.storage.local import LocalStorage

_NOBODY = 65534


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "store")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder


@pytest.fixture
def fsyncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors synced so far."""
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def _without_write_permission(folder: Path) -> Iterator[None]:
    """As somebody who may read the folder, not write: root may do everything, so root turns into nobody."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    os.seteuid(_NOBODY if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_no_write_goes_through_a_symlinked_folder(storage: LocalStorage, outside: Path, tmp_path: Path) -> None:
    storage.put("a", b"1")
    (storage.root / "models").symlink_to(outside)
    source = tmp_path / "source"
    source.write_bytes(b"1")

    writes: list[Callable[[], object]] = [
        lambda: storage.create("models/x", b"1"),
        lambda: storage.put("models/x/y", b"1"),
        lambda: storage.send("models/x", source),
        lambda: storage.delete(["models/secret"]),
        lambda: storage.settle(["models/secret"]),
    ]
    for write in writes:
        with pytest.raises(StorageError, match=r"'models' under .* is a symbolic link"):
            write()

    assert _names(outside) == ["secret"]
    assert stat.S_IMODE((outside / "secret").stat().st_mode) & stat.S_IWUSR


def test_no_read_goes_through_a_symlink(storage: LocalStorage, outside: Path, tmp_path: Path) -> None:
    storage.put("a/b", b"1")
    (storage.root / "folder").symlink_to(outside)
    (storage.root / "a" / "file").symlink_to(outside / "secret")

    for key in ("folder/secret", "a/file"):
        with pytest.raises(StorageError, match="symbolic link"):
            storage.get(key)
        with pytest.raises(StorageError, match="symbolic link"):
            storage.fetch(key, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_listings_leave_symlinks_out(storage: LocalStorage, outside: Path) -> None:
    storage.put("a/b", b"1")
    (storage.root / "a" / "folder").symlink_to(outside)
    (storage.root / "a" / "file").symlink_to(outside / "secret")
    (storage.root / "a" / "loop").symlink_to(storage.root)

    assert [info.key for info in storage.list("")] == ["a/b"]


def test_a_symlink_in_an_objects_place_is_replaced_not_followed(storage: LocalStorage, outside: Path) -> None:
    storage.put("a", b"1")
    (storage.root / "b").symlink_to(outside / "secret")

    assert storage.create("b", b"2") is False
    storage.put("b", b"2")

    assert storage.get("b") == b"2"
    assert (outside / "secret").read_bytes() == b"secret"


def test_the_root_itself_may_be_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    LocalStorage(tmp_path / "link").put("a", b"1")

    assert (tmp_path / "real" / "a").read_bytes() == b"1"


def test_what_is_not_a_file_is_not_an_object(storage: LocalStorage) -> None:
    storage.put("a/b", b"1")
    os.mkfifo(storage.root / "a" / "pipe")

    with pytest.raises(StorageError, match="not a regular file"):
        storage.get("a/pipe")
    assert [info.key for info in storage.list("")] == ["a/b"]


def test_names_that_are_no_keys_are_not_listed(storage: LocalStorage) -> None:
    storage.put("a/b", b"1")
    (storage.root / "a" / "back\\slash").write_bytes(b"1")
    Path(os.fsdecode(os.fsencode(storage.root) + b"/not-utf-8-\xff")).write_bytes(b"1")

    assert [info.key for info in storage.list("")] == ["a/b"]


def test_what_a_crash_leaves_is_invisible_and_in_nobodys_way(storage: LocalStorage) -> None:
    storage.put("log/1", b"1")
    (storage.root / "log" / ".tmp~0123456789abcdef").write_bytes(b"half a com")

    assert [info.key for info in storage.list("")] == ["log/1"]
    assert storage.create("log/2", b"2") is True
    storage.delete(["log/1", "log/2"])
    assert _names(storage.root / "log") == [".tmp~0123456789abcdef"]
    assert storage.create("log/1", b"again") is True


_WRITE_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from modelstore_core.storage.local import LocalStorage
storage = LocalStorage(Path(sys.argv[1]))
for number in itertools.count():
    assert storage.create(f"log/{number}", b"%d" % number * 1000)
    storage.put("heads/a", b"%09d" % number)
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_objects_and_all_it_acknowledged(storage: LocalStorage) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITE_UNTIL_KILLED, storage.url], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(100)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout if line.endswith(b"\n")]
    writer.stdout.close()
    writer.wait(10)

    numbers = {int(info.key.removeprefix("log/")) for info in storage.list("log/")}
    assert numbers >= set(acknowledged)
    assert all(storage.get(f"log/{number}") == b"%d" % number * 1000 for number in numbers)
    assert int(storage.get("heads/a") or b"") in numbers


_RACE = """
import sys
from pathlib import Path
from modelstore_core.storage.local import LocalStorage
storage = LocalStorage(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(storage.create(f"race/{number}", b"1") for number in range(200)))
"""


def test_one_of_many_racing_processes_wins_each_key(storage: LocalStorage) -> None:
    command = [sys.executable, "-c", _RACE, storage.url]
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
        won = [int(racer.communicate(timeout=60)[0]) for racer in racers]

    assert sum(won) == 200


def test_reading_makes_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    assert storage.get("a/b") is None
    assert storage.fetch("a/b", tmp_path / "out") is None
    assert list(storage.list("a/")) == []
    storage.delete(["a/b"])
    storage.settle([])

    assert _names(tmp_path) == []


def test_the_first_write_makes_the_root_and_what_it_lies_in(tmp_path: Path) -> None:
    LocalStorage(tmp_path / "some" / "where" / "store").put("a", b"1")

    assert (tmp_path / "some" / "where" / "store" / "a").read_bytes() == b"1"


def test_a_root_that_is_a_file_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"mine")
    storage = LocalStorage(tmp_path / "store")

    for use in (lambda: storage.get("a"), lambda: storage.put("a", b"1"), lambda: list(storage.list(""))):
        with pytest.raises(StorageError, match="is a file, not a folder"):
            use()


def test_a_place_where_no_folder_can_be_made_is_a_typed_error() -> None:
    with pytest.raises(StorageError, match="Could not create '/proc/no/store/a'"):
        LocalStorage(Path("/proc/no/store")).create("a", b"1")


def test_a_file_where_a_folder_is_needed_is_a_typed_error(storage: LocalStorage) -> None:
    storage.put("a", b"1")

    with pytest.raises(StorageError, match="A file stands where a folder is needed") as caught:
        storage.create("a/b", b"2")

    assert caught.value.value == str(storage.root / "a" / "b")
    assert storage.get("a") == b"1"


def test_a_folder_where_a_file_is_needed_is_a_typed_error(storage: LocalStorage) -> None:
    storage.put("a/b", b"1")

    with pytest.raises(StorageError, match="A folder stands where a file is needed"):
        storage.put("a", b"2")
    assert [info.key for info in storage.list("")] == ["a/b"]


def test_writing_without_permission_is_denied_and_says_where(public_folder: Path) -> None:
    storage = LocalStorage(public_folder / "store")
    storage.put("log/1", b"1")

    with _without_write_permission(public_folder):
        with pytest.raises(StorageDenied, match="Check the owner and the mode") as caught:
            storage.create("log/2", b"2")
        with pytest.raises(StorageDenied):
            storage.delete(["log/1"])

    assert caught.value.value == str(storage.root / "log" / "2")
    assert storage.get("log/1") == b"1"


def test_who_may_only_read_can_read_everything(public_folder: Path, tmp_path: Path) -> None:
    storage = LocalStorage(public_folder / "store")
    storage.put("log/1", b"1")

    with _without_write_permission(public_folder):
        found = storage.get("log/1"), storage.get("log/2"), [info.key for info in storage.list("")]

    assert found == (b"1", None, ["log/1"])


def test_files_written_once_are_read_only(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"1")
    storage.create("created", b"1")
    storage.send("sent", tmp_path / "source")
    (storage.root / "written").write_bytes(b"1")
    storage.settle(["written"])

    modes = {stat.S_IMODE((storage.root / name).stat().st_mode) for name in ("created", "sent", "written")}
    assert modes == {0o444}


def test_a_file_in_its_place_is_settled_not_copied(storage: LocalStorage) -> None:
    path = storage.local_path("data/x/model")
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(b"model")
    inode = path.stat().st_ino

    storage.send("data/x/model", path)

    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_settling_what_is_not_there_is_a_typed_error(storage: LocalStorage) -> None:
    with pytest.raises(StorageMissing, match="Could not settle"):
        storage.settle(["data/x/model"])


def test_deleting_the_last_object_removes_the_folders_but_not_the_root(storage: LocalStorage) -> None:
    storage.put("models/a/data/x/model", b"1")
    storage.put("models/b", b"1")

    storage.delete(["models/a/data/x/model"])
    assert _names(storage.root / "models") == ["b"]

    storage.delete(["models/b"])
    assert _names(storage.root) == []


def test_a_create_costs_two_fsyncs(storage: LocalStorage, fsyncs: list[int]) -> None:
    storage.create("log/1", b"1")
    fsyncs.clear()

    storage.create("log/2", b"2")
    assert len(fsyncs) == 2

    storage.create("log/2", b"2")
    assert len(fsyncs) == 2


def test_only_overwriting_a_hint_is_spared_its_fsyncs(storage: LocalStorage, fsyncs: list[int]) -> None:
    storage.put("heads/other", b"1")
    costs = []
    for key in ("heads/a", "heads/a", "store.json", "store.json"):
        fsyncs.clear()
        storage.put(key, b"1")
        costs.append(len(fsyncs))

    assert costs == [2, 0, 2, 2]


def test_settling_costs_an_fsync_a_file_and_two_for_their_folder(storage: LocalStorage, fsyncs: list[int]) -> None:
    def write(version: str) -> list[str]:
        folder = storage.root / "models/a/data" / version
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}").write_bytes(b"1")
        return [f"models/a/data/{version}/{number}" for number in range(3)]

    storage.settle(write("first"))
    fsyncs.clear()
    storage.settle(write("second"))

    assert len(fsyncs) == 3 + 2


def _failing(code: int) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(("code", "fix"), [(errno.ENOSPC, "The disk is full"), (errno.EIO, "check its health")])
def test_a_failing_disk_is_a_typed_error_and_nothing_is_seen(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, code: int, fix: str
) -> None:
    storage.put("log/1", b"1")
    monkeypatch.setattr(os, "fsync", _failing(code))

    for write in (storage.create, storage.put):
        with pytest.raises(StorageError, match=fix):
            write("log/2", b"2")

    assert storage.get("log/2") is None
    assert _names(storage.root / "log") == ["1"]


def test_any_other_failure_to_link_is_a_typed_error(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _failing(errno.EIO))

    with pytest.raises(StorageError, match="check its health"):
        storage.create("log/1", b"1")


def test_a_link_that_worked_though_it_reports_a_failure_counts(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS retransmits a request whose reply was lost, and the second one finds the name taken."""
    real = os.link

    def link(*arguments: str, **options: Any) -> None:
        real(*arguments, **options)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", link)

    assert storage.create("log/1", b"1") is True


def test_a_lost_race_between_looking_and_linking_is_a_taken_key(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(source: str, target: str, **options: Any) -> None:
        (storage.root / "log" / target).write_bytes(b"the winner's")
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)

    assert storage.create("log/1", b"1") is False
    assert storage.get("log/1") == b"the winner's"


def test_a_pickle_holds_the_root_only(storage: LocalStorage) -> None:
    storage.put("a", b"1")

    assert pickle.loads(pickle.dumps(storage)).root == storage.root
    assert len(pickle.dumps(storage)) < 300 + len(storage.url)


def test_relative_roots_are_resolved_when_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(Path("store"))
    monkeypatch.chdir("/")

    assert storage.url == str(tmp_path / "store")
