"""Whether a model is to be had under its name: it may be deleted, have another name, or be on its way to this one."""

from modelstore_core.documents.commit import Commit
from modelstore_core.errors import Conflict, ModelDeleted, ModelMoved, ModelMoving
from modelstore_core.journal.log import Journal
from modelstore_core.model.operations import Arrive, Entry, MoveAway, Verb
from modelstore_core.model.state import State

__all__ = ["arrival", "refuse_closed", "refuse_moving", "refuse_writing"]

_OF_DELETED: frozenset[Verb] = frozenset({"delete_model", "restore_model", "undo"})
_OF_CLOSED: frozenset[Verb] = frozenset({"condemn", "purge"})


def refuse_closed(model: str, state: State) -> None:
    """Pass over a model that is open.

    Raises:
        ModelDeleted, ModelMoved: It is not.
    """
    if state.closed is None:
        return
    if state.closed.to is not None:
        raise _moved(model, state.closed.to)
    raise ModelDeleted(
        f"The model {model!r} is deleted.", value=model, fix="`restore_model` or `mstore restore-model` brings it back."
    )


def refuse_moving(journal: Journal, head: Commit) -> None:
    """Pass over a model that is not on its way to this name, as of the commit, or has arrived by now.

    Raises:
        ModelMoving: It still is to be had under its old name.
        ModelMoved: It was renamed to a third name in the end.
    """
    origin = head.state.coming
    if origin is None or _arrived_since(journal, head):
        return
    went = _departure(journal, origin)
    if went is None:
        raise _moving(journal.model, origin)
    if went[1] != journal.model:
        raise _moved(journal.model, went[1])


def refuse_writing(verb: Verb, model: str, state: State) -> None:
    """Pass over a model to which the verb may commit; whether it is on its way to this name, `arrival` says.

    Raises:
        ModelDeleted, ModelMoved: It is closed.
    """
    deleted = state.closed is not None and state.closed.to is None
    if verb not in _OF_CLOSED and not (deleted and verb in _OF_DELETED):
        refuse_closed(model, state)


def arrival(journal: Journal, head: Commit) -> tuple[Arrive | MoveAway, str] | None:
    """What is to be committed before anything else, and who has it done: that the model has come, or never will.

    None if it is not on its way to this name.

    Raises:
        ModelMoving: It still is to be had under its old name.
    """
    origin = head.state.coming
    if origin is None:
        return None
    went = _departure(journal, origin)
    if went is None:
        raise _moving(journal.model, origin)
    entry, to = went
    journal.beside(origin).keep(entry.seq)
    return (Arrive(origin=origin) if to == journal.model else MoveAway(to=to)), entry.actor


def _arrived_since(journal: Journal, head: Commit) -> bool:
    known = journal.known()
    return known is not None and known.seq > head.seq and known.state.moving is None


def _departure(journal: Journal, origin: str) -> tuple[Entry, str] | None:
    """The commit by which the model left its old name, for good, and the name that it has since."""
    there = journal.beside(origin)
    head = there.newest()
    closed = None if head is None else head.state.closed
    if head is None or closed is None or closed.to is None:
        return None
    return there.entry(closed.seq, head), closed.to


def _moved(model: str, to: str) -> Conflict:
    return ModelMoved(f"The model {model!r} is called {to!r} now.", value=model, fix=f"Use {to!r}.", to=to)


def _moving(model: str, origin: str) -> Conflict:
    return ModelMoving(
        f"The model {origin!r} is being renamed to {model!r}, and is not here yet.",
        value=model,
        fix=f"Use {origin!r} until then. If the rename was interrupted, run it again: it goes on.",
        origin=origin,
    )
