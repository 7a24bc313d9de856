"""Writing files with `torch.save`, and reading them under the reader's policy, as `pickles` does with plain pickles."""

import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import pickles
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.objects import class_name
from modelstore_core.formats.torch_zip import scan_torch
from modelstore_core.formats.trust import Trust

__all__ = ["check", "dump", "import_torch", "load", "load_weights"]

_PROTOCOL = 5
_WEIGHTS_PROTOCOL = 2
_FAULTS = (pickle.PicklingError, AttributeError, TypeError, ValueError, LookupError, RuntimeError)


def import_torch(doing: str) -> Any:
    """PyTorch.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return import_module("torch")
    except ModuleNotFoundError as error:
        raise missing_library(error.name or "torch", doing) from error


def dump(model: object, path: Path, *, plain: bool = False) -> None:
    """Write the object as `torch.save` does, by cloudpickle where a plain pickle could not name its classes.

    Args:
        model: What to write.
        path: Where to.
        plain: Whether it has no classes of its own: in the protocol that PyTorch's loader of weights reads.

    Raises:
        NotSerializable: Neither can.
    """
    failure = _attempt(model, path, pickle, _WEIGHTS_PROTOCOL if plain else _PROTOCOL)
    if failure is None and not pickles.rests_on_main(path):
        return
    try:
        by_value = import_module("cloudpickle")
    except ModuleNotFoundError:
        fix = "pip install cloudpickle, or move the definition into an importable module."
    else:
        failure = _attempt(model, path, by_value, _PROTOCOL)
        if failure is None:
            return
        fix = "Leave that part out of the model, or give its class `__getstate__`; or save its state_dict()."
    why = failure or "it rests on definitions in the main script"
    raise NotSerializable(
        f"The {class_name(model)} cannot be pickled: {why}.", value=class_name(model), fix=fix
    ) from failure


def _attempt(model: object, path: Path, module: object, protocol: int) -> Exception | None:
    torch = import_torch(f"Saving {path.name!r}")
    try:
        torch.save(model, path, pickle_module=module, pickle_protocol=protocol)
    except _FAULTS as error:
        return error
    return None


def check(path: Path, trust: Trust) -> None:
    """Return only if the policy lets the file be loaded, by whichever means.

    Raises:
        Untrusted: The policy says no.
    """
    with path.open("rb") as file:
        pickles.allowed(file, path.name, trust, scan_torch)


def load(path: Path, trust: Trust) -> object:
    """The object in the file; PyTorch resolves the names that were scanned and allowed, and no other.

    Raises:
        Untrusted: Before anything is constructed, if the policy says no.
        MissingExtra: A library that the file names is not installed, or not in a version that fits.
        Corrupt: The file is none that PyTorch reads.
    """

    def read(torch: Any, file: BinaryIO, allowed: pickles.Globals | None, where: object) -> object:
        if allowed is None:
            return torch.load(file, map_location=where, weights_only=False)
        names = allowed

        class Unpickler(pickles.Restricted):
            def __init__(self, data: BinaryIO, **options: object) -> None:
                del options
                super().__init__(data, names, path.name)

        ours = SimpleNamespace(Unpickler=Unpickler, __name__="pickle")
        return torch.load(file, map_location=where, pickle_module=ours, weights_only=False)

    return _read(path, trust, read)


def load_weights(path: Path, trust: Trust) -> object:
    """The tensors and plain values in the file: whatever the policy, PyTorch's own loader of weights takes no more.

    Raises:
        Untrusted, MissingExtra, Corrupt: As `load`.
    """

    def read(torch: Any, file: BinaryIO, allowed: pickles.Globals | None, where: object) -> object:
        del allowed
        try:
            return torch.load(file, map_location=where, weights_only=True)
        except pickle.UnpicklingError as error:
            # its message proposes to load anything
            raise Corrupt(f"{path.name!r} holds more than tensors and plain values.", value=path.name) from error

    return _read(path, trust, read)


def _read(path: Path, trust: Trust, read: Callable[[Any, BinaryIO, pickles.Globals | None, object], object]) -> object:
    with path.open("rb") as file:
        allowed = pickles.allowed(file, path.name, trust, scan_torch)
        torch = import_torch(f"Loading {path.name!r}")
        file.seek(0)
        where = None if torch.cuda.is_available() else "cpu"
        return pickles.built(lambda: _whole(lambda: read(torch, file, allowed, where), path), path)


def _whole(load: Callable[[], object], path: Path) -> object:
    try:
        return load()
    except (RuntimeError, AssertionError) as error:  # of PyTorch's reader of zip files, and of tensors in them
        raise Corrupt(f"{path.name!r} is no file that this PyTorch reads: {error}.", value=path.name) from error
