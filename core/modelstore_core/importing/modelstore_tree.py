"""The tree of the library `modelstore`: `operatorai-model-store/<domain>/versions/<id>.json`, and archives beside."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from modelstore_core.errors import InvalidInput, StorageError
from modelstore_core.importing.archives import files_below, unpack
from modelstore_core.importing.naming import alias_for, import_key, names_for
from modelstore_core.importing.places import Place
from modelstore_core.importing.plan import LeftOut, Plan, PlannedModel, Taken, Wanted
from modelstore_core.model.imported import NotKept
from modelstore_core.model.json import Json, JsonObject

__all__ = ["TREE", "plan_tree"]

TREE = "operatorai-model-store"
_ARCHIVE = "artifacts.tar.gz"
_DELETED = "modelstore-deleted"
_INFO = "model-info.json"
_CREATED = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d):(\d\d):(\d\d)")
# The file of each library from which it loads the model; what lies beside it only describes it.
_MAIN = {
    "causalml": "model.joblib",
    "catboost": "model.cbm",
    "lightgbm": "model.txt",
    "onnx": "model.onnx",
    "shap": "explainer.joblib",
    "sklearn": "model.joblib",
    "skorch": "model.joblib",
    "statsmodels": "model.pkl",
    "xgboost": "model.xgboost",
}


def plan_tree(place: Place, prefix: str) -> Plan:
    """Domains as models, versions in the order in which they were made, states as tags and aliases.

    Raises:
        InvalidInput: There is no such tree, or two domains would become one model.
    """
    root = "" if PurePosixPath(place.url).name == TREE else f"{TREE}/"
    tree = _Tree(place, root)
    if not tree.domains:
        raise InvalidInput(
            f"{place.url!r} holds no models of the library modelstore.",
            value=place.url,
            fix=f"Pass the folder in which {TREE!r} lies.",
        )
    names = names_for(tree.domains, prefix)
    models = tuple(tree.model(domain, name) for domain, name in names.items())
    return Plan(source=place.url, kind="modelstore", models=models, not_kept=tuple(tree.not_kept))


@dataclass(slots=True)
class _Domain:
    versions: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)
    states: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    archives: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class _Tree:
    """One listing of the tree, sorted by what its keys say."""

    def __init__(self, place: Place, root: str) -> None:
        self._place = place
        self._root = root
        self.not_kept: list[NotKept] = []
        found: dict[str, _Domain] = defaultdict(_Domain)
        for info in place.list(root):
            self._sort(info.key.removeprefix(root).split("/"), info.key, found)
        self._found = found
        self.domains = sorted(name for name, domain in found.items() if domain.versions or domain.deleted)

    def _sort(self, parts: Sequence[str], key: str, found: Mapping[str, _Domain]) -> None:
        match parts:
            case [*domain, "versions", name] if domain and name.endswith(".json"):
                found["/".join(domain)].versions[name.removesuffix(".json")] = key
            case [*domain, "versions", state, name] if domain and state == _DELETED and name.endswith(".json"):
                found["/".join(domain)].deleted[name.removesuffix(".json")] = key
            case [*domain, "versions", state, name] if domain and name.endswith(".json"):
                found["/".join(domain)].states[name.removesuffix(".json")].add(state)
            case [*domain, _date, version, name] if domain and name == _ARCHIVE:
                found["/".join(domain)].archives[version].append(key)

    def model(self, domain: str, name: str) -> PlannedModel:
        """One domain."""
        found = self._found[domain]
        versions = [self._version(domain, one, found) for one in sorted(found.versions)]
        # an id may be used again after its deletion: then it lives
        versions += [self._deleted(domain, one, found) for one in sorted(found.deleted.keys() - found.versions.keys())]
        versions.sort(key=lambda one: (str(one.lineage.get("origin_created_at", "")), one.origin))
        return PlannedModel(
            origin=domain, name=name, versions=tuple(versions), aliases=dict(self._aliases(domain, found, versions))
        )

    def _version(self, domain: str, version: str, found: _Domain) -> Wanted:
        origin = f"{domain}/{version}"
        try:
            document = _document(self._place.read(found.versions[version]))
        except (ValueError, StorageError) as error:  # InvalidInput is a ValueError
            why = f"its record cannot be read: {error}"
            return Wanted(origin=origin, key=import_key("modelstore", domain, version), parcel=why)
        archive = self._archive(document, found.archives[version])
        states = sorted(found.states[version])
        return Wanted(
            origin=origin,
            key=import_key("modelstore", domain, version, _identity(document)),
            parcel="it has no archive"
            if archive is None
            else ArchivedFiles(
                place=self._place, key=archive, library=_text(document, "model", "model_type", "library")
            ),
            metrics=_metrics(document),
            params=_object(document, "model", "parameters"),
            tags={"modelstore.id": version} | ({"modelstore.states": ", ".join(states)} if states else {}),
            lineage=_lineage(document, origin),
        )

    def _deleted(self, domain: str, version: str, found: _Domain) -> Wanted:
        try:
            document = _document(self._place.read(found.deleted[version]))
        except (ValueError, StorageError):
            document = {}
        return Wanted(
            origin=f"{domain}/{version}",
            key=import_key("modelstore", domain, version, _identity(document)),
            parcel="the source has deleted it",
            deleted=True,
            lineage=_lineage(document, f"{domain}/{version}"),
        )

    def _archive(self, document: JsonObject, archives: Sequence[str]) -> str | None:
        """The archive that the record names, wherever the tree lies by now; else the only one that there is."""
        said = _text(document, "storage", "path") or _text(document, "storage", "prefix")
        tail = said.replace("\\", "/").rpartition(f"{TREE}/")[2]
        named = [key for key in archives if key.removeprefix(self._root) == tail]
        return named[0] if named else archives[0] if len(archives) == 1 else None

    def _aliases(self, domain: str, found: _Domain, versions: Sequence[Wanted]) -> Iterator[tuple[str, str]]:
        """State → the newest version in it; all others keep the state in their tag."""
        newest: dict[str, Wanted] = {}
        for one in versions:
            if not one.deleted:
                newest |= dict.fromkeys(sorted(found.states[one.tags.get("modelstore.id", "")]), one)
        taken: set[str] = set()
        for state, one in sorted(newest.items()):
            alias = alias_for(state)
            if not alias or alias in taken:
                self.not_kept.append(
                    NotKept(origin=domain, what=f"state {state}", why="it makes no alias; its tag is kept")
                )
                continue
            if alias != state:
                why = f"the alias is {alias!r}; the tag has the state as it was"
                self.not_kept.append(NotKept(origin=domain, what=f"state {state}", why=why))
            taken.add(alias)
            yield alias, one.key


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFiles:
    """The files in an archive: the one that loads, and the others as extra files; or all of them as a folder."""

    place: Place
    key: str
    library: str

    def taken(self, scratch: Path) -> Taken:
        """The files, unpacked.

        Raises:
            LeftOut: The archive is not there, or is damaged, or holds what no model has.
        """
        try:
            archive = self.place.file(self.key, scratch)
        except StorageError as error:
            raise LeftOut(f"its archive cannot be read: {error.what}") from error
        folder = scratch / "unpacked"
        unpack(archive, folder)
        names = list(files_below(folder))
        own = [name for name in names if name != _INFO and not name.startswith("extras/")]
        main = _MAIN.get(self.library)
        if main not in own:
            main = own[0] if len(own) == 1 else None
        if main is not None:
            return Taken(path=folder / main, extra_files={name: folder / name for name in names if name != main})
        if not own:
            raise LeftOut("its archive holds no model")
        return Taken(path=folder)


def _document(body: bytes | None) -> JsonObject:
    """A record; NaN and the like, which the library writes, become text."""
    try:
        document: Json = json.loads(body or b"", parse_constant=str)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 -- of a file, not of an argument
    return document


def _at(document: JsonObject, *path: str) -> Json:
    found: Json = document
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(document: JsonObject, *path: str) -> str:
    found = _at(document, *path)
    return found if isinstance(found, str) else ""


def _object(document: JsonObject, *path: str) -> JsonObject:
    found = _at(document, *path)
    return {key: value for key, value in found.items() if key} if isinstance(found, dict) else {}


def _metrics(document: JsonObject) -> dict[str, float | int]:
    """The numbers of the extra metadata."""
    extra = _object(document, "extra")
    return {
        key: value for key, value in extra.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _identity(document: JsonObject) -> str:
    """All of the record but where it lay."""
    return json.dumps({key: value for key, value in document.items() if key != "storage"}, sort_keys=True)


def _lineage(document: JsonObject, origin: str) -> JsonObject:
    facts: JsonObject = {
        "imported_from": "modelstore",
        "origin": origin,
        "origin_created_at": _created(_text(document, "code", "created")),
        "origin_created_by": _text(document, "code", "user"),
        "modelstore_version": _text(document, "modelstore"),
        "model_type": _at(document, "model", "model_type"),
        "python": _text(document, "code", "runtime").removeprefix("python:"),
        "dependencies": _at(document, "code", "dependencies"),
        "git": _at(document, "code", "git"),
        "data": _at(document, "model", "data"),
        "extra": _at(document, "extra"),
    }
    return {key: value for key, value in facts.items() if value not in (None, "", {})}


def _created(text: str) -> str:
    """The library's time, which has no zone, in the form of ISO 8601."""
    match = _CREATED.fullmatch(text)
    return f"{match[1]}-{match[2]}-{match[3]}T{match[4]}:{match[5]}:{match[6]}" if match else text
