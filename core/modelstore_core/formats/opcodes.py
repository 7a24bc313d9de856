"""Which globals a pickle names, found without executing any of it.

The scan follows every opcode on a stack that holds only what matters: literals that may become names, and the globals
themselves; everything else is `None`, and payloads are skipped without being read. So it knows exactly which names
the file resolves. It refuses names put together at load time, a second pickle behind the first, and the opcodes that
reach code by other ways (INST, OBJ, the extension registry, persistent ids); and it tells of calls of what an earlier
call returned, and of state or items put into a class or function itself.
"""

import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

__all__ = ["Globals", "Scan", "UnscannableError", "scan"]

Globals = dict[tuple[str, str], str]
"""(module, name) as the file has them → the exact "module.qualname" that unpickling resolves."""


class UnscannableError(Exception):
    """The file is no plain pickle whose names can be known beforehand; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scan found.

    Attributes:
        names: Every global that unpickling the file would resolve.
        doubt: What the file does that the pickles of listed classes have no need of, and whose consequences the names
            therefore do not bound; None for a file that does nothing of the kind.
    """

    names: Globals
    doubt: str | None


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


_Item = bytes | _Global | None
_MEMOIZE, _SHORT_TEXT, _STOP = b"\x94", b"\x8c", b"."

# opcode → (bytes of its argument, how many items it takes from the stack); each puts one item of no interest there
_VALUES: Final = {
    **dict.fromkeys((b"N", b"]", b"}", b")", b"\x88", b"\x89", b"\x8f"), (0, 0)),
    b"K": (1, 0),
    b"M": (2, 0),
    b"J": (4, 0),
    b"G": (8, 0),
    b"\x85": (0, 1),
    b"\x86": (0, 2),
    b"\x87": (0, 3),
    b"\x81": (0, 2),
    b"\x92": (0, 3),
}
# opcode → how the length of its payload is written; each puts one item of no interest on the stack
_PAYLOADS: Final = {
    b"T": struct.Struct("<i"),
    b"U": struct.Struct("<B"),
    b"B": struct.Struct("<I"),
    b"C": struct.Struct("<B"),
    b"\x8e": struct.Struct("<Q"),
    b"\x96": struct.Struct("<Q"),
    b"\x8a": struct.Struct("<B"),
    b"\x8b": struct.Struct("<i"),
}
_TEXTS: Final = {
    b"X": struct.Struct("<I"),
    b"\x8d": struct.Struct("<Q"),
}
_REFUSED: Final = {
    b"\x80": "PROTO again",
    b"i": "INST",
    b"o": "OBJ",
    b"\x82": "EXT1",
    b"\x83": "EXT2",
    b"\x84": "EXT4",
    b"P": "PERSID",
    b"Q": "BINPERSID",
    b"\x97": "NEXT_BUFFER",
    b"\x98": "READONLY_BUFFER",
}
_CONTAINERS: Final = {
    b"\x1f\x8b": "gzip",
    b"x\x01": "zlib",
    b"x\x5e": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x5d\x00\x00": "lzma",
    b"PK": "zip",
    b"\x93NUMPY": "npy",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstandard",
}
_BYTE, _WORD = struct.Struct("<B"), struct.Struct("<I")
_NAME_LIMIT = 1024
_READ_LIMIT = 1 << 16
_NEWEST_PROTOCOL = 5
_DOTTED_PROTOCOL = 4
_MAPPED_BELOW = 3


def scan(file: BinaryIO, *, persistent: bool = False) -> Scan:
    """Follow the whole file, which must be seekable, and leave it at its end.

    Args:
        file: What may be a pickle.
        persistent: Whether it may hold persistent ids: its reader must make nothing but data of them.

    Raises:
        UnscannableError: The file is not exactly one plain pickle, or hides a name.
    """
    return _Scanner(file, persistent=persistent).run()


