"""What is said of a version after it was saved: numbers, tags, outcomes of checks, and who wants it to get an alias."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from modelstore_core.documents.governing import write_check, write_review
from modelstore_core.documents.reading import write_metrics
from modelstore_core.errors import AliasConflict, TooLarge
from modelstore_core.model.gates.approval import round_of
from modelstore_core.model.json import Json
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import Annotate, CheckResult, Review
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Answer, Append, Decision

__all__ = ["MAX_CHECKS", "MAX_REVIEWS", "Changes", "annotate", "review"]

V = TypeVar("V")

MAX_CHECKS = 100
MAX_REVIEWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What `annotate` was asked to change; a tag or metric of None is removed, a description of None is kept."""

    metrics: Mapping[str, float | int | None]
    tags: Mapping[str, str | None]
    description: str | None
    checks: Mapping[str, CheckResult] = field(default_factory=dict)


def annotate(view: View, reference: Reference, changes: Changes) -> Decision:
    """Fold the changes into what the version has now; nothing is committed if it has all of them.

    The outcome of a check is always news: that it was made again, and when, is worth knowing.

    Raises:
        TooLarge: The version would have the outcomes of too many checks.
    """
    version = view.usable(reference)
    metrics = _merged(version.metrics, changes.metrics)
    tags = _merged(version.tags, changes.tags)
    description = version.description if changes.description is None else changes.description
    same = (metrics, tags, description) == (dict(version.metrics), dict(version.tags), version.description)
    if same and not changes.checks:
        return Answer(number=version.number)
    delta: dict[str, Json] = {"metrics": write_metrics(changes.metrics), "tags": {**changes.tags}}
    if changes.description is not None:
        delta["description"] = changes.description
    if changes.checks:
        delta["checks"] = {name: write_check(check) for name, check in changes.checks.items()}
    checks = {**version.checks, **changes.checks}
    if len(checks) > MAX_CHECKS:
        raise TooLarge(
            f"{view.model}@{version.number} would have the outcomes of {len(checks)} checks.",
            value=len(checks),
            fix=f"At most {MAX_CHECKS}: record one outcome for several checks, or keep details in metrics.",
        )
    op = Annotate(
        number=version.number,
        record=version.record.seq,
        delta=delta,
        metrics=metrics,
        tags=tags,
        description=description,
        checks=checks,
        reviews=version.reviews,
    )
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def review(view: View, reference: Reference, said: Review) -> Decision:
    """Add what somebody says to the version's getting an alias; nothing is committed if they have said so already.

    Raises:
        AliasConflict: Approval is requested for an alias that points to the version already.
        TooLarge: Too much was said of the version that still counts.
    """
    version = view.usable(reference)
    current = view.state.aliases.get(said.alias)
    if said.verdict == "requested" and current is not None and current.target.number == version.number:
        raise AliasConflict(
            f"The alias {said.alias!r} points to {view.model}@{version.number} already.",
            value=said.alias,
            fix="There is nothing to approve: request it for another version.",
        )
    if _says_so(version.reviews, said):
        return Answer(number=version.number)
    op = Annotate(
        number=version.number,
        record=version.record.seq,
        delta={"review": write_review(said)},
        metrics=version.metrics,
        tags=version.tags,
        description=version.description,
        checks=version.checks,
        reviews=_bounded(view, version, said),
    )
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def _says_so(reviews: Sequence[Review], said: Review) -> bool:
    """Whether the actor's last word in this round is the same."""
    held = round_of([one for one in reviews if one.alias == said.alias])
    same: Sequence[Review | None] = held.votes
    if said.verdict == "requested":
        same = () if held.votes else (held.request,)
    wanted = (said.actor, said.verdict, said.comment)
    return any(one is not None and (one.actor, one.verdict, one.comment) == wanted for one in same)


def _bounded(view: View, version: Folded, said: Review) -> tuple[Review, ...]:
    """All reviews, or where they are too many those that still count; the others stand in history."""
    reviews = (*version.reviews, said)
    if len(reviews) <= MAX_REVIEWS:
        return reviews
    rounds = [round_of([one for one in reviews if one.alias == alias]) for alias in {one.alias for one in reviews}]
    counting = {id(one) for held in rounds for one in (held.request, *held.votes)}
    kept = tuple(one for one in reviews if id(one) in counting)
    if len(kept) > MAX_REVIEWS:
        raise TooLarge(
            f"{len(kept)} things would be said of {view.model}@{version.number} that count.",
            value=len(kept),
            fix=f"At most {MAX_REVIEWS}: request approval anew, which begins another round.",
        )
    return kept


def _merged(now: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V]:
    merged = {**now, **changes}
    return {key: value for key, value in merged.items() if value is not None}
