"""What there is to name in a store and a project, for who is typing."""

import argparse
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from modelstore_core.cli.completion.candidates import Candidate, Options
from modelstore_core.cli.places import place_of, project
from modelstore_core.cli.running import opened
from modelstore_core.cli.shown import counted
from modelstore_core.model.names import folder_of
from modelstore_core.model.tables import cell
from modelstore_core.registry.hints import hints, names_of
from modelstore_core.store.facade import ModelStore

__all__ = ["Shelf"]

_MOST = 500
_NUMBERS = 20


class Shelf:
    """The store that the options before the word mean, opened once it is asked, to be read only."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @cached_property
    def _store(self) -> ModelStore:
        given = dict(self._options)
        options = [value for name, value in self._options if name == "--option"]
        words = argparse.Namespace(option=options, actor="completion", read_only=True, single_writer=False, json=True)
        return opened(place_of(given.get("--store")), words)

    def stores(self) -> Iterator[Candidate]:
        """The project's."""
        for name, place in sorted(project().stores.items()):
            yield Candidate(name, place.url)

    def models(self, prefix: str) -> Iterator[Candidate]:
        """By one listing, and a request for each name that is no folder's: deleted ones are among them."""
        storage = self._store.storage
        folders = list(hints(storage))
        plain = [folder for folder in folders if folder_of(folder) == folder and folder.startswith(prefix)]
        named = names_of(storage, [folder for folder in folders if folder_of(folder) != folder][:_MOST])
        yield from map(Candidate, islice(sorted([*plain, *(name for name in named if name.startswith(prefix))]), _MOST))

    def aliases(self, name: str) -> Iterator[Candidate]:
        """Each with what it points to."""
        for alias, number in sorted(self._store.model(name).aliases.items()):
            yield Candidate(alias, f"version {number}")

    def numbers(self, name: str) -> Iterator[Candidate]:
        """The newest, each with its metrics."""
        for one in self._store.versions(name, limit=_NUMBERS):
            metrics = ", ".join(f"{metric} {cell(value)}" for metric, value in islice(one.metrics.items(), 3))
            yield Candidate(str(one.number), metrics or one.description or counted(one.files, "file"))

    def fields(self, name: str) -> Iterator[Candidate]:
        """Those of every version, and what the newest one has."""
        if name:
            newest = self._store.get(name)
            for kind, values in (("metrics", newest.metrics), ("params", newest.params), ("tags", newest.tags)):
                for key, value in values.items():
                    yield Candidate(f"{kind}.{key}", cell(value))
        yield from map(Candidate, ("number", "created_at", "created_by", "size"))
