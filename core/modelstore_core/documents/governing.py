"""What governs versions and models, to JSON and back: checks, reviews, rules, and what concerns a model as a whole."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias, assert_never, get_args

from modelstore_core.documents.reading import Reader
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import (
    About,
    Arrive,
    CheckResult,
    Close,
    Describe,
    MoveAway,
    Reopen,
    Review,
    SetRules,
    Verdict,
)

__all__ = [
    "READERS",
    "Governing",
    "read_about",
    "read_checks",
    "read_reviews",
    "read_tags",
    "write_about",
    "write_check",
    "write_governing",
    "write_review",
]

Governing: TypeAlias = SetRules | Describe | Close | Reopen | MoveAway | Arrive


def write_check(check: CheckResult) -> JsonObject:
    """The outcome of a check as JSON."""
    return {"passed": check.passed, "actor": check.actor, "time": check.time, "message": check.message}


def write_review(review: Review) -> JsonObject:
    """A review as JSON."""
    return {
        "alias": review.alias,
        "verdict": review.verdict,
        "actor": review.actor,
        "time": review.time,
        "comment": review.comment,
    }


def write_about(about: About) -> JsonObject:
    """What is said of a model as JSON."""
    return {"description": about.description, "tags": dict(about.tags), "owner": about.owner}


def write_governing(op: Governing) -> JsonObject:
    """The operation as JSON."""
    match op:
        case SetRules():
            rules: list[Json] = [*op.rules]
            return {
                "kind": "set_rules",
                "alias": op.alias,
                "rules": rules,
                "previous": op.previous,
                "reason": op.reason,
            }
        case Describe():
            return {"kind": "describe", "delta": dict(op.delta), **write_about(op.about)}
        case Close():
            return {"kind": "close", "reason": op.reason}
        case Reopen():
            return {"kind": "reopen", "reason": op.reason}
        case MoveAway():
            return {"kind": "moved", "to": op.to, "reason": op.reason}
        case Arrive():
            return {"kind": "arrived", "from": op.origin}
        case _:
            assert_never(op)


def read_tags(reader: Reader, name: str = "tags") -> Mapping[str, str]:
    """A mapping of texts to texts."""
    values = reader.object(name)
    for key, value in values.items():
        if not isinstance(value, str):
            reader.complain(f"{name}.{key}", "is not text")
    return {key: str(value) for key, value in values.items()}


def read_checks(reader: Reader) -> Mapping[str, CheckResult]:
    """The outcomes in the field `checks`, by the check's name; absent counts as none."""
    checks = reader.object("checks")
    return {name: _read_check(reader.within(f"checks.{name}", value)) for name, value in checks.items()}


def read_reviews(reader: Reader) -> tuple[Review, ...]:
    """The reviews in the field `reviews`; absent counts as none."""
    return reader.each("reviews", _read_review)


def read_about(reader: Reader) -> About:
    """What is said of a model."""
    return About(description=reader.text("description", ""), tags=read_tags(reader), owner=reader.text("owner", ""))


def _read_check(reader: Reader) -> CheckResult:
    return CheckResult(
        passed=reader.boolean("passed"),
        actor=reader.text("actor"),
        time=_moment(reader),
        message=reader.text("message", ""),
    )


def _read_review(reader: Reader) -> Review:
    return Review(
        alias=reader.text("alias"),
        verdict=_verdict(reader),
        actor=reader.text("actor"),
        time=_moment(reader),
        comment=reader.text("comment", ""),
    )


def _moment(reader: Reader) -> str:
    time = reader.text("time")
    try:
        known = datetime.fromisoformat(time).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        reader.complain("time", f"is not a moment in ISO 8601 with its zone: {time!r}")
    return time


def _verdict(reader: Reader) -> Verdict:
    said = reader.text("verdict")
    for verdict in get_args(Verdict):
        if said == verdict:
            return verdict  # type: ignore[no-any-return]  # a Literal's arguments are typed as Any
    reader.complain("verdict", f"is no verdict: {said!r}")
    return "requested"


def _read_rules(reader: Reader) -> SetRules:
    rules = reader.list("rules")
    if not all(isinstance(rule, dict) for rule in rules):
        reader.complain("rules", "is not a list of objects")
    return SetRules(
        alias=reader.text("alias"),
        rules=tuple(rule for rule in rules if isinstance(rule, dict)),
        previous=reader.optional_integer("previous"),
        reason=reader.text("reason", ""),
    )


READERS: Mapping[str, Callable[[Reader], Governing]] = {
    "set_rules": _read_rules,
    "describe": lambda r: Describe(delta=r.object("delta"), about=read_about(r)),
    "close": lambda r: Close(reason=r.text("reason", "")),
    "reopen": lambda r: Reopen(reason=r.text("reason", "")),
    "moved": lambda r: MoveAway(to=r.text("to", ""), reason=r.text("reason", "")),
    "arrived": lambda r: Arrive(origin=r.text("from", "")),
}
