"""Saving what was planned, version by version, each under a key of its own: again does nothing, and a cut is taken up.

The store is told by its public verbs alone.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from modelstore_core.errors import Conflict, InvalidInput, ModelNotFound, NotSerializable
from modelstore_core.formats.foreign import format_of
from modelstore_core.importing.naming import import_key
from modelstore_core.importing.plan import LeftOut, Plan, PlannedModel, Taken, Wanted
from modelstore_core.model.imported import Imported, ImportedVersion, ImportState, NotKept
from modelstore_core.model.json import JsonObject
from modelstore_core.model.records import ModelVersion, Records

__all__ = ["Target", "carry"]

_LARGEST_RECORD = 160 << 10  # of the 256 KiB that a commit holds, with room for what the store itself adds
_REST = "import.json"
_SHORT = 1000


class Target(Protocol):
    """What of a store is needed to import into it."""

    def save(  # noqa: PLR0913 -- as wide as the verb itself
        self,
        model: object,
        name: str,
        *,
        metrics: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        lineage: Mapping[str, object] | None = None,
        extra_files: Mapping[str, Path] | None = None,
        format: str | None = None,  # noqa: A002 - the public argument's name
        key: str | None = None,
    ) -> ModelVersion:
        """Publish a version."""

    def promote(self, reference: str, alias: str, *, expect: None, reason: str, key: str | None = None) -> ModelVersion:
        """Point an alias that is not there yet to a version."""

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, object] | None = None,
        key: str | None = None,
    ) -> object:
        """Say something of a model as a whole."""

    def versions(self, name: str, *, deleted: bool = False) -> Records[ModelVersion]:
        """All versions of a model."""


def carry(target: Target, plan: Plan, *, dry_run: bool) -> Imported:
    """Save what is not there yet; with `dry_run` look at every file and save none.

    Raises:
        ModelStoreError: The store could not be written. What was saved by then stays, and is found by the next call.
    """
    rows: list[ImportedVersion] = []
    lost = [*plan.not_kept]
    for model in plan.models:
        carried = _Carried(target=target, model=model, dry_run=dry_run, lost=lost)
        rows += carried.run()
    return Imported(source=plan.source, kind=plan.kind, dry_run=dry_run, versions=Records(rows), not_kept=Records(lost))


@dataclass(slots=True, kw_only=True)
class _Carried:
    """One model on its way."""

    target: Target
    model: PlannedModel
    dry_run: bool
    lost: list[NotKept]
    there: dict[str, ModelVersion] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    keyless: bool = False
    next: int = 1

    def run(self) -> list[ImportedVersion]:
        self._look()
        if not self.model.name.endswith(self.model.origin):
            self._lose(self.model.origin, "name", f"the model is called {self.model.name!r} here")
        rows = [self._version(wanted) for wanted in self.model.versions]
        self._describe()
        given = dict(self._promoted())
        return [_with_aliases(row, given) for row in rows]

    def _look(self) -> None:
        try:
            found = self.target.versions(self.model.name, deleted=True)
        except ModelNotFound:
            return
        self.keyless = any(one.key is None for one in found)
        self.there = {one.key: one for one in reversed(found) if one.key is not None}
        self.aliases = {alias: one.number for one in found for alias in one.aliases}
        self.next = max((one.number for one in found), default=0) + 1

    def _version(self, wanted: Wanted) -> ImportedVersion:
        known = self.there.get(wanted.key)
        if known is not None:
            self.numbers[wanted.key] = known.number
            return self._present(wanted, known)
        if isinstance(wanted.parcel, str):
            return self._without(wanted, wanted.parcel)
        try:
            with tempfile.TemporaryDirectory(prefix="modelstore-import-") as scratch:
                return self._saved(wanted, wanted.parcel.taken(Path(scratch)), Path(scratch))
        except LeftOut as error:
            return self._without(wanted, str(error))

    def _saved(self, wanted: Wanted, taken: Taken, scratch: Path) -> ImportedVersion:
        with _leaving_out():
            name = _format_of(taken.path)
        params, lineage, extra = self._fitting(wanted, taken, scratch)
        if self.dry_run:
            number, self.next = self.next, self.next + 1
            return self._imported(wanted, number, name or _as_path(taken.path))
        with _leaving_out():
            saved = self.target.save(
                taken.path,
                self.model.name,
                metrics=wanted.metrics,
                params=params,
                tags=wanted.tags,
                description=wanted.description,
                lineage=lineage,
                extra_files=extra,
                format=name,
                key=wanted.key,
            )
        return self._imported(wanted, saved.number, saved.format)

    def _fitting(self, wanted: Wanted, taken: Taken, scratch: Path) -> tuple[JsonObject, JsonObject, dict[str, Path]]:
        """Params and lineage as far as a record holds them; the rest is a file of the version."""
        said = json.dumps([wanted.params, wanted.lineage, dict(wanted.tags), dict(wanted.metrics), wanted.description])
        if len(said) <= _LARGEST_RECORD:
            return wanted.params, wanted.lineage, dict(taken.extra_files)
        rest = scratch / _REST
        rest.write_text(json.dumps({"params": wanted.params, "lineage": wanted.lineage}), encoding="utf-8")
        self._lose(wanted.origin, "params and lineage", f"too much for a record: extra_files/{_REST} has them")
        short: JsonObject = {
            key: value for key, value in wanted.lineage.items() if isinstance(value, str) and len(value) <= _SHORT
        }
        return {}, short, {**taken.extra_files, _REST: rest}

    def _imported(self, wanted: Wanted, number: int, name: str) -> ImportedVersion:
        self.numbers[wanted.key] = number
        return ImportedVersion(origin=wanted.origin, name=self.model.name, number=number, state="imported", format=name)

    def _present(self, wanted: Wanted, known: ModelVersion) -> ImportedVersion:
        gone = "deleted here since" if known.deleted else ""
        return ImportedVersion(
            origin=wanted.origin,
            name=self.model.name,
            number=known.number,
            state="present",
            format=known.format,
            why=gone,
        )

    def _without(self, wanted: Wanted, why: str) -> ImportedVersion:
        state: ImportState = "deleted" if wanted.deleted else "left out"
        return ImportedVersion(origin=wanted.origin, name=self.model.name, number=None, state=state, why=why)

    def _describe(self) -> None:
        """What is said of the model, unless it has versions here that came another way: then it is somebody else's."""
        if not self.numbers or not (self.model.description or self.model.tags):
            return
        if self.there.keys() - {wanted.key for wanted in self.model.versions} or self.keyless:
            self._lose(self.model.origin, "description and tags", "the model had versions of its own here")
            return
        if self.dry_run:
            return
        said = json.dumps([self.model.description, dict(self.model.tags)], sort_keys=True)
        try:
            self.target.describe(
                self.model.name,
                description=self.model.description,
                tags=self.model.tags,
                key=import_key("about", self.model.origin, said),
            )
        except InvalidInput as error:
            self._lose(self.model.origin, "description and tags", error.what)

    def _promoted(self) -> Iterator[tuple[str, int]]:
        """The aliases that are not here yet; one that is here stays where it is, whoever has set it."""
        for alias, key in sorted(self.model.aliases.items()):
            number, now = self.numbers.get(key), self.aliases.get(alias)
            if number is None:
                self._lose(self.model.origin, f"alias {alias}", "its version is not here")
            elif now is not None and now != number:
                self._lose(self.model.origin, f"alias {alias}", f"it points to version {now} here, not to {number}")
            elif now is None and self._promote(alias, number, key):
                yield alias, number

    def _promote(self, alias: str, number: int, key: str) -> bool:
        if self.dry_run:
            return True
        reference = f"{self.model.name}@{number}"
        try:
            moved = self.target.promote(
                reference, alias, expect=None, reason=f"imported from {self.model.origin}", key=f"{key}/{alias}"
            )
        except Conflict as error:
            self._lose(self.model.origin, f"alias {alias}", error.what)
            return False
        return alias in moved.aliases

    def _lose(self, origin: str, what: str, why: str) -> None:
        self.lost.append(NotKept(origin=origin, what=what, why=why))


@contextmanager
def _leaving_out() -> Iterator[None]:
    """What is wrong with one version's files or words is a reason to leave that version out, and no other."""
    try:
        yield
    except (InvalidInput, NotSerializable) as error:
        raise LeftOut(error.what) from error


def _format_of(path: Path) -> str | None:
    try:
        return format_of(path)
    except OSError as error:
        raise LeftOut(f"it cannot be read: {error.strerror}") from error


def _as_path(path: Path) -> str:
    return "folder" if path.is_dir() else "file"


def _with_aliases(row: ImportedVersion, given: Mapping[str, int]) -> ImportedVersion:
    mine: Sequence[str] = [alias for alias, number in given.items() if number == row.number]
    if not mine or row.state not in {"imported", "present"}:
        return row
    return ImportedVersion(
        origin=row.origin,
        name=row.name,
        number=row.number,
        state=row.state,
        format=row.format,
        aliases=tuple(mine),
        why=row.why,
    )
