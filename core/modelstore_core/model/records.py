"""What callers get to see: frozen records of versions, models and what happened to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from modelstore_core.model.digest import FileEntry
from modelstore_core.model.frames import Kind
from modelstore_core.model.json import JsonObject
from modelstore_core.model.listings import Page, Records
from modelstore_core.model.operations import Finding
from modelstore_core.model.reviews import CheckOutcome
from modelstore_core.model.signatures import signature_line
from modelstore_core.model.tables import cell, html_card, printable, readable_size, screen_table, telling, text_card

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "Event",
    "EventKind",
    "Feed",
    "ModelSummary",
    "ModelVersion",
    "Page",
    "Records",
    "install_line",
]

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!_-]*")

EventKind: TypeAlias = Literal[
    "version.created",
    "version.annotated",
    "check.recorded",
    "version.deleted",
    "version.restored",
    "version.purged",
    "alias.moved",
    "alias.dropped",
    "promotion.refused",
    "rules.changed",
    "approval.requested",
    "approval.granted",
    "approval.rejected",
    "model.described",
    "model.deleted",
    "model.restored",
    "model.moved",
    "model.arrived",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a model, as of the moment it was asked for.

    Attributes:
        name: The model's name.
        number: 1, 2, 3 …, never used twice.
        digest: `sha256:` and 64 hexadecimal digits over the files' paths, sizes and digests.
        size: Of all files, in bytes.
        format: How the object was turned into files.
        model_type: The object's class, "module.qualname".
        metrics, params, tags, description: What was recorded, annotations included.
        files: What it consists of.
        aliases: The aliases that point to it now, sorted.
        lineage: Where it comes from: run ids, data versions, as the caller gave them.
        environment: `python`, `platform`, `requirements` and `git` at save.
        signature: MLflow's signature of inputs and outputs, if an input example was given.
        globals: The exact names that loading the object resolves from pickles.
        model_params: What the model itself says of how it was made: `get_params()` of an estimator, say. At most 4 KiB,
            long values shortened, and the key `…` says what was left out.
        proved: What came of `save(prove=True)`: `loaded`, `predicted`, `seconds` and `python`; None without it.
        checks: The newest outcome of each check that was recorded of it: true where it passed.
        created_at, created_by: When (UTC) and by whom it was saved.
        changed_at: When it was saved or last annotated.
        key, attempt: The idempotency key and attempt it was saved under.
        supersedes, superseded_by: Other versions of the same key.
        deleted, purged: Whether it was deleted, and whether its files are gone for good.
        url: Its folder, which anything that reads MLflow models can read.
    """

    name: str
    number: int
    digest: str
    size: int
    format: str
    model_type: str
    metrics: Mapping[str, float | int]
    params: JsonObject
    tags: Mapping[str, str]
    description: str
    files: tuple[FileEntry, ...]
    aliases: tuple[str, ...]
    lineage: JsonObject
    environment: JsonObject
    signature: JsonObject | None
    globals: tuple[str, ...]
    created_at: datetime
    created_by: str
    changed_at: datetime
    key: str | None
    attempt: int
    supersedes: int | None
    superseded_by: int | None
    deleted: bool
    purged: bool
    url: str
    proved: JsonObject | None = None
    model_params: JsonObject = field(default_factory=dict)
    checks: Mapping[str, CheckOutcome] = field(default_factory=dict)

    @property
    def install(self) -> str:
        """The command that installs what the version was saved with; "" if its record names no packages.

        Only exact pins get into it: a record can say what it likes, and this is meant for a shell.
        """
        return install_line(self.environment)

    @property
    def ref(self) -> str:
        """The reference that always means this version, such as `risk.churn@3`."""
        return f"{self.name}@{self.number}"

    @property
    def state(self) -> Literal["live", "superseded", "deleted", "purged"]:
        """Whether it is to be had, in a word."""
        if self.deleted or self.purged:
            return "purged" if self.purged else "deleted"
        return "live" if self.superseded_by is None else "superseded"

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "name": "text",
        "number": "int",
        "aliases": "text",
        "metrics.*": "metric",
        "checks.*": "flag",
        "created_at": "time",
        "created_by": "text",
        "tags.*": "text",
        "params.*": "json",
        "description": "text",
        "format": "text",
        "size": "int",
        "deleted": "flag",
        "superseded_by": "int",
        "key": "text",
        "digest": "text",
    }

    def row(self) -> dict[str, object]:
        """The version as one row of a table."""
        return {
            "name": self.name,
            "number": self.number,
            "aliases": ", ".join(self.aliases),
            **{f"metrics.{key}": value for key, value in self.metrics.items()},
            **{f"checks.{key}": check.passed for key, check in self.checks.items()},
            "created_at": self.created_at,
            "created_by": self.created_by,
            **{f"tags.{key}": value for key, value in self.tags.items()},
            **{f"params.{key}": value for key, value in self.params.items()},
            "description": self.description,
            "format": self.format,
            "size": self.size,
            "deleted": self.deleted,
            "superseded_by": self.superseded_by,
            "key": self.key,
            "digest": self.digest,
        }

    def card(self) -> list[dict[str, object]]:
        """The version as a table of two columns, for people."""
        by = f", by {self.superseded_by}" if self.state == "superseded" else ""
        environment = self.environment
        facts: dict[str, object] = {
            "version": self.ref,
            "state": None if self.state == "live" else f"{self.state}{by}",
            "aliases": self.aliases,
            "description": self.description,
            "metrics": self.metrics,
            "checks": ", ".join(f"{name} {check}" for name, check in self.checks.items()),
            "params": self.params,
            "tags": self.tags,
            "inputs": signature_line(self.signature, "inputs"),
            "outputs": signature_line(self.signature, "outputs"),
            "created": f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC by {self.created_by}",
            "lineage": self.lineage,
            "format": f"{self.format} ({self.model_type})" if self.model_type else self.format,
            "made with": self.model_params,
            "files": f"{', '.join(file.path for file in self.files)} ({readable_size(self.size)})",
            "python": " on ".join(str(environment[key]) for key in ("python", "platform") if environment.get(key)),
            "packages": environment.get("requirements"),
            "git": environment.get("git"),
            "proved": self.proved,
            "key": self.key,
            "digest": self.digest,
            "url": self.url,
        }
        return [{"what": what, "value": value} for what, value in facts.items() if value]

    def __str__(self) -> str:
        return text_card(self._facts())

    def __repr__(self) -> str:
        parts = [self.ref, *([] if self.state == "live" else [self.state]), *self.aliases, self.format]
        return printable(f"ModelVersion({', '.join([*parts, *([cell(self.metrics)] if self.metrics else [])])})")

    def _repr_html_(self) -> str:
        return html_card(self._facts())

    def _facts(self) -> list[tuple[str, object]]:
        return [(str(line["what"]), line["value"]) for line in self.card()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model, in a listing of all.

    Attributes:
        name: Its name.
        newest: The number of its newest live version, or None.
        versions: How many versions are live.
        aliases: Alias → number.
        changed_at: When it last changed.
        description, tags, owner: What is said of the model as a whole.
        deleted: Whether it is deleted.
    """

    name: str
    newest: int | None
    versions: int
    aliases: Mapping[str, int]
    changed_at: datetime
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    deleted: bool = False

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "name": "text",
        "newest": "int",
        "versions": "int",
        "aliases": "text",
        "changed_at": "time",
        "owner": "text",
        "tags.*": "text",
        "description": "text",
        "deleted": "flag",
    }

    def row(self) -> dict[str, object]:
        """The model as one row of a table."""
        return {
            "name": self.name,
            "newest": self.newest,
            "versions": self.versions,
            "aliases": ", ".join(f"{alias}={number}" for alias, number in sorted(self.aliases.items())),
            "changed_at": self.changed_at,
            "owner": self.owner,
            **{f"tags.{key}": value for key, value in self.tags.items()},
            "description": self.description,
            "deleted": self.deleted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a model.

    Attributes:
        id: The same for everyone who sees it: `name:seq`, and `:n` for further events of one commit.
        model, seq: The model, and the commit in its log.
        kind: What happened.
        time, actor: When, and who (as they said).
        number: The version concerned; None if it is the model as a whole.
        alias: The alias concerned, if any.
        previous: What the alias pointed to before.
        verb: What was asked for: a move may come from a save, a promotion or a rollback.
        reason: Why, as given.
        evidence: What each gate found.
        key: The idempotency key.
        override: Whether the rules that guard the alias were overridden.
        rules: The rules that guard the alias from then on, as they are stored; none if they were taken away.
        undoes: The seq of the commit that was taken back, if that is what was asked.
        other_name: The name that the model has since a rename, or had before it.
    """

    id: str
    model: str
    seq: int
    kind: EventKind
    time: datetime
    actor: str
    number: int | None
    alias: str | None = None
    previous: int | None = None
    verb: str = ""
    reason: str = ""
    evidence: tuple[Finding, ...] = ()
    key: str | None = None
    override: bool = False
    rules: tuple[JsonObject, ...] = ()
    undoes: int | None = None
    other_name: str | None = None

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "time": "time",
        "kind": "text",
        "number": "int",
        "alias": "text",
        "previous": "int",
        "actor": "text",
        "reason": "text",
        "evidence": "text",
        "verb": "text",
        "override": "flag",
        "undoes": "int",
        "other_name": "text",
        "key": "text",
        "model": "text",
        "seq": "int",
    }

    def row(self) -> dict[str, object]:
        """The event as one row of a table."""
        return {
            "time": self.time,
            "kind": self.kind,
            "number": self.number,
            "alias": self.alias,
            "previous": self.previous,
            "actor": self.actor,
            "reason": self.reason,
            "evidence": "; ".join(finding.message for finding in self.evidence),
            "verb": self.verb,
            "override": self.override,
            "undoes": self.undoes,
            "other_name": self.other_name,
            "key": self.key,
            "model": self.model,
            "seq": self.seq,
        }

    def __str__(self) -> str:
        return text_card(self._facts())

    def __repr__(self) -> str:
        about = self.model if self.number is None else f"{self.model}@{self.number}"
        alias = "" if self.alias is None else f", {self.alias}"
        return printable(f"Event({self.id}, {self.kind}, {about}{alias}, {self.actor}, {cell(self.time)})")

    def _repr_html_(self) -> str:
        return html_card(self._facts())

    def _facts(self) -> list[tuple[str, object]]:
        row = self.row()
        return [(name, row[name]) for name in telling([row], list(row))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What happened since a cursor, oldest first within each model, and the cursor to ask with next time."""

    events: Records[Event]
    cursor: str

    def to_pandas(self) -> "DataFrame":
        """The events as a data frame."""
        return self.events.to_pandas()

    def __str__(self) -> str:
        if not self.events:
            return "no changes"
        return screen_table(self.events.rows(), ["time", "model", *(c for c in Event.COLUMNS if c != "model")])

    def __repr__(self) -> str:
        return f"Feed({len(self.events):,} event{'' if len(self.events) == 1 else 's'}, cursor={self.cursor!r})"

    def _repr_html_(self) -> str:
        return self.events._repr_html_() if self.events else "<p>no changes</p>"


def install_line(environment: JsonObject) -> str:
    """The `pip install` line of a record's environment, made of what are exact pins and nothing else."""
    pins = environment.get("requirements")
    exact = [pin for pin in pins if isinstance(pin, str) and _PIN.fullmatch(pin)] if isinstance(pins, list) else []
    return " ".join(["pip install", *(f'"{pin}"' for pin in exact)]) if exact else ""
