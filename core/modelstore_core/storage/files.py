"""This machine's files, as storages send and fetch them: read once, hashed on the way, errors typed."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from modelstore_core.errors import (
    InvalidInput,
    ModelStoreError,
    StorageDenied,
    StorageError,
    StorageMissing,
)
from modelstore_core.storage.protocol import Passed, Received, unwatched

__all__ = ["PIECE", "fetched_file", "hash_to", "open_source", "pieces", "typed_errors"]

PIECE = 1 << 20
"""Bytes read at once: larger pieces no longer make a copy faster."""

_MISSING = {errno.ENOENT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FIXES = {
    errno.ENOSPC: "The disk is full: free some space there and try again.",
    errno.EDQUOT: "The disk quota is used up: free some space there and try again.",
    errno.EIO: "The disk reports an input/output error: check its health before trusting it again.",
    errno.ENOTDIR: "A file stands where a folder is needed: move it away.",
    errno.EISDIR: "A folder stands where a file is needed: move it away.",
    errno.ELOOP: "Symbolic links are not followed here: put the real file or folder in its place.",
    errno.EEXIST: "Nothing is ever written over: choose a path that is free.",
    errno.ENAMETOOLONG: "The file system does not take names that long: choose a shorter one.",
    errno.EMFILE: "This process has too many files open: raise `ulimit -n`.",
}


@contextmanager
def typed_errors(what: str, where: object) -> Iterator[None]:
    """Turn every `OSError` inside into a `StorageError` that says what failed, where, and how to mend it."""
    try:
        yield
    except ModelStoreError:
        raise
    except OSError as error:
        raise _typed(error, what, where) from error


def _typed(error: OSError, what: str, where: object) -> StorageError:
    said = f"Could not {what} {str(where)!r}: {error.strerror or error}."
    if error.errno in _DENIED:
        fix = "Check the owner and the mode of that path, and that its file system is not mounted read-only."
        return StorageDenied(said, value=str(where), fix=fix)
    if error.errno in _MISSING:
        return StorageMissing(said, value=str(where), fix="Create the folder it should lie in, or correct the path.")
    return StorageError(said, value=str(where), fix=_FIXES.get(error.errno or 0, ""))


@contextmanager
def open_source(source: Path) -> Iterator[FileIO]:
    """Open a file to be sent; `InvalidInput` if there is no regular file of that path."""
    try:
        # O_NONBLOCK: opening a pipe by mistake must fail, not wait for somebody to write into it.
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput(f"There is no file {str(source)!r} to send.", value=str(source)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{str(source)!r} is not a regular file.", value=str(source), fix="Send files only.")
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file


def pieces(file: FileIO) -> Iterator[memoryview]:
    """Yield the file's bytes in one buffer that is filled again and again: use each piece before the next."""
    buffer = memoryview(bytearray(PIECE))
    while count := file.readinto(buffer):
        yield buffer[:count]


def hash_to(parts: Iterable[bytes | memoryview], file: BinaryIO | None = None, passed: Passed = unwatched) -> Received:
    """Hash the parts, in one pass with writing them to the file if there is one, and tell of each that has passed."""
    digest, size = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        size += len(part)
        if file is not None:
            file.write(part)
        passed(len(part))
    return Received(size=size, sha256=digest.hexdigest())


@contextmanager
def fetched_file(target: Path) -> Iterator[BinaryIO]:
    """Open a new file of mode 0600, never through a symlink, never an existing one; removed again on any error."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise
