"""Which kind of source a path or URL names, and what is to be imported from it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from modelstore_core.errors import InvalidInput, StorageMissing
from modelstore_core.importing.mlflow_database import Database, is_database
from modelstore_core.importing.mlflow_files import FileStore, is_file_store
from modelstore_core.importing.mlflow_plan import plan_registry
from modelstore_core.importing.modelstore_tree import TREE, plan_tree
from modelstore_core.importing.places import Place, open_place
from modelstore_core.importing.plain_files import plan_files
from modelstore_core.importing.plan import Plan
from modelstore_core.model.imported import ImportKind
from modelstore_core.storage.opening import Option

__all__ = ["plan_of"]

_DATABASE = "mlflow.db"
_SQLITE = "sqlite:///"
_RUNS = "mlruns"
_ARTIFACTS = ("mlartifacts", _RUNS)

Location = str | os.PathLike[str]


def plan_of(
    source: Location,
    *,
    kind: ImportKind | None,
    prefix: str,
    artifacts: Location | None,
    options: Mapping[str, Option],
) -> Plan:
    """Everything that the source has; nothing is changed, and no file of a model read.

    Args:
        source: A folder, a file, or a URL.
        kind: What it is; found out if left out.
        prefix: What the names of all models begin with.
        artifacts: Where MLflow's artifacts lie, if not below the source.
        options: Of the storage that the source lies in, if it is a URL.

    Raises:
        InvalidInput: There is nothing to import, or it is damaged as a whole.
        StorageMissing: There is no such folder or file.
    """
    if kind is not None and kind not in get_args(ImportKind):
        raise InvalidInput(
            f"kind={kind!r} is unknown.", value=kind, fix=f"Pass one of {', '.join(get_args(ImportKind))}."
        )
    path = _local(source)
    if path is not None and path.is_file():
        return _of_file(path, kind, prefix, artifacts)
    if path is not None and not path.is_dir():
        raise StorageMissing(f"There is no {str(path)!r}.", value=str(source), fix="Pass the folder to import from.")
    place = open_place(source if path is None else path, options)
    found = kind or _kind(place)
    if found == "modelstore":
        return plan_tree(place, prefix)
    if found == "mlflow":
        return _of_mlflow(place, prefix, artifacts)
    return plan_files(place, prefix)


def _local(source: Location) -> Path | None:
    text = os.fspath(source)
    if text.startswith(_SQLITE):
        return Path(text.removeprefix(_SQLITE)).absolute()
    return open_place(source, {}).root if "://" not in text or text.startswith("file:") else None


def _kind(place: Place) -> ImportKind:
    if Path(place.url).name == TREE or next(iter(place.list(f"{TREE}/")), None) is not None:
        return "modelstore"
    if place.kind(_DATABASE) == "file" or is_file_store(place, "") or is_file_store(place, f"{_RUNS}/"):
        return "mlflow"
    return "files"


def _of_file(path: Path, kind: ImportKind | None, prefix: str, artifacts: Location | None) -> Plan:
    if kind == "mlflow" or (kind is None and (is_database(path) or path.suffix == ".db")):
        return _of_database(path, prefix, artifacts)
    if kind == "modelstore":
        raise InvalidInput(f"{str(path)!r} is a file.", value=str(path), fix=f"Pass the folder in which {TREE!r} lies.")
    return plan_files(open_place(path.parent, {}), prefix, path.name)


def _of_mlflow(place: Place, prefix: str, artifacts: Location | None) -> Plan:
    if place.root is not None and place.kind(_DATABASE) == "file":
        return _of_database(place.root / _DATABASE, prefix, artifacts)
    for root in ("", f"{_RUNS}/"):
        if is_file_store(place, root):
            registry = FileStore(place, root)
            return plan_registry(place.url, registry, _places(place, artifacts), prefix)
    raise InvalidInput(
        f"{place.url!r} has no registry of MLflow's.",
        value=place.url,
        fix="Pass mlflow.db, or the folder mlruns with its folder models.",
    )


def _of_database(path: Path, prefix: str, artifacts: Location | None) -> Plan:
    return plan_registry(str(path), Database(path), _places(open_place(path.parent, {}), artifacts), prefix)


def _places(home: Place, artifacts: Location | None) -> list[Place]:
    """Where artifacts may lie: what the caller names first, then the source and MLflow's usual folders in it."""
    named = [] if artifacts is None else [open_place(artifacts, {})]
    usual = [open_place(home.root / name, {}) for name in _ARTIFACTS] if home.root is not None else []
    return [*named, home, *usual]
