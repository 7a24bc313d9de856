"""`mstore ls` and `mstore search`: their grammar and what they do."""

import argparse
from typing import TYPE_CHECKING

from modelstore_core.cli.keeping_parser import Verbs

# The parser of every command imports this module, and must answer at once.
if TYPE_CHECKING:
    from modelstore_core.cli.output import Output
    from modelstore_core.store.facade import ModelStore

__all__ = ["add_searching", "run_ls", "run_search"]

_TERMS = 'such as "metrics.auc DESC, number": any field, each with DESC or not'


def add_searching(verbs: Verbs) -> None:
    """Add the verbs."""
    ls = verbs.add(
        "ls [NAME]",
        "list all models, or the versions of one",
        "Models come by name, versions newest first.",
        "",
        "risk.churn --limit 10",
        'risk.churn --where "metrics.auc > .9" --order-by "metrics.auc DESC, number"',
        "--where \"alias = 'champion'\"",
    )
    ls.add_argument("name", metavar="NAME", nargs="?", help="the model whose versions to list")
    ls.add_argument("--where", metavar="QUERY", help="only those of which this holds")
    ls.add_argument("--all", action="store_true", help="deleted models; deleted and superseded versions too")
    ls.add_argument("--limit", metavar="N", type=int, help="at most so many")
    search = verbs.add(
        "search [QUERY]",
        "list the versions of all models of which something holds",
        "They come by name, and newest first in each, a page at a time.",
        "\"metrics.auc > .9 AND tags.team = 'risk'\"",
        "\"name LIKE 'risk.%' AND alias = 'champion'\" --order-by \"metrics.auc DESC\" --limit 10",
        "\"created_at > '2026-03-01'\" --json",
    )
    search.add_argument("where", metavar="QUERY", nargs="?", help="what must hold; all versions if left out")
    search.add_argument("--limit", metavar="N", type=int, default=100, help="at most so many; 100 if left out")
    search.add_argument("--page-token", metavar="TOKEN", help="what the page before said comes next")
    search.add_argument("--all", action="store_true", help="deleted and superseded versions too")
    for verb in (ls, search):
        verb.add_argument("--order-by", metavar="TERMS", help=_TERMS)


def run_ls(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """List models, or the versions of one."""
    from modelstore_core.cli import render

    asked = {"where": given.where, "order_by": given.order_by, "limit": given.limit, "deleted": given.all}
    if given.name is None:
        models = store.models(**asked)
        out.data(models, lambda screen: render.models(models, screen))
        if not models:
            out.words(f"no models in {store.url}" if given.where is None else "no such models")
        return
    found = store.versions(given.name, **asked)
    out.data(found, lambda screen: render.versions(found, screen, given.order_by))
    if not found:
        more = "" if given.all else ": --all lists the deleted ones"
        out.words(f"no {'such' if given.where else 'live'} versions of {given.name}{more}")


def run_search(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """List a page of versions of all models, and say what the next one is asked for with."""
    from modelstore_core.cli import render

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
