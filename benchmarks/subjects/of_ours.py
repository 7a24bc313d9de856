"""Ourselves, by the front door."""

import os
from itertools import cycle
from pathlib import Path

from benchmarks.subjects.protocol import Place, Subject

from modelstore_core import ModelStore, NotFound

__all__ = ["files", "objects", "promotions", "store_in"]


class _Objects(Subject):
    def __init__(self, place: Place) -> None:
        self._store = store_in(place)

    def save(self, model: object, name: str) -> object:
        return self._store.save(model, name)

    def load(self, name: str) -> object:
        return self._store.load(name)


class _Files(Subject):
    def __init__(self, place: Place) -> None:
        self._store = store_in(place)
        self._folder = place.folder
        self._number = 0

    def save(self, model: object, name: str) -> object:
        return self._store.save(model, name)

    def load(self, name: str) -> object:
        self._number += 1
        return self._store.pull(name, self._folder / f"{name}.{os.getpid()}.{self._number}")


class _Promotions(Subject):
    """What is saved is where an alias points to: now one, now the other of two versions."""

    def __init__(self, place: Place) -> None:
        self._store = store_in(place)
        self._numbers = cycle((1, 2))

    def save(self, model: object, name: str) -> object:
        while True:
            try:
                return self._store.promote(f"{name}@{next(self._numbers)}", "champion")
            except NotFound:
                self._store.save(model, name)

    def load(self, name: str) -> object:
        return self._store.get(f"{name}@champion")


def store_in(place: Place) -> ModelStore:
    """A store in the place's bucket, or else its folder."""
    if place.bucket:
        return ModelStore(f"s3://{place.bucket}/models", endpoint=place.endpoint)
    return ModelStore(Path(place.folder) / "models")


def objects(place: Place) -> Subject:
    """Objects: saved, committed, checked and loaded."""
    return _Objects(place)


def promotions(place: Place) -> Subject:
    """Promotions of what was saved at first."""
    return _Promotions(place)


def files(place: Place) -> Subject:
    """Files: saved and pulled."""
    return _Files(place)
