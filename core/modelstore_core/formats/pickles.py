"""Writing pickles, and reading them under the reader's policy: first a scan of all names, then a restricted load."""

import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final, Literal

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.opcodes import Globals, Scan, UnscannableError, scan
from modelstore_core.formats.torch_zip import is_zip, scan_torch
from modelstore_core.formats.trust import Trust, refuse_pickle, refuse_shape, refuse_unlisted

__all__ = [
    "Dumped",
    "Globals",
    "Restricted",
    "allowed",
    "built",
    "check",
    "dump",
    "holds_pickle",
    "load",
    "named",
    "rests_on_main",
]

Dumped = Literal["pickle", "cloudpickle"]

PROTOCOL: Final = 5
# What objects raise when they, rather than the disk or the memory, are at fault.
_FAULTS: Final = (AttributeError, TypeError, ValueError, LookupError, RuntimeError)
_REFUSALS: Final = (pickle.PicklingError, *_FAULTS)
_MAIN: Final = ("__main__", "__mp_main__")
# Up to this size a search for the bytes is far cheaper than a scan; beyond, most of a pickle is skipped payload.
_SEARCHED_UP_TO: Final = 8 << 20
_MAX_DEPTH: Final = 12


def dump(model: object, path: Path) -> Dumped:
    """Stream the object into a file, never holding its bytes in memory, and say which pickler wrote it.

    Plain pickle, protocol 5, wherever it will do. What plain pickle cannot name from another process (lambdas, local
    definitions, anything defined in `__main__`) is carried by value, by cloudpickle.

    Raises:
        NotSerializable: Neither can; the message names the offending part and the fix.
    """
    failure = _attempt(pickle.dump, model, path)
    if failure is None and not _defined_in_main(path):
        return "pickle"
    by_value = _cloudpickle_dump()
    if by_value is None:
        raise _unpicklable(model, failure, "pip install cloudpickle, or move the definition into an importable module.")
    failure = _attempt(by_value, model, path)
    if failure is not None:
        raise _unpicklable(model, failure, "Leave that part out of the model, or give its class `__getstate__`.")
    if _defined_in_main(path):
        # the main script of a spawned process goes by a name that cloudpickle takes for a module's
        raise _unpicklable(model, failure, "Move the definition into an importable module.")
    return "cloudpickle"


def _attempt(dumper: Callable[..., None], model: object, path: Path) -> Exception | None:
    try:
        with path.open("wb") as file:
            dumper(model, file, protocol=PROTOCOL)
    except _REFUSALS as error:
        return error
    return None


def _defined_in_main(path: Path) -> bool:
    with path.open("rb") as file:
        if path.stat().st_size <= _SEARCHED_UP_TO and b"main__" not in file.read():
            return False
        return any(module in _MAIN for module, _ in _scan_own(file, path))


def rests_on_main(path: Path) -> bool:
    """Whether a file just written, a pickle or PyTorch's, names what the main script defines."""
    with path.open("rb") as file:
        return any(module in _MAIN for module, _ in _scan_own(file, path))


def holds_pickle(path: Path) -> bool:
    """Whether the file is a pickle, or PyTorch's zip file around one."""
    with path.open("rb") as file:
        try:
            _scan_any(file)
        except UnscannableError:
            return False
    return True


def _scan_any(file: BinaryIO) -> Scan:
    return scan_torch(file) if is_zip(file) else scan(file)


def _scan_own(file: BinaryIO, path: Path) -> Globals:
    try:
        return _scan_any(file).names
    except UnscannableError as error:
        raise NotSerializable(
            f"The pickle of the model could never be loaded under a trust policy: {error}.",
            value=path.name,
            fix="Its class reduces itself in a way that hides what it names; give it a plain `__reduce__`.",
        ) from error


def _cloudpickle_dump() -> Callable[..., None] | None:
    try:
        dumper: Callable[..., None] = import_module("cloudpickle").dump
    except ImportError:
        return None
    return dumper


def _unpicklable(model: object, failure: Exception | None, fix: str) -> NotSerializable:
    kind = type(model)
    where = f"{kind.__module__}.{kind.__qualname__}"
    if failure is None:
        return NotSerializable(
            f"{where} rests on definitions in the main script, which no other process could find.", value=where, fix=fix
        )
    error = NotSerializable(f"{where}{_culprit(model)} cannot be pickled: {failure}.", value=where, fix=fix)
    error.__cause__ = failure
    return error


