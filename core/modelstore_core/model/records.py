"""What callers get to see: frozen records, and sequences of them that become data frames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar

from modelstore_core.errors import MissingExtra
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import Finding
from modelstore_core.model.tables import html_table, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "Comparison",
    "Difference",
    "Event",
    "EventKind",
    "Feed",
    "ModelSummary",
    "ModelVersion",
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


class Record(Protocol):
    """Something that can be a row."""

    def row(self) -> dict[str, object]:
        """The record's columns; `metrics.x`, `params.x` and `tags.x` are columns of their own."""


R_co = TypeVar("R_co", bound=Record, covariant=True)


class Records(tuple[R_co, ...]):
    """A plain sequence of records that shows itself as a table and becomes a data frame."""

    __slots__ = ()

    def rows(self) -> list[dict[str, object]]:
        """One mapping a record."""
        return [record.row() for record in self]

    def columns(self) -> list[str]:
        """The names of all columns, in order of first appearance."""
        return list(dict.fromkeys(name for row in self.rows() for name in row))

    def to_pandas(self) -> "DataFrame":
        """The records as a data frame with typed columns: one row each, `metrics.*`, `params.*`, `tags.*` expanded.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra(
                "Data frames need pandas.", value="pandas", fix='Run: pip install "modelstore-pipelines[pandas]"'
            ) from error
        return pd.DataFrame(self.rows(), columns=self.columns())

    def __repr__(self) -> str:
        return text_table(self.rows(), self.columns()) or f"{type(self).__name__}()"

    def _repr_html_(self) -> str:
        return html_table(self.rows(), self.columns())


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
        created_at, created_by: When (UTC) and by whom it was saved.
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
    key: str | None
    attempt: int
    supersedes: int | None
    superseded_by: int | None
    deleted: bool
    purged: bool
    url: str
    proved: JsonObject | None = None
    model_params: JsonObject = field(default_factory=dict)

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

    def row(self) -> dict[str, object]:
        """The version as one row of a table."""
        return {
            "name": self.name,
            "number": self.number,
            "aliases": ", ".join(self.aliases),
            **{f"metrics.{key}": value for key, value in self.metrics.items()},
            "format": self.format,
            "size": self.size,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "digest": self.digest,
            **{f"params.{key}": value for key, value in self.params.items()},
            **{f"tags.{key}": value for key, value in self.tags.items()},
            "description": self.description,
            "deleted": self.deleted,
            "superseded_by": self.superseded_by,
            "key": self.key,
        }

    def card(self) -> list[dict[str, object]]:
        """The version as a table of two columns, for people."""
        state = "deleted" if self.deleted else f"superseded by {self.superseded_by}" if self.superseded_by else None
        facts: dict[str, object] = {
            "version": self.ref,
            "state": state,
            "aliases": self.aliases or None,
            "metrics": self.metrics or None,
            "params": self.params or None,
            "made with": self.model_params or None,
            "tags": self.tags or None,
            "description": self.description or None,
            "format": f"{self.format} ({self.model_type})" if self.model_type else self.format,
            "files": ", ".join(file.path for file in self.files),
            "size": f"{self.size:,} bytes",
            "digest": self.digest,
            "created": f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC by {self.created_by}",
            "key": self.key,
            "lineage": self.lineage or None,
            "environment": self.environment or None,
            "proved": self.proved or None,
            "url": self.url,
        }
        return [{"what": what, "value": value} for what, value in facts.items() if value is not None]

    def __str__(self) -> str:
        return "\n".join(f"{line['what']!s:<12}{_one_line(line['value'])}" for line in self.card())

    def _repr_html_(self) -> str:
        return html_table(self.card(), ["what", "value"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model, in a listing of all.

    Attributes:
        name: Its name.
        newest: The number of its newest live version, or None.
        versions: How many versions are live.
        aliases: Alias → number.
        changed_at: When it last changed.
    """

    name: str
    newest: int | None
    versions: int
    aliases: Mapping[str, int]
    changed_at: datetime

    def row(self) -> dict[str, object]:
        """The model as one row of a table."""
        return {
            "name": self.name,
            "newest": self.newest,
            "versions": self.versions,
            "aliases": ", ".join(f"{alias}={number}" for alias, number in sorted(self.aliases.items())),
            "changed_at": self.changed_at,
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
        undoes: The seq of the commit that was taken back, if that is what was asked.
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
    undoes: int | None = None

    def row(self) -> dict[str, object]:
        """The event as one row of a table."""
        return {
            "time": self.time,
            "actor": self.actor,
            "kind": self.kind,
            "number": self.number,
            "alias": self.alias,
            "previous": self.previous,
            "verb": self.verb,
            "reason": self.reason,
            "evidence": "; ".join(finding.message for finding in self.evidence),
            "model": self.model,
            "seq": self.seq,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What happened since a cursor, oldest first within each model, and the cursor to ask with next time."""

    events: Records[Event]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which two versions differ; a number's `change` is right minus left."""

    field: str
    left: Json
    right: Json
    change: float | None

    def row(self) -> dict[str, object]:
        """The difference as one row of a table."""
        return {"field": self.field, "left": self.left, "right": self.right, "change": self.change}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions, and all in which they differ."""

    left: ModelVersion
    right: ModelVersion
    differences: Records[Difference]

    def to_pandas(self) -> "DataFrame":
        """The differences as a data frame."""
        return self.differences.to_pandas()

    def __str__(self) -> str:
        rows = [{**d.row(), self.left.ref: d.left, self.right.ref: d.right} for d in self.differences]
        return text_table(rows, ["field", self.left.ref, self.right.ref, "change"]) or "no difference"

    def _repr_html_(self) -> str:
        return html_table(self.differences.rows(), ["field", "left", "right", "change"])


def install_line(environment: JsonObject) -> str:
    """The `pip install` line of a record's environment, made of what are exact pins and nothing else."""
    pins = environment.get("requirements")
    exact = [pin for pin in pins if isinstance(pin, str) and _PIN.fullmatch(pin)] if isinstance(pins, list) else []
    return " ".join(["pip install", *(f'"{pin}"' for pin in exact)]) if exact else ""


def _one_line(value: object) -> str:
    return text_table([{"": value}], [""], width=400).strip("\n ")
