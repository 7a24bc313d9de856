"""CatBoost models in CatBoost's own binary form: no pickle, and the same bytes for the same training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import MLMODEL, python_function, read_flavor
from modelstore_core.formats.objects import class_name, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["CATBOOST_CLASSES", "CatboostFormat"]

_FILE: Final = "model.cb"
CATBOOST_CLASSES: Final = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")
"""The classes that the file can be loaded into; nothing else of the class survives in it."""

# CatBoost writes who and when into each model; both are in the version's record.
_VOLATILE: Final = {"model_guid": "", "train_finish_time": "1970-01-01T00:00:00Z"}


class CatboostFormat:
    """`model.cb` with MLflow's `catboost` flavor, which names the class."""

    name = "catboost"

    def accepts(self, model: object) -> bool:
        """Whether the object is exactly of one of CatBoost's classes; others keep their own ways in a pickle."""
        return class_name(model) in {f"catboost.core.{name}" for name in CATBOOST_CLASSES}

    def save(self, model: object, folder: Path) -> Saved:
        """Write `model.cb`, without the id and the time that CatBoost gives to each training.

        Raises:
            NotSerializable: The model is not fitted.
        """
        import catboost

        trained: Any = model
        path = folder / _FILE
        try:
            trained.save_model(str(path))
        except catboost.CatBoostError as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.", value=class_name(model), fix="Fit it first."
            ) from error
        copy = catboost.CatBoost()
        copy.load_model(str(path))
        for key, value in _VOLATILE.items():
            copy.get_metadata()[key] = value
        copy.save_model(str(path))
        flavor: dict[str, object] = {
            "catboost_version": version_of("catboost"),
            "code": None,
            "data": _FILE,
            "model_type": type(model).__name__,
            "save_format": "cbm",
        }
        return Saved(
            loads=(MLMODEL, _FILE),
            flavors={"catboost": flavor, **python_function("mlflow.catboost", data=_FILE)},
            packages=("catboost",),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model into its own class; the file holds no code.

        Raises:
            MissingExtra: CatBoost is not installed.
            Corrupt: MLmodel names none of CatBoost's classes, or the file is none that CatBoost reads.
        """
        del trust
        # a file that another program made comes alone, and says nothing of a class
        name = read_flavor(folder, "catboost").get("model_type") if MLMODEL in loads else CATBOOST_CLASSES[0]
        file = loads[-1]
        if name not in CATBOOST_CLASSES:
            raise Corrupt(f"{MLMODEL!r} names no class of CatBoost: {name!r}.", value=name)
        try:
            import catboost
        except ModuleNotFoundError as error:
            raise missing_library("catboost", f"Loading {file!r}") from error
        model: Any = getattr(catboost, str(name))()
        try:
            model.load_model(str(folder / file))
        except catboost.CatBoostError as error:
            raise Corrupt(
                f"{file!r} is no model that catboost {catboost.__version__} reads: {error}.",
                value=file,
                fix="If it comes from a newer catboost, install that one.",
            ) from error
        return model

    def model_params(self, model: object) -> Mapping[str, object]:
        """The parameters that were given to the model."""
        trained: Any = model
        given: Mapping[str, object] = trained.get_params()
        return given
