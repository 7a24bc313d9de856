"""Any object that can be pickled, with or without a `predict`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from modelstore_core.formats import pickles
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import can_predict, is_a
from modelstore_core.formats.parameters import estimator_params
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["PickleFormat"]

_FILE = "model.pkl"


class PickleFormat:
    """`model.pkl`; for an object with a `predict`, a folder that plain MLflow loads as well.

    MLflow's scikit-learn loader takes any unpickled object that can predict, and needs no scikit-learn for it.
    """

    name = "pickle"

    def accepts(self, model: object) -> bool:
        """Every object, until it proves otherwise by being saved."""
        del model
        return True

    def save(self, model: object, folder: Path) -> Saved:
        """Stream the object into `model.pkl`.

        Raises:
            NotSerializable: It cannot be pickled; the message names the part.
        """
        dumped = pickles.dump(model, folder / _FILE)
        flavors: dict[str, dict[str, object]] = {}
        if can_predict(model):
            flavors["sklearn"] = {"code": None, "pickled_model": _FILE, "serialization_format": dumped}
            flavors |= python_function("mlflow.sklearn", model_path=_FILE, predict_fn="predict")
        return Saved(loads=(_FILE,), flavors=flavors, pickles=(_FILE,))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Unpickle the object under the policy.

        Raises:
            Untrusted: The policy says no; nothing was constructed.
            MissingExtra: A library that the object needs is missing, or of a version that does not fit.
        """
        return pickles.load(folder / loads[0], trust)

    def model_params(self, model: object) -> Mapping[str, object]:
        """scikit-learn's parameters, and the plain attributes of gensim's models; of other classes nothing is known."""
        if is_a(model, "gensim.utils.SaveLoad"):
            return {name: value for name, value in vars(model).items() if isinstance(value, int | float | str)}
        return estimator_params(model) if is_a(model, "sklearn.base.BaseEstimator") else {}
