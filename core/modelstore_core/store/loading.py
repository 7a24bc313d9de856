"""From a reference to an object, a folder or a pyfunc: resolve, check every byte, and only then read."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from modelstore_core import formats
from modelstore_core.artifacts.reading import Artifacts, MissingFile
from modelstore_core.errors import EnvironmentWarning, InvalidInput, VersionPurged
from modelstore_core.formats.trust import Trust
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import AddVersion
from modelstore_core.model.records import install_line
from modelstore_core.progress import Meter
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.indexed import Indexed
from modelstore_core.registry.view import LOADING
from modelstore_core.store.handle import Handle

__all__ = ["LoadAs", "load", "pull", "with_version"]

LoadAs: TypeAlias = Literal["object", "path", "pyfunc"]

T = TypeVar("T")

Use: TypeAlias = Callable[[Artifacts, AddVersion, Sequence[FileEntry]], T]
"""What is done with a version and those of its files that are needed."""

_ENVIRONMENT = frozenset({"environment", "globals"})
_LOAD_AS_PATHS = frozenset({"file", "folder"})


def load(handle: Handle, reference: Reference, kind: LoadAs, trust: Trust) -> object:
    """The version's object, folder or pyfunc model; its bytes are checked before anything reads them."""
    if kind not in {"object", "path", "pyfunc"}:
        raise InvalidInput(f"as_={kind!r} is unknown.", value=kind, fix="Use 'object', 'path' or 'pyfunc'.")

    def use(artifacts: Artifacts, added: AddVersion, needed: Sequence[FileEntry]) -> object:
        if kind == "object":
            return _load_object(artifacts, added, needed, trust)
        if kind == "pyfunc":
            return _load_pyfunc(artifacts, added, trust)
        return artifacts.lasting(added.data, added.files)

    with handle.meter("load", reference.name) as meter:
        return with_version(handle, reference, meter, use, loads_only=kind == "object")


def pull(handle: Handle, reference: Reference, target: Path) -> Path:
    """All files of the version in a new folder, which appears whole or not at all."""
    with handle.meter("pull", reference.name) as meter:
        with_version(handle, reference, meter, lambda there, added, files: there.pull(added.data, files, target))
    return target


def with_version(handle: Handle, reference: Reference, meter: Meter, use: Use[T], *, loads_only: bool = False) -> T:
    """Use the version that the reference means now; if its files vanish meanwhile, find out why."""
    journal = handle.journal(reference.name)
    artifacts = handle.artifacts(reference.name, meter)

    def used(version: Folded) -> T:
        added = version.added
        files = [file for file in added.files if not loads_only or file.path in added.loads]
        meter.expect([file.size for file in files], f"{reference.name}@{version.number}")
        result = use(artifacts, added, files)
        if loads_only:
            _warn_of_drift(f"{reference.name}@{version.number}", version)
        return result

    # A cold load by alias or number may read the record, and then knows what the version was made with.
    meant = reference.alias is not None or reference.number is not None
    needs = LOADING | _ENVIRONMENT if meant and journal.known() is None else LOADING
    view = handle.reading(reference.name)
    version = view.usable(reference, needs)
    try:
        return used(version)
    except MissingFile:
        view = handle.again(view)
        again = view.resolve(reference, LOADING)
        if again.number != version.number:
            return used(view.usable(reference, LOADING))
        if Indexed(journal, journal.newest(view.head)).version(version.number).purged:
            ref = f"{journal.model}@{version.number}"
            raise VersionPurged(
                f"The files of {ref} were removed for good.", value=ref, fix="Choose another version."
            ) from None
        raise


def _warn_of_drift(ref: str, version: Folded) -> None:
    if version.record.cut & _ENVIRONMENT:
        return  # asking would cost a request more
    from modelstore_core.formats.drift import drift_of, said

    drifts = drift_of(version.added.environment, pickled=bool(version.added.globals))
    matter = tuple(drift for drift in drifts if drift.matters)
    if matter:
        install = install_line({"requirements": [f"{d.name}=={d.recorded}" for d in matter if d.name != "python"]})
        fix = f" If it does not behave: {install}" if install else ""
        warnings.warn(f"{ref} was saved with other versions: {said(matter)}.{fix}", EnvironmentWarning, stacklevel=6)


def _load_object(artifacts: Artifacts, added: AddVersion, needed: Sequence[FileEntry], trust: Trust) -> object:
    if added.format in _LOAD_AS_PATHS:
        return formats.read(artifacts.lasting(added.data, needed), format=added.format, loads=added.loads, trust=trust)
    with artifacts.opened(added.data, needed) as folder:
        return formats.read(folder, format=added.format, loads=added.loads, trust=trust)


def _load_pyfunc(artifacts: Artifacts, added: AddVersion, trust: Trust) -> object:
    with artifacts.opened(added.data, added.files) as folder:
        return formats.read_pyfunc(folder, trust=trust)
