"""What the tests of estimators that lie in two files share: which they are, and how one gets into a folder and back."""

from pathlib import Path
from typing import Any

from tests.formats.samples import fitted

from modelstore_core.formats import read, write
from modelstore_core.formats.trust import SAFE

__all__ = ["KINDS", "LOADS", "load", "store"]

LOADS = {"lightgbm": ("estimator.json", "model.lgb"), "xgboost": ("estimator.json", "model.ubj")}
KINDS = {"lightgbm": "lgbm_classifier", "xgboost": "xgb_missing"}


def store(library: str, folder: Path) -> Path:
    """Write the library's estimator into a new folder of the library's name, and say which that is."""
    place = folder / library
    place.mkdir()
    write(fitted(KINDS[library]), place)
    return place


def load(folder: Path, trust: Any = SAFE) -> Any:
    return read(folder, format=folder.name, loads=LOADS[folder.name], trust=trust)
