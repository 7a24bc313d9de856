"""What the verbs that read do; with `--at` they ask the store as it was."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from modelstore_core.cli import arguments, cursors, render, shown
from modelstore_core.cli.output import Output
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.errors import InvalidInput
from modelstore_core.store.facade import ModelStore
from modelstore_core.store.past import PastStore

__all__ = ["VERBS"]

_LONGEST_CURSOR = 1000  # it grows with the number of models, and a command line may not

Then: TypeAlias = ModelStore | PastStore


def _ls(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    if given.name is None:
        _models(store, given, out)
        return
    asked = {"where": given.where, "order_by": given.order_by, "limit": given.limit, "deleted": given.all}
    found = _then(store, given).versions(given.name, **asked)
    out.data(found, lambda screen: render.versions(found, screen, given.order_by))
    if not found:
        more = "" if given.all else ": --all lists the deleted ones"
        out.words(f"no {'such' if given.where else 'live'} versions of {given.name}{more}")


def _models(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    then = _then(store, given)
    if isinstance(then, PastStore):
        if given.where or given.order_by or given.all or given.limit:
            raise InvalidInput(
                "As they were then, models are listed all of them, by name.", fix="Name a model, or leave --at out."
            )
        found = then.models()
    else:
        found = then.models(given.where, order_by=given.order_by, limit=given.limit, deleted=given.all)
    out.data(found, lambda screen: render.models(found, screen))
    if not found:
        out.words(f"no models in {store.url}" if given.where is None else "no such models")


def _search(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.search(
        given.where, order_by=given.order_by, limit=given.limit, page_token=given.page_token, deleted=given.all
    )
    page = {"versions": found, "next_page_token": found.next_page_token}
    asked = f"{given.where or ''} {given.order_by or ''}"
    out.data(page, lambda screen: render.versions(found, screen, asked, named=True))
    if found.next_page_token is not None:
        out.words(f"more: --page-token {found.next_page_token}")
    elif not found:
        out.words("no such versions")


def _best(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = _then(store, given).best(given.name, given.field, "min" if given.min else "max", where=given.where)
    out.data(found, lambda screen: render.versions([found], screen, given.field, named=True))


def _show(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = _then(store, given).get(given.ref)
    out.data(found, lambda screen: render.version(found, screen))


def _inspect(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    trust = arguments.trust(given.trust) if given.trust else given.allowed or "listed"
    found = _then(store, given).inspect(given.ref, trust=trust)
    out.data(found, shown.lines(str(found).splitlines()))


def _pull(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    then = _then(store, given)
    found = then.get(given.ref)
    target = then.pull(found.ref, given.dest)  # by number: what is said to be there is what is there
    out.data({"path": str(target), "version": found}, shown.line(str(target)))
    out.words(f"pulled {found.ref}: {render.weight(found)}, every byte checked")


def _history(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = _then(store, given).history(given.name, limit=given.limit)
    out.data(found, lambda screen: render.events(found, screen))


def _diff(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = _then(store, given).compare(given.left, given.right, *given.more)
    out.data(found, lambda screen: render.comparison(found, screen))
    out.words(found.summary())


def _changes(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    file = None if given.cursor_file is None else Path(given.cursor_file)
    feed = store.changes(given.cursor if file is None else cursors.read(file))
    out.data(feed, lambda screen: render.events(feed.events, screen, of_all=True))
    if file is not None:
        cursors.write(file, feed.cursor)  # only now: a reader that went away has not seen them
    out.words(shown.counted(feed.events, "change"))
    if file is None:
        short = len(feed.cursor) <= _LONGEST_CURSOR
        out.words(f"next: mstore changes --cursor {feed.cursor}" if short else "next time, use --cursor-file or --json")


def _then(store: ModelStore, given: argparse.Namespace) -> Then:
    """The store as it is, or as it was `--at` some time."""
    return store if given.at is None else store.at(arguments.moment(given.at, datetime.now(UTC)))


VERBS: Mapping[str, Do] = {
    "ls": _ls,
    "search": _search,
    "best": _best,
    "show": _show,
    "inspect": _inspect,
    "pull": _pull,
    "history": _history,
    "diff": _diff,
    "changes": _changes,
}
