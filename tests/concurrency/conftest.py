from pathlib import Path

import pytest


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file to save: the cheapest model there is."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path
