"""Carrying out a command: open the store that it means, and do what its verb does."""

import argparse
import os
from importlib import import_module

from modelstore_core.cli import arguments
from modelstore_core.cli.exits import Exit
from modelstore_core.cli.grammar.tables import module_of, verb_named
from modelstore_core.cli.output import Output
from modelstore_core.cli.places import Place, place_of
from modelstore_core.cli.verbs import shells
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.errors import InvalidLocation
from modelstore_core.store.facade import ModelStore

__all__ = ["opened", "run"]


def run(given: argparse.Namespace, out: Output) -> Exit:
    """Carry out a parsed command; how it ends is `OK` unless the verb says otherwise.

    Raises:
        ModelStoreError: Whatever the verb of the Python API raises.
        Declined: The person at the terminal did not say yes.
        ReaderGone: Nobody reads the answer any more; what was to be done has been done.
    """
    if given.verb in shells.VERBS:
        shells.VERBS[given.verb](given, out)
        return Exit.OK
    place = place_of(given.store)
    given.allowed = place.trust
    return _do(given.verb)(opened(place, given), given, out) or Exit.OK


def opened(place: Place, given: argparse.Namespace) -> ModelStore:
    """The store at this place, with what the command says besides.

    Raises:
        InvalidLocation: The URL or an option makes no sense; the message says where it comes from.
    """
    options = {**place.options, **arguments.options(given.option)}
    try:
        return ModelStore(
            place.url,
            actor=given.actor or os.environ.get("MODELSTORE_ACTOR") or place.actor,
            trust="safe",  # no verb loads a model
            single_writer=given.single_writer,
            patience=60.0,
            read_only=given.read_only or place.read_only,
            cache=False,  # nor keeps one
            cache_size=None,
            progress=not given.json,
            credentials=None,
            **options,
        )
    except InvalidLocation as error:
        if not place.origin:
            raise
        raise InvalidLocation(f"{place.origin}: {error.what}", value=error.value, fix=error.fix) from error


def _do(name: str) -> Do:
    verb = verb_named(name)
    assert verb is not None  # it was parsed
    does: Do = import_module(f"modelstore_core.cli.verbs.{module_of(verb)}").VERBS[name]
    return does
