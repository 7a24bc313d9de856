"""Stores to test the verbs on: in memory (which behaves like a remote one) and in a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modelstore_core import ModelStore


@pytest.fixture(params=["memory", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}"


@pytest.fixture
def store(url: str) -> ModelStore:
    return ModelStore(url, actor="ada")


@pytest.fixture
def listing(store: ModelStore) -> Callable[[], dict[str, str]]:
    """All objects of the store with their etags."""
    return lambda: {info.key: info.etag for prefix in ("heads/", "models/") for info in store.storage.list(prefix)}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file to save: the cheapest model there is."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path
