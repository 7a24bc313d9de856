"""Keeping a store fast: what readers of long histories would otherwise have to fold for themselves."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from modelstore_core.documents.commit import BLOCK, Commit
from modelstore_core.journal.catalog import remove_old as remove_shards
from modelstore_core.journal.log import Journal
from modelstore_core.journal.segments import STRIDE
from modelstore_core.maintenance.cataloguing import catalogue
from modelstore_core.maintenance.clock import store_time
from modelstore_core.maintenance.compacting import maintain, remove_old
from modelstore_core.model.names import folder_of
from modelstore_core.model.records import Records
from modelstore_core.model.upkeep import Maintained
from modelstore_core.registry.gathering import FEW
from modelstore_core.registry.hints import heads_of
from modelstore_core.store.handle import Handle

__all__ = ["maintained"]

_COURTESY = 24 * 3600.0
_LONG = 4 * STRIDE

Model = tuple[Journal, Commit]


def maintained(handle: Handle, name: str | None) -> Records[Maintained]:
    """Maintain one model, or every model that has a hint, and then the catalog of them."""
    done, models = _all(handle) if name is None else ([], [(handle.journal(name), handle.view(name).require())])
    if not (done or models):
        return Records((), Maintained)
    handle.writer(models[0][0].model if models else done[0].name).admission.ensure()
    before = store_time(handle.storage, handle.ports, handle.settings.patience) - _COURTESY
    # Short logs side by side, each step by step; long ones one by one, the steps of each side by side.
    short = [model for model in models if model[1].seq <= _LONG]
    done += _together(handle, short, before)
    for model in models:
        if model[1].seq > _LONG:
            done += _together(handle, [model], before)
    if name is None and len(done) > FEW:
        catalogue(handle.storage, handle.gathering(), handle.passing)
        remove_shards(handle.storage, before)
    return Records(sorted(done, key=lambda one: one.name), Maintained)


def _all(handle: Handle) -> tuple[list[Maintained], list[Model]]:
    """The models whose heads say it all, with which nothing is to be done; and the others."""
    gathered = handle.gathering().everything(versions=True, long=False)  # all that the catalog will need
    found = [held.snapshot for held in gathered if held.snapshot.seq]
    done = [
        Maintained(name=one.model, commits=one.seq, versions=one.state.next - 1) for one in found if one.seq <= BLOCK
    ]
    folders = [folder_of(one.model) for one in found if one.seq > BLOCK]
    heads = heads_of(handle.storage, folders, handle.journal)
    return done, [(journal, head) for journal, head in heads.values() if head is not None]


def _together(handle: Handle, models: Sequence[Model], before: float) -> Sequence[Maintained]:
    return handle.storage.together([partial(_maintained, handle, *model, before) for model in models])


def _maintained(handle: Handle, journal: Journal, head: Commit, before: float) -> Maintained:
    if head.seq <= BLOCK:  # its head says it all
        return Maintained(name=journal.model, commits=head.seq, versions=head.state.next - 1)
    # A journal of its own: what this one forgets on its way through a long log, others may be about to use.
    own = Journal(handle.storage, journal.model, handle.ports, handle.settings.patience)
    done = maintain(own, head)
    removed = remove_old(handle.storage, own, before)
    journal.segments.forget()
    return replace(done, removed=removed)
