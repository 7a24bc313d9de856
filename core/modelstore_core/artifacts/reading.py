"""A version's files on their way out: each is checked against its record before anyone reads it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelstore_core.artifacts.budget import UNDER_WAY, Budget
from modelstore_core.errors import Corrupt, StorageError
from modelstore_core.model.digest import FileEntry, digest_of, hash_file
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.protocol import Passed, Received, Storage, unwatched

if TYPE_CHECKING:
    from modelstore_core.artifacts.cache import Cache, CachedFolder

__all__ = ["Artifacts", "MissingFile"]


class MissingFile(Corrupt):
    """A file that a record names is not there: purged meanwhile, or lost."""

    kind = "missing_file"


class Artifacts:
    """The files of one model's versions, for readers.

    Args:
        storage: Where they lie.
        root: The model's folder there.
        cache: Keeps what was fetched, and is asked first; not used for a store on this machine.
        passed: Told of the bytes that are fetched or checked.
        budget: How much may be under way at once.
    """

    def __init__(
        self,
        storage: Storage,
        root: str,
        *,
        cache: "Cache | None" = None,
        passed: Passed = unwatched,
        budget: Budget = UNDER_WAY,
    ) -> None:
        self._storage = storage
        self._root = root
        self._cache = cache
        self._passed = passed
        self._budget = budget

    @contextmanager
    def opened(self, data_id: str, files: Sequence[FileEntry]) -> Iterator[Path]:
        """A folder with these files of a version, each checked against its record, for as long as the context lasts.

        A store in a folder of this machine gives its own files; a remote one those of the cache, or a private copy.

        Raises:
            Corrupt: A file's bytes are not what its record says; the message names the file.
            MissingFile: A file is not there.
        """
        inside = self._inside(data_id, files)
        if inside is not None:
            yield inside
            return
        cached = self._cached(data_id, files)
        if cached is not None:
            with cached:
                yield cached.path
            return
        import tempfile  # for remote stores only

        with tempfile.TemporaryDirectory(prefix="modelstore-", ignore_cleanup_errors=True) as private:
            self.fetch(data_id, files, Path(private))
            yield Path(private)

    def lasting(self, data_id: str, files: Sequence[FileEntry]) -> Path:
        """Like `opened`, for as long as the process lasts; from the cache, the same folder for every call."""
        inside = self._inside(data_id, files)
        if inside is not None:
            return inside
        cached = self._cached(data_id, files)
        if cached is not None:
            return cached.keep()
        import atexit
        import shutil
        import tempfile

        private = Path(tempfile.mkdtemp(prefix="modelstore-"))
        atexit.register(shutil.rmtree, private, ignore_errors=True)
        self.fetch(data_id, files, private)
        return private

    def fetch(self, data_id: str, files: Sequence[FileEntry], folder: Path) -> None:
        """Copy these files of a version into the folder, each checked against its record while it arrives.

        Raises:
            Corrupt, MissingFile: As for `opened`; the folder may then hold some of the files.
        """
        self._storage.together([partial(self._fetch_file, data_id, file, folder / file.path) for file in files])

    def pull(self, data_id: str, files: Sequence[FileEntry], target: Path) -> None:
        """Put these files into a new folder that appears whole or not at all.

        What a pull that ended early has left beside the target is checked, and goes on from there.

        Raises:
            InvalidInput: The target exists and is not an empty folder, or somebody else pulls into it.
            Corrupt, MissingFile: As for `opened`; nothing appears.
        """
        from modelstore_core.artifacts.partial import partial_folder  # as the cache: only some callers need it

        with partial_folder(target) as begun:
            self.fetch(data_id, [file for file in files if not begun.has(file, self._passed)], begun.folder)
            begun.finish(file.path for file in files)

    def _cached(self, data_id: str, files: Sequence[FileEntry]) -> "CachedFolder | None":
        """The cache's folder with the files checked; None if there is no cache, or something is wrong with it."""
        if self._cache is None:
            return None
        try:
            held = self._cache.hold(digest_of(files))
        except OSError:
            return None
        try:
            held.fill(files, partial(self._fetch_file, data_id), self._storage.together, self._passed)
        except OSError as error:
            held.release()
            # A full disk there is the cache's own trouble; what the store said has to be told.
            if isinstance(error, StorageError) and not isinstance(error.__cause__, OSError):
                raise
            return None
        except BaseException:
            held.release()
            raise
        return held

    def _fetch_file(self, data_id: str, file: FileEntry, target: Path) -> None:
        with typed_errors("write", target):
            target.parent.mkdir(parents=True, exist_ok=True)
        key = f"{self._root}/data/{data_id}/{file.path}"
        with self._budget.taking(file.size):
            received = self._storage.fetch(key, target, self._passed)
        self._compare(data_id, file, received)

    def _inside(self, data_id: str, files: Sequence[FileEntry]) -> Path | None:
        """The store's own folder with the files checked, if it is one of this machine."""
        folder = self._storage.local_path(f"{self._root}/data/{data_id}")
        if folder is None:
            return None
        for file in files:
            path = folder / file.path
            try:
                found = None if path.is_symlink() else hash_file(path, self._passed)
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
