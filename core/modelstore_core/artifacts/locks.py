"""Locks between processes: files held by `flock`, which the system lets go when a process ends, however it ends."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Lock"]

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Lock:
    """A lock that is held until it is released, or the process ends; a context that releases it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def shared(cls, path: Path) -> Self:
        """Hold the lock together with others; waits for one that holds it alone.

        Raises:
            OSError: The file cannot be made or locked.
        """
        lock = cls._take(path, fcntl.LOCK_SH)
        assert lock is not None
        return lock

    @classmethod
    def alone(cls, path: Path) -> Self | None:
        """Hold the lock alone, or None if somebody holds it.

        Raises:
            OSError: The file cannot be made or locked.
        """
        return cls._take(path, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @classmethod
    def _take(cls, path: Path, how: int) -> Self | None:
        while True:
            descriptor = os.open(path, _OPEN, 0o600)
            try:
                fcntl.flock(descriptor, how)
                # Whoever held it before may have removed the file: then this is a lock that nobody else can see.
                if _is_there(path, descriptor):
                    return cls(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def release(self, *, remove: bool = False) -> None:
        """Let go; with `remove`, only for who holds it alone, the file goes too."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def touch(self) -> None:
        """Note on the file that it was used now."""
        os.utime(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
