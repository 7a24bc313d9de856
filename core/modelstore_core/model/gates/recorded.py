"""Gates on what is recorded of the candidate besides metrics."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from modelstore_core.errors import InvalidInput
from modelstore_core.model.gates.sides import Rule, Side, check_number, check_text
from modelstore_core.model.operations import Finding

__all__ = ["CheckPassed", "HasTag", "MinAge", "Proved"]

_MOST_HOURS = 24 * 366 * 100


@dataclass(frozen=True, slots=True)
class HasTag(Rule):
    """The candidate has the tag, with this value if one is given."""

    kind: ClassVar[str] = "has_tag"

    key: str
    value: str | None = None

    def __post_init__(self) -> None:
        check_text("HasTag", "key", self.key)
        if self.value is not None and not isinstance(self.value, str):
            raise InvalidInput(
                f"`value` of HasTag must be text, not {self.value!r}.",
                value=self.value,
                fix="Tags are text; leave it out if any value will do.",
            )

    def __str__(self) -> str:
        return f"has the tag {self.key}" if self.value is None else f"tag {self.key} is {self.value!r}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:  # noqa: ARG002 - of the candidate alone
        """Look at the candidate's tags."""
        value = candidate.tags.get(self.key)
        passed = value is not None and self.value in (None, value)
        has = f"no tag {self.key}" if value is None else f"the tag {self.key} = {value!r}"
        needed = "" if passed or self.value is None else f"; needed: {self.value!r}"
        return self.found(f"{candidate.ref} has {has}{needed}", passed=passed)


@dataclass(frozen=True, slots=True)
class CheckPassed(Rule):
    """The newest outcome recorded for this check says that the candidate passed it."""

    kind: ClassVar[str] = "check_passed"

    name: str

    def __post_init__(self) -> None:
        check_text("CheckPassed", "name", self.name)

    def __str__(self) -> str:
        return f"passed the check {self.name}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:  # noqa: ARG002 - of the candidate alone
        """Look at the candidate's checks; one that was never made does not pass."""
        check = candidate.checks.get(self.name)
        if check is None:
            return self.found(f"{candidate.ref} has no outcome of the check {self.name}", passed=False)
        said = f": {check.message}" if check.message else ""
        verdict = "passed" if check.passed else "failed"
        return self.found(f"{candidate.ref} {verdict} the check {self.name}{said}", passed=check.passed)


@dataclass(frozen=True, slots=True)
class Proved(Rule):
    """The candidate was read back in a clean process before it was published: `save(prove=True)`."""

    kind: ClassVar[str] = "proved"

    def __str__(self) -> str:
        return "proved at save"

    def judge(self, candidate: Side, current: Side | None) -> Finding:  # noqa: ARG002 - of the candidate alone
        """Look at the candidate's record."""
        said = "was proved at its save" if candidate.proved else "was not proved at its save"
        return self.found(f"{candidate.ref} {said}", passed=candidate.proved)


@dataclass(frozen=True, slots=True)
class MinAge(Rule):
    """The candidate was saved at least so many hours ago, by its writer's clock and the promoter's.

    A courtesy to those who want a day to look at a version, not a protection: clocks say what they like.
    """

    kind: ClassVar[str] = "min_age"

    hours: float

    def __post_init__(self) -> None:
        check_number("MinAge", "hours", self.hours, least=0)
        if self.hours > _MOST_HOURS:
            raise InvalidInput(
                f"`hours` of MinAge is {self.hours!r}, which is over a hundred years.",
                value=self.hours,
                fix="Ask less.",
            )

    def __str__(self) -> str:
        return f"saved at least {self.hours:g} hours ago"

    def judge(self, candidate: Side, current: Side | None) -> Finding:  # noqa: ARG002 - of the candidate alone
        """Compare the two times; without either, it does not pass."""
        if candidate.created_at is None or candidate.now is None:
            return self.found(f"it is not known how old {candidate.ref} is", passed=False)
        age = candidate.now - candidate.created_at
        hours = age.total_seconds() / 3600
        passed = age >= timedelta(hours=self.hours)
        return self.found(f"{candidate.ref} is {hours:.1f} hours old; needed: {self.hours:g}", passed=passed)
