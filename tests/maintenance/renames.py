"""Renames of a model `m` of two versions to `n`, while somebody else does something at each moment of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.protocol.support import save_by

from modelstore_core import ModelDeleted, ModelExists, ModelMoved, ModelMoving, NotFound
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.faults import FaultyStorage
from modelstore_core.testing.stores import store_over

__all__ = ["Moment", "entries", "moments", "names", "operations", "tried", "two_versions"]


def entries(storage: Storage, model: str) -> list[dict[str, Any]]:
    """The log as it stands there."""
    keys = sorted(info.key for info in storage.list(f"models/{model}/log/"))
    return [json.loads(storage.get(key) or b"")["entry"] for key in keys]


def two_versions(storage: Storage) -> Storage:
    """The storage with a model `m` of two versions, one of them with a key."""
    store = store_over(storage)
    save_by(store, 1, key="k1")
    save_by(store, 2)
    return storage


def operations(storage: Storage) -> int:
    """How many operations a rename of it takes, which is carried out."""
    faulty = FaultyStorage(storage, script=lambda verb, key, number: None)
    store_over(faulty).rename("m", "n")
    return faulty.operations


class Moment:
    """A store in which somebody acts before the n-th operation of whoever uses `during`.

    Attributes:
        number: Which operation it is.
        storage: The storage that both use.
        outcome: What came of what the other did: the answer, or the error.
    """

    def __init__(self, number: int, storage: Storage) -> None:
        self.number = number
        self.storage = storage
        self.outcome: object = None

    def during(self, act: Callable[[Storage], object]) -> Storage:
        """The storage, on which the other acts then."""

        def script(verb: str, key: str, number: int) -> None:
            if number == self.number:
                self.outcome = tried(lambda: act(self.storage))

        return FaultyStorage(self.storage, script=script)

    def rename(self, act: Callable[[Storage], object]) -> object:
        """What comes of renaming `m` to `n` while the other acts."""
        during = self.during(act)
        return tried(lambda: store_over(during).rename("m", "n"))


def moments(tmp_path: Path) -> Iterator[Moment]:
    """Each moment of a rename, in a store of its own."""
    space = f"renaming-{tmp_path.name}"
    for number in range(1, operations(two_versions(MemoryStorage(f"{space}-0"))) + 1):
        yield Moment(number, two_versions(MemoryStorage(f"{space}-{number}")))


def tried(act: Callable[[], object]) -> object:
    """The answer, or the error that says how a model stands."""
    try:
        return act()
    except (ModelMoved, ModelMoving, ModelExists, ModelDeleted, NotFound) as error:
        return error


def names(storage: Storage) -> list[str]:
    """Under which of some names the model is to be had."""

    def loads(name: str) -> object:
        return tried(lambda: store_over(storage).load(f"{name}@2"))

    return [name for name in ("m", "n", "o") if loads(name) == {"w": 2}]
