"""Called as a program: call every trusted name with arguments that would run, were anything to run them.

An audit hook hears of everything that the interpreter compiles, executes, starts, opens or connects to. What carries
the marker came out of an argument; programs and connections are nobody's right here.
"""

import contextlib
import inspect
import io
import os
import sys
import types
import warnings
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path

MARKER = "canary_of_the_trusted_names"
ALWAYS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pty.spawn", "socket.connect")
MARKED = ("compile", "exec", "import", "open", "os.remove", "os.rename", "os.mkdir", "ctypes.dlopen", "shutil.rmtree")
# What listed names do with texts, and why that is no code: matrix takes its text by `ast.literal_eval`, which compiles
# to a tree of literals and executes none; time zones are looked up by name among the files of the tz database, and
# codecs among the modules of the standard library's package of them.
LITERALS = {("numpy.matrix", "compile")}
ZONES = {(f"pandas.{name}", "open") for name in ("DatetimeIndex", "DatetimeTZDtype", "Timestamp", "Period")}


class Listener:
    """Hears what happens while somebody is called."""

    def __init__(self) -> None:
        self.name = ""
        self.heard: list[tuple[str, str, str]] = []

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.name:
            return
        if event in ALWAYS or (event in MARKED and MARKER in _text(arguments)):
            self.heard.append((self.name, event, _text(arguments)[:200]))


def _text(arguments: tuple[object, ...]) -> str:
    parts = [
        repr((one.co_filename, one.co_consts)) if isinstance(one, types.CodeType) else repr(one) for one in arguments
    ]
    return " ".join(parts)


def harmless(name: str, event: str, text: str) -> bool:
    if (name, event) in ZONES:
        return "zoneinfo" in text and "'r'" in text
    if (name, event) == ("_codecs.encode", "import"):
        return text.startswith("'encodings.")
    return (name, event) in LITERALS


def left_behind(folder: Path) -> list[Path]:
    """What was made by something that ran; it is gone afterwards."""
    found = [path for path in (folder / "ran", folder / MARKER) if path.exists()]
    for path in found:
        path.unlink()
    return found


def hostile(folder: Path) -> list[object]:
    code = f"__import__('os').system('touch {folder / MARKER}')"
    script = folder / f"{MARKER}.py"
    script.write_text(f"open({str(folder / 'ran')!r}, 'w').close()\n")
    return [code, code.encode(), str(script), MARKER, [code, code], {"a": code, "__module__": MARKER}, (code,), -1]


def attempts(found: object, values: list[object]) -> Iterator[tuple[tuple[object, ...], dict[str, object]]]:
    for count in (0, 1, 2):
        for chosen in product(values, repeat=count):
            yield chosen, {}
    for value in values:
        yield (value,) * 3, {}
        yield (dict, value, value), {}
        yield (object, value, value), {}
    try:
        parameters = list(inspect.signature(found).parameters)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return
    for name, value in product(parameters, values):
        yield (), {name: value}


def main(folder: Path, names: list[str]) -> None:
    warnings.simplefilter("ignore")
    found = {}
    for name in names:
        module, _, qualname = name.rpartition(".")
        found[name] = getattr(import_module(module), qualname)
    values = hostile(folder)
    listener = Listener()
    sys.addaudithook(listener.hear)
    calls = 0
    for name, one in found.items():
        sys.modules.pop(MARKER, None)
        for arguments, keywords in attempts(one, values):
            listener.name = name
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
                made = one(*arguments, **keywords)
                if isinstance(made, Iterator):
                    next(made)
            listener.name = ""
            calls += 1
        if isinstance(one, type) and isinstance(getattr(one, "__setstate__", None), types.FunctionType):
            for value in values:
                listener.name = name
                with contextlib.suppress(Exception):
                    object.__new__(one).__setstate__(value)
                listener.name = ""
                calls += 1
        listener.heard += [(name, "left", path.name) for path in left_behind(folder)]
    heard = [one for one in listener.heard if not harmless(*one)]
    for name, event, text in heard:
        print(f"{name} {event} {text}")
    print(f"{len(found)} names, {calls} calls, {len(heard)} executions")


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8").split())
