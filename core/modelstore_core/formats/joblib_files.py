"""Files of `joblib.dump`, read without joblib: which names they hold, and then the object, under the reader's policy.

joblib interrupts its pickle after each array and writes the array's bytes there, so the file can be followed only by
who knows the arrays' types and shapes. The scan follows it with stand-ins for all objects, and notes how long each
array is; the load must come across the same arrays, or it stops: what was judged is what is loaded.
"""

import pickle
import re
import struct
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

from modelstore_core.formats.joblib_streams import FAULTS, Stream, opened
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.opcodes import Globals, UnscannableError
from modelstore_core.formats.trust import refuse_shape

__all__ = ["JoblibScan", "read_joblib", "scan_joblib"]

_MODULE: Final = "joblib.numpy_pickle"
_WRAPPER: Final = (_MODULE, "NumpyArrayWrapper")
_ITEM: Final = re.compile(r"[<>|=]?([?a-zA-Z])(\d*)")
_CHARACTER: Final = {"U": 4}
_DEEPEST: Final = 4
_NEWEST_PROTOCOL: Final = 5
_DOTTED_PROTOCOL: Final = 4
_MAPPED_BELOW: Final = 3
_FAULTS: Final = (
    *(AttributeError, TypeError, ValueError, LookupError, EOFError, OverflowError),
    *(pickle.UnpicklingError, struct.error),
)
OBJECTS: Final = -1
"""The extent of an array of objects, which follows as a pickle of its own."""


if TYPE_CHECKING:

    class _Unpickler:
        """The standard library's unpickler in Python, which joblib's own reader extends in the same way."""

        dispatch: ClassVar[dict[int, Callable[[Any], None]]]
        proto: int
        stack: list[Any]

        def __init__(self, file: object) -> None: ...
        def load(self) -> object: ...
        def load_build(self) -> None: ...
        def pop_mark(self) -> list[Any]: ...
        def find_class(self, module: str, name: str) -> object: ...

else:
    from pickle import _Unpickler


@dataclass(frozen=True, slots=True, kw_only=True)
class JoblibScan:
    """What a scan found.

    Attributes:
        names: Every global that loading the file resolves, but for joblib's own stand-in for arrays.
        doubt: What the file does whose consequences the names do not bound; None if nothing.
        extents: How many bytes each array has, in order; -1 for one of objects.
    """

    names: Globals
    doubt: str | None
    extents: tuple[int, ...]


def scan_joblib(file: BinaryIO) -> JoblibScan:
    """Follow the whole file without constructing anything.

    Raises:
        UnscannableError: It is no file of joblib 0.10 or later, or hides a name.
    """
    found = _Found()
    try:
        stream = opened(file)
        _Survey(stream, found).load()
        more = stream.read(1)
    except (*FAULTS, RecursionError, MemoryError, *_FAULTS) as error:
        raise UnscannableError(f"it cannot be followed: {error}") from error
    if more:
        raise UnscannableError("more bytes follow the end of its pickle")
    return JoblibScan(names=found.names, doubt=found.doubt, extents=tuple(found.extents))


def read_joblib(file: BinaryIO, scan: JoblibScan, where: str) -> object:
    """The object in the file that was scanned, whose names the policy allows.

    Raises:
        Untrusted: The file does something else than its scan has shown.
        MissingExtra: NumPy is not installed.
    """
    try:
        numpy = import_module("numpy")
    except ModuleNotFoundError as error:
        raise missing_library("numpy", f"Loading {where!r}") from error
    return _Loader(opened(file), _Judged(scan=scan, extents=list(scan.extents), where=where, numpy=numpy)).load()


@dataclass(slots=True)
class _Found:
    names: Globals = field(default_factory=dict)
    doubt: str | None = None
    extents: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Name:
    """Stands for what a name resolves to."""

    exact: str


class _Made:
    """Stands for an object: what it was made by, and nothing else that matters."""

    __slots__ = ("arguments", "by")

    def __init__(self, by: object = None, arguments: object = ()) -> None:
        self.by = by
        self.arguments = arguments


def _no(what: str) -> Callable[["_Survey"], None]:
    def refuse(_self: "_Survey") -> None:
        raise UnscannableError(f"it uses the pickle opcode {what}")

    return refuse


