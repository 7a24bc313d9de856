"""The verbs on time: what was, and taking back what was done last."""

from functools import partial
from typing import TYPE_CHECKING

from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.records import Event, Records
from modelstore_core.registry.writer import Request
from modelstore_core.store.handle import Handle
from modelstore_core.store.reasons import as_reason

if TYPE_CHECKING:
    from modelstore_core.registry.moments import When
    from modelstore_core.store.past import PastStore

__all__ = ["Revisiting"]


class Revisiting:
    """What a store was, and how to get back there."""

    _handle: Handle

    def at(self, when: "When") -> "PastStore":
        """The store as it was: `store.at("2026-03-03").get("risk.churn@champion")`.

        Args:
            when: A datetime with its zone, or a text of one; a day, which means its end in UTC; or an int, the seq of
                a commit as `history` shows it, for questions about that model.

        Raises:
            InvalidInput: It is none of these.
        """
        from modelstore_core.registry.moments import parse_moment  # most processes ask for the present only
        from modelstore_core.store.past import PastStore

        return PastStore(self._handle, parse_moment(when))

    def undo(self, name: str, *, seq: int | None = None, reason: str = "", key: str | None = None) -> Records[Event]:
        """Take back the newest change of the model, whatever it was; one commit, which history shows.

        A promotion or rollback goes back, an annotation becomes what it was before, a deletion or a save is reversed
        (the saved version is deleted, and its aliases go back to where they were). Undoing an undo does it again: to go
        several promotions back, use `rollback(steps=)`. Rules of an alias are not asked.

        Args:
            name: The model's name.
            seq: The change that must be the newest, as `history` shows it; whichever is, if left out.
            reason: Why, for history.
            key: Makes the call idempotent: a retry gives the first call's outcome.

        Returns:
            What happened.

        Raises:
            ModelNotFound: There is no such model.
            Conflict: The newest change is another, or has no inverse: files that were removed, a superseded version, a
                vote on an approval, a rename.
        """
        from modelstore_core.registry.events import events_of
        from modelstore_core.registry.undoing import undo

        if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or seq < 1):
            raise InvalidInput(f"seq={seq!r} is no place in a log.", value=seq, fix="Take it from `history`.")
        checked = None if key is None else names.check_key(key)
        request = Request(verb="undo", actor=self._handle.settings.actor, key=checked)
        outcome = self._handle.write(name, request, partial(undo, seq=seq, reason=as_reason(reason)))
        assert outcome.entry is not None
        return Records(events_of(outcome.view.model, outcome.entry), Event)
