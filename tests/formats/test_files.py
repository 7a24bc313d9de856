import errno
import os
import socket
from pathlib import Path

import pytest
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import InvalidInput, NotSerializable
from modelstore_core.formats import read, read_pyfunc, write
from modelstore_core.formats.trust import LISTED, SAFE


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.mkdir()
    return path


def test_a_file_is_kept_under_its_own_name(source: Path, target: Path) -> None:
    file = source / "weights v1.bin"
    file.write_bytes(os.urandom(3_000_000))

    written = write(file, target)

    assert (written.format, written.loads) == ("file", ("weights v1.bin",))
    copy = read(target, format="file", loads=written.loads, trust=SAFE)
    assert isinstance(copy, Path)
    assert copy.parent == target
    assert copy.read_bytes() == file.read_bytes()


def test_a_folder_is_kept_as_it_is(source: Path, target: Path) -> None:
    (source / "a" / "b").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "a" / "b" / "c.txt").write_text("c")
    (source / "top.txt").write_text("")

    written = write(source, target)

    assert (written.format, written.loads) == ("folder", ("a/b/c.txt", "top.txt"))
    assert read(target, format="folder", loads=written.loads, trust=SAFE) == target
    assert (target / "a/b/c.txt").read_text() == "c"
    assert sorted(path.name for path in target.iterdir()) == ["a", "top.txt"]


def test_an_mlflow_folder_stays_one(source: Path, target: Path) -> None:
    model = fitted("logistic")
    write(model, source)

    written = write(source, target)

    assert written.format == "folder"
    assert read_pyfunc(target, trust=LISTED).predict(FRAME).tolist() == model.predict(FRAME).tolist()  # type: ignore[attr-defined] # an MLflow model


def test_a_system_that_cannot_copy_by_itself_is_helped(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(incoming: int, outgoing: int, count: int) -> int:
        os.sendfile(outgoing, incoming, None, 100)
        raise OSError(errno.EXDEV, "not between these")

    (source / "a.bin").write_bytes(bytes(range(256)) * 10)
    monkeypatch.setattr(os, "copy_file_range", refuse)
    write(source / "a.bin", target)
    monkeypatch.delattr(os, "copy_file_range")
    (target / "deep").mkdir()
    write(source / "a.bin", target / "deep")

    for copy in (target / "a.bin", target / "deep" / "a.bin"):
        assert copy.read_bytes() == (source / "a.bin").read_bytes()


def test_the_copy_is_not_the_original(source: Path, target: Path) -> None:
    file = source / "a.bin"
    file.write_bytes(b"before")
    write(file, target)

    file.write_bytes(b"after!")

    assert (target / "a.bin").read_bytes() == b"before"


def test_a_symlink_is_refused_by_its_name(source: Path, target: Path) -> None:
    (source / "file").write_text("x")
    (source / "deep").mkdir()
    (source / "deep" / "link").symlink_to(source / "file")

    with pytest.raises(InvalidInput, match=r"deep/link' is a symlink"):
        write(source, target)
    with pytest.raises(InvalidInput, match=r"deep/link' is a symlink"):
        write(source / "deep" / "link", target)


def test_a_link_to_a_folder_is_refused(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "file").write_text("x")
    (tmp_path / "link").symlink_to(source)

    with pytest.raises(InvalidInput, match=r"link' is a symlink"):
        write(tmp_path / "link", target)
    (source / "up").symlink_to("..")
    with pytest.raises(InvalidInput, match=r"up' is a symlink"):
        write(source, target)


def test_special_files_are_refused(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(source / "pipe")
    with pytest.raises(InvalidInput, match=r"pipe' is no regular file"):
        write(source / "pipe", target)

    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(InvalidInput, match=r"socket' cannot be read"):
            write(source / "socket", target)
    with pytest.raises(InvalidInput, match=r"/dev/null' is no regular file"):
        write(Path("/dev/null"), target)


@pytest.mark.parametrize("name", ["back\\slash", "new\nline", "tab\t", os.fsdecode(b"\xff")])
def test_a_name_that_no_store_can_hold_is_refused(name: str, source: Path, target: Path) -> None:
    (source / name).write_text("x")

    with pytest.raises(InvalidInput, match="Rename it"):
        write(source, target)


def test_what_is_not_there_is_said(source: Path, target: Path) -> None:
    with pytest.raises(InvalidInput, match="absent' cannot be read: No such file"):
        write(source / "absent", target)
    with pytest.raises(InvalidInput, match="holds no files"):
        write(source, target)


def test_a_text_is_no_path(target: Path) -> None:
    assert write("/etc/hostname", target).format == "pickle"


def test_a_file_is_no_folder_and_the_other_way_round(source: Path, target: Path) -> None:
    (source / "a").write_text("x")

    with pytest.raises(NotSerializable, match="pass format='file'"):
        write(source / "a", target, format="folder")
    with pytest.raises(NotSerializable, match="pass format='folder'"):
        write(source, target, format="file")
    with pytest.raises(NotSerializable, match="pass format='pickle'"):
        write({}, target, format="file")


class _BytesPath:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return os.fsencode(self.path)


def test_any_kind_of_path_is_one(source: Path, target: Path) -> None:
    (source / "a").write_text("x")

    assert write(_BytesPath(source), target).loads == ("a",)
