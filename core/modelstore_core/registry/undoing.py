"""What takes back the newest change of a model: the commit that makes hold again what held before it."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from modelstore_core.documents.reading import write_metrics
from modelstore_core.errors import Conflict, ModelNotFound
from modelstore_core.model.json import Json
from modelstore_core.model.operations import (
    About,
    AddVersion,
    Annotate,
    Close,
    Condemn,
    Delete,
    Describe,
    DropAlias,
    Entry,
    Move,
    Operation,
    RefuseAlias,
    Reopen,
    Restore,
    SetAlias,
    SetRules,
)
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Append, Decision

__all__ = ["undo"]

V = TypeVar("V")

_WINDOW = 32


def undo(view: View, *, seq: int | None, reason: str) -> Decision:
    """Take back the newest commit that changed anything, which must be `seq` if that is given.

    Undoing an undo does it again.

    Raises:
        ModelNotFound: The log is empty, or nothing in it changed anything.
        Conflict: Another change is the newest by now, or it has no inverse.
    """
    entry = _newest_change(view)
    if seq is not None and seq != entry.seq:
        raise Conflict(
            f"The newest change of {view.model!r} is {entry.seq} ({entry.verb} by {entry.actor}), not {seq}.",
            value=entry.seq,
            fix="Look at the history and decide again.",
        )
    before = View(view.journal, view.journal.read(entry.seq - 1) if entry.seq > 1 else None)
    return _Inverse(view, before, entry, reason).decision()


class _Inverse:
    """One change, the model before it, and the model now, which differs from it by this change alone."""

    def __init__(self, view: View, before: View, entry: Entry, reason: str) -> None:
        self.view = view
        self.before = before
        self.entry = entry
        self.reason = reason

    def decision(self) -> Append:
        """The commit that takes it back."""
        match self.entry.op:
            case AddVersion() as op:
                return self._save(op)
            case SetAlias(move=move):
                return self._alias(move.alias)
            case DropAlias(alias=alias):
                return self._alias(alias)
            case Annotate() as op:
                return self._annotation(op)
            case Delete() as op:
                return self._deletion(op)
            case Restore(number=number):
                return self._gone(self.view.version(number, NOTHING))
            case _:
                return self._of_model()

    def _of_model(self) -> Append:
        match self.entry.op:
            case SetRules() as op:
                return self._rules(op)
            case Describe():
                about = self.before.state.about or About()
                return self._append(Describe(about=about))
            case Close():
                return self._append(Reopen(reason=self.reason))
            case Reopen():
                return self._append(Close(reason=self.reason))
            case _:
                raise self._final("what it did is for good")

    def _save(self, op: AddVersion) -> Append:
        if op.supersedes is not None:
            raise self._final(f"version {op.supersedes} is superseded for good")
        return self._gone(self.view.version(op.number, NOTHING))

    def _gone(self, version: Folded) -> Append:
        """The version's deletion; its aliases go back to where they were before it had them, if anywhere."""
        aliases = self.view.aliases_of(version.number)
        returned = {alias: move for alias in aliases if (move := self._back(alias)) is not None}
        op = Delete(
            number=version.number,
            record=version.record.seq,
            dropped=tuple(alias for alias in aliases if alias not in returned),
            returned=tuple(returned.values()),
            reason=self.reason,
        )
        newest = self.view.state.newest
        heir = self.view.newest_live_but(version.number) if newest and newest.number == version.number else None
        targets = {alias: self.view.version(move.number, NOTHING).pointer for alias, move in returned.items()}
        state = self.view.state
        return Append(
            op=op,
            undoes=self.entry.seq,
            state=lambda seq: after(state, seq, op, heir=heir, was_live=version.live, returned=targets),
        )

    def _alias(self, alias: str) -> Append:
        move = self._back(alias)
        if move is None:
            return self._append(DropAlias(alias=alias, number=self._target(alias), reason=self.reason))
        version = self.view.version(move.number, NOTHING)
        op = SetAlias(move=move, record=version.record.seq, reason=self.reason)
        state = self.view.state
        return Append(op=op, undoes=self.entry.seq, state=lambda seq: after(state, seq, op, target=version.pointer))

    def _annotation(self, op: Annotate) -> Append:
        if "review" in op.delta:
            raise self._final("who has said something about an approval can only say something else")
        was = self.before.version(op.number)
        delta: dict[str, Json] = {
            "metrics": write_metrics(_changed(op.metrics, was.metrics)),
            "tags": {**_changed(op.tags, was.tags)},
        }
        return self._append(
            Annotate(
                number=op.number,
                record=op.record,
                delta=delta,
                metrics=was.metrics,
                tags=was.tags,
                description=was.description,
                checks=was.checks,
                reviews=was.reviews,
            )
        )

    def _deletion(self, op: Delete) -> Append:
        version = self.view.version(op.number, NOTHING)
        aliases = sorted([*op.dropped, *(move.alias for move in op.returned)])
        back = [self._back(alias) for alias in aliases]
        restored = Restore(
            number=op.number,
            record=op.record,
            aliases=tuple(move for move in back if move is not None),
            reason=self.reason,
        )
        live, state = version.superseded_by is None, self.view.state
        return Append(
            op=restored,
            undoes=self.entry.seq,
            state=lambda seq: after(state, seq, restored, target=version.pointer, was_live=live),
        )

    def _rules(self, op: SetRules) -> Append:
        rules: Sequence[Mapping[str, Json]] = ()
        if op.previous is not None:
            earlier = self.view.journal.entry(op.previous, self.view.require()).op
            rules = earlier.rules if isinstance(earlier, SetRules) else ()
        back = SetRules(
            alias=op.alias,
            rules=tuple(dict(rule) for rule in rules),
            previous=self.view.state.rules.get(op.alias),
            reason=self.reason,
        )
        return self._append(back)

    def _append(self, op: Operation) -> Append:
        state = self.view.state
        return Append(op=op, undoes=self.entry.seq, state=lambda seq: after(state, seq, op))

    def _back(self, alias: str) -> Move | None:
        """The move that takes the alias to where it was before the change; None if it was not set then."""
        was = self.before.state.aliases.get(alias)
        if was is None:
            return None
        now = self.view.state.aliases.get(alias)
        return Move(
            alias=alias,
            number=was.target.number,
            previous=None if now is None else now.target.number,
            back=self.view.move_at(was.set, alias).back,
        )

    def _target(self, alias: str) -> int:
        return self.view.alias(alias).target.number

    def _final(self, why: str) -> Conflict:
        entry = self.entry
        return Conflict(
            f"The newest change of {self.view.model!r}, {entry.verb} at {entry.seq} by {entry.actor}, cannot be "
            f"undone: {why}.",
            value=entry.seq,
            fix="Say what you want instead: promote, annotate, save.",
        )


def _changed(now: Mapping[str, V], was: Mapping[str, V]) -> dict[str, V | None]:
    """What is to be said for one to become the other; None takes a name away."""
    return {name: was.get(name) for name in {**now, **was} if now.get(name) != was.get(name)}


def _newest_change(view: View) -> Entry:
    """The newest entry that changed anything for people: refusals and condemnations did not."""
    head, window = view.require(), _WINDOW
    while True:
        first = max(head.seq - window + 1, 1)
        for entry in reversed(view.entries(first, NOTHING)):
            if not isinstance(entry.op, RefuseAlias | Condemn):
                return view.journal.entry(entry.seq, head)
        if first == 1:
            raise ModelNotFound(f"Nothing was ever changed in {view.model!r}.", value=view.model, fix="")
        window *= 4
