"""The closed sum of what a commit can do, and the entry that says who did it when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import Json, JsonObject

__all__ = [
    "About",
    "AddVersion",
    "Annotate",
    "Arrive",
    "CheckResult",
    "Close",
    "Condemn",
    "Delete",
    "Describe",
    "DropAlias",
    "Entry",
    "Finding",
    "Move",
    "MoveAway",
    "Operation",
    "Purge",
    "RefuseAlias",
    "Reopen",
    "Restore",
    "Review",
    "SetAlias",
    "SetRules",
    "Verb",
    "Verdict",
    "moves_of",
]

Verb: TypeAlias = Literal[
    "save",
    "promote",
    "rollback",
    "unalias",
    "annotate",
    "delete",
    "restore",
    "condemn",
    "purge",
    "protect",
    "request_approval",
    "approve",
    "reject",
    "describe",
    "delete_model",
    "restore_model",
    "rename",
    "undo",
]

Verdict: TypeAlias = Literal["requested", "approved", "rejected"]


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
class CheckResult:
    """The newest outcome of a check that was made of a version, and who said so when (ISO 8601, UTC)."""

    passed: bool
    actor: str
    time: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What somebody said to a version's getting an alias; a request begins a new round. An actor is asserted."""

    alias: str
    verdict: Verdict
    actor: str
    time: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said of a model as a whole."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""


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
    model_params: JsonObject = field(default_factory=dict)
    proved: JsonObject | None = None
    supersedes: int | None = None
    aliases: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlias:
    """An alias came to point to a version; `record` is the seq of that version's record.

    `override` says that the evidence was against it.
    """

    move: Move
    record: int
    reason: str = ""
    evidence: tuple[Finding, ...] = ()
    override: bool = False


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
    """An alias was removed; `number` is what it pointed to. `override` says that rules guarded it."""

    alias: str
    number: int
    reason: str = ""
    override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """What is said of a version changed: what was asked, and the whole result, reviews in their order."""

    number: int
    record: int
    delta: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    reviews: tuple[Review, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A version left every listing; `dropped` are the aliases that went with it.

    `returned` are those that went back to where they were before it, as when its save is undone.
    """

    number: int
    record: int
    dropped: tuple[str, ...] = ()
    returned: tuple[Move, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A deleted version came back, with the aliases that had gone with it if its deletion was undone."""

    number: int
    record: int
    aliases: tuple[Move, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemn:
    """These data folders belong to no version and never will; their objects may be removed."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """The version's files may be removed; `dropped` are the aliases that went with it, as its model is closed."""

    number: int
    record: int
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRules:
    """Rules came to guard an alias, or ceased to if there are none; `previous` is the seq of those before."""

    alias: str
    rules: tuple[JsonObject, ...]
    previous: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """What is said of the model as a whole changed: what was asked, and the whole result."""

    about: About
    delta: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The model was deleted."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """The deleted model came back."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAway:
    """The model has another name from now on, under which all that is above stands too."""

    to: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrive:
    """The model that had the name `origin` has this one now."""

    origin: str


Operation: TypeAlias = (
    AddVersion
    | SetAlias
    | RefuseAlias
    | DropAlias
    | Annotate
    | Delete
    | Restore
    | Condemn
    | Purge
    | SetRules
    | Describe
    | Close
    | Reopen
    | MoveAway
    | Arrive
)


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
        undoes: The seq of the commit that it takes back, if that is what was asked.
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
    undoes: int | None = None
    cut: frozenset[str] = frozenset()


def moves_of(entry: Entry) -> tuple[Move, ...]:
    """The alias moves that an entry made, none for most kinds."""
    match entry.op:
        case AddVersion(aliases=moves) | Restore(aliases=moves) | Delete(returned=moves):
            return moves
        case SetAlias(move=move):
            return (move,)
        case _:
            return ()
