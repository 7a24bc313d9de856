"""Keeping a store small: what is to be deleted by retention, and the removal of files that no version needs."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from modelstore_core.errors import InvalidInput
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.selftest import patiently
from modelstore_core.maintenance.clock import store_time
from modelstore_core.maintenance.collecting import Collector, Terms, collected_object
from modelstore_core.maintenance.holdings import Holdings
from modelstore_core.maintenance.pruning import Retention, decide, deleted_by, key_of
from modelstore_core.model import names
from modelstore_core.model.collection import Collected, Collection
from modelstore_core.model.operations import Verb
from modelstore_core.model.records import ModelVersion, Records
from modelstore_core.registry.queries import record_of
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Decide, Outcome, Request
from modelstore_core.store import listing
from modelstore_core.store.handle import Handle

__all__ = ["collect", "prune"]

_DAY = timedelta(days=1)

T = TypeVar("T")


def collect(handle: Handle, name: str | None, older_than: timedelta | float, *, dry_run: bool) -> Collection:
    """Collect one model, or every model that has a hint, and what was begun there and never finished."""
    span = _seconds(older_than)
    chosen = listing.names(handle) if name is None else [names.check_name(name)]
    if not chosen:
        return Collection.of((), (), dry_run=dry_run)
    terms = _terms(handle, chosen[0], span, dry_run=dry_run)
    # First: where names are claimed, what a killed writer left there may be all that keeps a model from commits.
    removed = _sweep(handle, chosen, "" if name is None else f"{handle.journal(name).root}/", terms)
    found = _each(handle, chosen, lambda one: _collector(handle, one).collect(terms))
    removed += [one for items in found for one in items or ()]
    removed += _probes(handle, terms) if name is None else ()
    uncommitted = [one for one, items in zip(chosen, found, strict=True) if items is None]
    return Collection.of(removed, uncommitted, dry_run=dry_run)


def prune(
    handle: Handle,
    name: str | None,
    retention: tuple[int | None, timedelta | float | None],
    request: Request,
    *,
    dry_run: bool,
    reason: str,
) -> Records[ModelVersion]:
    """Delete what retention does not keep, model by model, oldest first."""
    rules = _retention(handle, *retention)
    chosen = _open(handle) if name is None else [handle.view(name).require_open().model]
    pruned = _each(handle, chosen, lambda one: _prune(handle, one, rules, request, None if dry_run else reason))
    return Records((version for versions in pruned for version in versions), ModelVersion)


def _open(handle: Handle) -> list[str]:
    return sorted(held.snapshot.model for held in handle.gathering().models(versions=False))


def _each(handle: Handle, chosen: list[str], act: Callable[[str], T]) -> list[T]:
    """One after the other on a disk, side by side elsewhere; all are done before the first error is raised."""
    return [*handle.storage.together([partial(act, one) for one in chosen])]


def _terms(handle: Handle, name: str, span: float, *, dry_run: bool) -> Terms:
    if dry_run:  # asking the store for its time would be a write
        now = handle.ports.now().timestamp()
    else:
        handle.writer(name).admission.ensure()
        now = store_time(handle.storage, handle.ports, handle.settings.patience)
    # However young: also what was written after this very moment.
    return Terms(before=now - span if span else math.inf, now=now, dry_run=dry_run)


def _collector(handle: Handle, name: str) -> Collector:
    def write(verb: Verb, decision: Decide) -> Outcome:
        return handle.write(name, Request(verb=verb, actor=handle.settings.actor), decision)

    return Collector(
        storage=handle.storage,
        journal=handle.journal(name),
        write=write,
        ports=handle.ports,
        patience=handle.settings.patience,
    )


def _sweep(handle: Handle, chosen: list[str], prefix: str, terms: Terms) -> list[Collected]:
    folders = {handle.journal(name).folder: name for name in chosen}
    swept = []
    for info in handle.storage.sweep(prefix, terms.before, dry_run=terms.dry_run):
        top, _, below = info.key.partition("/")
        folder = below.split("/", 1)[0].removesuffix(".json") if top in {"models", "heads"} else ""
        swept.append(collected_object("upload", info, folders.get(folder, ""), terms))
    return swept


def _probes(handle: Handle, terms: Terms) -> list[Collected]:
    """What self-tests and questions for the time left that were killed; never what may be under way."""
    last = min(terms.before, terms.now - _DAY.total_seconds())
    infos = [info for info in handle.storage.list("self-test/") if info.modified < last]
    if infos and not terms.dry_run:
        patience = Patience(handle.ports, handle.settings.patience)
        patiently(partial(handle.storage.delete, [info.key for info in infos]), patience)
    return [collected_object("leftover", info, "", terms) for info in infos]


def _retention(handle: Handle, keep: int | None, older_than: timedelta | float | None) -> Retention:
    if keep is None and older_than is None:
        raise InvalidInput("Nothing says which versions to keep.", fix="Pass keep=, older_than=, or both.")
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 0):
        raise InvalidInput(f"keep={keep!r} is no count.", value=keep, fix="Pass 0 or more.")
    return Retention(keep=keep, before=None if older_than is None else _ago(handle, _seconds(older_than)))


def _ago(handle: Handle, seconds: float) -> datetime:
    try:
        return handle.ports.now() - timedelta(seconds=seconds)
    except OverflowError:  # before the year 1
        return datetime.min.replace(tzinfo=UTC)


def _prune(handle: Handle, name: str, rules: Retention, request: Request, reason: str | None) -> list[ModelVersion]:
    """The versions that were deleted; without a reason, that would be."""
    view = handle.view(name)
    holdings = Holdings(view)
    excess = rules.excess(holdings, view)
    if reason is None:
        return _records(handle, view, holdings, excess)
    gone = deleted_by(view, request.key)
    requests = {number: replace(request, key=key_of(request.key, number)) for number in excess}
    for number, keyed in requests.items():
        decision = partial(decide, number=number, retention=rules, holdings=holdings, reason=reason)
        outcome = handle.write(name, keyed, decision)
        view = outcome.view
        if outcome.number:
            gone.add(number)
    holdings.follow(view)
    return _records(handle, view, holdings, sorted(gone))


def _records(handle: Handle, view: View, holdings: Holdings, numbers: list[int]) -> list[ModelVersion]:
    found = [view.complete(holdings.versions[number]) for number in numbers]
    return [record_of(view, version, handle.storage.url) for version in found]


def _seconds(span: timedelta | float) -> float:
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise InvalidInput(
            f"older_than={span!r} is no span of time.", value=span, fix="Pass a timedelta or seconds, 0 or more."
        )
    return float(seconds)
