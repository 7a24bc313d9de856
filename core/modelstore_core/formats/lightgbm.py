"""LightGBM boosters as LightGBM's own text; its scikit-learn estimators as that text and one document of JSON.

MLflow has a flavor for the first only: of the second its `lightgbm` flavor would make a bare booster, which predicts
something else. So they have none but `python_function`, with a loader of ours.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import pickles
from modelstore_core.formats.estimators import ESTIMATOR, rebuild, say, write_estimator
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
# What a booster's text does not hold; the rest is what LightGBM itself makes of the text.
_OF_BOOSTER = ("best_iteration", "best_score", "pandas_categorical", "params")


class LightgbmFormat:
    """`model.lgb` with MLflow's `lightgbm` flavor, or with `estimator.json`; what that cannot say, as `model.pkl`."""

    name = "lightgbm"

    def accepts(self, model: object) -> bool:
        """Whether the object is a booster or one of LightGBM's scikit-learn estimators."""
        return is_a(model, _BOOSTER, "lightgbm.sklearn.LGBMModel")

    def save(self, model: object, folder: Path) -> Saved:
        """Write a booster's text, up to its best iteration; an estimator's whole, and the rest of its state as JSON.

        An estimator that is more than JSON can say, such as one with a function for its objective, is pickled.

        Raises:
            NotSerializable: The estimator cannot be pickled; the message names the part.
        """
        document = None if is_a(model, _BOOSTER) else _document(model)
        if document is not None:
            return _save_estimator(model, document, folder)
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
        """Read the booster; or put the estimator together, or unpickle it, under the policy.

        Raises:
            Untrusted: A pickle, or a class of others, and the policy says no; nothing was constructed.
            MissingExtra: LightGBM is missing, or of a version that does not fit.
            Corrupt: The text is none that LightGBM reads, or the document none of an estimator's.
        """
        name = loads[-1]
        if name.endswith(_PICKLED):
            return pickles.load(folder / name, trust)
        try:
            import lightgbm
        except ModuleNotFoundError as error:
            raise missing_library("lightgbm", f"Loading {name!r}") from error
        try:
            if ESTIMATOR in loads:
                return rebuild(folder, name, trust)
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


def _document(model: object) -> str | None:
    """All of the estimator but its trees; None if it is not fitted, or is more than can be said."""
    state = dict(vars(model))
    booster = state.pop("_Booster", None)
    if class_name(booster) != _BOOSTER or any(not hasattr(booster, name) for name in _OF_BOOSTER):
        return None
    return say(model, "lightgbm", state=state, booster={name: getattr(booster, name) for name in _OF_BOOSTER})


def _save_estimator(model: object, document: str, folder: Path) -> Saved:
    estimator: Any = model
    # all trees: early stopping has only said how many of them predict
    _save_text(estimator.booster_, folder / _TEXT, num_iteration=-1)
    flavors = write_estimator(folder, document)
    return Saved(loads=(ESTIMATOR, _TEXT), flavors=flavors, packages=("lightgbm", "sklearn"))


def _save_text(model: object, path: Path, **options: int) -> None:
    booster: Any = model
    try:
        booster.save_model(str(path), **options)
    except (ValueError, TypeError, AttributeError) as error:
        raise NotSerializable(f"The booster cannot be written: {error}.", value=_BOOSTER) from error


def _saved(flavor: dict[str, object], file: str, *, packages: tuple[str, ...], pickled: tuple[str, ...] = ()) -> Saved:
    flavors = {"lightgbm": flavor, **python_function("mlflow.lightgbm", data=file)}
    return Saved(loads=(file,), flavors=flavors, pickles=pickled, packages=packages)
