"""From a reference to an object, a folder or a pyfunc: resolve, check every byte, and only then read."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from modelstore_core import formats
from modelstore_core.artifacts import Artifacts, MissingFile
from modelstore_core.errors import InvalidInput, VersionPurged
from modelstore_core.formats.trust import Trust
from modelstore_core.journal.log import Journal
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import AddVersion
from modelstore_core.registry.view import LOADING, View
from modelstore_core.storage.protocol import Storage

__all__ = ["LoadAs", "load", "pull"]

LoadAs: TypeAlias = Literal["object", "path", "pyfunc"]

T = TypeVar("T")

_LOAD_AS_PATHS = frozenset({"file", "folder"})


def load(storage: Storage, journal: Journal, reference: Reference, kind: LoadAs, trust: Trust) -> object:
    """The version's object, folder or pyfunc model; its bytes are checked before anything reads them."""
    artifacts = Artifacts(storage, journal.root)
    match kind:
        case "object":
            return _with_version(journal, reference, lambda added: _load_object(artifacts, added, trust))
        case "path":
            return _with_version(journal, reference, lambda added: artifacts.lasting(added.data, added.files))
        case "pyfunc":
            return _with_version(journal, reference, lambda added: _load_pyfunc(artifacts, added, trust))
        case _:
            raise InvalidInput(f"as_={kind!r} is unknown.", value=kind, fix="Use 'object', 'path' or 'pyfunc'.")


def pull(storage: Storage, journal: Journal, reference: Reference, target: Path) -> Path:
    """All files of the version in a new folder, which appears whole or not at all."""
    artifacts = Artifacts(storage, journal.root)
    _with_version(journal, reference, lambda added: artifacts.pull(added.data, added.files, target))
    return target


def _with_version(journal: Journal, reference: Reference, use: Callable[[AddVersion], T]) -> T:
    """Use the version that the reference means now; if its files vanish meanwhile, find out why."""
    view = View(journal, journal.newest(journal.known()))
    version = view.usable(reference, LOADING)
    try:
        return use(version.added)
    except MissingFile:
        view = View(journal, journal.newest(view.head))
        again = view.resolve(reference, LOADING)
        if again.number != version.number:
            return use(view.usable(reference, LOADING).added)
        if view.version(version.number).purged:
            ref = f"{journal.model}@{version.number}"
            raise VersionPurged(
                f"The files of {ref} were removed for good.", value=ref, fix="Choose another version."
            ) from None
        raise


def _load_object(artifacts: Artifacts, added: AddVersion, trust: Trust) -> object:
    needed = [file for file in added.files if file.path in added.loads]
    if added.format in _LOAD_AS_PATHS:
        return formats.read(artifacts.lasting(added.data, needed), format=added.format, loads=added.loads, trust=trust)
    with artifacts.opened(added.data, needed) as folder:
        return formats.read(folder, format=added.format, loads=added.loads, trust=trust)


def _load_pyfunc(artifacts: Artifacts, added: AddVersion, trust: Trust) -> object:
    with artifacts.opened(added.data, added.files) as folder:
        return formats.read_pyfunc(folder, trust=trust)