class _Scanner:
    def __init__(self, file: BinaryIO, *, persistent: bool) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._protocol = 0
        self._memo: dict[int, _Item] = {}
        self._stack: list[_Item] = []
        self._marks: list[int] = []
        self._found: Globals = {}
        self._doubt: str | None = None
        self._actions: dict[bytes, Callable[[], None]] = {
            b"(": self._mark,
            b"0": self._pop,
            b"1": self._take_to_mark,
            b"2": self._duplicate,
            **dict.fromkeys((b"t", b"l", b"d", b"\x91"), self._collect),
            **dict.fromkeys((b"e", b"u", b"\x90"), self._fill_many),
            b"a": lambda: self._fill(1),
            b"b": lambda: self._fill(1),
            b"s": lambda: self._fill(2),
            b"R": self._reduce,
            b"c": self._global,
            b"\x93": self._stack_global,
            b"p": lambda: self._put(self._index()),
            b"q": lambda: self._put(self._number(_BYTE)),
            b"r": lambda: self._put(self._number(_WORD)),
            b"g": lambda: self._get(self._index()),
            b"h": lambda: self._get(self._number(_BYTE)),
            b"j": lambda: self._get(self._number(_WORD)),
            b"\x95": self._frame,
            **dict.fromkeys((b"I", b"L", b"F", b"S", b"V"), self._long_line),
            **{code: partial(self._payload, form) for code, form in _PAYLOADS.items()},
            **{code: partial(self._text, form) for code, form in _TEXTS.items()},
            **({b"Q": self._persistent_id} if persistent else {}),
        }

    def run(self) -> Scan:
        try:
            self._begin()
            self._follow()
        except IndexError:
            raise UnscannableError("it ends, or its stack does, in the middle of a pickle") from None
        finally:
            # The bound methods among the actions make a cycle; a large memo must not wait for the collector.
            self._memo.clear()
            self._actions.clear()
        if self._file.read(1):
            raise UnscannableError("more bytes follow the end of its pickle")
        return Scan(names=self._found, doubt=self._doubt)

    def _follow(self) -> None:
        """One turn for each opcode, millions in a large vocabulary: the commonest are handled in place.

        A cut or malformed file may be followed a little further than unpickling would go, never less far.
        """
        read, stack, memo, values = self._file.read, self._stack, self._memo, _VALUES
        while (code := read(1)) != _STOP:
            if code == _MEMOIZE:
                memo[len(memo)] = stack[-1]
            elif code == _SHORT_TEXT:
                stack.append(read(read(1)[0]))
            elif code in values:
                size, taken = values[code]
                if size:
                    read(size)
                if taken:
                    self._take(taken)
                stack.append(None)
            else:
                self._act(code)

    def _begin(self) -> None:
        self._file.seek(0)
        start = self._file.read(8)
        for magic, name in _CONTAINERS.items():
            if start.startswith(magic):
                raise UnscannableError(f"it is an unknown container ({name})")
        self._file.seek(0)
        if start[:1] == b"\x80":
            self._protocol = self._read(2)[1]
        if self._protocol > _NEWEST_PROTOCOL:
            raise UnscannableError(f"pickle protocol {self._protocol} is not known")

    def _act(self, code: bytes) -> None:
        action = self._actions.get(code)
        if action is not None:
            action()
        elif code in _REFUSED:
            raise UnscannableError(f"it uses the pickle opcode {_REFUSED[code]}")
        elif code:
            raise UnscannableError(f"byte {self._file.tell() - 1} is no pickle opcode: {code!r}")
        else:
            raise IndexError

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise IndexError
        return data

    def _number(self, form: struct.Struct) -> int:
        number: int = form.unpack(self._read(form.size))[0]
        return number

    def _skip(self, size: int) -> None:
        if not 0 <= size <= self._size:
            raise UnscannableError(f"it claims a payload of {size} bytes")
        if size <= _READ_LIMIT:
            self._read(size)
        elif self._file.seek(size, 1) > self._size:
            raise IndexError

    def _payload(self, form: struct.Struct) -> None:
        self._skip(self._number(form))
        self._stack.append(None)

    def _text(self, form: struct.Struct) -> None:
        size = self._number(form)
        if size <= _NAME_LIMIT:
            self._stack.append(self._read(size))
        else:
            self._skip(size)
            self._stack.append(None)

    def _line(self) -> bytes:
        line = self._file.readline(_NAME_LIMIT)
        if not line.endswith(b"\n"):
            raise UnscannableError("it holds a line without end")
        return line[:-1]

    def _long_line(self) -> None:
        self._stack.append(None)
        while not (part := self._file.readline(_READ_LIMIT)).endswith(b"\n"):
            if not part:
                raise IndexError

    def _frame(self) -> None:
        self._read(8)

    def _index(self) -> int:
        line = self._line()
        if not line.isdigit():
            raise UnscannableError(f"it has a memo index that is no number: {line!r}")
        return int(line)

    def _take(self, count: int) -> None:
        if count > len(self._stack):
            raise IndexError
        del self._stack[-count:]

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _pop(self) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._take(1)

    def _duplicate(self) -> None:
        self._stack.append(self._stack[-1])

    def _take_to_mark(self) -> None:
        del self._stack[self._marks.pop() :]

    def _collect(self) -> None:
        self._take_to_mark()
        self._stack.append(None)

    def _fill_many(self) -> None:
        self._take_to_mark()
        self._fill(0)

    def _fill(self, count: int) -> None:
        if count:
            self._take(count)
        top = self._stack[-1]
        if isinstance(top, _Global):
            self._doubt = f"it changes {top.name} itself"

    def _reduce(self) -> None:
        self._take(1)
        if not isinstance(self._stack[-1], _Global):
            self._doubt = "it calls what it has computed"
        self._stack[-1] = None

    def _persistent_id(self) -> None:
        self._take(1)
        self._stack.append(None)

    def _put(self, index: int) -> None:
        if index > self._size:
            # unpickling would make room for all the entries before it
            raise UnscannableError(f"it claims a memo of {index} entries")
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise UnscannableError(f"it has nothing under the memo index {index}")
        self._stack.append(self._memo[index])

    def _global(self) -> None:
        self._name(_decode(self._line()), _decode(self._line()))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(module, bytes) or not isinstance(name, bytes):
            raise UnscannableError("it computes the name of what it loads")
        self._name(_decode(module), _decode(name))

    def _name(self, module: str, name: str) -> None:
        if "." in name and self._protocol < _DOTTED_PROTOCOL:
            raise UnscannableError(f"protocol {self._protocol} cannot name {name!r}")
        exact = f"{module}.{name}"
        if self._protocol < _MAPPED_BELOW:
            # as Unpickler.find_class does for pickles that Python 2 may have written
            pair = NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name)
            exact = ".".join(pair)
        self._found[module, name] = exact
        self._stack.append(_Global(exact))


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UnscannableError("it holds text that is not UTF-8") from error
