"""What each verb that looks after a store does."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from modelstore_core.cli import arguments, render
from modelstore_core.cli.exits import Declined, Exit
from modelstore_core.cli.output import Output
from modelstore_core.errors import InvalidInput
from modelstore_core.model.collection import Collection
from modelstore_core.model.records import ModelVersion
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]

Verb: TypeAlias = Callable[[ModelStore, argparse.Namespace, Output], Exit | None]


def _prune(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    span = None if given.older_than is None else arguments.span("--older-than", given.older_than)

    def prune(*, dry_run: bool) -> Sequence[ModelVersion]:
        return store.prune(
            given.name, keep=given.keep, older_than=span, dry_run=dry_run, reason=given.reason, key=given.key
        )

    if _asks(given, out, "versions are to be deleted"):
        doomed = prune(dry_run=True)
        for one in doomed:
            out.words(f"{one.ref}: {render.weight(one)}")
        _consent(out, f"Delete {_counted(doomed, 'version')}?", needed=bool(doomed), no="Nothing was deleted.")
    pruned = prune(dry_run=given.dry_run)
    out.data(pruned, render.lines(one.ref for one in pruned))
    out.words(f"{'would delete' if given.dry_run else 'deleted'} {_counted(pruned, 'version')}")


def _collect(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    span = arguments.span("--older-than", given.older_than)

    def collect(*, dry_run: bool) -> Collection:
        return store.collect(given.name, older_than=span, dry_run=dry_run)

    if _asks(given, out, "files are to be removed"):
        doomed = collect(dry_run=True)
        out.words(render.amount(doomed))
        _consent(out, "Remove them for good?", needed=bool(doomed.removed), no="Nothing was removed.")
    found = collect(dry_run=given.dry_run)
    out.data(found, lambda screen: render.collection(found, screen))
    out.words(render.amount(found))


def _verify(store: ModelStore, given: argparse.Namespace, out: Output) -> Exit | None:
    found = store.verify(given.name, read_data=given.read_data, repair=given.repair, head=given.head)
    out.data(found, render.lines(map(str, found.problems)))
    out.words(found.summary())
    return None if found.ok else Exit.UNSOUND


def _doctor(store: ModelStore, given: argparse.Namespace, out: Output) -> Exit | None:
    found = store.doctor(read_only=given.read_only)
    out.data(found, render.lines(map(str, found.checks)))
    out.words(f"{found.url} {'is fit for a store' if found.ok else 'is not fit for a store as it is'}")
    return None if found.ok else Exit.UNSOUND


def _maintain(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    done = store.maintain(given.name)
    out.data(done, lambda screen: render.maintained(done, screen))
    if not done:
        out.words(f"no models in {store.url}")


def _copy(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    made = store.copy(
        given.ref,
        given.to,
        name=given.name,
        aliases=given.alias,
        key=given.key,
        **arguments.options(given.to_option, "--to-option"),
    )
    out.data(made, render.line(made.ref))
    out.words(f"copied {given.ref} to {given.to} as {made.ref}: {render.weight(made)}")


def _asks(given: argparse.Namespace, out: Output, what: str) -> bool:
    """Whether somebody is to be asked first.

    Raises:
        InvalidInput: Nobody is there.
    """
    if given.yes or given.dry_run:
        return False
    if not out.can_ask():
        raise InvalidInput(f"Nobody is here to confirm which {what}.", fix="Pass --yes, or look with --dry-run.")
    return True


def _consent(out: Output, question: str, *, needed: bool, no: str) -> None:
    if needed and not out.confirmed(question):
        raise Declined(no)


def _counted(versions: Sequence[ModelVersion], what: str) -> str:
    return f"{len(versions)} {what}{'' if len(versions) == 1 else 's'}"


VERBS: Mapping[str, Verb] = {
    "prune": _prune,
    "collect": _collect,
    "verify": _verify,
    "doctor": _doctor,
    "maintain": _maintain,
    "copy": _copy,
}
