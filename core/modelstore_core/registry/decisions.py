"""What verbs decide on a view of the log. Functions of their arguments: run again after every lost race."""

from enum import Enum
from typing import Final, Literal, TypeAlias

from modelstore_core.errors import VersionInUse, VersionNotFound, VersionPurged
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import Delete, Finding, Move, Restore, SetAlias
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.guarded import refuse_guarded
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Answer, Append, Decision

__all__ = [
    "ANY",
    "Expectation",
    "delete",
    "deletion",
    "restore",
    "rollback",
    "set_alias",
]


class _Any(Enum):
    ANY = "any"

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Any.ANY
"""`expect=ANY`: whatever the alias points to now."""

Expectation: TypeAlias = int | Literal[_Any.ANY] | None


def rollback(view: View, alias: str, *, steps: int, reason: str) -> Decision:
    """Point the alias to what it was so many promotions before; versions deleted meanwhile are passed over."""
    current = view.alias(alias)
    move, number, left = view.move_at(current.set, alias), current.target.number, steps
    while move.back is not None:
        move = view.move_at(move.back, alias)
        version = view.version(move.number, NOTHING)
        if version.deleted or version.purged or move.number == number:
            continue
        number, left = move.number, left - 1
        if not left:
            back = Move(alias=alias, number=number, previous=current.target.number, back=move.back)
            return set_alias(view, version, back, reason, ())
    there = "no earlier version" if left == steps else f"{steps - left} earlier versions, not {steps},"
    raise VersionNotFound(
        f"The alias {alias!r} of {view.model!r} has {there} to go back to.",
        value=alias,
        fix="`promote` it to the version that you want.",
    )


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
    refuse_guarded(
        view,
        aliases,
        "they are not dropped with what they point to",
        "Promote another version first, or `unalias` with override=True and a reason.",
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


def set_alias(
    view: View, version: Folded, move: Move, reason: str, evidence: tuple[Finding, ...], *, override: bool = False
) -> Append:
    """The commit that points an alias to the version."""
    op = SetAlias(move=move, record=version.record.seq, reason=reason, evidence=evidence, override=override)
    return Append(op=op, state=lambda seq: after(view.state, seq, op, target=version.pointer))


def _not_purged(view: View, version: Folded) -> None:
    if version.purged:
        ref = f"{view.model}@{version.number}"
        raise VersionPurged(f"The files of {ref} were removed for good.", value=ref, fix="Nothing brings them back.")
