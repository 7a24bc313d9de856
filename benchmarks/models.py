"""What is saved: a small scikit-learn model, one of any size, and files. Imported in every peer's environment."""

from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["SMALL_FILES", "Kind", "made"]

SMALL_FILES = 5
"""How many files a small model becomes here: the model, MLmodel, and three that say what it needs."""

Kind: TypeAlias = Literal["small", "large", "file", "tiny"]


def made(kind: Kind, number: int, mib: int, folder: Path) -> object:
    """A model (or a file) of which no two numbers have the same bytes."""
    if kind == "file":
        return _file(folder / f"source-{mib}", mib)
    if kind == "tiny":
        path = folder / f"tiny-{number}"
        path.write_text(f"weights {number}\n", encoding="ascii")
        return path
    import numpy as np

    if kind == "large":
        from sklearn.neighbors import NearestNeighbors

        model = NearestNeighbors()
        model.weights_ = np.random.default_rng(number).random(mib * 2**20 // 8)
        return model
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(number).normal(size=(60, 4))
    return LogisticRegression().fit(rows, rows[:, 0] + rows[:, 1] > 0)


def _file(path: Path, mib: int) -> Path:
    """A file that nothing compresses; written once."""
    if not path.exists():
        import numpy as np

        generator = np.random.default_rng(0)
        with path.open("wb") as file:
            for _ in range(mib):
                file.write(generator.bytes(2**20))
    return path
