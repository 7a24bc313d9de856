"""A version's files on their way in: made in a fresh folder, then sent while they are hashed."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from modelstore_core.artifacts.budget import UNDER_WAY, Budget
from modelstore_core.artifacts.earlier import WORTH_IT_HERE, WORTH_IT_THERE, Earlier
from modelstore_core.errors import CommitUncertain, StorageError, StorageUnavailable
from modelstore_core.model.digest import FileEntry, hash_file
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.protocol import Passed, Storage, unwatched

__all__ = ["Stage"]


class Stage:
    """A folder in which a version's files are made, and the places they are sent to.

    Where the store is a folder of this machine the stage lies in it, and sending costs no copy.
    """

    def __init__(
        self,
        storage: Storage,
        root: str,
        data_id: str,
        *,
        passed: Passed = unwatched,
        budget: Budget = UNDER_WAY,
    ) -> None:
        self._storage = storage
        self._root = root
        self._passed = passed
        self._budget = budget
        self._sent: dict[str, list[str]] = {}
        self._made: list[str] | None = None
        self._claimed = False
        self._inside = storage.local_path(self._key(data_id)) is not None
        self._worth_it = WORTH_IT_HERE if self._inside else WORTH_IT_THERE
        self.data_id = data_id
        self.folder = self._make(data_id)

    @property
    def known(self) -> None:
        """Nothing: what the files are is learnt while they are sent."""

    @property
    def heavy(self) -> bool:
        """Whether a file is so large that it pays to look first for an equal one in the store."""
        return any(size >= self._worth_it for size in self.sizes())

    def claimed(self) -> None:
        """Hear that a later attempt will find the id of this one."""
        self._claimed = True

    def sizes(self) -> list[int]:
        """The sizes of the files made so far."""
        with typed_errors("read", self.folder):
            return [(self.folder / path).stat().st_size for path in self.files()]

    def files(self) -> list[str]:
        """The files made so far, as sorted relative paths."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def sends(
        self, data_id: str, take: Callable[[FileEntry], object], earlier: Sequence[Earlier] = ()
    ) -> list[Callable[[], None]]:
        """Calls, free to run side by side, that put the files at `data_id` and give `take` each one's entry.

        A large file that lies in one of the `earlier` places with equal bytes is copied there by the storage itself.

        Raises:
            StorageError: Files are gone that were made here: a collector took the folder for garbage.
        """
        paths = self._all_files()
        self._sent[data_id] = [f"{self._key(data_id)}/{path}" for path in paths]
        if self._inside and data_id == self.data_id:
            return [partial(self._settle, paths, take, earlier)]

        def send(path: str) -> None:
            source = self.folder / path
            with typed_errors("read", source):
                size = source.stat().st_size
            with self._budget.taking(size):
                take(self._copied(data_id, path, size, earlier) or self._sent_file(data_id, path))

        return [partial(send, path) for path in paths]

    def discard(self, *, keep: str | None = None) -> None:
        """Remove what was made and sent, except what lies under the id that a commit has published."""
        for data_id, keys in self._sent.items():
            if data_id != keep:
                self._storage.delete(keys)
        if not self._inside:
            _remove(self.folder)
        elif self.data_id != keep and self.folder.is_dir():
            for path in self.folder.iterdir():
                _remove(path, loudly=True) if path.is_dir() and not path.is_symlink() else path.unlink()
            self._storage.delete([f"{self._key(self.data_id)}/-"])  # deleting below an empty folder removes it

    def abandon(self, error: Exception) -> None:
        """Remove what was made and sent; what was sent stays if a commit may have published it, or for a retry.

        A retry finds it if this attempt has staked the key, and needs it if the storage was not to be had.
        """
        resumable = self._claimed and not self._inside and isinstance(error, StorageUnavailable)
        if not resumable and not isinstance(error, CommitUncertain):
            self.discard()
        elif not self._inside:
            _remove(self.folder)

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

    def _sent_file(self, data_id: str, path: str) -> FileEntry:
        received = self._storage.send(f"{self._key(data_id)}/{path}", self.folder / path, self._passed)
        return FileEntry(path=path, size=received.size, sha256=received.sha256)

    def _copied(self, data_id: str, path: str, size: int, earlier: Sequence[Earlier]) -> FileEntry | None:
        """The file's entry, if the storage has made it of an equal one; it is read before only if that may be."""
        likely = [place for place in earlier if place.may_have(path, size)]
        if size < self._worth_it or not likely:
            return None
        with typed_errors("read", self.folder / path):
            file = FileEntry(path=path, size=size, sha256=hash_file(self.folder / path)[1])
        if not self._copy(data_id, file, likely):
            return None
        self._passed(size)
        return file

    def _copy(self, data_id: str, file: FileEntry, earlier: Sequence[Earlier]) -> bool:
        target = f"{self._key(data_id)}/{file.path}"
        return any(
            place.may_be(file) and self._storage.copy(f"{self._key(place.data_id)}/{file.path}", target, file.sha256)
            for place in earlier
        )

    def _settle(self, paths: Sequence[str], take: Callable[[FileEntry], object], earlier: Sequence[Earlier]) -> None:
        """The files lie where they belong: hash them, share the bytes of equal ones, make all durable at once."""
        # What a crashed attempt has left is no reason to read it: the files are here already.
        known = [place for place in earlier if place.files is not None]
        for path in paths:
            with typed_errors("read", self.folder / path):
                size, sha256 = hash_file(self.folder / path, self._passed)
            file = FileEntry(path=path, size=size, sha256=sha256)
            if size >= self._worth_it:
                self._copy(self.data_id, file, known)  # takes the place of the one made here, or leaves it there
            take(file)
        self._storage.settle(self._sent[self.data_id])

    def _key(self, data_id: str) -> str:
        return f"{self._root}/data/{data_id}"

    def _make(self, data_id: str) -> Path:
        inside = self._storage.local_path(self._key(data_id))
        if inside is None:
            import tempfile  # for remote stores only

            return Path(tempfile.mkdtemp(prefix="modelstore-"))
        with typed_errors("write", inside):
            inside.mkdir(parents=True)
        return inside


def _remove(folder: Path, *, loudly: bool = False) -> None:
    import shutil  # not needed where the files are made in their place

    shutil.rmtree(folder, ignore_errors=not loudly)
