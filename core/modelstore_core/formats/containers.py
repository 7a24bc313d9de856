"""What the bytes of a file are, and what would be unpickled from them: containers are opened, nothing is constructed.

Loading is stricter: no format here loads a pickle out of a container that the format did not write. This is for those
who want to know what lies in a file, whatever its name is. What cannot be opened within bounds is said to be so.
"""

import ast
import bz2
import json
import lzma
import pickletools
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from modelstore_core.formats.joblib_files import scan_joblib
from modelstore_core.formats.opcodes import UnscannableError, scan
from modelstore_core.formats.torch_zip import scan_torch

__all__ = ["Bounds", "Content", "content_of"]

_CHUNK: Final = 1 << 20
_IN_MEMORY: Final = 16 << 20
_XZ_MEMORY: Final = 256 << 20
_LONGEST_HEADER: Final = 1 << 20
_LARGEST_TEXT: Final = 64 << 20
_GLIMPSED: Final = 100_000
_NEWEST_PROTOCOL: Final = 5
_COMPRESSED: Final[dict[bytes, tuple[str, Callable[[], Any]]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(31)),
    b"x\x01": ("zlib", zlib.decompressobj),
    b"x\x5e": ("zlib", zlib.decompressobj),
    b"x\x9c": ("zlib", zlib.decompressobj),
    b"x\xda": ("zlib", zlib.decompressobj),
    b"BZh": ("bz2", bz2.BZ2Decompressor),
    b"\xfd7zXZ\x00": ("xz", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY)),
    b"\x5d\x00\x00": ("lzma", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY)),
}
_SEALED: Final = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstandard"}
_NPY: Final = b"\x93NUMPY"
_LAMBDA: Final = re.compile(rb'"class_name"\s*:\s*"(?:Lambda|__lambda__)"')
_CALLS: Final = frozenset({"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far containers are opened.

    Attributes:
        size: The most bytes that one file may expand to, all its members together.
        ratio: How many times its own size that may be; small files may expand to `free` in any case.
        free: See `ratio`.
        members: The most members of an archive.
        depth: The most containers in one another.
    """

    size: int = 4 << 30
    ratio: int = 200
    free: int = 64 << 20
    members: int = 10_000
    depth: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file holds.

    Attributes:
        kind: "pickle", "gzip of a pickle", "torch zip", "zip", "npy", "npy of objects", "skops", "data" …
        pickled: Whether something in it would be unpickled.
        names: Every exact name that this would resolve, as far as it could be followed; sorted.
        doubts: Why no list of names can make it trusted; empty if one can.
        risks: What else there is to know.
    """

    kind: str
    pickled: bool = False
    names: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def content_of(path: Path, bounds: Bounds | None = None) -> Content:
    """Look into the file, and into containers in it, without constructing anything."""
    bounds = bounds or Bounds()
    size = path.stat().st_size
    with path.open("rb") as file:
        budget = _Budget(left=min(bounds.size, max(bounds.free, bounds.ratio * size)), bounds=bounds)
        try:
            return _look(file, budget, 0)
        except _BeyondError as error:
            return Content(kind="container", pickled=True, doubts=(str(error),))


class _BeyondError(Exception):
    """The file is more than a look into it may cost."""


@dataclass(slots=True)
class _Budget:
    left: int
    bounds: Bounds

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _BeyondError("it expands to more than is reasonable")


def _look(file: BinaryIO, budget: _Budget, depth: int) -> Content:
    if depth > budget.bounds.depth:
        raise _BeyondError("its containers are too deep in one another")
    file.seek(0)
    start = file.read(8)
    for magic, (name, make) in _COMPRESSED.items():
        if start.startswith(magic):
            return _look_into_stream(file, name, make(), budget, depth)
    for magic, name in _SEALED.items():
        if start.startswith(magic):
            return Content(kind=name, pickled=True, doubts=(f"it is compressed by {name}, which is not opened",))
    if start.startswith(b"PK"):
        return _look_into_zip(file, budget, depth)
    if start.startswith(_NPY):
        return _look_into_npy(file, budget)
    return _look_at_pickle(file, start)


def _look_into_stream(file: BinaryIO, name: str, stream: Any, budget: _Budget, depth: int) -> Content:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as expanded:
        try:
            file.seek(0)
            for piece in _pieces(file, stream):
                budget.take(len(piece))
                expanded.write(piece)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            return Content(kind=name, pickled=True, doubts=(f"it is no whole {name} stream: {error}",))
        inner = _look(_seekable(expanded), budget, depth + 1)
    return replace(inner, kind=f"{name} of {_article(inner.kind)}")


def _pieces(file: BinaryIO, stream: Any) -> Iterator[bytes]:
    """What the stream expands to, in pieces of bounded size."""
    waiting = b""
    while not stream.eof:
        fed = waiting
        if not fed and getattr(stream, "needs_input", True):
            fed = file.read(_CHUNK)
        piece = stream.decompress(fed, _CHUNK)
        waiting = getattr(stream, "unconsumed_tail", b"")
        if not fed and not piece and not stream.eof:
            raise EOFError("it is cut short")
        yield piece
    if stream.unused_data or waiting or file.read(1):
        raise ValueError("more bytes follow its end")


def _look_into_zip(file: BinaryIO, budget: _Budget, depth: int) -> Content:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if len(members) > budget.bounds.members:
                raise _BeyondError(f"it has {len(members)} members")
            names = [one.filename for one in members]
            if any(name.rpartition("/")[2] == "data.pkl" for name in names):
                return _look_into_torch(file)
            parts = [_look_into_member(archive, one, budget, depth) for one in members]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, zlib.error) as error:
        return Content(kind="zip", pickled=True, doubts=(f"it is no whole zip file: {error}",))
    doubles = len({name.casefold() for name in names}) < len(names)
    keras = {"config.json", "metadata.json"} <= set(names)
    return Content(
        kind="skops" if "schema.json" in names else "keras" if keras else "zip",
        pickled=doubles or any(part.pickled for part in parts),
        names=_together(part.names for part in parts),
        doubts=(*(("two of its members have one name",) if doubles else ()), *_together(part.doubts for part in parts)),
        risks=_together(part.risks for part in parts),
    )


def _look_into_torch(file: BinaryIO) -> Content:
    try:
        found = scan_torch(file)
    except UnscannableError as error:
        return Content(kind="torch zip", pickled=True, doubts=(str(error),))
    doubts = () if found.doubt is None else (found.doubt,)
    return Content(kind="torch zip", pickled=True, names=_together([found.names.values()]), doubts=doubts)


def _look_into_member(archive: zipfile.ZipFile, one: zipfile.ZipInfo, budget: _Budget, depth: int) -> Content:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as expanded, archive.open(one) as member:
        while piece := member.read(_CHUNK):
            budget.take(len(piece))
            expanded.write(piece)
        if one.filename == "schema.json":
            return _look_at_skops(expanded)  # type: ignore[arg-type]  # a file in all but name
        inner = _look(_seekable(expanded), budget, depth + 1)
        found = one.filename.endswith("config.json") and _LAMBDA.search(_text(expanded))  # type: ignore[arg-type]
    risks = ("a Keras Lambda layer: Python code that travels in the file",) if found else ()
    where = f"its member {one.filename!r}: "
    return replace(inner, doubts=tuple(where + doubt for doubt in inner.doubts), risks=(*inner.risks, *risks))


def _look_at_skops(file: BinaryIO) -> Content:
    try:
        names = tuple(_types(json.loads(_text(file))))
    except (ValueError, RecursionError) as error:
        return Content(kind="skops", pickled=True, doubts=(f"its schema cannot be read: {error}",))
    return Content(kind="skops", pickled=True, names=names, risks=("skops: its reader constructs the types it names",))


def _types(node: Any) -> Iterator[str]:
    """Every "module.Class" that a skops schema names, however deep."""
    if isinstance(node, dict):
        if isinstance(node.get("__module__"), str) and isinstance(node.get("__class__"), str):
            yield f"{node['__module__']}.{node['__class__']}"
        for part in node.values():
            yield from _types(part)
    elif isinstance(node, list):
        for part in node:
            yield from _types(part)


def _look_into_npy(file: BinaryIO, budget: _Budget) -> Content:
    try:
        described = _npy_header(file)
    except (ValueError, SyntaxError, struct.error, MemoryError, RecursionError) as error:
        return Content(kind="npy", pickled=True, doubts=(f"its header cannot be read: {error}",))
    if "O" not in described:
        return Content(kind="npy")
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
        while piece := file.read(_CHUNK):
            budget.take(len(piece))
            body.write(piece)
        inner = _scanned(_seekable(body))
    return replace(inner, kind="npy of objects")


def _npy_header(file: BinaryIO) -> str:
    """The array's type as the header has it; the file is left at the first byte after."""
    file.seek(len(_NPY))
    form = "<H" if file.read(2)[:1] == b"\x01" else "<I"
    (length,) = struct.unpack(form, file.read(struct.calcsize(form)))
    if length > _LONGEST_HEADER:
        raise ValueError(f"it claims a header of {length} bytes")
    header = ast.literal_eval(file.read(length).decode("latin1").strip())
    if not isinstance(header, dict) or "descr" not in header:
        raise ValueError("it names no type")
    return _kinds(header["descr"])


def _kinds(descr: object) -> str:
    """The codes of all element types, without the names of fields."""
    if isinstance(descr, str):
        return descr.lstrip("<>=|")[:1]
    if isinstance(descr, tuple | list):
        fields = [part[1] if isinstance(part, tuple) and len(part) > 1 else part for part in descr]
        return "".join(_kinds(part) for part in fields)
    return "O"


def _look_at_pickle(file: BinaryIO, start: bytes) -> Content:
    declared = start[:1] == b"\x80" and start[1:2] <= bytes([_NEWEST_PROTOCOL])
    if declared:
        return _scanned(file)
    try:
        found = scan(file)
    except UnscannableError:
        # protocols 0 and 1 do not say what they are: what calls something before it ends is taken for one
        names, calls = _glimpse(file)
        return _scanned(file) if names and calls else Content(kind="data")
    return _scanned(file) if found.names else Content(kind="data")


def _scanned(file: BinaryIO) -> Content:
    try:
        found = scan(file)
    except UnscannableError as error:
        names, _ = _glimpse(file)
        if _is_joblib(names):
            return _look_at_joblib(file, names)
        return Content(kind="pickle", pickled=True, names=names, doubts=(str(error),))
    names = _together([found.names.values()])
    if _is_joblib(names):
        why = "it reads as a pickle too: what joblib takes for an array's numbers may hide instructions, or the reverse"
        return Content(kind="joblib", pickled=True, names=names, doubts=(why,))
    return Content(kind="pickle", pickled=True, names=names, doubts=() if found.doubt is None else (found.doubt,))


def _is_joblib(names: tuple[str, ...]) -> bool:
    return any(name.startswith("joblib.numpy_pickle") for name in names)


def _look_at_joblib(file: BinaryIO, glimpsed: tuple[str, ...]) -> Content:
    """Joblib interrupts its instructions for the numbers of each array, and these are passed over by their length."""
    file.seek(0)
    try:
        found = scan_joblib(file)
    except UnscannableError as error:
        return Content(kind="joblib", pickled=True, names=glimpsed, doubts=(str(error),))
    doubts = () if found.doubt is None else (found.doubt,)
    return Content(kind="joblib", pickled=True, names=_together([found.names.values()]), doubts=doubts)


def _glimpse(file: BinaryIO) -> tuple[tuple[str, ...], bool]:
    """The names before the place where the file cannot be followed, and whether something is called before it."""
    file.seek(0)
    names: set[str] = set()
    texts: list[str] = []
    calls = False
    try:
        for opcode, argument, _ in islice(pickletools.genops(file), _GLIMPSED):
            calls = calls or opcode.name in _CALLS
            if opcode.name in {"GLOBAL", "INST"}:
                names.add(str(argument).replace(" ", "."))
            elif opcode.name == "STACK_GLOBAL":
                names.add(".".join(texts[-2:]))
            elif isinstance(argument, str):
                texts.append(argument)
    except Exception:  # noqa: BLE001, S110 -- whatever stops it: what was seen before is the answer
        pass
    return tuple(sorted(name for name in names if all(part.isidentifier() for part in name.split(".")))), calls


def _seekable(file: Any) -> BinaryIO:
    file.seek(0)
    made: BinaryIO = file
    return made


def _text(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_LARGEST_TEXT)


def _together(parts: Any) -> tuple[str, ...]:
    return tuple(sorted({one for part in parts for one in part}))


def _article(kind: str) -> str:
    return kind if kind == "data" or kind.startswith("npy") else f"a {kind}"
