"""Any flavor of MLflow, by its name: `format="mlflow:pmdarima"` saves and loads through `mlflow.pmdarima`.

For libraries that have no format of their own here, and for `mlflow.pyfunc.PythonModel` and `tensorflow.Module`, which
need no `format=`. What MLflow writes is as it is: often a pickle. Its loaders trust what the folder says, so only full
trust loads one.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import NotSerializable, UnknownFormat
from modelstore_core.formats import environment, pickles
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlflow import import_mlflow
from modelstore_core.formats.objects import class_name, is_a
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_shape

__all__ = ["FLAVOR_PREFIX", "FlavorFormat"]

FLAVOR_PREFIX: Final = "mlflow:"
_PYFUNC: Final = "pyfunc"
_FLAVOR: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
# What MLflow would draw at random, and the time.
_UUID: Final = "0" * 32
_TIME: Final = "1970-01-01 00:00:00.000000"


class FlavorFormat:
    """What `mlflow.<flavor>.save_model` writes, with pins instead of what MLflow would infer.

    Args:
        flavor: The name of MLflow's module.

    Raises:
        UnknownFormat: It is no name of a module.
    """

    def __init__(self, flavor: str) -> None:
        if not _FLAVOR.fullmatch(flavor):
            raise UnknownFormat(f"MLflow has no flavor {flavor!r}.", value=flavor, fix="Write 'mlflow:pmdarima', say.")
        self.name = f"{FLAVOR_PREFIX}{flavor}"
        self._flavor = flavor

    def accepts(self, model: object) -> bool:
        """Everything that was asked for by the flavor's name; of `pyfunc`, a PythonModel."""
        return self._flavor != _PYFUNC or is_a(model, "mlflow.pyfunc.model.PythonModel")

    def save(self, model: object, folder: Path) -> Saved:
        """Let MLflow write the model.

        Raises:
            UnknownFormat: MLflow has no such flavor.
            NotSerializable: MLflow does not take the model.
            MissingExtra: MLflow is not installed.
        """
        flavor = self._module()
        top = type(model).__module__
        options: dict[str, Any] = {
            "path": str(folder),
            "mlflow_model": import_module("mlflow.models").Model(model_uuid=_UUID, utc_time_created=_TIME),
            "pip_requirements": list(environment.pins({"mlflow", self._flavor, top})),
        }
        try:
            if self._flavor == _PYFUNC:
                flavor.save_model(python_model=model, **options)
            else:
                flavor.save_model(model, **options)
        except Exception as error:  # each flavor has its library's own
            raise NotSerializable(
                f"MLflow's {self._flavor} flavor does not take the {class_name(model)}: {error}.",
                value=self.name,
                fix="Leave `format=` out, or name the flavor of its library.",
            ) from error
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return Saved(
            loads=tuple(files),
            pickles=tuple(name for name in files if pickles.holds_pickle(folder / name)),
            packages=("mlflow", self._flavor),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Let MLflow read the model.

        Raises:
            Untrusted: The policy is not "full".
            MissingExtra: MLflow, or the flavor's library, is not installed.
        """
        self.check(folder, loads, trust)
        flavor = self._module()
        try:
            loaded = flavor.load_model(str(folder))
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "", f"Loading a {self.name!r} model") from error
        return loaded.unwrap_python_model() if self._flavor == _PYFUNC else loaded

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Return only if everything is trusted.

        Raises:
            Untrusted: It is not.
        """
        del folder, loads
        if trust.level != "full":
            refuse_shape(repr(self.name), "MLflow's own loader opens it, and trusts what it says")

    def _module(self) -> Any:
        import_mlflow()
        try:
            module = import_module(f"mlflow.{self._flavor}")
        except ModuleNotFoundError as error:
            if error.name != f"mlflow.{self._flavor}":
                raise missing_library(error.name or "", f"MLflow's {self._flavor} flavor") from error
            module = None
        if not callable(getattr(module, "save_model", None)) or not callable(getattr(module, "load_model", None)):
            raise UnknownFormat(
                f"MLflow has no flavor {self._flavor!r}.",
                value=self.name,
                fix="Its documentation lists them under 'flavors'.",
            )
        return module
