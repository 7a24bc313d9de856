"""What each verb that looks after a store does."""

import argparse
from collections.abc import Mapping, Sequence

from modelstore_core.cli import arguments, render, shown
from modelstore_core.cli.consent import asks, consent
from modelstore_core.cli.exits import Exit
from modelstore_core.cli.output import Output
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.model.collection import Collection
from modelstore_core.model.records import ModelVersion
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]


def _prune(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    span = None if given.older_than is None else arguments.span("--older-than", given.older_than)

    def prune(*, dry_run: bool) -> Sequence[ModelVersion]:
        return store.prune(
            given.name, keep=given.keep, older_than=span, dry_run=dry_run, reason=given.reason, key=given.key
        )

    if asks(given, out, "which versions are to be deleted"):
        doomed = prune(dry_run=True)
        for one in doomed:
            out.words(f"{one.ref}: {render.weight(one)}")
        if doomed:
            consent(out, f"Delete {shown.counted(doomed, 'version')}?", "Nothing was deleted.")
    pruned = prune(dry_run=given.dry_run)
    out.data(pruned, shown.lines(one.ref for one in pruned))
    out.words(f"{'would delete' if given.dry_run else 'deleted'} {shown.counted(pruned, 'version')}")


def _collect(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    span = arguments.span("--older-than", given.older_than)

    def collect(*, dry_run: bool) -> Collection:
        return store.collect(given.name, older_than=span, dry_run=dry_run)

    if asks(given, out, "which files are to be removed"):
        doomed = collect(dry_run=True)
        if doomed.removed:
            out.words(render.amount(doomed))
            consent(out, "Remove them for good?", "Nothing was removed.")
    found = collect(dry_run=given.dry_run)
    out.data(found, lambda screen: render.collection(found, screen))
    out.words(render.amount(found))


def _verify(store: ModelStore, given: argparse.Namespace, out: Output) -> Exit | None:
    found = store.verify(given.name, read_data=given.read_data, repair=given.repair, head=given.head)
    out.data(found, shown.findings(found.problems))
    out.words(found.summary())
    return None if found.ok else Exit.UNSOUND


def _doctor(store: ModelStore, given: argparse.Namespace, out: Output) -> Exit | None:
    found = store.doctor(read_only=given.read_only)
    out.data(found, shown.findings(found.checks))
    out.words(f"{found.url} {'is fit for a store' if found.ok else 'is not fit for a store as it is'}")
    return None if found.ok else Exit.UNSOUND


def _maintain(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    done = store.maintain(given.name)
    out.data(done, lambda screen: render.maintained(done, screen))
    if not done:
        out.words(f"no models in {store.url}")


VERBS: Mapping[str, Do] = {
    "prune": _prune,
    "collect": _collect,
    "verify": _verify,
    "doctor": _doctor,
    "maintain": _maintain,
}
