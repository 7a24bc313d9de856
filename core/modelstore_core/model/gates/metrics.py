"""Gates on metrics. A metric that is missing or not a number passes none of them."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from modelstore_core.errors import InvalidInput
from modelstore_core.model.gates.sides import Rule, Side, check_number, check_switch, check_text
from modelstore_core.model.operations import Finding

__all__ = ["AtLeast", "AtMost", "Improves"]


@dataclass(frozen=True, slots=True)
class AtLeast(Rule):
    """The candidate's metric is at least `threshold`."""

    kind: ClassVar[str] = "at_least"

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        check_text("AtLeast", "metric", self.metric)
        check_number("AtLeast", "threshold", self.threshold)

    def __str__(self) -> str:
        return f"{self.metric} >= {self.threshold:g}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare the candidate alone."""
        value = candidate.value(self.metric)
        passed = value is not None and value >= self.threshold
        return _bounded(self, candidate, current, f"at least {self.threshold:g}", passed=passed)


@dataclass(frozen=True, slots=True)
class AtMost(Rule):
    """The candidate's metric is at most `threshold`."""

    kind: ClassVar[str] = "at_most"

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        check_text("AtMost", "metric", self.metric)
        check_number("AtMost", "threshold", self.threshold)

    def __str__(self) -> str:
        return f"{self.metric} <= {self.threshold:g}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare the candidate alone."""
        value = candidate.value(self.metric)
        passed = value is not None and value <= self.threshold
        return _bounded(self, candidate, current, f"at most {self.threshold:g}", passed=passed)


@dataclass(frozen=True, slots=True)
class Improves(Rule):
    """The candidate's metric is strictly better than the current version's, and by at least `by`.

    With `relative`, by at least `by` times the size of the current value: `Improves("auc", 0.01, relative=True)` is one
    per cent. Where the alias points to nothing yet there is nothing to improve on: having the metric is enough.
    """

    kind: ClassVar[str] = "improves"

    metric: str
    by: float = 0.0
    direction: Literal["max", "min"] = "max"
    relative: bool = False

    def __post_init__(self) -> None:
        check_text("Improves", "metric", self.metric)
        check_number("Improves", "by", self.by, least=0)
        check_switch("Improves", "relative", self.relative)
        if self.direction not in ("max", "min"):
            raise InvalidInput(
                f"`direction` of Improves must be 'max' or 'min', not {self.direction!r}.",
                value=self.direction,
                fix="Pass 'max' where more is better, 'min' where less is.",
            )

    def __str__(self) -> str:
        better = "above" if self.direction == "max" else "below"
        size = f"{self.by * 100:g} %" if self.relative else f"{self.by:g}"
        return f"{self.metric} {better} the current version's{f' by at least {size}' if self.by else ''}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare both sides; a metric missing on either does not pass."""
        new = candidate.value(self.metric)
        old = None if current is None else current.value(self.metric)
        if new is None or old is None:
            passed = current is None and new is not None
        else:
            gain = new - old if self.direction == "max" else old - new
            wanted = self.by * abs(old) if self.relative else self.by
            # 0.8 + 0.1 is not 0.9 in binary: who asks for a tenth gets what is a tenth to people
            passed = gain > 0 and (gain >= wanted or math.isclose(gain, wanted, rel_tol=1e-9))
        return Finding(
            rule=str(self),
            metric=self.metric,
            candidate=new,
            current=old,
            passed=passed,
            message=self._say(candidate, current, new, old),
        )

    def _say(self, candidate: Side, current: Side | None, new: float | None, old: float | None) -> str:
        said = f"{candidate.ref} has {_say(self.metric, new)}"
        if current is None:
            return f"{said}, and there is no current version to improve on"
        return f"{said}, {current.ref} has {_say(self.metric, old)}; needed: {self}"


def _bounded(gate: AtLeast | AtMost, candidate: Side, current: Side | None, needed: str, *, passed: bool) -> Finding:
    value = candidate.value(gate.metric)
    return Finding(
        rule=str(gate),
        metric=gate.metric,
        candidate=value,
        current=None if current is None else current.value(gate.metric),
        passed=passed,
        message=f"{candidate.ref} has {_say(gate.metric, value)}; needed: {needed}",
    )


def _say(metric: str, value: float | None) -> str:
    return f"no {metric}" if value is None else f"{metric} = {value:.6g}"
