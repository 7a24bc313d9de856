"""Pickles that would leave a file behind if anything in them ran."""

import os
import pickle
import pydoc
import runpy
import subprocess
import timeit
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

__all__ = ["calls", "tricks"]


class _Call:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced

    def __call__(self) -> None:
        """Only what can be called may be pickled as something to call."""


def calls(canary: Path) -> dict[str, object]:
    """Objects whose unpickling calls something that would create the canary, by what it is."""
    code = f"open({str(canary)!r}, 'w').close()"
    script = canary.with_suffix(".py")
    script.write_text(code)
    return {
        "posix.system": _Call(os.system, f"touch {canary}"),
        "builtins.eval": _Call(eval, code),
        "builtins.exec": _Call(exec, code),
        "subprocess.call": _Call(subprocess.call, ["touch", str(canary)]),
        "runpy.run_path": _Call(runpy.run_path, str(script)),
        "timeit.timeit": _Call(timeit.timeit, code, "", timeit.default_timer, 1),
        "pydoc.pipepager": _Call(pydoc.pipepager, "", f"touch {canary}"),
        "builtins.getattr": _Call(_Call(getattr, _Call(import_module, "os"), "system"), f"touch {canary}"),
        "pickle.loads": _Call(pickle.loads, pickle.dumps(_Call(os.system, f"touch {canary}"))),
    }


def tricks(canary: Path) -> dict[str, bytes]:
    """Files that hide what they call, or reach it by another way than a plain global."""
    command = f"touch {canary}".encode()
    text = b"X" + len(command).to_bytes(4, "little") + command
    harmless = pickle.dumps({"a": 1}, 4)
    evil = pickle.dumps(_Call(os.system, command.decode()), 4)
    return {
        "a name from the memo": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x00h\x01\x93" + text + b"\x85R.",
        "a name from the memo, overwritten": b"\x80\x04\x8c\x01aq\x00\x8c\x05posixq\x00h\x00\x8c\x06system\x93"
        + text
        + b"\x85R.",
        "a name pushed as bytes text": b"\x80\x04U\x05posixU\x06system\x93" + text + b"\x85R.",
        "a name pushed twice by DUP": b"\x80\x04\x8c\x05posix2\x93" + text + b"\x85R.",
        "a name out of a tuple": b"\x80\x04\x8c\x05posix\x8c\x06system\x86\x93" + text + b"\x85R.",
        "a name mapped from Python 2": b"\x80\x02c__builtin__\neval\n" + text + b"\x85R.",
        "a second pickle": harmless + evil,
        "a broken tail": evil[:-1] + b"\xff",
        "a cut tail": evil[:-1],
        "INST": b"(" + b"S'" + command + b"'\n" + b"iposix\nsystem\n.",
        "OBJ": b"(cposix\nsystem\n" + text + b"o.",
        "EXT1": b"\x80\x02\x82\x01" + text + b"\x85R.",
        "EXT2": b"\x80\x02\x83\x01\x00" + text + b"\x85R.",
        "EXT4": b"\x80\x02\x84\x01\x00\x00\x00" + text + b"\x85R.",
        "PERSID": b"P" + command + b"\n.",
        "BINPERSID": b"\x80\x02" + text + b"Q.",
        "an out-of-band buffer": b"\x80\x05\x97.",
        "state put into a class": b"\x80\x04\x8c\x0bcollections\x8c\x07Counter\x93N}\x8c\x06update\x8c\x05numpy"
        b"\x8c\x03exp\x93s\x86b.",
        "items put into a class": b"\x80\x04\x8c\x0bcollections\x8c\x07Counter\x93K\x01K\x02s.",
        "a call of what a call returned": b"\x80\x04\x8c\x08builtins\x8c\x04dict\x93)R)R.",
    }
