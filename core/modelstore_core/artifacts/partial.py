"""A folder in the making: it appears under its name only whole, and what an earlier try has left is gone on with."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelstore_core.artifacts.locks import Lock
from modelstore_core.errors import InvalidInput, StorageError
from modelstore_core.model.digest import FileEntry, hash_file
from modelstore_core.storage.files import typed_errors
from modelstore_core.storage.protocol import Passed

__all__ = ["Partial", "partial_folder"]


class Partial:
    """A folder `.NAME.partial` beside the target, in which files gather until they are all there."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self._target = target

    def has(self, file: FileEntry, passed: Passed) -> bool:
        """Whether the file is there with its bytes; anything else that has its place is removed."""
        path = self.folder / file.path
        with typed_errors("read", path):
            if not path.is_symlink() and path.is_file():
                if path.stat().st_size == file.size and hash_file(path, passed)[1] == file.sha256:
                    return True
                path.unlink()
            else:
                _remove(path)
        return False

    def finish(self, paths: Iterable[str]) -> None:
        """Give the folder its name, with these files and no others."""
        wanted = {self.folder / path for path in paths}
        with typed_errors("write", self._target):
            for path in sorted(self.folder.rglob("*"), reverse=True):
                if path not in wanted and (path.is_symlink() or not path.is_dir() or not any(path.iterdir())):
                    _remove(path)
            self.folder.chmod(0o777 & ~_umask())
            self.folder.replace(self._target)


@contextmanager
def partial_folder(target: Path) -> Iterator[Partial]:
    """The folder in the making, held alone. After a failure of the storage it stays, for the next try to go on with.

    Raises:
        InvalidInput: The target exists and is not an empty folder; or somebody else is making it.
    """
    _check_free(target)
    folder = target.parent / f".{target.name}.partial"
    with typed_errors("write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock.alone(target.parent / f".{target.name}.partial.lock")
    if lock is None:
        raise InvalidInput(
            f"{str(target)!r} is being made by somebody else.", value=str(target), fix="Wait, or name another folder."
        )
    try:
        _check_free(target)  # again: whoever held the lock before may have made it
        _make_own(folder)
        try:
            yield Partial(folder, target)
        except StorageError:
            raise
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)  # what is wrong now will be wrong the next time
            raise
    finally:
        lock.release(remove=True)


def _check_free(target: Path) -> None:
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise InvalidInput(
            f"{str(target)!r} exists and is not an empty folder.", value=str(target), fix="Name a new folder."
        )


def _make_own(folder: Path) -> None:
    with typed_errors("write", folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    if found.st_uid != os.geteuid() or folder.is_symlink():
        raise InvalidInput(
            f"{str(folder)!r} belongs to somebody else.", value=str(folder), fix="Remove it, or name another folder."
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
