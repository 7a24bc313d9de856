"""Keras 3 models in Keras's own zip file: weights, and a configuration that names the classes to build.

The configuration is judged before Keras sees it: it may name what Keras's models are made of and what the reader lists,
and hold no code. Keras's own `safe_mode` stays on besides.
"""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_shape, refuse_unlisted

__all__ = ["KerasFormat", "check_keras"]

_DATA: Final = "data"
_FILE: Final = f"{_DATA}/model.keras"
_CONFIG: Final = "config.json"
_METADATA: Final = "metadata.json"
_WEIGHTS: Final = "model.weights.h5"
_LARGEST_CONFIG: Final = 256 << 20
_DATE: Final = "1970-01-01@00:00:00"
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 1 << 20
_VALUES: Final = ("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__")
# Of layers that read a file of that name if they are given a text.
_PATHS: Final = ("idf_weights", "vocabulary")
_SHIPPED: Final = frozenset(Path(__file__).with_name("keras_names.txt").read_text(encoding="utf-8").splitlines()[1:])


class KerasFormat:
    """`data/model.keras` with MLflow's `keras` flavor; the same bytes for the same model, names of layers included."""

    name = "keras"

    def accepts(self, model: object) -> bool:
        """Whether the object is a model of Keras 3, under whichever of its backends."""
        return is_a(model, "keras.src.models.model.Model")

    def save(self, model: object, folder: Path) -> Saved:
        """Write the model.

        Raises:
            NotSerializable: It is not built, a class of it has no configuration, or it holds a lambda.
        """
        keras_model: Any = model
        (folder / _DATA).mkdir()
        path = folder / _FILE
        try:
            keras_model.save(path)
        except (ValueError, TypeError, NotImplementedError, AttributeError) as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.",
                value=class_name(model),
                fix="Build it first, and give each class of your own a `get_config`.",
            ) from error
        _canonicalise(path)
        flavor: dict[str, object] = {
            "data": _DATA,
            "keras_backend": import_module("keras").backend.backend(),
            "keras_version": version_of("keras"),
            "save_exported_model": False,
        }
        backend = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax"}.get(str(flavor["keras_backend"]))
        return Saved(
            loads=(_FILE,),
            flavors={"keras": flavor, **python_function("mlflow.keras")},
            packages=("keras", *([backend] if backend else [])),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model, under the backend that this process has chosen.

        Raises:
            Untrusted: The configuration holds code or names a class that the policy does not allow.
            MissingExtra: Keras is not installed.
            Corrupt: The file is none that Keras reads.
        """
        path = folder / loads[0]
        self.check(folder, loads, trust)
        try:
            keras = import_module("keras")
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "keras", f"Loading {path.name!r}") from error
        try:
            return keras.saving.load_model(path, safe_mode=trust.level != "full")
        except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
            raise Corrupt(
                f"{path.name!r} is no model that keras {keras.__version__} reads: {error}.",
                value=path.name,
                fix="Import the code of its own classes first; if it comes from a newer keras, install that one.",
            ) from error

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """As `check_keras`."""
        check_keras(folder / loads[0], trust)

    def predict(self, model: object, example: object) -> object:
        """As MLflow's loader calls the model: a frame's values in, a frame out."""
        predictor: Any = model
        if not hasattr(example, "to_numpy"):
            return predictor.predict(example, verbose=0)
        return import_module("pandas").DataFrame(predictor.predict(example.to_numpy(), verbose=0))

    def model_params(self, model: object) -> Mapping[str, object]:
        """How large it is, its layers, and what it was compiled with."""
        keras_model: Any = model
        optimizer = getattr(keras_model, "optimizer", None)
        made = {} if optimizer is None else {"optimizer": {"class": class_name(optimizer), **optimizer.get_config()}}
        return {
            "parameters": keras_model.count_params(),
            "layers": dict(Counter(type(layer).__name__ for layer in keras_model.layers)),
            "loss": getattr(keras_model, "loss", None),
            **made,
        }


def check_keras(path: Path, trust: Trust) -> None:
    """Return only if the policy allows all that the file's configuration names, and its weights lie in it.

    Raises:
        Untrusted: The policy says no.
        Corrupt: The file has no configuration that can be read.
    """
    if trust.level == "full":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            config = _config(archive, path)
            _check_weights(archive, path)
    except (OSError, zipfile.BadZipFile, ValueError, RecursionError, NotImplementedError) as error:
        raise Corrupt(f"{path.name!r} is no file of Keras: {error}.", value=path.name) from error
    names = sorted(set(_names(config, repr(path.name))) - _SHIPPED)
    refuse_unlisted(trust, names, repr(path.name))


def _config(archive: zipfile.ZipFile, path: Path) -> object:
    members = archive.namelist()
    if len(set(members)) != len(members) or members.count(_CONFIG) != 1:
        refuse_shape(repr(path.name), "two of its members have one name, or it has no configuration")
    if archive.getinfo(_CONFIG).file_size > _LARGEST_CONFIG:
        raise ValueError("its configuration is too large")
    config: object = json.loads(archive.read(_CONFIG))
    return config


def _names(config: object, where: str) -> Iterator[str]:
    """What the configuration names, as "module.qualname"."""
    parts = [config]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts.extend(part)
        elif isinstance(part, dict):
            parts.extend(part.values())
            if "class_name" in part or "spec_name" in part:
                yield from _named(part, where)
            if any(isinstance(part.get(key), str) for key in _PATHS):
                refuse_shape(where, "its configuration names a file to read")


def _named(part: dict[str, Any], where: str) -> Iterator[str]:
    kind, module = part.get("class_name"), part.get("module")
    if kind in _VALUES:
        return
    if kind == "__lambda__":
        refuse_shape(where, "it carries Python code, in a lambda")
    # a function, or a type's specification, is named by another field
    name = part.get("config") if kind == "function" else part.get("spec_name", kind)
    if not isinstance(module, str) or not isinstance(name, str):
        refuse_shape(where, f"its configuration names {kind!r} without a module")
    yield f"{module}.{name}"


def _check_weights(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse weights that HDF5 would read from elsewhere."""
    try:
        h5py = import_module("h5py")
    except ModuleNotFoundError as error:
        raise missing_library("h5py", f"Loading {path.name!r}") from error
    with archive.open(_WEIGHTS) as member, h5py.File(member, "r") as file:
        groups = [file]
        while groups:
            group = groups.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    refuse_shape(repr(path.name), f"its weights have a link, {name!r}")
                one = group[name]
                if isinstance(one, h5py.Group):
                    groups.append(one)
                elif one.external or one.is_virtual:
                    refuse_shape(repr(path.name), f"its weights {name!r} lie in another file")


def _canonicalise(path: Path) -> None:
    """Write the zip file anew, without the time, and with its objects numbered in order, not by their addresses."""
    written = path.with_suffix(".written")
    path.rename(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(path, "w") as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            with old.open(name) as source, new.open(info, "w", force_zip64=True) as target:
                if name == _METADATA:
                    target.write(json.dumps({**json.load(source), "date_saved": _DATE}).encode())
                elif name == _CONFIG:
                    target.write(json.dumps(_renumbered(json.load(source), {})).encode())
                else:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
    written.unlink()


def _renumbered(part: Any, seen: dict[object, int]) -> Any:
    if isinstance(part, list):
        return [_renumbered(one, seen) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: seen.setdefault(value, len(seen) + 1)
        if key == "shared_object_id" and isinstance(value, int)
        else _renumbered(value, seen)
        for key, value in part.items()
    }
