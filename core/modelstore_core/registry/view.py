"""A model as of one commit: every question is answered from the log up to there, and from nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from modelstore_core.documents.commit import BLOCK, Commit
from modelstore_core.documents.sidecars import Mark
from modelstore_core.errors import (
    AliasNotFound,
    Corrupt,
    ModelNotFound,
    VersionDeleted,
    VersionNotFound,
    VersionPurged,
)
from modelstore_core.journal.log import Journal
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import AddVersion, Annotate, Entry, Move, moves_of
from modelstore_core.model.state import AliasState, Pointer, State
from modelstore_core.registry.fold import Folded, fold
from modelstore_core.registry.standing import refuse_closed, refuse_moving

__all__ = ["LOADING", "NOTHING", "View"]

NOTHING: frozenset[str] = frozenset()
"""No field beyond those that are never cut."""

_MOVES = frozenset({"aliases", "previous", "back", "returned"})
"""The fields of an entry that say how it moved aliases."""

LOADING = frozenset({"files", "loads"})
"""The fields of a record that loading needs: those that the head's short entries keep first."""


class View:
    """One model at one commit. Reads lazily, and only what a question needs."""

    def __init__(self, journal: Journal, head: Commit | None) -> None:
        self.journal = journal
        self.head = head

    @property
    def model(self) -> str:
        """The model's name."""
        return self.journal.model

    @property
    def state(self) -> State:
        """What holds after the commit."""
        return State() if self.head is None else self.head.state

    @property
    def mark(self) -> Mark:
        """The commit's position and op id."""
        return Mark(seq=0, op_id="") if self.head is None else Mark(seq=self.head.seq, op_id=self.head.entry.op_id)

    def require(self) -> Commit:
        """The head, whether or not the model is to be had.

        Raises:
            ModelNotFound: The log is empty.
        """
        if self.head is None:
            raise ModelNotFound(
                f"There is no model {self.model!r} in this store.",
                value=self.model,
                fix="`models()` or `mstore ls` lists what there is; `save` makes it.",
            )
        return self.head

    def require_open(self) -> Commit:
        """The head of a model that is to be had under this name.

        Raises:
            ModelNotFound: The log is empty.
            ModelDeleted, ModelMoved, ModelMoving: It is not to be had.
        """
        head = self.require()
        refuse_moving(self.journal, head)
        refuse_closed(self.model, head.state)
        return head

    def entries(self, first: int = 1, needs: frozenset[str] | None = None) -> list[Entry]:
        """The entries from `first` on, in order."""
        return [] if self.head is None else self.journal.entries(first, self.head, needs)

    def proven(self, mark: Mark) -> int:
        """The mark's seq if the log carries its op id there, else 0: then nothing is known before the beginning."""
        if self.head is None or not 0 < mark.seq <= self.head.seq:
            return 0
        found = self.journal.entry(mark.seq, self.head, NOTHING)
        return mark.seq if found.op_id == mark.op_id else 0

    def versions(self) -> dict[int, Folded]:
        """Every version that ever was, by number."""
        return fold(self.entries())

    def version(self, number: int, needs: frozenset[str] | None = None) -> Folded:
        """The version of this number, deleted or not.

        Raises:
            ModelNotFound, VersionNotFound: There is none.
        """
        head = self.require()
        for pointer in self._pointers():
            if pointer.number == number:
                return self._follow(pointer, needs)
        if 1 <= number < self.state.next:
            recent = fold(self.entries(head.seq - len(head.recent), NOTHING))
            return self.complete(recent[number], needs) if number in recent else self._far(number, needs)
        raise VersionNotFound(
            f"{self.model!r} has no version {number}; its numbers run from 1 to {self.state.next - 1}.",
            value=number,
            fix="`versions()` or `mstore ls NAME` lists them.",
        )

    def alias(self, alias: str) -> AliasState:
        """What the alias points to.

        Raises:
            ModelNotFound, AliasNotFound: There is no such model or alias.
        """
        self.require()
        found = self.state.aliases.get(alias)
        if found is None:
            known = ", ".join(sorted(self.state.aliases)) or "none"
            raise AliasNotFound(
                f"{self.model!r} has no alias {alias!r}; it has: {known}.", value=alias, fix="`promote` sets one."
            )
        return found

    def move_at(self, seq: int, alias: str) -> Move:
        """How the commit at `seq` set the alias."""
        for move in moves_of(self.journal.entry(seq, self.require(), _MOVES)):
            if move.alias == alias:
                return move
        raise self.corrupt(f"does not set the alias {alias!r} at {seq}")

    def resolve(self, reference: Reference, needs: frozenset[str] | None = None) -> Folded:
        """The version that is meant, deleted or not where it is meant by number.

        Raises:
            ModelNotFound, VersionNotFound, AliasNotFound: There is none.
            ModelDeleted, ModelMoved, ModelMoving: The model is not to be had.
        """
        self.require_open()
        if reference.number is not None:
            return self.version(reference.number, needs)
        if reference.alias is not None:
            return self._follow(self.alias(reference.alias).target, needs)
        self.require()
        if self.state.newest is None:
            raise VersionNotFound(
                f"{self.model!r} has no live version: all of them are deleted.",
                value=self.model,
                fix="`versions(deleted=True)` lists them, `restore` brings one back.",
            )
        return self._follow(self.state.newest, needs)

    def usable(self, reference: Reference, needs: frozenset[str] | None = None) -> Folded:
        """The version that is meant, if it is neither deleted nor purged.

        Raises:
            VersionDeleted, VersionPurged: It is.
            ModelNotFound, VersionNotFound, AliasNotFound: There is none.
        """
        version = self.resolve(reference, needs)
        ref = f"{self.model}@{version.number}"
        if version.purged:
            raise VersionPurged(f"The files of {ref} were removed for good.", value=ref, fix="Choose another version.")
        if version.deleted:
            raise VersionDeleted(f"{ref} is deleted.", value=ref, fix="`restore` or `mstore restore` brings it back.")
        return version

    def newest_live_but(self, number: int) -> Pointer | None:
        """Where the newest live version other than this one stands; looks back only as far as needed."""
        head, window = self.require(), BLOCK
        while True:
            first = head.seq - window + 1
            live = [v for v in fold(self.entries(first, NOTHING)).values() if v.live and v.number != number]
            if live or first <= 1:
                return max(live, key=lambda v: v.number).pointer if live else None
            window *= 4

    def aliases_of(self, number: int) -> tuple[str, ...]:
        """The aliases of a version, sorted."""
        return self._aliases.get(number, ())

    @cached_property
    def _aliases(self) -> Mapping[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for alias, state in sorted(self.state.aliases.items()):
            found[state.target.number] = (*found.get(state.target.number, ()), alias)
        return found

    def _pointers(self) -> list[Pointer]:
        newest = [] if self.state.newest is None else [self.state.newest]
        return newest + [alias.target for alias in self.state.aliases.values()]

    def corrupt(self, problem: str) -> Corrupt:
        """The error for a log that contradicts itself."""
        return Corrupt(
            f"The log of {self.model!r} {problem}, contrary to what a later commit says.",
            value=self.model,
            fix="Restore the log from a backup.",
        )

    def _follow(self, pointer: Pointer, needs: frozenset[str] | None) -> Folded:
        head = self.require()
        annotation = None
        if pointer.annotated is not None and needs is None:
            annotation = self.journal.entry(pointer.annotated, head)
            if not isinstance(annotation.op, Annotate) or annotation.op.number != pointer.number:
                raise self.corrupt(f"has no annotation of version {pointer.number} at {pointer.annotated}")
        record = self.journal.entry(pointer.record, head, needs)
        if not isinstance(record.op, AddVersion) or record.op.number != pointer.number:
            raise self.corrupt(f"has no record of version {pointer.number} at {pointer.record}")
        return Folded(
            record=record,
            annotated=pointer.annotated,
            annotation=annotation,
            superseded_by=pointer.superseded_by,
        )

    def _far(self, number: int, needs: frozenset[str] | None) -> Folded:
        """A version whose record is not among the head's recent entries."""
        # A version takes one commit, so its record cannot stand before the seq of its number.
        found = fold(self.entries(number, NOTHING)).get(number)
        if found is None:
            raise self.corrupt(f"has no commit that adds version {number}")
        return self.complete(found, needs)

    def complete(self, version: Folded, needs: frozenset[str] | None = None) -> Folded:
        """The version with its record, and if all is needed its annotation, as they stand in the log."""
        return replace(self._follow(version.pointer, needs), deleted=version.deleted, purged=version.purged)
