"""Files that remember how far `mstore changes` has read: a cursor outgrows a command line where models are many."""

import os
import tempfile
from pathlib import Path

from modelstore_core.errors import InvalidInput

__all__ = ["read", "write"]


def read(path: Path) -> str | None:
    """The cursor in the file; None if there is no such file yet, or nothing in it.

    Raises:
        InvalidInput: It cannot be read.
    """
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{str(path)!r} cannot be read as a cursor: {error}.", value=str(path), fix="Name another file."
        ) from error


def write(path: Path, cursor: str) -> None:
    """Put the cursor into the file, whole or not at all.

    Raises:
        InvalidInput: It cannot be written; what was there is still there.
    """
    try:
        descriptor, private = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{cursor}\n")
        Path(private).replace(path)
    except OSError as error:
        Path(private).unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"{str(path)!r} cannot be written: {error}.", value=str(path), fix="Name another file.")
