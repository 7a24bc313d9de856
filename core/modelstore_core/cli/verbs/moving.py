"""What the verbs between this store and elsewhere do."""

import argparse
from collections.abc import Mapping

from modelstore_core.cli import arguments, render
from modelstore_core.cli.exits import Exit
from modelstore_core.cli.output import Output
from modelstore_core.cli.places import place_of
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.errors import StoreReadOnly
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]


def _copy(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    place = place_of(given.to)
    if place.read_only:
        raise StoreReadOnly(f"{place.origin} is to be read only.", value=given.to, fix="Copy to another store.")
    options = {**place.options, **arguments.options(given.to_option, "--to-option")}
    made = store.copy(given.ref, place.url, name=given.name, aliases=given.alias, key=given.key, **options)
    out.done(made, made.ref, f"copied {given.ref} to {given.to} as {made.ref}: {render.weight(made)}")


def _import(store: ModelStore, given: argparse.Namespace, out: Output) -> Exit | None:
    done = store.import_from(
        given.source,
        kind=given.kind,
        prefix=given.prefix,
        artifacts=given.artifacts,
        dry_run=given.dry_run,
        **arguments.options(given.source_option, "--source-option"),
    )
    out.data(done, lambda screen: render.imported(done, screen))
    for one in done.not_kept:
        out.words(f"{one.origin or done.source}: {one.what}: {one.why}")
    out.words(done.summary())
    return None if done.ok else Exit.UNSOUND


VERBS: Mapping[str, Do] = {
    "import": _import,
    "copy": _copy,
}
