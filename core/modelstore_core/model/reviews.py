"""What people and checks say of a version, as callers see it. Actors are asserted by the writer, not authenticated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from modelstore_core.errors import InvalidInput, TooLarge
from modelstore_core.model.frames import Kind
from modelstore_core.model.operations import CheckResult
from modelstore_core.model.tables import printable

__all__ = ["MAX_COMMENT", "Approval", "ApprovalState", "CheckOutcome", "Vote", "as_checks", "as_comment", "outcome_of"]

ApprovalState: TypeAlias = Literal["requested", "approved", "rejected"]

MAX_COMMENT = 2048
"""Bytes of a comment or of a check's message: all of them stand in each later annotation of the version."""

_MAX_NAME = 200
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """The newest outcome of a check of a version; true where it passed.

    Attributes:
        passed: Whether the version passed.
        actor, time: Who recorded it (as they said), and when.
        message: What there is to say about it.
    """

    passed: bool
    actor: str
    time: datetime
    message: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return printable(f"{'passed' if self.passed else 'failed'}{f' ({self.message})' if self.message else ''}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """An actor's last word in a round of approval: whether they approve, when they said so, and why."""

    actor: str
    approves: bool
    time: datetime
    comment: str = ""

    def __str__(self) -> str:
        verdict = "approved" if self.approves else "rejected"
        return printable(f"{verdict} by {self.actor}{f' ({self.comment})' if self.comment else ''}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Where one version stands on its way to one alias: the last round of what people said to it.

    Attributes:
        name, number: The version.
        alias: The alias that it is to get.
        state: "rejected" if anybody in this round rejects it, else "approved" if anybody approves, else "requested".
            How many approvals are needed is a matter of the alias's rules.
        pending: Whether it was requested and nobody has spoken since, nor has the alias come to the version.
        requested_by, requested_at, comment: Who opened the round, when and why; None and "" if nobody asked before
            others spoke.
        votes: The last vote of each actor since then, oldest first.
    """

    name: str
    number: int
    alias: str
    state: ApprovalState
    pending: bool
    requested_by: str | None
    requested_at: datetime | None
    comment: str
    votes: tuple[Vote, ...]

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "version": "text",
        "alias": "text",
        "state": "text",
        "requested_by": "text",
        "requested_at": "time",
        "comment": "text",
        "votes": "text",
    }

    @property
    def ref(self) -> str:
        """The version, such as `risk.churn@3`."""
        return f"{self.name}@{self.number}"

    def row(self) -> dict[str, object]:
        """The approval as one row of a table."""
        return {
            "version": self.ref,
            "alias": self.alias,
            "state": self.state,
            "requested_by": self.requested_by,
            "requested_at": self.requested_at,
            "comment": self.comment,
            "votes": "; ".join(map(str, self.votes)),
        }

    def __str__(self) -> str:
        asked = f", requested by {self.requested_by}" if self.requested_by is not None else ""
        return printable(f"{self.ref} for {self.alias}: {'; '.join(map(str, self.votes)) or self.state}{asked}")


def outcome_of(check: CheckResult) -> CheckOutcome:
    """The outcome as callers see it."""
    return CheckOutcome(
        passed=check.passed, actor=check.actor, time=datetime.fromisoformat(check.time), message=check.message
    )


def as_checks(values: Mapping[str, object] | None, actor: str, time: str) -> dict[str, CheckResult]:
    """Outcomes as they are recorded; each is whether it passed, or that and a message.

    Raises:
        InvalidInput: One of them is something else.
        TooLarge: A message is too long.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidInput(
            f"`checks` must be a mapping, not {type(values).__name__}.",
            value=values,
            fix="Pass checks={'drift': True}.",
        )
    return {_name(name): _outcome(name, value, actor, time) for name, value in values.items()}


def as_comment(value: object, what: str = "comment") -> str:
    """The text.

    Raises:
        InvalidInput: It is none.
        TooLarge: It is longer than what is kept.
    """
    if not isinstance(value, str):
        raise InvalidInput(f"The {what} {value!r} is not text.", value=value, fix="Pass a sentence.")
    size = len(value.encode(errors="replace"))
    if size > MAX_COMMENT:
        raise TooLarge(
            f"The {what} has {size} bytes; at most {MAX_COMMENT} are kept.",
            value=size,
            fix="Say it in short, and keep the rest where a link can point to.",
        )
    return value


def _name(name: object) -> str:
    if isinstance(name, str) and 0 < len(name) <= _MAX_NAME:
        return name
    raise InvalidInput(
        f"A check's name must be text of 1 to {_MAX_NAME} characters, not {name!r}.", value=name, fix="Name it shortly."
    )


def _outcome(name: str, value: object, actor: str, time: str) -> CheckResult:
    passed, message = value if isinstance(value, tuple) and len(value) == _PAIR else (value, "")
    item = getattr(passed, "item", None)  # numpy's truth values
    plain = item() if item is not None and getattr(passed, "ndim", None) == 0 else passed
    if not isinstance(plain, bool):
        raise InvalidInput(
            f"The outcome of the check {name!r} is {value!r}, neither true nor false.",
            value=value,
            fix="Pass True, False, or a pair such as (False, 'shifted by 3 sigma').",
        )
    return CheckResult(passed=plain, actor=actor, time=time, message=as_comment(message, "message"))
