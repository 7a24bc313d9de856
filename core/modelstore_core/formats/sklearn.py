"""scikit-learn estimators, pipelines and searches, and whatever derives from `BaseEstimator`: a pickle."""

from collections.abc import Sequence
from pathlib import Path

from modelstore_core.formats import pickles
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import can_predict, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["SklearnFormat"]

_FILE = "model.pkl"


class SklearnFormat:
    """`model.pkl` with MLflow's `sklearn` flavor, and `python_function` too where there is a `predict`."""

    name = "sklearn"

    def accepts(self, model: object) -> bool:
        """Whether the object derives from scikit-learn's `BaseEstimator`."""
        return is_a(model, "sklearn.base.BaseEstimator")

    def save(self, model: object, folder: Path) -> Saved:
        """Stream the estimator into `model.pkl`.

        Raises:
            NotSerializable: It cannot be pickled; the message names the part.
        """
        dumped = pickles.dump(model, folder / _FILE)
        flavors: dict[str, dict[str, object]] = {
            "sklearn": {
                "code": None,
                "pickled_model": _FILE,
                "serialization_format": dumped,
                "sklearn_version": version_of("sklearn"),
            }
        }
        if can_predict(model):
            flavors |= python_function("mlflow.sklearn", model_path=_FILE, predict_fn="predict")
        return Saved(loads=(_FILE,), flavors=flavors, pickles=(_FILE,), packages=("sklearn",))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Unpickle the estimator under the policy.

        Raises:
            Untrusted: The policy says no; nothing was constructed.
            MissingExtra: scikit-learn is missing, or of a version that does not fit.
        """
        return pickles.load(folder / loads[0], trust)
