"""The gate on what people say, and how their votes count. Actors are asserted, not authenticated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelstore_core.errors import InvalidInput
from modelstore_core.model.gates.sides import Rule, Side, check_switch
from modelstore_core.model.operations import Finding, Review

__all__ = ["Approved", "Round", "round_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The last round of reviews of one version for one alias.

    Attributes:
        request: What opened it; None if nobody asked before others spoke.
        votes: The last vote of each actor since then, in the order of those votes.
    """

    request: Review | None
    votes: tuple[Review, ...]

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approves."""
        return tuple(vote.actor for vote in self.votes if vote.verdict == "approved")

    @property
    def rejecters(self) -> tuple[str, ...]:
        """Who rejects."""
        return tuple(vote.actor for vote in self.votes if vote.verdict == "rejected")


def round_of(reviews: Sequence[Review]) -> Round:
    """The round that counts, of the reviews of one alias: a request begins a new one."""
    request: Review | None = None
    votes: dict[str, Review] = {}
    for review in reviews:
        if review.verdict == "requested":
            request, votes = review, {}
        else:
            votes.pop(review.actor, None)
            votes[review.actor] = review
    return Round(request=request, votes=tuple(votes.values()))


@dataclass(frozen=True, slots=True)
class Approved(Rule):
    """So many actors approve of the candidate's getting this alias, and nobody rejects it.

    Attributes:
        count: How many.
        by: Only these count; anybody if empty. A rejection counts whoever it comes from.
        not_by_author: Whether the approval of whoever saved the version does not count.
    """

    kind: ClassVar[str] = "approved"

    count: int = 1
    by: Sequence[str] = ()
    not_by_author: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise InvalidInput(
                f"`count` of Approved must be 1 or more, not {self.count!r}.", value=self.count, fix="Pass a count."
            )
        check_switch("Approved", "not_by_author", self.not_by_author)
        named = isinstance(self.by, list | tuple | set | frozenset)
        if not named or not all(isinstance(actor, str) and actor for actor in self.by):
            raise InvalidInput(
                f"`by` of Approved must be a list of actors, not {self.by!r}.", value=self.by, fix="Pass ['ada', 'bo']."
            )
        object.__setattr__(self, "by", tuple(dict.fromkeys(sorted(self.by))))
        if 0 < len(self.by) < self.count:
            raise InvalidInput(
                f"Approved needs {self.count} approvals, and `by` names {len(self.by)}.",
                value=self.count,
                fix="Lower `count`, or name more actors.",
            )

    def __str__(self) -> str:
        of = f" of {', '.join(self.by)}" if self.by else ""
        other = ", not the author" if self.not_by_author else ""
        return f"approved by {self.count}{of}{other}"

    def judge(self, candidate: Side, current: Side | None) -> Finding:  # noqa: ARG002 - of the candidate alone
        """Count the votes of the last round."""
        held = round_of(candidate.reviews)
        counted = [actor for actor in held.approvers if self._counts(actor, candidate)]
        passed = len(counted) >= self.count and not held.rejecters
        if held.rejecters:
            said = f"is rejected by {', '.join(held.rejecters)}"
        elif counted:
            said = f"is approved by {', '.join(counted)}"
        else:
            said = "is approved by nobody who counts" if held.approvers else "is approved by nobody"
        needed = "" if passed else f"; needed: {self}"
        return self.found(f"{candidate.ref} {said}{needed}", passed=passed)

    def _counts(self, actor: str, candidate: Side) -> bool:
        return (not self.by or actor in self.by) and not (self.not_by_author and actor == candidate.created_by)
