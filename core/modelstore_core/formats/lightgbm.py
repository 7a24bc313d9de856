"""LightGBM boosters as LightGBM's own text; its scikit-learn estimators as a pickle, as MLflow does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import pickles
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.parameters import estimator_params
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["LightgbmFormat"]

_TEXT = "model.lgb"
_PICKLED = ".pkl"
_PICKLE = f"model{_PICKLED}"
_BOOSTER = "lightgbm.basic.Booster"


class LightgbmFormat:
    """`model.lgb` or `model.pkl` with MLflow's `lightgbm` flavor."""

    name = "lightgbm"

    def accepts(self, model: object) -> bool:
        """Whether the object is a booster or one of LightGBM's scikit-learn estimators."""
        return is_a(model, _BOOSTER, "lightgbm.sklearn.LGBMModel")

    def save(self, model: object, folder: Path) -> Saved:
        """Write the booster's text, up to its best iteration, or stream the estimator's pickle.

        Raises:
            NotSerializable: The estimator cannot be pickled; the message names the part.
        """
        flavor: dict[str, object] = {
            "code": None,
            "lgb_version": version_of("lightgbm"),
            "model_class": class_name(model),
        }
        if is_a(model, _BOOSTER):
            _save_text(model, folder / _TEXT)
            # MLflow takes any other class for a pickle
            flavor |= {"data": _TEXT, "model_class": _BOOSTER}
            return _saved(flavor, _TEXT, packages=("lightgbm",))
        flavor |= {"data": _PICKLE, "serialization_format": pickles.dump(model, folder / _PICKLE)}
        return _saved(flavor, _PICKLE, pickled=(_PICKLE,), packages=("lightgbm", "sklearn"))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the booster, or unpickle the estimator under the policy.

        Raises:
            Untrusted: A pickle, and the policy says no; nothing was constructed.
            MissingExtra: LightGBM is missing, or of a version that does not fit.
            Corrupt: The text is none that LightGBM reads.
        """
        name = loads[0]
        if name.endswith(_PICKLED):
            return pickles.load(folder / name, trust)
        try:
            import lightgbm
        except ModuleNotFoundError as error:
            raise missing_library("lightgbm", f"Loading {name!r}") from error
        try:
            return lightgbm.Booster(model_file=str(folder / name))
        except lightgbm.basic.LightGBMError as error:
            raise Corrupt(
                f"{name!r} is no model that lightgbm {lightgbm.__version__} reads: {error}.",
                value=name,
                fix="If it comes from a newer lightgbm, install that one.",
            ) from error

    def model_params(self, model: object) -> Mapping[str, object]:
        """The parameters of the estimator or of the booster's training."""
        booster: Any = model
        return dict(booster.params) if is_a(model, _BOOSTER) else estimator_params(model)


def _save_text(model: object, path: Path) -> None:
    booster: Any = model
    try:
        booster.save_model(str(path))
    except (ValueError, TypeError, AttributeError) as error:
        raise NotSerializable(f"The booster cannot be written: {error}.", value=_BOOSTER) from error


def _saved(flavor: dict[str, object], file: str, *, packages: tuple[str, ...], pickled: tuple[str, ...] = ()) -> Saved:
    flavors = {"lightgbm": flavor, **python_function("mlflow.lightgbm", data=file)}
    return Saved(loads=(file,), flavors=flavors, pickles=pickled, packages=packages)
