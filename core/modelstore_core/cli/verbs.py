"""What each verb does: ask the store, hand the answer to the output, and say what was done."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from modelstore_core.cli import arguments, cursors, render
from modelstore_core.cli.exits import Declined, Exit
from modelstore_core.cli.governing_verbs import VERBS as GOVERNING
from modelstore_core.cli.importing import run_import
from modelstore_core.cli.keeping_verbs import VERBS as KEEPING
from modelstore_core.cli.location import store_url
from modelstore_core.cli.output import Output
from modelstore_core.cli.searching import run_ls, run_search
from modelstore_core.cli.whole import run_describe, run_rename, run_restore_model, run_rm_model
from modelstore_core.errors import InvalidInput, InvalidReference
from modelstore_core.model.names import parse_reference
from modelstore_core.model.records import ModelVersion
from modelstore_core.store.facade import ModelStore

__all__ = ["run"]

_LONGEST_CURSOR = 1000  # it grows with the number of models, and a command line may not

Verb: TypeAlias = Callable[[ModelStore, argparse.Namespace, Output], Exit | None]


def run(given: argparse.Namespace, out: Output) -> Exit:
    """Carry out a parsed command; how it ends is `OK` unless the verb says otherwise.

    Raises:
        ModelStoreError: Whatever the verb of the Python API raises.
        Declined: The person at the terminal did not say yes.
        ReaderGone: Nobody reads the answer any more; what was to be done has been done.
    """
    store = ModelStore(
        store_url(given.store),
        actor=given.actor,
        trust="safe",  # no verb loads a model
        single_writer=given.single_writer,
        patience=60.0,
        read_only=False,
        cache=False,  # nor keeps one
        cache_size=None,
        progress=not given.json,
        credentials=None,
        **arguments.options(given.options),
    )
    return _VERBS[given.verb](store, given, out) or Exit.OK


def _show(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.get(given.ref)
    out.data(found, lambda screen: render.version(found, screen))


def _inspect(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.inspect(given.ref, trust=arguments.trust(given.trust))
    out.data(found, render.lines(str(found).splitlines()))


def _save(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    saved = store.save(
        Path(given.path),
        given.name,
        metrics=arguments.metrics(given.metric),
        params=arguments.params(given.param),
        tags=arguments.texts("--tag", given.tag),
        lineage=arguments.texts("--lineage", given.lineage),
        aliases=given.alias,
        description=given.description,
        key=given.key,
        attempt=given.attempt,
        prove=given.prove,
    )
    instead = "" if saved.supersedes is None else f", in place of version {saved.supersedes}"
    _done(out, saved, f"saved as {saved.ref}: {render.weight(saved)}{instead}")


def _pull(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.get(given.ref)
    target = store.pull(found.ref, given.dest)  # by number: what is said to be there is what is there
    out.data({"path": str(target), "version": found}, render.line(str(target)))
    out.words(f"pulled {found.ref}: {render.weight(found)}, every byte checked")


def _rollback(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    now = store.rollback(given.name, given.alias, reason=given.reason, key=given.key)
    _done(out, now, f"{given.alias} points to {now.ref} again")


def _unalias(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    then = store.unalias(given.name, given.alias, override=given.override, reason=given.reason, key=given.key)
    _done(out, then, f"{given.alias} is removed; it pointed to {then.ref}")


def _history(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.history(given.name, limit=given.limit)
    out.data(found, lambda screen: render.events(found, screen))


def _diff(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.compare(given.left, given.right, *given.more)
    out.data(found, lambda screen: render.comparison(found, screen))
    out.words(found.summary())


def _annotate(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    metrics, tags = arguments.metrics(given.metric), arguments.texts("--tag", given.tag)
    removed = [*given.remove_metric, *given.remove_tag]
    checks = arguments.outcomes(given.passed, given.failed)
    if not (metrics or tags or removed or checks) and given.description is None:
        fix = "Give --metric, --tag, --description, --passed, --failed or a --remove-…."
        raise InvalidInput("Nothing was to be changed.", fix=fix)
    annotated = store.annotate(
        given.ref,
        metrics={**metrics, **arguments.removals("--remove-metric", given.remove_metric, metrics)},
        tags={**tags, **arguments.removals("--remove-tag", given.remove_tag, tags)},
        description=given.description,
        checks=checks,
        key=given.key,
    )
    _done(out, annotated, f"annotated {annotated.ref}")


def _rm(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    parsed = parse_reference(given.ref)
    if parsed.number is None and parsed.alias is None:
        raise InvalidReference(
            f"{given.ref!r} does not say which version.",
            value=given.ref,
            fix=f"Write {parsed.name}@3 with the number to delete: `mstore ls {parsed.name}` lists them.",
        )
    ref = given.ref if given.yes else _confirmed(store, given, out)
    gone = store.delete(ref, force=given.force, reason=given.reason, key=given.key)
    _done(out, gone, f"deleted {gone.ref}: `mstore restore {gone.ref}` brings it back until its files are collected")


def _confirmed(store: ModelStore, given: argparse.Namespace, out: Output) -> str:
    if not out.can_ask():
        raise InvalidInput(f"Nobody is here to confirm that {given.ref} is to be deleted.", fix="Pass --yes.")
    found = store.get(given.ref)
    aliases = f" and its aliases {', '.join(found.aliases)}" if given.force and found.aliases else ""
    if not out.confirmed(f"Delete {found.ref} ({render.weight(found)}){aliases}?"):
        raise Declined("Nothing was deleted.")
    return found.ref


def _restore(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    back = store.restore(given.ref, reason=given.reason, key=given.key)
    _done(out, back, f"restored {back.ref}")


def _changes(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    file = None if given.cursor_file is None else Path(given.cursor_file)
    feed = store.changes(given.cursor if file is None else cursors.read(file))
    out.data(feed, lambda screen: render.events(feed.events, screen, of_all=True))
    if file is not None:
        cursors.write(file, feed.cursor)  # only now: a reader that went away has not seen them
    out.words(f"{len(feed.events)} change{'' if len(feed.events) == 1 else 's'}")
    if file is None:
        short = len(feed.cursor) <= _LONGEST_CURSOR
        out.words(f"next: mstore changes --cursor {feed.cursor}" if short else "next time, use --cursor-file or --json")


def _done(out: Output, version: ModelVersion, words: str) -> None:
    out.data(version, render.line(version.ref))
    out.words(words)


_VERBS: Mapping[str, Verb] = {
    "ls": run_ls,
    "search": run_search,
    "show": _show,
    "inspect": _inspect,
    "save": _save,
    "pull": _pull,
    "rollback": _rollback,
    "unalias": _unalias,
    "history": _history,
    "diff": _diff,
    "annotate": _annotate,
    "rm": _rm,
    "restore": _restore,
    "changes": _changes,
    "import": run_import,
    "describe": run_describe,
    "rm-model": run_rm_model,
    "restore-model": run_restore_model,
    "rename": run_rename,
    **GOVERNING,
    **KEEPING,
}
