"""Which store is meant: the command's word, the environment's, or the project's; by URL, or by a name of the project's.

A bare word is always a name, and whatever has a dot, slash, colon or tilde in it is a place: so that a mistyped name is
an error, and never a new folder.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeAlias, TypeGuard

from modelstore_core.errors import InvalidInput, InvalidLocation

__all__ = ["Place", "Project", "is_name", "place_of", "project"]

Option: TypeAlias = str | bool

_VARIABLE = "MODELSTORE_URL"
_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_FIELDS = ("store", "stores", "trust")
_LEVELS = ("safe", "listed", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A store, and how it is to be opened unless the command says otherwise.

    Attributes:
        url: Where it is.
        options: Of its storage.
        actor: Who writes.
        trust: What `inspect` judges by.
        read_only: Whether whatever would write is to be refused.
        origin: The table that says so, for errors; "" if it is no table's word.
    """

    url: str
    options: Mapping[str, Option] = field(default_factory=dict)
    actor: str | None = None
    trust: str | tuple[str, ...] | None = None
    read_only: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the nearest pyproject.toml says under [tool.modelstore].

    Attributes:
        path: The file; None if there is none.
        store: What is meant where nothing else is named; "" if nothing.
        stores: The stores that have a name.
    """

    path: Path | None = None
    store: str = ""
    stores: Mapping[str, Place] = field(default_factory=dict)

    def named(self, name: str) -> Place:
        """The store of this name.

        Raises:
            InvalidLocation: There is none; the message says which there are.
        """
        if name in self.stores:
            return self.stores[name]
        where = "there is no pyproject.toml here or above" if self.path is None else f"{str(self.path)!r} names "
        known = "" if self.path is None else ", ".join(sorted(self.stores)) or "none"
        raise InvalidLocation(
            f"There is no store named {name!r}: {where}{known}.",
            value=name,
            fix=f'Write ./{name} for a folder, or name it: [tool.modelstore.stores.{name}] url = "…".',
        )


def is_name(word: str) -> bool:
    """Whether a word names a store, rather than a place: letters, digits, dashes and underscores only."""
    return _BARE.fullmatch(word) is not None


def place_of(given: str | None, start: Path | None = None) -> Place:
    """`--store`, else MODELSTORE_URL, else `[tool.modelstore] store` of the nearest pyproject.toml.

    `--store` and the project's `store` may be names; MODELSTORE_URL is a place, as it is for Python. A relative path
    in a pyproject.toml starts at that file's folder.

    Args:
        given: The value of `--store`, or of another word that names a store, if any.
        start: Where to look for a pyproject.toml, upwards; the current folder if left out.

    Raises:
        InvalidLocation: None of the three names a store, or there is none of that name.
        InvalidInput: The pyproject.toml cannot be read, or what it says makes no sense.
    """
    if given is not None:
        return project(start).named(given) if is_name(given) else Place(url=given)
    if url := os.environ.get(_VARIABLE):
        if is_name(url) and url in project(start).stores:
            raise InvalidLocation(
                f"{_VARIABLE} is {url!r}, a name of this project's; for Python it would be a folder.",
                value=url,
                fix=f"Pass --store {url}, or set {_VARIABLE} to a URL; ./{url} is the folder.",
            )
        return Place(url=url)
    found = project(start)
    if found.store:
        return found.named(found.store) if is_name(found.store) else Place(url=found.store)
    raise InvalidLocation(
        "No store was named.",
        fix=f'Pass --store URL, or set {_VARIABLE}, or write store = "…" under [tool.modelstore] in pyproject.toml. '
        "A URL is a folder, such as ./models, or s3://bucket/prefix.",
    )


def project(start: Path | None = None) -> Project:
    """What the nearest pyproject.toml says, of the folder or those above it.

    Raises:
        InvalidInput: It cannot be read, or what it says makes no sense.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _read(path)
    return Project()


def _read(path: Path) -> Project:
    import tomllib

    try:
        document: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{str(path)!r} cannot be read for its store: {error}.",
            value=str(path),
            fix="Mend it, or pass --store URL.",
        ) from error
    tools = document.get("tool", {}) if isinstance(document, dict) else {}
    table = tools.get("modelstore", {}) if isinstance(tools, dict) else {}
    return _Table(path, "tool.modelstore", table).project()


class _Table:
    """A table of the file, which knows its own place in it."""

    def __init__(self, path: Path, where: str, table: object) -> None:
        self.path = path
        self.where = where
        if not isinstance(table, dict):
            self.table: dict[str, object] = {}
            self.wrong("", table, f"Write a table: [{where}].")
        self.table = table

    def project(self) -> Project:
        """Of [tool.modelstore]."""
        for name in self.table.keys() - set(_FIELDS):
            self.wrong(name, self.table[name], f"Its fields are {', '.join(_FIELDS)}.")
        stores = _Table(self.path, f"{self.where}.stores", self.table.get("stores", {}))
        store = self.text("store") if "store" in self.table else ""
        return Project(
            path=self.path,
            store=store if is_name(store) or not store else self.located(store),
            stores={name: stores.below(name).place() for name in stores.table},
        )

    def below(self, name: str) -> "_Table":
        """The table of a store."""
        if not is_name(name):
            self.wrong(name, name, "A name has letters, digits, dashes and underscores only.")
        return _Table(self.path, f"{self.where}.{name}", self.table[name])

    def place(self) -> Place:
        """Of a store: its url, what this command knows, and the options of its storage."""
        from modelstore_core.cli.arguments import OWN_OPTIONS

        known = {"url", "actor", "trust", "read_only"}
        options = {name.replace("-", "_"): value for name, value in self.table.items() if name not in known}
        for name in options.keys() & OWN_OPTIONS:
            self.wrong(
                name, options[name], f"A store's table has {', '.join(sorted(known))}, and options of its storage."
            )
        for name, value in options.items():
            if not isinstance(value, str | bool):
                self.wrong(name, value, "Write text, true or false.")
        read_only = self.table.get("read_only", False)
        if not isinstance(read_only, bool):
            self.wrong("read_only", read_only, "Write true or false.")
        return Place(
            url=self.located(self.text("url")),
            options={name: value for name, value in options.items() if isinstance(value, str | bool)},
            actor=self.text("actor") if "actor" in self.table else None,
            trust=self.trust(),
            read_only=bool(read_only),
            origin=f"[{self.where}] in {str(self.path)!r}",
        )

    def trust(self) -> str | tuple[str, ...] | None:
        """A level, or names; None if nothing is said."""
        found = self.table.get("trust")
        if found is None or (isinstance(found, str) and found in _LEVELS):
            return found
        if not _are_texts(found):
            self.wrong("trust", found, 'Write "safe", "listed", "full", or a list of exact names.')
        return tuple(found)

    def text(self, name: str) -> str:
        """A field that must be there, and say something."""
        found = self.table.get(name)
        if not isinstance(found, str) or not found:
            self.wrong(name, found, f'Write text: {name} = "./models".' if name in {"url", "store"} else "Write text.")
        return found

    def located(self, url: str) -> str:
        """The URL, or the path from this file's folder."""
        return url if "://" in url else str(self.path.parent / Path(url).expanduser())

    def wrong(self, name: str, value: object, fix: str) -> NoReturn:
        """Say which field makes no sense.

        Raises:
            InvalidInput: Always.
        """
        said = "is missing" if value is None else f"is {value!r}"
        raise InvalidInput(
            f"[{self.where}] {name} in {str(self.path)!r} {said}.".replace("]  ", "] "), value=value, fix=fix
        )


def _are_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
