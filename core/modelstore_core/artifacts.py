"""A version's files: made in a fresh folder, sent while they are hashed, checked before anyone reads them."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from modelstore_core.errors import Corrupt, InvalidInput, StorageError
from modelstore_core.model.digest import FileEntry, hash_file
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.protocol import Received, Storage

__all__ = ["Artifacts", "MissingFile", "Stage"]


class MissingFile(Corrupt):
    """A file that a record names is not there: purged meanwhile, or lost."""

    kind = "missing_file"


class Stage:
    """A folder in which a version's files are made, and the places they are sent to.

    Where the store is a folder of this machine the stage lies in it, and sending costs no copy.
    """

    def __init__(self, storage: Storage, root: str, data_id: str) -> None:
        self._storage = storage
        self._root = root
        self._sent: dict[str, list[str]] = {}
        self._made: list[str] | None = None
        self._inside = storage.local_path(self._key(data_id)) is not None
        self.data_id = data_id
        self.folder = self._make(data_id)

    def files(self) -> list[str]:
        """The files made so far, as sorted relative paths."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def sends(self, data_id: str, take: Callable[[FileEntry], object]) -> list[Callable[[], None]]:
        """Calls, free to run side by side, that put the files at `data_id` and give `take` each one's entry.

        Raises:
            StorageError: Files are gone that were made here: a collector took the folder for garbage.
        """
        paths = self._all_files()
        self._sent[data_id] = [f"{self._key(data_id)}/{path}" for path in paths]
        if self._inside and data_id == self.data_id:
            return [partial(self._settle, paths, take)]

        def send(path: str) -> None:
            received = self._storage.send(f"{self._key(data_id)}/{path}", self.folder / path)
            take(FileEntry(path=path, size=received.size, sha256=received.sha256))

        return [partial(send, path) for path in paths]

    def discard(self, *, keep: str | None = None) -> None:
        """Remove what was made and sent, except what lies under the id that a commit has published."""
        for data_id, keys in self._sent.items():
            if data_id != keep:
                self._storage.delete(keys)
        if not self._inside:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.data_id != keep and self.folder.is_dir():
            for path in self.folder.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            self._storage.delete([f"{self._key(self.data_id)}/-"])  # deleting below an empty folder removes it

    def leave(self) -> None:
        """Keep all that was sent, since a commit may have published it; a private folder goes."""
        if not self._inside:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _all_files(self) -> list[str]:
        paths = self.files()
        self._made = paths if self._made is None else self._made
        if not paths or paths != self._made:
            raise StorageError(
                f"Files of {str(self.folder)!r} were removed while they were being saved.",
                value=str(self.folder),
                fix="Nothing was saved: save again, and collect only what is older than a save takes.",
            )
        return paths

    def _settle(self, paths: Sequence[str], take: Callable[[FileEntry], object]) -> None:
        """The files lie where they belong: hash them, and make them durable all at once."""
        for path in paths:
            with typed_errors("read", self.folder / path):
                size, sha256 = hash_file(self.folder / path)
            take(FileEntry(path=path, size=size, sha256=sha256))
        self._storage.settle(self._sent[self.data_id])

    def _key(self, data_id: str) -> str:
        return f"{self._root}/data/{data_id}"

    def _make(self, data_id: str) -> Path:
        inside = self._storage.local_path(self._key(data_id))
        if inside is None:
            return Path(tempfile.mkdtemp(prefix="modelstore-"))
        with typed_errors("write", inside):
            inside.mkdir(parents=True)
        return inside


class Artifacts:
    """The files of one model's versions, for readers."""

    def __init__(self, storage: Storage, root: str) -> None:
        self._storage = storage
        self._root = root

    @contextmanager
    def opened(self, data_id: str, files: Sequence[FileEntry]) -> Iterator[Path]:
        """A folder with these files of a version, each checked against its record, for as long as the context lasts.

        A store in a folder of this machine gives its own files; a remote one a private copy of them.

        Raises:
            Corrupt: A file's bytes are not what its record says; the message names the file.
            MissingFile: A file is not there.
        """
        inside = self._inside(data_id, files)
        if inside is not None:
            yield inside
            return
        with tempfile.TemporaryDirectory(prefix="modelstore-", ignore_cleanup_errors=True) as private:
            self.fetch(data_id, files, Path(private))
            yield Path(private)

    def lasting(self, data_id: str, files: Sequence[FileEntry]) -> Path:
        """Like `opened`, for as long as the process lasts."""
        inside = self._inside(data_id, files)
        if inside is not None:
            return inside
        private = Path(tempfile.mkdtemp(prefix="modelstore-"))
        atexit.register(shutil.rmtree, private, ignore_errors=True)
        self.fetch(data_id, files, private)
        return private

    def fetch(self, data_id: str, files: Sequence[FileEntry], folder: Path) -> None:
        """Copy these files of a version into the folder, each checked against its record while it arrives.

        Raises:
            Corrupt, MissingFile: As for `opened`; the folder may then hold some of the files.
        """

        def fetch(file: FileEntry) -> None:
            target = folder / file.path
            with typed_errors("write", target):
                target.parent.mkdir(parents=True, exist_ok=True)
            self._compare(data_id, file, self._storage.fetch(f"{self._root}/data/{data_id}/{file.path}", target))

        self._storage.together([partial(fetch, file) for file in files])

    def pull(self, data_id: str, files: Sequence[FileEntry], target: Path) -> None:
        """Put these files into a new folder that appears whole or not at all.

        Raises:
            InvalidInput: The target exists and is not an empty folder.
            Corrupt, MissingFile: As for `opened`; nothing appears.
        """
        if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
            raise InvalidInput(
                f"{str(target)!r} exists and is not an empty folder.", value=str(target), fix="Name a new folder."
            )
        with typed_errors("write", target):
            target.parent.mkdir(parents=True, exist_ok=True)
            private = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            self.fetch(data_id, files, private)
            with typed_errors("write", target):
                private.chmod(0o777 & ~_umask())
                private.replace(target)
        finally:
            shutil.rmtree(private, ignore_errors=True)

    def _inside(self, data_id: str, files: Sequence[FileEntry]) -> Path | None:
        """The store's own folder with the files checked, if it is one of this machine."""
        folder = self._storage.local_path(f"{self._root}/data/{data_id}")
        if folder is None:
            return None
        for file in files:
            path = folder / file.path
            try:
                found = None if path.is_symlink() else hash_file(path)
            except (FileNotFoundError, NotADirectoryError):
                found = None
            received = None if found is None else Received(size=found[0], sha256=found[1])
            self._compare(data_id, file, received)
        return folder

    def _compare(self, data_id: str, file: FileEntry, received: Received | None) -> None:
        key = f"{self._root}/data/{data_id}/{file.path}"
        if received is None:
            raise MissingFile(
                f"{key!r} is not there.", value=file.path, fix="Load another version, or restore a backup."
            )
        if (received.size, received.sha256) != (file.size, file.sha256):
            raise Corrupt(
                f"{key!r} is not what was saved: {received.size} bytes, sha256 {received.sha256[:12]}…, "
                f"recorded {file.size} bytes, sha256 {file.sha256[:12]}…",
                value=file.path,
                fix="Nothing was loaded. Load another version, or restore the file from a backup.",
            )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
