"""Files and folders that some other program made: copied as they are, and given back as paths."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["FileFormat", "FolderFormat", "copy_path"]


class FileFormat:
    """One file, under its own name; loads as the path of the stored copy."""

    name = "file"

    def accepts(self, model: object) -> bool:
        """Whether the object is a path to anything but a folder."""
        return isinstance(model, os.PathLike) and not _as_path(model).is_dir()

    def save(self, model: object, folder: Path) -> Saved:
        """Copy the file.

        Raises:
            InvalidInput: It does not exist, is a symlink or no regular file, or has a name no store can hold.
        """
        source = _as_path(model)
        _copy(source, folder / _storable(source.name, source))
        return Saved(loads=(source.name,))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """The path of the file; nothing is opened, so every policy allows it."""
        del trust
        return folder / loads[0]


class FolderFormat:
    """A folder with all its files, an MLflow model as much as any other; loads as the path of the stored copy."""

    name = "folder"

    def accepts(self, model: object) -> bool:
        """Whether the object is a path to a folder."""
        return isinstance(model, os.PathLike) and _as_path(model).is_dir()

    def save(self, model: object, folder: Path) -> Saved:
        """Copy every file; folders without files are not kept.

        Raises:
            InvalidInput: There is no file, or a symlink or special file among them, or a name no store can hold.
        """
        return Saved(loads=tuple(sorted(_copy_folder(_as_path(model), folder))))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """The path of the folder; nothing is opened, so every policy allows it."""
        del loads, trust
        return folder


def copy_path(source: Path, target: Path) -> None:
    """Copy a file, or a folder with all its files, to a path that is free.

    Raises:
        InvalidInput: There is nothing, a symlink or a special file, or a name no store can hold.
    """
    _storable(target.name, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        _copy_folder(source, target)
    else:
        _copy(source, target)


def _copy_folder(source: Path, folder: Path) -> list[str]:
    if source.is_symlink():
        raise _symlink(source)
    copied = []
    for path in _files(source):
        relative = path.relative_to(source).as_posix()
        target = folder / _storable(relative, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, target)
        copied.append(relative)
    if not copied:
        raise InvalidInput(
            f"The folder {str(source)!r} holds no files.", value=str(source), fix="Pass a folder with files."
        )
    return copied


def _as_path(model: object) -> Path:
    assert isinstance(model, os.PathLike), model
    return Path(os.fsdecode(model))


def _files(source: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path)
        else:
            yield path


def _storable(name: str, source: Path) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        storable = False
    else:
        storable = name.isprintable() and "\\" not in name
    if storable:
        return name
    raise InvalidInput(
        f"The name of {str(source)!r} has a backslash, a control character or no UTF-8 form.",
        value=repr(name),
        fix="Rename it.",
    )


def _copy(source: Path, target: Path) -> None:
    # What is checked is what is copied: one descriptor, opened without following links and without waiting for a pipe.
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(source, error) from error
    with os.fdopen(descriptor, "rb") as incoming:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(f"{str(source)!r} is no regular file.", value=str(source), fix="Leave it out.")
        with target.open("xb") as outgoing:
            _copy_bytes(incoming, outgoing)


def _copy_bytes(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(incoming.fileno(), outgoing.fileno(), 1 << 30):
                pass
        except OSError:
            # Not between these two file systems: what was copied so far is copied again.
            incoming.seek(0)
            outgoing.seek(0)
    # After a complete copy this finds nothing left to read.
    shutil.copyfileobj(incoming, outgoing, 1 << 20)


def _unreadable(source: Path, error: OSError) -> InvalidInput:
    if source.is_symlink():
        return _symlink(source)
    return InvalidInput(
        f"{str(source)!r} cannot be read: {error.strerror}.", value=str(source), fix="Pass a file that can be read."
    )


def _symlink(source: Path) -> InvalidInput:
    return InvalidInput(
        f"{str(source)!r} is a symlink; a version holds files, not references to them.",
        value=str(source),
        fix="Pass the path it points to, or put a copy in its place.",
    )
