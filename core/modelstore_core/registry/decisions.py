"""What each verb decides on a view of the log. Functions of their arguments: run again after every lost race."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from modelstore_core.documents.reading import write_metrics
from modelstore_core.errors import AliasConflict, VersionInUse, VersionNotFound, VersionPurged
from modelstore_core.model.gates import Gate, Side
from modelstore_core.model.json import Json
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import (
    Annotate,
    Delete,
    DropAlias,
    Finding,
    Move,
    RefuseAlias,
    Restore,
    SetAlias,
    moves_of,
)
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Answer, Append, Decision

V = TypeVar("V")

__all__ = [
    "ANY",
    "Changes",
    "Expectation",
    "annotate",
    "delete",
    "deletion",
    "promote",
    "restore",
    "rollback",
    "unalias",
]


_MOVES = frozenset({"aliases", "previous", "back"})
"""The fields of an entry that say how it moved aliases."""


class _Any(Enum):
    ANY = "any"

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Any.ANY
"""`expect=ANY`: whatever the alias points to now."""

Expectation: TypeAlias = int | Literal[_Any.ANY] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What `annotate` was asked to change; a tag or metric of None is removed, a description of None is kept."""

    metrics: Mapping[str, float | int | None]
    tags: Mapping[str, str | None]
    description: str | None


def promote(
    view: View,
    reference: Reference,
    alias: str,
    *,
    expect: Expectation,
    gates: Sequence[Gate],
    reason: str,
) -> Decision:
    """Point the alias to the version, unless the expectation fails, nothing would change, or a gate refuses."""
    version = view.usable(reference, None if gates else NOTHING)
    current = view.state.aliases.get(alias)
    _expect(view, alias, expect)
    if current is not None and current.target.number == version.number:
        return Answer(number=version.number)
    previous = None if current is None else current.target.number
    evidence = _judge(view, version, previous, gates)
    if not all(finding.passed for finding in evidence):
        refusal = RefuseAlias(alias=alias, number=version.number, current=previous, reason=reason, evidence=evidence)
        return Append(op=refusal, state=lambda seq: after(view.state, seq, refusal))
    back = None if current is None else current.set
    move = Move(alias=alias, number=version.number, previous=previous, back=back)
    return _set_alias(view, version, move, reason, evidence)


def rollback(view: View, alias: str, *, steps: int, reason: str) -> Decision:
    """Point the alias to what it was so many promotions before; versions deleted meanwhile are passed over."""
    current = view.alias(alias)
    move, number, left = _move_at(view, current.set, alias), current.target.number, steps
    while move.back is not None:
        move = _move_at(view, move.back, alias)
        version = view.version(move.number, NOTHING)
        if version.deleted or version.purged or move.number == number:
            continue
        number, left = move.number, left - 1
        if not left:
            back = Move(alias=alias, number=number, previous=current.target.number, back=move.back)
            return _set_alias(view, version, back, reason, ())
    there = "no earlier version" if left == steps else f"{steps - left} earlier versions, not {steps},"
    raise VersionNotFound(
        f"The alias {alias!r} of {view.model!r} has {there} to go back to.",
        value=alias,
        fix="`promote` it to the version that you want.",
    )


def unalias(view: View, alias: str, *, reason: str) -> Decision:
    """Remove the alias."""
    op = DropAlias(alias=alias, number=view.alias(alias).target.number, reason=reason)
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def annotate(view: View, reference: Reference, changes: Changes) -> Decision:
    """Fold the changes into what the version has now; nothing is committed if it has all of them."""
    version = view.usable(reference)
    metrics = _merged(version.metrics, changes.metrics)
    tags = _merged(version.tags, changes.tags)
    description = version.description if changes.description is None else changes.description
    if (metrics, tags, description) == (dict(version.metrics), dict(version.tags), version.description):
        return Answer(number=version.number)
    delta: dict[str, Json] = {"metrics": write_metrics(changes.metrics), "tags": {**changes.tags}}
    if changes.description is not None:
        delta["description"] = changes.description
    op = Annotate(
        number=version.number,
        record=version.record.seq,
        delta=delta,
        metrics=metrics,
        tags=tags,
        description=description,
    )
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def delete(view: View, reference: Reference, *, force: bool, reason: str) -> Decision:
    """Take the version out of every listing; what an alias points to only if forced, and then the alias too."""
    version = view.resolve(reference, NOTHING)
    _not_purged(view, version)
    if version.deleted:
        return Answer(number=version.number)
    aliases = view.aliases_of(version.number)
    if aliases and not force:
        raise VersionInUse(
            f"{view.model}@{version.number} is what {', '.join(aliases)} points to.",
            value=f"{view.model}@{version.number}",
            fix="Promote another version first, or pass force=True (`--force`) to drop the alias too.",
        )
    return deletion(view, version, dropped=aliases, reason=reason)


def deletion(view: View, version: Folded, *, dropped: tuple[str, ...], reason: str) -> Append:
    """The deletion of a version that is there, and of the aliases that go with it: all that it has."""
    op = Delete(number=version.number, record=version.record.seq, dropped=dropped, reason=reason)
    newest = view.state.newest
    heir = view.newest_live_but(version.number) if newest and newest.number == version.number else None
    return Append(op=op, state=lambda seq: after(view.state, seq, op, heir=heir, was_live=version.live))


def restore(view: View, reference: Reference, *, reason: str) -> Decision:
    """Bring a deleted version back; a superseded one stays superseded."""
    version = view.resolve(reference, NOTHING)
    _not_purged(view, version)
    if not version.deleted:
        return Answer(number=version.number)
    op = Restore(number=version.number, record=version.record.seq, reason=reason)
    live = version.superseded_by is None
    return Append(op=op, state=lambda seq: after(view.state, seq, op, target=version.pointer, was_live=live))


def _set_alias(view: View, version: Folded, move: Move, reason: str, evidence: tuple[Finding, ...]) -> Append:
    op = SetAlias(move=move, record=version.record.seq, reason=reason, evidence=evidence)
    return Append(op=op, state=lambda seq: after(view.state, seq, op, target=version.pointer))


def _move_at(view: View, seq: int, alias: str) -> Move:
    for move in moves_of(view.journal.entry(seq, view.require(), _MOVES)):
        if move.alias == alias:
            return move
    raise view.corrupt(f"does not set the alias {alias!r} at {seq}")


def _expect(view: View, alias: str, expect: Expectation) -> None:
    current = view.state.aliases.get(alias)
    number = None if current is None else current.target.number
    if expect is ANY or expect == number:
        return
    there = "is not set" if number is None else f"points to version {number}"
    wanted = "not to exist yet" if expect is None else f"to point to version {expect}"
    raise AliasConflict(
        f"The alias {alias!r} of {view.model!r} {there}; it was expected {wanted}.",
        value=number,
        fix="Look at the current version and decide again.",
    )


def _judge(view: View, version: Folded, previous: int | None, gates: Sequence[Gate]) -> tuple[Finding, ...]:
    if not gates:
        return ()
    candidate = Side(ref=f"{view.model}@{version.number}", metrics=version.metrics)
    current = None
    if previous is not None:
        current = Side(ref=f"{view.model}@{previous}", metrics=view.version(previous).metrics)
    return tuple(gate.judge(candidate, current) for gate in gates)


def _merged(now: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V]:
    merged = {**now, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def _not_purged(view: View, version: Folded) -> None:
    if version.purged:
        ref = f"{view.model}@{version.number}"
        raise VersionPurged(f"The files of {ref} were removed for good.", value=ref, fix="Nothing brings them back.")
