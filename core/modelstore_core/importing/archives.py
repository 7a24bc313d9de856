"""Unpacking an archive that somebody else made: regular files below the target, so many and so large, or nothing.

`tarfile`'s own filter is asked as well, where this Python has it; but a file is written by nobody but this module,
and what it decides rests on the header that is followed alone.
"""

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from modelstore_core.importing.plan import LeftOut

__all__ = ["Limits", "files_below", "unpack"]

_PIECE: Final = 1 << 20
_LARGEST_HEADER: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far an archive may unfold.

    Attributes:
        members: The most files and folders.
        size: The most bytes of all files together, and of the stream with all that lies between them.
    """

    members: int = 10_000
    size: int = 64 << 30


def unpack(archive: Path, target: Path, limits: Limits | None = None) -> None:
    """Unpack a `.tar.gz` into the folder `target`, which is made; its checksum is compared at the end.

    Raises:
        LeftOut: It is damaged, or holds what is no plain file below the target, or too much. What was written by then
            is the caller's to remove.
    """
    limits = limits or Limits()
    target.mkdir()
    try:
        with gzip.open(archive) as stream:
            watched = _Watched(stream, min(limits.size, _room(target)))
            with tarfile.open(fileobj=watched, mode="r:") as tar:  # type: ignore[call-overload]  # reads and seeks
                _unpack(tar, target, limits)
            watched.drain()
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise LeftOut(f"its archive is damaged: {error}") from error


def _unpack(tar: tarfile.TarFile, target: Path, limits: Limits) -> None:
    made: set[str] = set()
    for count, member in enumerate(tar, 1):
        if count > limits.members:
            raise LeftOut(f"its archive has more than {limits.members:,} members")
        name = _checked_name(member, target, made)
        if name is None:
            continue
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        assert source is not None, member  # of a regular file there is one
        with source, path.open("xb") as file:
            shutil.copyfileobj(source, file, _PIECE)
        if path.stat().st_size != member.size:
            raise LeftOut(f"{name!r} in its archive is cut")


def _checked_name(member: tarfile.TarInfo, target: Path, made: set[str]) -> str | None:
    """Where the member belongs; None for a folder, which is made when there is something in it."""
    shown = repr(member.name)
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise LeftOut(f"{shown} in its archive is a link, a device or the like")
    parts = [part for part in PurePosixPath(member.name).parts if part != "."]
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or not member.name.isprintable():
        raise LeftOut(f"{shown} in its archive would lie outside its folder")
    _ask_tarfile(member, target)
    if member.isdir() or not parts:
        return None
    name = "/".join(parts)
    if name.casefold() in made:
        raise LeftOut(f"{shown} is in its archive twice")
    made.add(name.casefold())
    return name


def _ask_tarfile(member: tarfile.TarInfo, target: Path) -> None:
    data_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
    if data_filter is None:
        return
    try:
        data_filter(member, str(target))
    except tarfile.TarError as error:
        raise LeftOut(f"{member.name!r} in its archive is refused: {error}") from error


def _room(target: Path) -> int:
    return shutil.disk_usage(target).free


class _Watched:
    """A stream that ends in an error where it goes on too long, or where a header claims to be a large one."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._most = most

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _PIECE + _LARGEST_HEADER:
            raise LeftOut(f"its archive has a header of {size:,} bytes")
        data = self._stream.read(size)
        self._check()
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        found = self._stream.seek(min(place, self._most + 1), whence)
        self._check()
        return found

    def tell(self) -> int:
        return self._stream.tell()

    def drain(self) -> None:
        """Read what is left, so that the checksum at the end is compared."""
        while self.read(_PIECE):
            pass

    def _check(self) -> None:
        if self._stream.tell() > self._most:
            raise LeftOut(f"its archive unfolds to more than {self._most:,} bytes")


def files_below(folder: Path) -> Iterator[str]:
    """The files of an unpacked archive, as relative paths, sorted."""
    return iter(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
