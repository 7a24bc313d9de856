"""What happened to a model: each entry of its log as events, for history and for the feed of changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelstore_core.model.operations import (
    AddVersion,
    Annotate,
    Arrive,
    Close,
    Condemn,
    Delete,
    Describe,
    DropAlias,
    Entry,
    MoveAway,
    Operation,
    Purge,
    RefuseAlias,
    Reopen,
    Restore,
    SetAlias,
    SetRules,
    Verdict,
    moves_of,
)
from modelstore_core.model.records import Event, EventKind, Records
from modelstore_core.registry.standing import refuse_moving
from modelstore_core.registry.view import View

__all__ = ["events_of", "history"]

_OF_MODEL: Mapping[type, EventKind] = {
    Describe: "model.described",
    Close: "model.deleted",
    Reopen: "model.restored",
    MoveAway: "model.moved",
    Arrive: "model.arrived",
}

_REVIEWED: Mapping[Verdict, EventKind] = {
    "requested": "approval.requested",
    "approved": "approval.granted",
    "rejected": "approval.rejected",
}


@dataclass(frozen=True, slots=True)
class _Happened:
    """One of the things that an entry did."""

    kind: EventKind
    number: int | None
    alias: str | None = None
    previous: int | None = None


def history(view: View, limit: int | None) -> Records[Event]:
    """What happened to the model, newest first."""
    head = view.require()
    refuse_moving(view.journal, head)
    entries = view.entries(1 if limit is None else head.seq - limit + 1)
    events = [event for entry in reversed(entries) for event in reversed(events_of(view.model, entry))]
    return Records(events[:limit], Event)


def events_of(model: str, entry: Entry) -> list[Event]:
    """What one entry did, as events: one for the operation, and one for each alias it moved or dropped besides."""
    op = entry.op
    happened = [*_itself(op), *(_Happened("alias.moved", m.number, m.alias, m.previous) for m in moves_of(entry))]
    if isinstance(op, Delete | Purge):
        happened += [_Happened("alias.dropped", op.number, alias, op.number) for alias in op.dropped]
    return [
        Event(
            id=f"{model}:{entry.seq}" + (f":{index}" if index else ""),
            model=model,
            seq=entry.seq,
            kind=one.kind,
            time=datetime.fromisoformat(entry.time),
            actor=entry.actor,
            number=one.number,
            alias=one.alias,
            previous=one.previous,
            verb=entry.verb,
            reason=_reason(op),
            evidence=op.evidence if isinstance(op, SetAlias | RefuseAlias) else (),
            key=entry.key,
            override=isinstance(op, SetAlias | DropAlias) and op.override,
            rules=op.rules if isinstance(op, SetRules) else (),
            undoes=entry.undoes,
            other_name=_other_name(op),
        )
        for index, one in enumerate(happened)
    ]


def _itself(op: Operation) -> list[_Happened]:
    """The operation; nothing for one that is told by the aliases it moves, or that concerns nobody."""
    match op:
        case AddVersion(number=number):
            return [_Happened("version.created", number)]
        case RefuseAlias(alias=alias, number=number, current=current):
            return [_Happened("promotion.refused", number, alias, current)]
        case DropAlias(alias=alias, number=number):
            return [_Happened("alias.dropped", number, alias, number)]
        case Annotate():
            return [_annotated(op)]
        case Delete(number=number):
            return [_Happened("version.deleted", number)]
        case Restore(number=number):
            return [_Happened("version.restored", number)]
        case Purge(number=number):
            return [_Happened("version.purged", number)]
        case _:
            return _of_model(op)


def _of_model(op: Operation) -> list[_Happened]:
    if isinstance(op, SetRules):
        return [_Happened("rules.changed", None, op.alias)]
    return [_Happened(_OF_MODEL[type(op)], None)] if type(op) in _OF_MODEL else []


def _annotated(op: Annotate) -> _Happened:
    if "review" in op.delta and op.reviews:
        review = op.reviews[-1]
        return _Happened(_REVIEWED[review.verdict], op.number, review.alias)
    return _Happened("check.recorded" if "checks" in op.delta else "version.annotated", op.number)


def _other_name(op: Operation) -> str | None:
    match op:
        case MoveAway(to=name) | Arrive(origin=name):
            return name
        case _:
            return None


def _reason(op: Operation) -> str:
    match op:
        case Annotate():
            return op.reviews[-1].comment if "review" in op.delta and op.reviews else ""
        case AddVersion() | Condemn() | Purge() | Describe() | Arrive():
            return ""
        case _:
            return op.reason
