"""Which package to install for a module that is not there."""

from typing import Final

from modelstore_core.errors import MissingExtra

__all__ = ["DISTRIBUTIONS", "missing_library"]

DISTRIBUTIONS: Final[dict[str, tuple[str, ...]]] = {
    # top-level module → the distributions that provide it, the usual one first
    "PIL": ("pillow",),
    "cv2": ("opencv-python", "opencv-python-headless"),
    "dateutil": ("python-dateutil",),
    "imblearn": ("imbalanced-learn",),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "yaml": ("pyyaml",),
}
_EXTRAS: Final = {"mlflow": "mlflow", "yaml": "mlflow", "pandas": "pandas"}


def missing_library(module: str, doing: str) -> MissingExtra:
    """The error for a module that is not installed, with the exact `pip install` line."""
    top = module.partition(".")[0]
    extra = _EXTRAS.get(top)
    package = f'"modelstore-pipelines[{extra}]"' if extra else DISTRIBUTIONS.get(top, (top,))[0]
    return MissingExtra(f"{doing} needs the module {module!r}.", value=module, fix=f"pip install {package}")
