"""Renaming a model: repeated under its new name until nothing is missing, moved by one commit, and found there."""

from contextlib import suppress
from functools import partial

from modelstore_core.documents.commit import BLOCK
from modelstore_core.errors import Conflict, InvalidInput, ModelMoved, NotFound, StorageUnavailable
from modelstore_core.journal.log import Journal
from modelstore_core.journal.patience import Patience
from modelstore_core.maintenance.compacting import refresh
from modelstore_core.maintenance.renaming import Repetition
from modelstore_core.model.records import ModelSummary
from modelstore_core.registry import queries, whole
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Request
from modelstore_core.store.handle import Handle

__all__ = ["rename"]


def rename(handle: Handle, old: str, new: str, reason: str) -> ModelSummary:
    """Give the model its new name, or finish that if it was begun; what it is then."""
    if old == new:
        raise InvalidInput(f"{old!r} has that name.", value=old, fix="Pass another name.")
    handle.refuse_if_read_only()
    request = Request(verb="rename", actor=handle.settings.actor)
    try:
        handle.view(old).require_open()
        _move(handle, old, new, request, reason)
    except ModelMoved as gone:
        if gone.to != new:
            with suppress(Conflict, NotFound):  # if it was on its way to this name, that it never comes is said there
                handle.write(new, request, whole.there)
            raise
    view = handle.write(new, request, whole.there).view
    _list(handle, view)
    return queries.summary_of(view.require())


def _move(handle: Handle, old: str, new: str, request: Request, reason: str) -> None:
    handle.writer(new).admission.ensure()
    # Journals of their own: what they forget on their way through long logs, others may be about to use.
    source, target = (Journal(handle.storage, name, handle.ports, handle.settings.patience) for name in (old, new))
    hurry: Patience | None = None
    with handle.meter("copy", old) as meter:
        repetition = Repetition(handle.storage, source, target, meter)
        repetition.begin()
        while True:
            if repetition.catch_up():
                with suppress(whole.BehindError):
                    move = partial(whole.move_away, at=repetition.seq, to=new, reason=reason)
                    handle.write(old, request, move)
                    return
            handle.ports.sleep(handle.ports.jitter() * 0.002)
            hurry = hurry or Patience(handle.ports, handle.settings.patience)
            if hurry.spent():
                raise StorageUnavailable(
                    f"Others write to {old!r} faster than it can be copied.",
                    value=old,
                    fix="It still has that name. Call again when there is less to do: what was copied is there.",
                )


def _list(handle: Handle, view: View) -> None:
    """Make a long history fast to list under its new name too; that it is, nobody depends on."""
    head = view.require()
    if head.seq > BLOCK:
        journal = Journal(handle.storage, view.model, handle.ports, handle.settings.patience)
        with suppress(Exception):
            refresh(journal, head)
