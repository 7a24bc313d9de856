"""Write core/modelstore_core/formats/keras_names.txt: what a .keras file's configuration may name.

The public classes of Keras that models are made of. What runs code of the caller's, or opens a file that its
configuration names, is left out.

    .venv-formats/keras/bin/python tools/generate_keras_names.py   # after `make test-formats FRAMEWORKS=keras KEEP=1`
"""

import importlib
import inspect
import pathlib
from collections.abc import Iterator

import keras

TARGET = pathlib.Path(__file__).resolve().parents[1] / "core" / "modelstore_core" / "formats" / "keras_names.txt"
MODULES = (
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "regularizers",
)
KINDS = (
    keras.constraints.Constraint,
    keras.initializers.Initializer,
    keras.layers.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.regularizers.Regularizer,
)
# functions by value; functions, modules and files of the caller's choice
REFUSED = frozenset(
    {"FlaxLayer", "InputSpec", "JaxLayer", "Lambda", "MeanMetricWrapper", "TFSMLayer", "TorchModuleWrapper"}
)
# as configurations have them
MODELS = ("keras.DTypePolicy", "keras.Functional", "keras.Sequential", "keras.src.models.functional.Functional")


# of the operations that a graph records, as in `layer(rows)[:, :2]`
OPERATIONS = ("core", "linalg", "math", "nn", "numpy")
FUNCTIONS = frozenset({"body", "body_fun", "branches", "cond", "f", "fn", "func", "function", "pyfunc", "true_fn"})


def operations() -> Iterator[str]:
    """The names of Keras's operations, those on functions of the caller's apart."""
    for part in OPERATIONS:
        module = importlib.import_module(f"keras.src.ops.{part}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, keras.Operation) and value.__module__ == module.__name__:
                taken = {*inspect.signature(value).parameters, *inspect.signature(value.call).parameters}
                yield from () if FUNCTIONS & taken else (f"{module.__name__}.{value.__name__}",)


def names() -> Iterator[str]:
    """The names of all such classes."""
    for module in MODULES:
        space = keras
        for part in module.split("."):
            space = getattr(space, part)
        for value in vars(space).values():
            if isinstance(value, type) and issubclass(value, KINDS) and value.__name__ not in REFUSED:
                yield f"keras.{module}.{value.__name__}"


def main() -> None:
    """Collect the names and write the file."""
    header = "# What the configuration of a .keras file may name. Written by tools/generate_keras_names.py.\n"
    TARGET.write_text(
        header + "".join(f"{name}\n" for name in sorted({*names(), *operations(), *MODELS})), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
