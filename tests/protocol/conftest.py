import itertools
import tempfile
from pathlib import Path

import pytest

from modelstore_core import ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

_spaces = itertools.count()


@pytest.fixture(autouse=True)
def _private_folders_go_with_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a simulated crash leaves behind, as a real one does."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def memory() -> MemoryStorage:
    """An empty storage in memory, which behaves as a remote one does."""
    return MemoryStorage(f"protocol-{next(_spaces)}")


@pytest.fixture
def store(memory: MemoryStorage) -> ModelStore:
    """A store over it with one model `m` of two versions."""
    store = store_over(memory)
    store.save({"w": 1}, "m", format="pickle", metrics={"auc": 0.1})
    store.save({"w": 2}, "m", format="pickle", metrics={"auc": 0.2})
    return store