class _Sink:
    def write(self, data: object) -> int:
        return memoryview(data).nbytes if isinstance(data, bytes | bytearray | memoryview) else 0


def _picklable(value: object) -> bool:
    try:
        pickle.Pickler(_Sink(), PROTOCOL).dump(value)
    except _REFUSALS:
        return False
    return True


def _culprit(model: object) -> str:
    """The path of the innermost part that cannot be pickled, as one would write it: `.steps[1][1].func`."""
    path, value = "", model
    for _ in range(_MAX_DEPTH):
        for step, part in _parts(value):
            if not _picklable(part):
                path, value = path + step, part
                break
        else:
            break
    return path


def _parts(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [(f"[{index}]", part) for index, part in enumerate(value)]
    return [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]


def named(path: Path) -> tuple[str, ...]:
    """The exact names that unpickling the file resolves, sorted, for a file just written.

    Raises:
        NotSerializable: The file hides names, so that no reader could ever judge it.
    """
    with path.open("rb") as file:
        return tuple(sorted(set(_scan_own(file, path).values())))


def check(path: Path, trust: Trust) -> None:
    """Return only if the policy lets the file be unpickled, by whichever means.

    Raises:
        Untrusted: The policy says no.
    """
    with path.open("rb") as file:
        allowed(file, path.name, trust)


def load(path: Path, trust: Trust) -> object:
    """Unpickle a file under the policy; what is scanned is what is loaded, through one open file.

    Raises:
        Untrusted: Before anything is constructed, if the policy says no.
        MissingExtra: A library that the file names is not installed, or not in a version that fits.
        Corrupt: The file is no whole pickle.
    """
    with path.open("rb") as file:
        names = allowed(file, path.name, trust)
        file.seek(0)
        unpickler = pickle.Unpickler(file) if names is None else Restricted(file, names, path.name)
        return built(unpickler.load, path)


def allowed(file: BinaryIO, name: str, trust: Trust, scanner: Callable[[BinaryIO], Scan] = scan) -> Globals | None:
    """The names that the open file may resolve, all of which the policy allows; None: any.

    Raises:
        Untrusted: The policy says no.
    """
    where = repr(name)
    refuse_pickle(trust, where)
    if trust.level == "full":
        return None
    try:
        found = scanner(file)
    except UnscannableError as error:
        refuse_shape(where, str(error))
    names = found.names.values()
    if any(name.startswith("cloudpickle.") for name in names):
        # to list these names would be to list every code there is
        refuse_shape(where, "it carries Python code by value", trust.unlisted(names))
    if any(name.startswith("joblib.numpy_pickle") for name in names):
        # what follows this class is no instructions but an array's bytes, which may be made to look like some
        refuse_shape(where, "joblib keeps arrays between its instructions", trust.unlisted(names))
    if found.doubt is not None:
        refuse_shape(where, found.doubt, trust.unlisted(names))
    refuse_unlisted(trust, names, where)
    return found.names


def built(load: Callable[[], object], path: Path) -> object:
    """What a load of the file makes, its failures told apart.

    Raises:
        MissingExtra: A library that the file names is not installed, or not in a version that fits.
        Corrupt: The file is no whole pickle.
    """
    try:
        return load()
    except (pickle.UnpicklingError, EOFError) as error:
        raise Corrupt(f"{path.name!r} is no whole pickle: {error}.", value=path.name) from error
    except ModuleNotFoundError as error:
        raise missing_library(error.name or "", f"Loading {path.name!r}") from error
    except (ImportError, *_FAULTS) as error:
        raise MissingExtra(
            f"{path.name!r} does not fit the installed libraries: {error}.",
            value=path.name,
            fix="pip install the versions that the model's `environment` requirements name.",
        ) from error


class Restricted(pickle.Unpickler):
    """Resolves the names that were scanned and approved, and no other."""

    def __init__(self, file: BinaryIO, allowed: Globals, where: str) -> None:
        super().__init__(file)
        self._approved = allowed
        self._where = where

    def find_class(self, module: str, name: str, /) -> object:
        """The global, if it is one of them, and lies where it says."""
        if (module, name) not in self._approved:
            refuse_shape(repr(self._where), f"it loads {module}.{name}, which its scan did not show")
        found: object = super().find_class(module, name)
        head, dot, _ = name.partition(".")
        if dot and f"{module}.{head}" in sys.modules:
            refuse_shape(repr(self._where), f"it reaches {name} through the package {module}")
        return found
