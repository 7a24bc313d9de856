"""The bytes of a file of joblib's, whatever it was compressed with, read in pieces and never further than they go."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Final, Protocol

__all__ = ["FAULTS", "Stream", "is_compressed", "opened"]

FAULTS: Final = (OSError, zlib.error, lzma.LZMAError)
"""What the decompressors raise of files that are none of theirs."""

_PIECE: Final = 1 << 20
_OPENERS: Final[dict[bytes, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
    **dict.fromkeys((b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), lambda file: _Inflated(file)),  # noqa: PLW0108 -- defined below
}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self) -> bytes: ...


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins so is compressed in a way that joblib uses and this module reads."""
    return any(start.startswith(magic) for magic in _OPENERS)


def opened(file: BinaryIO) -> "Stream":
    """The file from its beginning, decompressed if it is compressed."""
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    return Stream(file if opener is None else opener(file))


class Stream:
    """Bytes of a file, read in pieces: a claimed length is believed as far as there are bytes."""

    def __init__(self, file: _Readable) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """At most so many bytes; fewer only at the end."""
        if size <= _PIECE:
            return self._file.read(size)
        parts = []
        while size > 0 and (part := self._file.read(min(size, _PIECE))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readline(self) -> bytes:
        """The bytes up to the next line feed."""
        return self._file.readline()

    def exactly(self, size: int) -> bytes:
        """So many bytes; `EOFError` if there are fewer."""
        data = self.read(size)
        if len(data) < size:
            raise EOFError("it ends in the middle of an array")
        return data

    def fill(self, place: memoryview) -> None:
        """Fill the place with the bytes that come next."""
        done = 0
        while done < len(place):
            data = self.exactly(min(len(place) - done, _PIECE))
            place[done : done + len(data)] = data
            done += len(data)

    def skip(self, size: int) -> None:
        """Pass over so many bytes, which must be there."""
        while size > 0:
            size -= len(self.exactly(min(size, _PIECE)))

    def pad(self) -> None:
        """Pass over what aligns an array: a byte that says how many bytes follow, and those."""
        self.exactly(self.exactly(1)[0])


class _Inflated:
    """The content of a zlib stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()
        self._ready = b""

    def read(self, size: int) -> bytes:
        while len(self._ready) < size and not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_PIECE)
            if not data:
                raise EOFError("its zlib stream ends too early")
            self._ready += self._inflate.decompress(data, _PIECE)
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (one := self.read(1)):
            line += one
        return line
