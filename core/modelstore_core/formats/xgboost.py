"""XGBoost boosters and estimators, in XGBoost's own binary JSON: no pickle, loaded back into the exact class.

The file does not hold what stands for a missing value. MLflow's flavor takes it to be NaN, so an estimator for which it
is something else has `python_function` only, with a loader of ours.
"""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.estimators import ESTIMATOR, can_be_said, rebuild, say, set_known, write_estimator
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import MLMODEL, python_function, read_flavor
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.parameters import estimator_params
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_unlisted

__all__ = ["XgboostFormat"]

_FILE = "model.ubj"
_BOOSTER = "xgboost.core.Booster"
_ESTIMATOR = "xgboost.sklearn.XGBModel"
_PARAMS = "sklearn_params"


class XgboostFormat:
    """`model.ubj` with MLflow's `xgboost` flavor, or with `estimator.json`; either names the class."""

    name = "xgboost"

    def accepts(self, model: object) -> bool:
        """Whether the object is a booster, or an estimator whose `missing` is a number.

        Others are left to the scikit-learn format, and so are those whose class cannot be made without an argument.
        """
        if is_a(model, _BOOSTER):
            return True
        if not is_a(model, _ESTIMATOR) or not _needs_nothing(type(model)):
            return False
        return _is_nan(getattr(model, "missing", None)) or _document(model) is not None

    def save(self, model: object, folder: Path) -> Saved:
        """Write `model.ubj`.

        Raises:
            NotSerializable: The estimator is not fitted.
        """
        booster: Any = model
        try:
            booster.save_model(folder / _FILE)
        except (ValueError, AttributeError, TypeError) as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.", value=class_name(model), fix="Fit it first."
            ) from error
        if is_a(model, _ESTIMATOR) and not _is_nan(booster.missing):
            flavors = write_estimator(folder, _document(model) or "")
            return Saved(loads=(ESTIMATOR, _FILE), flavors=flavors, packages=("xgboost", "sklearn"))
        flavor: dict[str, object] = {
            "code": None,
            "data": _FILE,
            "model_class": class_name(model),
            "model_format": "ubj",
            "xgb_version": version_of("xgboost"),
        }
        if is_a(model, _ESTIMATOR):
            flavor[_PARAMS] = json.dumps(_plain_params(booster.get_params()), sort_keys=True)
        return Saved(
            loads=(MLMODEL, _FILE),
            flavors={"xgboost": flavor, **python_function("mlflow.xgboost", data=_FILE)},
            packages=("xgboost", "sklearn") if is_a(model, _ESTIMATOR) else ("xgboost",),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model into an instance of its own class, with the parameters it was made with.

        Raises:
            Untrusted: The class is neither XGBoost's own nor on the reader's list.
            MissingExtra: XGBoost, or the class's module, is not installed.
            Corrupt: No class is named, or the file is none that XGBoost reads.
        """
        if ESTIMATOR in loads:
            return rebuild(folder, loads[-1], trust)
        # a file that another program made comes alone, and says nothing of a class
        flavor = read_flavor(folder, "xgboost") if MLMODEL in loads else {"model_class": _BOOSTER}
        name, file = flavor.get("model_class"), loads[-1]
        if not isinstance(name, str) or "." not in name:
            raise Corrupt(f"{MLMODEL!r} names no class: {name!r}.", value=name)
        refuse_unlisted(trust, (name,), repr(MLMODEL))
        model = _class(name)()
        try:
            model.load_model(folder / file)
            _restore(model, flavor.get(_PARAMS))
        except (ValueError, TypeError) as error:
            raise Corrupt(
                f"{file!r} is no {name} that xgboost {version_of('xgboost')} reads: {error}.",
                value=file,
                fix="If it comes from a newer xgboost, install that one.",
            ) from error
        return model

    def predict(self, model: object, example: object) -> object:
        """As MLflow's loader calls the model: a booster takes its own kind of matrix."""
        predictor: Any = model
        if not is_a(model, _BOOSTER):
            return predictor.predict(example, validate_features=True)
        import xgboost

        return predictor.predict(xgboost.DMatrix(example), validate_features=True)

    def model_params(self, model: object) -> Mapping[str, object]:
        """An estimator's parameters; a booster's, as XGBoost has them, in text."""
        if not is_a(model, _BOOSTER):
            return estimator_params(model)
        booster: Any = model
        return dict(_settings(json.loads(booster.save_config())))


def _settings(config: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """What lies in the sections of a booster's configuration, however deep, that hold parameters."""
    for name, part in config.items():
        if isinstance(part, dict):
            yield from part.items() if name.endswith("_param") else _settings(part)


def _needs_nothing(kind: type) -> bool:
    """Whether `kind()` is how to make one."""
    try:
        inspect.signature(kind).bind()
    except (TypeError, ValueError):
        return False
    return True


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - numpy's NaN is one too


def _document(model: object) -> str | None:
    """The parameters that can be said, `missing` among them; None if that cannot."""
    estimator: Any = model
    params = {name: value for name, value in estimator.get_params().items() if can_be_said(value)}
    return say(model, "xgboost", state=params) if "missing" in params else None


def _plain_params(params: dict[str, Any]) -> dict[str, object]:
    """The parameters that JSON can say; callbacks and the like only matter to training."""
    plain = {}
    for name, value in params.items():
        scalar = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
        if _is_json(scalar):
            plain[name] = scalar
    return plain


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _class(name: str) -> Any:
    module, _, qualname = name.rpartition(".")
    try:
        return getattr(import_module(module), qualname)
    except ModuleNotFoundError as error:
        raise missing_library(error.name or module, f"Loading a {name}") from error


def _restore(model: Any, text: object) -> None:
    if not isinstance(text, str):
        return
    set_known(model, json.loads(text))
