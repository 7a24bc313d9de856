"""What formats ask of an object before they choose it, answered without importing anything."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from modelstore_core.formats.trust import Trust

__all__ = ["Checks", "Describes", "Predicts", "can_predict", "class_name", "is_a", "version_of"]


@runtime_checkable
class Checks(Protocol):
    """A format that can say what its `load` would refuse, without loading; of others only their pickles are judged."""

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Return only if `load` would get as far as constructing something.

        Raises:
            Untrusted: As `load` would, of the same files under the same policy.
            Corrupt, MissingExtra: The files cannot be judged; nothing would be constructed of them.
        """


@runtime_checkable
class Predicts(Protocol):
    """A format that knows how MLflow would call its models; others' models are called by their own `predict`."""

    def predict(self, model: object, example: object) -> object:
        """What `mlflow.pyfunc` would answer to the example."""


@runtime_checkable
class Describes(Protocol):
    """A format that can say what its models were made with; of others, `get_params` of scikit-learn is asked."""

    def model_params(self, model: object) -> Mapping[str, object]:
        """The library's own account of the model: cheap, changing nothing, and calling no code of the user's."""


def class_name(model: object) -> str:
    """The object's class, as "module.qualname"."""
    kind = type(model)
    return f"{kind.__module__}.{kind.__qualname__}"


def is_a(model: object, *names: str) -> bool:
    """Whether the object's class, or one it derives from, has one of these exact names."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(model).__mro__)


def can_predict(model: object) -> bool:
    """Whether the object has a `predict` that can be called."""
    return callable(getattr(model, "predict", None))


def version_of(module: str) -> str:
    """The version of a library that the model has already brought in."""
    return str(getattr(sys.modules.get(module), "__version__", "unknown"))
