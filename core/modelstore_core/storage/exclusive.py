"""Giving a file its name only if that is free, by whatever the file system offers.

`link` does it on every POSIX file system with hard links. Where there are none (FAT, exFAT, some network and user-space
file systems), a rename that must not replace does it as well: Linux and macOS have one. Where that is missing too, a
writer first claims the name by making a file of another name, which `O_EXCL` lets only one do; looks whether the name
is free; renames; and gives the claim back. No reader ever sees a claim or a file that is not whole.

A writer that is killed while it holds a claim leaves it: creates of that one key fail until `drop_claim` removes it.
Holders keep a lock on their claim, and a locked claim is never dropped. Where locks do not reach from machine to
machine, only its age protects the claim of a writer on another one. See docs/design/003-folders-without-hard-links.md.
"""

import errno
import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Literal, TypeAlias

from modelstore_core.errors import StorageUnavailable
from modelstore_core.storage.keys import TEMPORARY

__all__ = ["How", "drop_claim", "exists", "is_claim", "name_exclusively"]

How: TypeAlias = Literal["link", "rename", "claim"]
"""What makes a create atomic here."""

_CANNOT = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_CLAIM = f"{TEMPORARY}claim~"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_REPLACE = {"linux": ("renameat2", 1), "darwin": ("renameatx_np", 4)}
# Seconds to wait for somebody else's claim, two in all: it is held for two looks, a rename and an fsync.
_WAITS = tuple(min(0.001 * 2**step, 0.05) for step in range(44))


def name_exclusively(folder: int, temporary: str, name: str) -> tuple[bool, How]:
    """Give the file another name in its folder if that is free: whether it was, and by what means.

    Atomic: of any number at the same time one at most gets the name. `StorageUnavailable` if a claim of somebody else
    stands in the way and stays there.
    """
    for how, means in (("link", _by_link), ("rename", _by_rename)):
        try:
            return means(folder, temporary, name), how  # type: ignore[return-value]  # a literal out of a tuple
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    return _by_claim(folder, temporary, name), "claim"


def exists(name: str, folder: int) -> bool:
    """Whether there is anything of that name in the folder."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _by_link(folder: int, temporary: str, name: str) -> bool:
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        # NFS may report a failure of a link that it made: the number of names tells.
        if os.stat(temporary, dir_fd=folder, follow_symlinks=False).st_nlink == 2:  # noqa: PLR2004 -- both of them
            return True
        if isinstance(error, FileExistsError):
            return False
        raise
    return True


def _by_rename(folder: int, temporary: str, name: str) -> bool:
    try:
        _rename_without_replacing()(folder, os.fsencode(temporary), folder, os.fsencode(name))
    except FileExistsError:
        return False
    return True


@cache
def _rename_without_replacing() -> Callable[[int, bytes, int, bytes], None]:
    import ctypes  # not needed where there are hard links

    function, flag = _NO_REPLACE.get(sys.platform, ("", 0))
    try:
        system_call = ctypes.CDLL(None, use_errno=True)[function]
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None

    def rename(old_folder: int, old: bytes, new_folder: int, new: bytes) -> None:
        if system_call(old_folder, old, new_folder, new, flag) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return rename


def _by_claim(folder: int, temporary: str, name: str) -> bool:
    claim = _CLAIM + hashlib.sha256(name.encode()).hexdigest()[:32]
    for wait in _WAITS:
        with _claimed(claim, folder) as mine:
            if exists(name, folder):
                return False
            if mine:
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
                return True
        time.sleep(wait)
    raise StorageUnavailable(
        f"{name!r} is being written by another process, or by one that was killed at it: its claim {claim!r} stays.",
        value=claim,
        fix="Try again. If it stays so, let `mstore collect` sweep the claim, or remove the file if nobody is writing.",
    )


@contextmanager
def _claimed(claim: str, folder: int) -> Iterator[bool]:
    """Whether the claim is ours while this lasts; given back whatever happens."""
    try:
        descriptor = os.open(claim, _NEW, 0o600, dir_fd=folder)
    except FileExistsError:
        yield False
        return
    try:
        # A sweeper may have taken it for one that was left, between the last line and the next.
        mine = _lock(descriptor) and _is(claim, folder, descriptor)
        try:
            yield mine
        finally:
            if mine:
                os.unlink(claim, dir_fd=folder)
    finally:
        os.close(descriptor)


def is_claim(name: str) -> bool:
    """Whether a file of that name is a claim."""
    return name.startswith(_CLAIM)


def drop_claim(claim: str, folder: int) -> bool:
    """Remove what a killed writer has left; False if its writer is alive, or has just given it back."""
    with suppress(FileNotFoundError):
        descriptor = os.open(claim, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            if _lock(descriptor) and _is(claim, folder, descriptor):
                os.unlink(claim, dir_fd=folder)
                return True
        finally:
            os.close(descriptor)
    return False


def _lock(descriptor: int) -> bool:
    """Lock the file until it is closed, by whatever way a process ends; False only if somebody else has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _is(name: str, folder: int, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
