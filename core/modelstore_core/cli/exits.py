"""Exit codes: one for each thing a script can do about a failure. Codes are only ever added."""

from collections.abc import Mapping
from enum import IntEnum

from modelstore_core.errors import (
    CommitUncertain,
    Conflict,
    Corrupt,
    InvalidInput,
    MissingExtra,
    ModelStoreError,
    NotFound,
    NotSerializable,
    StorageError,
    Untrusted,
)

__all__ = ["MEANING", "Declined", "Exit", "exit_of"]


class Declined(Exception):
    """The person at the terminal did not say yes; nothing was changed."""


class Exit(IntEnum):
    """How `mstore` ends."""

    OK = 0
    UNEXPECTED = 1
    INVALID = 2
    NOT_FOUND = 3
    CONFLICT = 4
    STORAGE = 5
    CORRUPT = 6
    UNTRUSTED = 7
    UNCERTAIN = 8
    MISSING_EXTRA = 9
    UNSOUND = 10
    INTERRUPTED = 130


MEANING: Mapping[Exit, str] = {
    Exit.OK: "done",
    Exit.UNEXPECTED: "an unexpected failure: MODELSTORE_DEBUG=1 shows where",
    Exit.INVALID: "the command or its input is not valid",
    Exit.NOT_FOUND: "no such model, version or alias",
    Exit.CONFLICT: "the store moved, or its rules say no: --expect, a gate, in use, deleted",
    Exit.STORAGE: "the storage is missing, denied, unavailable or unsafe",
    Exit.CORRUPT: "bytes are not what was written, or the store is newer than this release",
    Exit.UNTRUSTED: "the trust policy forbids it",
    Exit.UNCERTAIN: "the reply was lost: the same command with the same --key finds out",
    Exit.MISSING_EXTRA: "an optional package is not installed",
    Exit.UNSOUND: "verify, doctor or import found something wrong: stdout says what",
    Exit.INTERRUPTED: "interrupted, or the question was not answered with yes",
}

_CODES: Mapping[type[BaseException], Exit] = {
    InvalidInput: Exit.INVALID,
    NotSerializable: Exit.INVALID,
    NotFound: Exit.NOT_FOUND,
    Conflict: Exit.CONFLICT,
    StorageError: Exit.STORAGE,
    Corrupt: Exit.CORRUPT,
    Untrusted: Exit.UNTRUSTED,
    CommitUncertain: Exit.UNCERTAIN,
    MissingExtra: Exit.MISSING_EXTRA,
    ModelStoreError: Exit.UNEXPECTED,
    Declined: Exit.INTERRUPTED,
    KeyboardInterrupt: Exit.INTERRUPTED,
}


def exit_of(error: type[BaseException]) -> Exit:
    """The code of an error class: that of its nearest ancestor which has one."""
    return next((_CODES[kind] for kind in error.__mro__ if kind in _CODES), Exit.UNEXPECTED)
