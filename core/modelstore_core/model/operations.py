"""The closed sum of what a commit can do, and the entry that says who did it when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import Json, JsonObject

__all__ = [
    "AddVersion",
    "Annotate",
    "Condemn",
    "Delete",
    "DropAlias",
    "Entry",
    "Finding",
    "Move",
    "Operation",
    "Purge",
    "RefuseAlias",
    "Restore",
    "SetAlias",
    "Verb",
    "moves_of",
]

Verb: TypeAlias = Literal["save", "promote", "rollback", "unalias", "annotate", "delete", "restore", "condemn", "purge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one gate found, as it stands in history.

    Attributes:
        rule: The gate as text, such as "auc >= 0.9".
        metric: The metric that it judges.
        candidate: The candidate's value; None if it has none.
        current: The value of the version that the alias points to; None if there is no such version or value.
        passed: The verdict.
        message: One sentence with the numbers of both sides.
    """

    rule: str
    metric: str
    candidate: float | None
    current: float | None
    passed: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One alias's way from `previous` to `number`; a rollback goes to the target set by the commit `back`."""

    alias: str
    number: int
    previous: int | None
    back: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddVersion:
    """A new version: its record, which is never rewritten, and the aliases it starts with."""

    number: int
    data: str
    digest: str
    size: int
    format: str
    files: tuple[FileEntry, ...] = ()
    loads: tuple[str, ...] = ()
    model_type: str = ""
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    params: JsonObject = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    lineage: JsonObject = field(default_factory=dict)
    environment: JsonObject = field(default_factory=dict)
    signature: JsonObject | None = None
    globals: tuple[str, ...] = ()
    proved: JsonObject | None = None
    supersedes: int | None = None
    aliases: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    """An alias came to point to a version; `record` is the seq of that version's record."""

    move: Move
    record: int
    reason: str = ""
    evidence: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseAlias:
    """A promotion that a gate refused; nothing moved."""

    alias: str
    number: int
    current: int | None
    reason: str = ""
    evidence: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAlias:
    """An alias was removed; `number` is what it pointed to."""

    alias: str
    number: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """Metrics, tags and description of a version changed: what was asked, and the whole result."""

    number: int
    record: int
    delta: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A version left every listing; `dropped` are the aliases that went with it."""

    number: int
    record: int
    dropped: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A deleted version came back."""

    number: int
    record: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemn:
    """These data folders belong to no version and never will; their objects may be removed."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """The version's files may be removed."""

    number: int
    record: int


Operation: TypeAlias = AddVersion | SetAlias | RefuseAlias | DropAlias | Annotate | Delete | Restore | Condemn | Purge


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One operation with who, when and under which key.

    Attributes:
        seq: Its position in the model's log, from 1.
        op_id: Unique, and unknowable before the writer chose it.
        verb: What the caller asked for.
        actor: Who asked, as they said.
        time: ISO 8601, UTC.
        key: The idempotency key, if any.
        attempt: The attempt that the orchestrator counted.
        op: The operation.
        cut: Names of the operation's fields that this copy leaves out; the commit at `seq` has them.
    """

    seq: int
    op_id: str
    verb: Verb
    actor: str
    time: str
    op: Operation
    key: str | None = None
    attempt: int = 0
    cut: frozenset[str] = frozenset()


def moves_of(entry: Entry) -> tuple[Move, ...]:
    """The alias moves that an entry made, none for most kinds."""
    match entry.op:
        case AddVersion(aliases=moves):
            return moves
        case SetAlias(move=move):
            return (move,)
        case _:
            return ()
