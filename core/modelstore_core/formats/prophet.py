"""Prophet models as the JSON that Prophet makes of them: no pickle."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["ProphetFormat"]

_FILE: Final = "model.pr"
_GIVEN: Final = (
    "growth",
    "n_changepoints",
    "changepoint_range",
    "changepoint_prior_scale",
    "seasonality_mode",
    "seasonality_prior_scale",
    "yearly_seasonality",
    "weekly_seasonality",
    "daily_seasonality",
    "holidays_prior_scale",
    "holidays_mode",
    "interval_width",
    "mcmc_samples",
    "uncertainty_samples",
    "scaling",
)


class ProphetFormat:
    """`model.pr` with MLflow's `prophet` flavor."""

    name = "prophet"

    def accepts(self, model: object) -> bool:
        """Whether the object is exactly a Prophet model; nothing else of a class survives in the file."""
        return class_name(model) == "prophet.forecaster.Prophet"

    def save(self, model: object, folder: Path) -> Saved:
        """Write the model.

        Raises:
            NotSerializable: It is not fitted.
        """
        try:
            text = import_module("prophet.serialize").model_to_json(model)
        except (ValueError, TypeError, AttributeError) as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.", value=class_name(model), fix="Fit it first."
            ) from error
        # the text of a JSON document, as a JSON document: so MLflow has it
        (folder / _FILE).write_text(json.dumps(text), encoding="utf-8")
        flavor: dict[str, object] = {
            "code": None,
            "data": _FILE,
            "model_type": type(model).__name__,
            "prophet_version": version_of("prophet"),
        }
        flavors = {"prophet": flavor, **python_function("mlflow.prophet", data=_FILE)}
        return Saved(loads=(_FILE,), flavors=flavors, packages=("prophet",))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model; the file holds no code, so every policy allows it.

        Raises:
            MissingExtra: Prophet is not installed.
            Corrupt: The file is none that Prophet reads.
        """
        del trust
        path = folder / loads[0]
        try:
            serialize: Any = import_module("prophet.serialize")
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "prophet", f"Loading {path.name!r}") from error
        try:
            return serialize.model_from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise Corrupt(f"{path.name!r} is no model that Prophet reads: {error}.", value=path.name) from error

    def model_params(self, model: object) -> Mapping[str, object]:
        """What the model was made with, and what its fit found: rate, offset, noise, changes of the rate, seasons."""
        attributes = vars(model)
        given = {name: attributes[name] for name in _GIVEN if name in attributes}
        # by sample, of which there is one unless the fit drew many
        found = {name: value if len(value) > 1 else value.ravel() for name, value in attributes["params"].items()}
        return {**given, **{name: value.item() if value.size == 1 else value for name, value in found.items()}}
