import tempfile
from pathlib import Path

import pytest
from tests.maintenance.support import copied, fill, memory, objects_of

from modelstore_core.storage.memory import MemoryStorage


@pytest.fixture(autouse=True)
def _private_folders_go_with_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a simulated crash leaves behind, as a real one does."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every object of a sound store in which everything has happened."""
    storage = memory()
    fill(storage, tmp_path_factory.mktemp("models"))
    return objects_of(storage)


@pytest.fixture
def storage(objects: dict[str, bytes]) -> MemoryStorage:
    """That store, for the test to damage."""
    return copied(objects)
