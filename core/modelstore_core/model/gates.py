"""Gates: rules that a promotion must pass, judged on the numbers of both sides. Pure values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from modelstore_core.errors import InvalidInput
from modelstore_core.model.operations import Finding

__all__ = ["AtLeast", "Gate", "Improves", "Side"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a judgement: a version and its metrics, all annotations included."""

    ref: str
    metrics: Mapping[str, float | int]

    def value(self, metric: str) -> float | None:
        """The metric's value; None if it is absent or not a number."""
        value = self.metrics.get(metric)
        return None if value is None or math.isnan(value) else value


class Gate(Protocol):
    """A rule over the candidate and the version that the alias points to now, if any."""

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """The finding, with both sides' numbers; a pure function of its arguments."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The candidate's metric is at least `threshold`."""

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        _check(self.metric, self.threshold, "threshold")

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare the candidate alone; a missing metric does not pass."""
        value = candidate.value(self.metric)
        passed = value is not None and value >= self.threshold
        said = f"{candidate.ref} has {_say(self.metric, value)}; needed: at least {self.threshold:g}"
        return Finding(
            rule=f"{self.metric} >= {self.threshold:g}",
            metric=self.metric,
            candidate=value,
            current=None if current is None else current.value(self.metric),
            passed=passed,
            message=said,
        )


@dataclass(frozen=True, slots=True)
class Improves:
    """The candidate's metric is better than the current version's by at least `by`, and strictly better.

    Where the alias points to nothing yet there is nothing to improve on: having the metric is enough.
    """

    metric: str
    by: float = 0.0
    direction: Literal["max", "min"] = "max"

    def __post_init__(self) -> None:
        _check(self.metric, self.by, "by")
        if self.by < 0 or self.direction not in ("max", "min"):
            raise InvalidInput(
                f"{self!r} is not a rule.", value=repr(self), fix="`by` is 0 or more, `direction` 'max' or 'min'."
            )

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare both sides; a metric missing on either does not pass."""
        new = candidate.value(self.metric)
        old = None if current is None else current.value(self.metric)
        if current is None or new is None or old is None:
            passed = current is None and new is not None
        else:
            gain = new - old if self.direction == "max" else old - new
            passed = gain > 0 and (gain >= self.by or math.isclose(gain, self.by, rel_tol=1e-9))
        return Finding(
            rule=self._rule(),
            metric=self.metric,
            candidate=new,
            current=old,
            passed=passed,
            message=self._say(candidate, current, new, old),
        )

    def _rule(self) -> str:
        better = "above" if self.direction == "max" else "below"
        margin = f" by at least {self.by:g}" if self.by else ""
        return f"{self.metric} {better} the current version's{margin}"

    def _say(self, candidate: Side, current: Side | None, new: float | None, old: float | None) -> str:
        said = f"{candidate.ref} has {_say(self.metric, new)}"
        if current is None:
            return f"{said}, and there is no current version to improve on"
        return f"{said}, {current.ref} has {_say(self.metric, old)}; needed: {self._rule()}"


def _say(metric: str, value: float | None) -> str:
    return f"no {metric}" if value is None else f"{metric} = {value:.6g}"


def _check(metric: object, number: object, name: str) -> None:
    if not isinstance(metric, str) or not metric:
        raise InvalidInput(f"A gate's metric must be text, not {metric!r}.", value=metric, fix="Name one metric.")
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise InvalidInput(f"A gate's `{name}` must be a number, not {number!r}.", value=number, fix="Pass a number.")
