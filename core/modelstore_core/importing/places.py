"""Where a source lies: a folder of this machine, or a bucket, read through the same storages that hold stores."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelstore_core.errors import InvalidInput, StorageError
from modelstore_core.importing.plan import LeftOut, Taken
from modelstore_core.storage.keys import is_key
from modelstore_core.storage.opening import Option, open_storage
from modelstore_core.storage.protocol import ObjectInfo, Storage

__all__ = ["Place", "PlacedFiles", "open_place"]

_LARGEST_DOCUMENT = 16 << 20


def open_place(url: str | os.PathLike[str], options: Mapping[str, Option]) -> "Place":
    """The place that a path or URL names.

    Raises:
        InvalidLocation: It is not understood.
    """
    return Place(open_storage(url, **options))


@dataclass(frozen=True, slots=True)
class Place:
    """Files by their relative paths; what lies behind a symlink is not there."""

    storage: Storage

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self.storage.url

    @property
    def root(self) -> Path | None:
        """The folder, if it is one of this machine."""
        here = self.storage.local_path("-")
        return None if here is None else here.parent

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All files below the prefix, which ends in a slash; none if there is no such folder."""
        return self.storage.list(prefix)

    def read(self, key: str) -> bytes | None:
        """A small file, or None if there is none.

        Raises:
            InvalidInput: It is too large to be a document.
        """
        local = self.storage.local_path(key)
        if local is not None and _size(local) > _LARGEST_DOCUMENT:
            raise InvalidInput(f"{str(local)!r} is too large to be a document.", value=str(local), fix="Look at it.")
        return self.storage.get(key)

    def kind(self, key: str) -> str | None:
        """What lies there: "file", "folder", or None if nothing does."""
        if not is_key(key):
            return None
        if self.root is None:
            if next(iter(self.list(f"{key}/")), None) is not None:
                return "folder"
            above, _, _ = key.rpartition("/")
            found = any(info.key == key for info in self.list(f"{above}/" if above else ""))
            return "file" if found else None
        mode = self._mode(key)
        return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else None

    def _mode(self, key: str) -> int:
        """What lies there without following a link on the way; 0 for nothing."""
        assert self.root is not None
        path, mode = self.root, 0
        for part in key.split("/"):
            path /= part
            try:
                mode = path.lstat().st_mode
            except OSError:
                return 0
            if stat.S_ISLNK(mode):
                return 0
        return mode

    def file(self, key: str, scratch: Path) -> Path:
        """The file on this machine: where it lies, or fetched.

        Raises:
            LeftOut: There is none.
        """
        if self.kind(key) != "file":
            raise LeftOut(f"there is no file {key!r} in {self.url}")
        local = self.storage.local_path(key)
        if local is not None:
            return local
        target = scratch / key.rpartition("/")[2]
        if self.storage.fetch(key, target) is None:
            raise LeftOut(f"{key!r} went away while it was read")
        return target

    def folder(self, key: str, scratch: Path) -> Path:
        """The folder on this machine: where it lies, or fetched.

        Raises:
            LeftOut: It is empty, or holds links or other things that are no files.
        """
        local = self.storage.local_path(key)
        if local is not None:
            _check_folder(local)
            return local
        target = scratch / "folder"
        infos = list(self.list(f"{key}/"))
        if not infos:
            raise LeftOut(f"there is nothing below {key!r} in {self.url}")
        for info in infos:
            path = target / info.key.removeprefix(f"{key}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.storage.fetch(info.key, path) is None:
                raise LeftOut(f"{info.key!r} went away while it was read")
        return target


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFiles:
    """A file or folder of a place, as it is."""

    place: Place
    key: str

    def taken(self, scratch: Path) -> Taken:
        """Where it lies, or fetched.

        Raises:
            LeftOut: It is not there, or is not what can be kept.
        """
        try:
            if self.place.kind(self.key) == "folder":
                return Taken(path=self.place.folder(self.key, scratch))
            return Taken(path=self.place.file(self.key, scratch))
        except StorageError as error:
            raise LeftOut(f"it cannot be read: {error.what}") from error


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _check_folder(folder: Path) -> None:
    files = 0
    for above, folders, names in os.walk(folder, onerror=_raise):
        for name in (*folders, *names):
            path = Path(above, name)
            mode = path.lstat().st_mode
            if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                raise LeftOut(f"{path.relative_to(folder).as_posix()!r} in it is a link or no regular file")
            if stat.S_ISREG(mode) and not os.access(path, os.R_OK):
                raise LeftOut(f"{path.relative_to(folder).as_posix()!r} in it cannot be read")
        files += len(names)
    if not files:
        raise LeftOut(f"{str(folder)!r} holds no files")


def _raise(error: OSError) -> None:
    raise LeftOut(f"{error.filename!r} cannot be read: {error.strerror}") from error
