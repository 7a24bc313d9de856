"""What a gate is, and what it gets to see: the two sides of a promotion."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import ClassVar, Protocol

from modelstore_core.errors import InvalidInput
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import Finding, Review
from modelstore_core.model.reviews import CheckOutcome

__all__ = ["Gate", "Rule", "Side", "check_number", "check_switch", "check_text"]

_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a judgement: a version, all annotations included, as of the commit that is decided on.

    Attributes:
        ref: The version, such as `risk.churn@3`.
        metrics, tags: What was recorded.
        signature: MLflow's signature of inputs and outputs, if there is one.
        checks: The newest outcome of each check, by its name.
        proved: Whether it was saved with `prove=`.
        created_at, created_by: When and by whom it was saved, as they said.
        reviews: What was said to its getting this very alias, oldest first.
        now: When it is judged, by the clock of whoever promotes.
    """

    ref: str
    metrics: Mapping[str, float | int]
    tags: Mapping[str, str] = field(default_factory=dict)
    signature: JsonObject | None = None
    checks: Mapping[str, CheckOutcome] = field(default_factory=dict)
    proved: bool = False
    created_at: datetime | None = None
    created_by: str = ""
    reviews: tuple[Review, ...] = ()
    now: datetime | None = None

    def value(self, metric: str) -> float | None:
        """The metric's value; None if it is absent or not a number."""
        value = self.metrics.get(metric)
        return None if value is None or math.isnan(value) else value


class Gate(Protocol):
    """A rule over the candidate and the version that the alias points to now, if any."""

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """The finding, with both sides' numbers; a pure function of its arguments."""


class Rule:
    """A gate that is data, and can be stored; its text is the rule in words."""

    __slots__ = ()

    kind: ClassVar[str]

    def data(self) -> JsonObject:
        """The gate as JSON, every field named, so that it means the same under later defaults."""
        names = [one.name for one in fields(self)]  # type: ignore[arg-type]  # every gate is a dataclass
        return {"rule": self.kind, **{name: _plain(getattr(self, name)) for name in names}}

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """What it finds."""
        raise NotImplementedError

    def found(self, message: str, *, passed: bool) -> Finding:
        """A finding about something that is no number; a long message is cut, for all findings stand in one commit."""
        said = message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
        return Finding(rule=str(self), metric="", candidate=None, current=None, passed=passed, message=said)


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return [*value]
    assert value is None or isinstance(value, str | bool | int | float)
    return value


def check_text(gate: str, name: str, value: object) -> None:
    """Refuse what is no text.

    Raises:
        InvalidInput: It is not, or it is empty.
    """
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"The {name} of {gate} must be text, not {value!r}.", value=value, fix=f"Name one {name}.")


def check_number(gate: str, name: str, value: object, least: float = -math.inf) -> None:
    """Refuse what is no finite number.

    Raises:
        InvalidInput: It is not, or it is below `least`.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= sys.float_info.max or value < least:  # type: ignore[arg-type, operator]  # a number
        wanted = "a number" if least == -math.inf else f"a number, {least:g} or more"
        raise InvalidInput(f"`{name}` of {gate} must be {wanted}, not {value!r}.", value=value, fix=f"Pass {wanted}.")


def check_switch(gate: str, name: str, value: object) -> None:
    """Refuse what is neither true nor false.

    Raises:
        InvalidInput: It is not.
    """
    if not isinstance(value, bool):
        raise InvalidInput(
            f"`{name}` of {gate} must be true or false, not {value!r}.", value=value, fix="Pass True or False."
        )
