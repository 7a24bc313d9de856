"""The example of a third party's storage, installed as a package: what it promises, and what follows if it cannot."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from modelstore_fsspec import FsspecStorage, open_fsspec

from modelstore_core import ModelStore
from modelstore_core.errors import InvalidLocation, StorageDenied, StorageError, StorageUnavailable, UnsafeStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over

_numbers = itertools.count()
_PACKAGE = Path(__file__).parents[2] / "examples" / "fsspec_storage"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the example's distribution was built and installed."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*pip, *offline, str(_PACKAGE)], check=True, timeout=120)
    return folder


@pytest.fixture
def unlinked() -> FsspecStorage:
    """A file system without hard links, as most are; empty."""
    return open_fsspec(f"fsspec+memory://unlinked-{next(_numbers)}")


def test_a_store_opens_by_the_scheme_that_the_package_adds(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(installed)
    url = f"fsspec+file://{tmp_path}/store"
    ModelStore(url).save({"weights": [1]}, "risk", format="pickle", aliases=["champion"])

    assert ModelStore(url, trust="full").load("risk@champion") == {"weights": [1]}
    assert ModelStore(tmp_path / "store").get("risk").number == 1


def test_the_command_line_opens_it_too(installed: Path, tmp_path: Path) -> None:
    store_over(open_fsspec(f"fsspec+file://{tmp_path}/store")).save({"weights": [1]}, "risk", format="pickle")
    command = [sys.executable, "-m", "modelstore_core.cli", "--store", f"fsspec+file://{tmp_path}/store", "ls"]
    path = os.pathsep.join([str(installed), *filter(None, sys.path)])

    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "PYTHONPATH": path}
    )

    assert "risk" in ran.stdout


@pytest.mark.parametrize("attempt", range(3))
def test_without_create_if_absent_a_store_is_refused_each_time(unlinked: FsspecStorage, attempt: int) -> None:
    with pytest.raises(UnsafeStorage, match="a second create of the same key succeeds"):
        store_over(unlinked).save({"weights": [1]}, "risk", format="pickle")

    assert list(unlinked.list("models/")) == []


def test_a_single_writer_may_keep_a_store_there(unlinked: FsspecStorage) -> None:
    store = store_over(unlinked, single_writer=True)
    store.save({"weights": [1]}, "risk", format="pickle", key="run-1")
    store.save({"weights": [2]}, "risk", format="pickle", key="run-2")
    again = store_over(unlinked, single_writer=True).save({"weights": [1]}, "risk", format="pickle", key="run-1")

    assert again.number == 1
    assert len(audit(unlinked, "risk").entries) == 2
    assert store_over(unlinked).load("risk@2") == {"weights": [2]}


def test_what_a_broken_connection_left_half_written_is_swept(unlinked: FsspecStorage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"model")
    unlinked._fs.pipe_file(f"{unlinked._root}/.tmp~1", b"half")

    assert list(unlinked.list("")) == []
    assert [info.key for info in unlinked.sweep("", 4e9, dry_run=True)] == [".tmp~1"]
    assert unlinked.sweep("", 0, dry_run=False) == []
    assert [info.size for info in unlinked.sweep("", 4e9, dry_run=False)] == [4]
    assert unlinked.sweep("", 4e9, dry_run=False) == []


def test_a_folder_that_goes_while_it_is_looked_for_is_not_an_object_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_fsspec(f"fsspec+file://{tmp_path}")
    make, gone = storage._fs.makedirs, iter([True])

    def vanish(path: str, *, exist_ok: bool) -> None:
        if path.endswith("/log") and next(gone, False):
            raise FileExistsError(path)
        make(path, exist_ok=exist_ok)

    monkeypatch.setattr(storage._fs, "makedirs", vanish)

    assert storage.create("log/1", b"1") is True
    assert storage.create("log/1", b"2") is False


def test_a_file_where_a_folder_should_lie_is_an_error_and_no_taken_name(tmp_path: Path) -> None:
    storage = open_fsspec(f"fsspec+file://{tmp_path}")
    (tmp_path / "log").write_bytes(b"")

    with pytest.raises(StorageError, match=r"log/1.*a file lies where a folder should"):
        storage.create("log/1", b"1")


def test_what_fsspec_would_take_for_a_pattern_is_refused() -> None:
    with pytest.raises(InvalidLocation, match="takes for a pattern"):
        open_fsspec("fsspec+memory://models-[old]")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionResetError, StorageUnavailable),
        (TimeoutError, StorageUnavailable),
        (lambda said: PermissionError(13, said), StorageDenied),
        (OSError, StorageError),
    ],
)
def test_what_a_server_says_is_a_typed_error_that_names_the_object(
    unlinked: FsspecStorage,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[str], Exception],
    expected: type[StorageError],
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error("the server said no")

    monkeypatch.setattr(unlinked._fs, "cat_file", fail)

    with pytest.raises(expected, match=r"log/1.*the server said no") as caught:
        unlinked.get("log/1")

    assert type(caught.value) is expected
