"""Which package to install for a module that is not there."""

from typing import Final

from modelstore_core.errors import MissingExtra

__all__ = ["DISTRIBUTIONS", "missing_library"]

DISTRIBUTIONS: Final[dict[str, tuple[str, ...]]] = {
    # top-level module → the distributions that provide it, the usual one first
    "PIL": ("pillow",),
    "catboost": ("catboost",),
    "cv2": ("opencv-python", "opencv-python-headless"),
    "dateutil": ("python-dateutil",),
    "imblearn": ("imbalanced-learn",),
    "lightgbm": ("lightgbm",),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "sentence_transformers": ("sentence-transformers",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "yaml": ("pyyaml",),
}
_EXTRAS: Final = {"mlflow": "mlflow", "yaml": "mlflow", "pandas": "pandas"}


def missing_library(module: str, doing: str) -> MissingExtra:
    """The error for a module that is not installed, with the exact `pip install` line where it is known."""
    top = module.partition(".")[0]
    if top in _EXTRAS:
        fix = f'pip install "modelstore-pipelines[{_EXTRAS[top]}]"'
    elif top in DISTRIBUTIONS:
        fix = f"pip install {DISTRIBUTIONS[top][0]}"
    else:
        fix = f"pip install {top}, or put the code that defines it on Python's path."
    return MissingExtra(f"{doing} needs the module {module!r}.", value=module, fix=fix)
