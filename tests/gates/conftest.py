"""A model with four versions of rising quality but the last, and people who say what they think of them."""

import itertools
from collections.abc import Callable

import pytest

from modelstore_core import ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import StillClock, store_over

spaces = itertools.count()


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(f"gates-{next(spaces)}")


@pytest.fixture
def as_actor(memory: MemoryStorage) -> Callable[[str], ModelStore]:
    """The store as somebody opens it."""
    return lambda actor: store_over(memory, actor=actor)


@pytest.fixture
def four(memory: MemoryStorage) -> ModelStore:
    store = store_over(memory, actor="ada")
    for weight, auc in enumerate((0.7, 0.8, 0.9, 0.6)):
        store.save({"w": weight}, "m", format="pickle", metrics={"auc": auc, "loss": 1 - auc})
    return store


@pytest.fixture
def clock() -> StillClock:
    return StillClock()