class _Survey(_Unpickler):
    """Follows the file as joblib's reader does, with stand-ins instead of objects."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **_Unpickler.dispatch,
        **{
            code[0]: _no(name)
            for code, name in {
                pickle.INST: "INST",
                pickle.OBJ: "OBJ",
                pickle.EXT1: "EXT1",
                pickle.EXT2: "EXT2",
                pickle.EXT4: "EXT4",
                pickle.PERSID: "PERSID",
                pickle.BINPERSID: "BINPERSID",
                pickle.NEXT_BUFFER: "NEXT_BUFFER",
                pickle.READONLY_BUFFER: "READONLY_BUFFER",
            }.items()
        },
    }

    def __init__(self, stream: Stream, found: _Found, depth: int = 0) -> None:
        super().__init__(stream)
        self._stream = stream
        self._found = found
        self._depth = depth

    def find_class(self, module: str, name: str) -> object:
        if self.proto > _NEWEST_PROTOCOL:
            raise UnscannableError(f"pickle protocol {self.proto} is not known")
        if "." in name and self.proto < _DOTTED_PROTOCOL:
            raise UnscannableError(f"protocol {self.proto} cannot name {name!r}")
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnscannableError("it computes the name of what it loads")
        if (module, name) == _WRAPPER:
            return _WRAPPED
        exact = f"{module}.{name}"
        if self.proto < _MAPPED_BELOW:
            exact = ".".join(NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name))
        if module == _MODULE:
            raise UnscannableError(f"it is of a release of joblib before 0.10: it names {exact}")
        self._found.names[module, name] = exact
        return _Name(exact)

    def _new(self, count: int) -> None:
        arguments = [self.stack.pop() for _ in range(count)][::-1]
        by = self.stack.pop()
        if not isinstance(by, _Name):
            self._found.doubt = "it calls what it has computed"
        self.stack.append(_Made(by, arguments[0]))

    def _wrap_or_new(self) -> None:
        if self.stack[-2] is _WRAPPED:
            del self.stack[-2:]
            self.stack.append(_Made(_WRAPPED))
        else:
            self._new(1)

    def _build(self) -> None:
        state, built = self.stack.pop(), self.stack[-1]
        if isinstance(built, _Made) and built.by is _WRAPPED:
            self._pass_array(state)
            self.stack[-1] = _Made()
        self._changed(built)

    def _changed(self, built: object) -> None:
        if isinstance(built, _Name) or built is _WRAPPED:
            self._found.doubt = f"it changes {built.exact if isinstance(built, _Name) else _WRAPPER[1]} itself"

    def _fill_many(self) -> None:
        self._fill(self.pop_mark())

    def _fill(self, items: list[object]) -> None:
        filled = self.stack[-1]
        self._changed(filled)
        if type(filled) is dict:  # only what an array says of itself is ever asked for
            filled.update((key, item) for key, item in zip(items[::2], items[1::2], strict=False) if type(key) is str)

    def _fill_last(self, count: int) -> None:
        items = self.stack[-count:]
        del self.stack[-count:]
        self._fill(items)

    def _pass_array(self, state: object) -> None:
        if not isinstance(state, dict):
            raise UnscannableError("an array of it says nothing of itself")
        size = _size_of(state.get("dtype"))
        shape = state.get("shape")
        if not isinstance(shape, tuple) or not all(type(one) is int and one >= 0 for one in shape):
            raise UnscannableError(f"an array of it has the shape {shape!r}")
        if size == OBJECTS:
            self._found.extents.append(OBJECTS)
            if self._depth == _DEEPEST:
                raise UnscannableError("its arrays of objects lie too deep in one another")
            _Survey(self._stream, self._found, self._depth + 1).load()
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self._stream.pad()
        self._found.extents.append(size * prod(shape))
        self._stream.skip(self._found.extents[-1])

    dispatch |= {
        pickle.REDUCE[0]: _wrap_or_new,
        pickle.NEWOBJ[0]: _wrap_or_new,
        pickle.NEWOBJ_EX[0]: lambda self: self._new(2),
        pickle.BUILD[0]: _build,
        **dict.fromkeys((pickle.APPENDS[0], pickle.SETITEMS[0], pickle.ADDITEMS[0]), _fill_many),
        pickle.APPEND[0]: lambda self: self._fill_last(1),
        pickle.SETITEM[0]: lambda self: self._fill_last(2),
        # what is collected is of no interest, and need not be hashable
        **dict.fromkeys((pickle.DICT[0], pickle.FROZENSET[0]), lambda self: self.stack.append(_Made(self.pop_mark()))),
    }


_WRAPPED: Final = object()


def _size_of(dtype: object) -> int:
    """How many bytes an element has, as the arguments of its type say; the load checks that it is so."""
    by = dtype.by if isinstance(dtype, _Made) else None
    code = dtype.arguments[0] if isinstance(dtype, _Made) and isinstance(dtype.arguments, tuple) else None
    match = _ITEM.fullmatch(code) if isinstance(code, str) else None
    if not isinstance(by, _Name) or match is None:
        raise UnscannableError("an array of it has a type that cannot be followed")
    if match[1] == "O":
        return OBJECTS
    return int(match[2] or 1) * _CHARACTER.get(match[1], 1)


@dataclass(slots=True)
class _Judged:
    scan: JoblibScan
    extents: list[int]
    where: str
    numpy: Any


class _Array:
    """What joblib puts where an array belongs, until the array has been read."""

    shape: tuple[int, ...]
    dtype: Any
    order: str


class _Loader(_Unpickler):
    """Makes the objects; resolves the names that were scanned, and reads the arrays that were scanned."""

    def __init__(self, stream: Stream, judged: _Judged) -> None:
        super().__init__(stream)
        self._stream = stream
        self._judged = judged

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == _WRAPPER:
            return _Array
        if (module, name) not in self._judged.scan.names:
            refuse_shape(repr(self._judged.where), f"it loads {module}.{name}, which its scan did not show")
        found: object = super().find_class(module, name)
        head, dot, _ = name.partition(".")
        if dot and f"{module}.{head}" in sys.modules:
            refuse_shape(repr(self._judged.where), f"it reaches {name} through the package {module}")
        return found

    def _build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _Array):
            self.stack[-1] = self._array(self.stack[-1])

    def _array(self, of: _Array) -> object:
        numpy, extents = self._judged.numpy, self._judged.extents
        size = OBJECTS if of.dtype.hasobject else of.dtype.itemsize * prod(of.shape)
        if not extents or extents.pop(0) != size:
            refuse_shape(repr(self._judged.where), "an array of it is of another size than its scan has shown")
        if of.dtype.hasobject:
            return _Loader(self._stream, self._judged).load()
        if getattr(of, "numpy_array_alignment_bytes", None) is not None:
            self._stream.pad()
        array = numpy.empty(prod(of.shape), dtype=of.dtype)
        if size:
            self._stream.fill(memoryview(array.view(numpy.uint8)))
        array = array.reshape(of.shape[::-1]).transpose() if of.order == "F" else array.reshape(of.shape)
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **_Unpickler.dispatch,
        pickle.BUILD[0]: _build,
    }
