"""PyTorch's zip files: which globals their one pickle names, found without PyTorch.

Readers of zip files disagree about files that are not laid out plainly: one finds a member where another finds none.
So only the layout that `torch.save` writes is accepted, in which there is nothing to disagree about.
"""

import io
import zipfile
from typing import BinaryIO, Final

from modelstore_core.formats.opcodes import Scan, UnscannableError, scan

__all__ = ["is_zip", "scan_torch"]

_MAGIC: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_PICKLE: Final = "data.pkl"
# What makes PyTorch take the file for a TorchScript program.
_PROGRAM: Final = ("constants.pkl", "code")
_LARGEST_PICKLE: Final = 1 << 30
_MOST_MEMBERS: Final = 1 << 20


def is_zip(file: BinaryIO) -> bool:
    """Whether the file begins like a zip file."""
    file.seek(0)
    return file.read(len(_MAGIC)) == _MAGIC


def scan_torch(file: BinaryIO) -> Scan:
    """Follow the pickle in a file that `torch.save` wrote.

    Raises:
        UnscannableError: It is no such file, or its pickle hides a name.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            body = archive.read(_pickle_member(file, archive))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise UnscannableError(f"it is no file of torch.save: {error}") from error
    return scan(io.BytesIO(body), persistent=True)


def _pickle_member(file: BinaryIO, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    names = [member.filename for member in members]
    root = names[0].partition("/")[0] if names else ""
    inner = [name.removeprefix(f"{root}/") for name in names]
    reasons = {
        "it has no members, or too many": not 0 < len(members) <= _MOST_MEMBERS,
        "its members lie in several folders": any(not name.startswith(f"{root}/") for name in names),
        # PyTorch's reader takes names in upper and lower case for the same
        "two of its members have one name": len({name.lower() for name in names}) != len(names),
        "a member is compressed or encrypted": any(one.compress_type or one.flag_bits & 1 for one in members),
        "it does not begin with its first member": not is_zip(file) or min(m.header_offset for m in members) != 0,
        "bytes follow its end": not _ends_plainly(file),
        "it is a TorchScript program": any(name.partition("/")[0] in _PROGRAM for name in inner),
        "it has not exactly one pickle": [name for name in inner if name.endswith(".pkl")] != [_PICKLE],
    }
    for reason, holds in reasons.items():
        if holds:
            raise UnscannableError(reason)
    found = members[inner.index(_PICKLE)]
    if found.file_size > _LARGEST_PICKLE or found.file_size != found.compress_size:
        raise UnscannableError(f"it claims a pickle of {found.file_size} bytes")
    return found


def _ends_plainly(file: BinaryIO) -> bool:
    file.seek(-_END_SIZE, io.SEEK_END)
    end = file.read(_END_SIZE)
    return end.startswith(_END) and end.endswith(b"\0\0")
