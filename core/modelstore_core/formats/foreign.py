"""Files that other programs wrote in a format that is known here: kept byte for byte, and loaded as objects.

`save(Path("model.joblib"), …, format="joblib")` says that the file is one of joblib's already. Of a folder that MLflow
wrote, `format_of` says which format loads it: one of ours, where it reads the same files and judges them, else MLflow's
own loader, which needs full trust.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from modelstore_core.errors import InvalidInput, NotSerializable
from modelstore_core.formats import pickles
from modelstore_core.formats.estimators import is_stored_estimator, loaded_files
from modelstore_core.formats.files import FileFormat, FolderFormat
from modelstore_core.formats.flavors import FLAVOR_PREFIX
from modelstore_core.formats.joblib_files import scan_joblib
from modelstore_core.formats.joblib_streams import is_compressed
from modelstore_core.formats.mlmodel import MLMODEL
from modelstore_core.formats.opcodes import UnscannableError
from modelstore_core.formats.paths import is_file_inside
from modelstore_core.formats.protocol import Format, Saved
from modelstore_core.formats.trust import Trust
from modelstore_core.formats.yaml_text import parse_yaml

__all__ = ["MODEL_SUFFIXES", "ForeignFormat", "format_of"]

Section = Mapping[str, Any]

_LARGEST_MLMODEL: Final = 16 << 20
_GLIMPSE: Final = 4096
_PLAIN_PICKLES: Final = ("pickle", "cloudpickle")
_PYFUNC: Final = "python_function"
# whose estimators lie with a document of ours, and under no flavor of MLflow's but `python_function`
_STORED: Final = frozenset({"lightgbm", "xgboost"})
_SINGLE: Final = frozenset({"catboost", "joblib", "lightgbm", "numpy", "onnx", "pandas", "pickle", "xgboost"})


class ForeignFormat:
    """Another format's files, as they are; what that format makes of them is found out by loading.

    Args:
        chosen: The format that loads them.
    """

    def __init__(self, chosen: Format) -> None:
        self.name = chosen.name
        self._chosen = chosen

    def accepts(self, model: object) -> bool:
        """Whether the object is a path."""
        return isinstance(model, os.PathLike)

    def save(self, model: object, folder: Path) -> Saved:
        """Copy the file, or the MLflow model's folder.

        Raises:
            NotSerializable: The format has no way to load that path.
            InvalidInput: The path cannot be copied.
        """
        assert isinstance(model, os.PathLike), model
        path = Path(os.fsdecode(model))
        if path.is_dir():
            FolderFormat().save(path, folder)
            return Saved(loads=self._loads(folder, path))
        if self.name not in _SINGLE:
            raise self._refused(path, f"Of files, {', '.join(sorted(_SINGLE))} take one.")
        return FileFormat().save(path, folder)

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """As the format itself."""
        return self._chosen.load(folder, loads, trust)

    def _loads(self, folder: Path, path: Path) -> tuple[str, ...]:
        flavors = _flavors(folder)
        if self.name.startswith(FLAVOR_PREFIX):
            flavor = self.name.removeprefix(FLAVOR_PREFIX)
            if flavor in flavors or (flavor == "pyfunc" and _PYFUNC in flavors):
                return tuple(sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()))
        elif self.name in _NATIVE:
            loads = _native(folder, flavors, self.name)
            if loads:
                return loads
        raise self._refused(path, "Of folders, only an MLflow model can be of another format than 'folder'.")

    def _refused(self, path: Path, fix: str) -> NotSerializable:
        return NotSerializable(f"The format {self.name!r} does not load {str(path)!r}.", value=str(path), fix=fix)


def format_of(path: Path) -> str | None:
    """The format that loads the file, or the MLflow model's folder, as an object; None if only its path can be given.

    Judged by what the file begins with, or what MLmodel says. Nothing is loaded, and no library imported.

    Raises:
        InvalidInput: MLmodel is no YAML.
        MissingExtra: MLmodel cannot be read without a YAML parser.
    """
    if path.is_dir():
        return _format_of_folder(path)
    judge = MODEL_SUFFIXES.get(path.suffix.lower())
    return judge(path) if judge else None


def _format_of_folder(folder: Path) -> str | None:
    flavors = _flavors(folder)
    for name in _NATIVE:
        if _native(folder, flavors, name):
            return name
    other = next((name for name in flavors if name != _PYFUNC and name.isidentifier() and name.islower()), None)
    if other:
        return f"{FLAVOR_PREFIX}{other}"
    by_mlflow = _section(flavors, _PYFUNC).get("loader_module") == "mlflow.pyfunc.model"
    return f"{FLAVOR_PREFIX}pyfunc" if by_mlflow else None


def _flavors(folder: Path) -> Section:
    path = folder / MLMODEL
    if not is_file_inside(folder, MLMODEL):
        return {}
    if path.stat().st_size > _LARGEST_MLMODEL:
        raise InvalidInput(f"{str(path)!r} is too large for an {MLMODEL}.", value=str(path), fix="Look at it.")
    document = parse_yaml(path.read_text(encoding="utf-8", errors="replace"), str(path))
    flavors = document.get("flavors") if isinstance(document, Mapping) else None
    return {str(name): part for name, part in flavors.items()} if isinstance(flavors, Mapping) else {}


def _section(flavors: Section, name: str) -> Section:
    section = flavors.get(name)
    return section if isinstance(section, Mapping) else {}


def _native(folder: Path, flavors: Section, name: str) -> tuple[str, ...]:
    """The files that our own format loads of a folder that MLflow wrote; none, if it is not the one to load it."""
    if name in _STORED and is_stored_estimator(_section(flavors, _PYFUNC)):
        return loaded_files(folder, name)
    section = _section(flavors, name)
    if not section or section.get("code"):
        return ()
    files = tuple(_NATIVE[name](section))
    return files if files and all(isinstance(one, str) and is_file_inside(folder, one) for one in files) else ()


def _pickled(section: Section) -> bool:
    return section.get("serialization_format", "pickle") in _PLAIN_PICKLES


def _of_sklearn(section: Section) -> Iterator[Any]:
    if _pickled(section):
        yield section.get("pickled_model")


def _of_lightgbm(section: Section) -> Iterator[Any]:
    data = str(section.get("data"))
    if data.endswith(".lgb") or (_pickled(section) and data.endswith(".pkl")):
        yield data


def _with_class(section: Section) -> Iterator[Any]:
    if section.get("model_class") or section.get("model_type"):
        yield MLMODEL
        yield section.get("data")


def _of_pytorch(section: Section) -> Iterator[Any]:
    yield f"{section.get('model_data')}/model.pth"


def _of_keras(section: Section) -> Iterator[Any]:
    if not section.get("save_exported_model"):
        yield f"{section.get('data')}/model.keras"


def _of_data(section: Section) -> Iterator[Any]:
    yield section.get("data")


_NATIVE: Final[Mapping[str, Callable[[Section], Iterator[Any]]]] = {
    "sklearn": _of_sklearn,
    "xgboost": _with_class,
    "lightgbm": _of_lightgbm,
    "catboost": _with_class,
    "onnx": _of_data,
    "statsmodels": _of_data,
    "prophet": _of_data,
    "pytorch": _of_pytorch,
    "keras": _of_keras,
}


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_GLIMPSE)


def _if(found: bool, name: str) -> str | None:  # noqa: FBT001 -- it reads as it is called
    return name if found else None


def _pickle_or_joblib(path: Path) -> str | None:
    """Arrays between the instructions, or compression, make it joblib's; what else can be followed is a plain pickle.

    In this order: the numbers of an array can be made to look like instructions.
    """
    with path.open("rb") as file:
        if is_compressed(file.read(8)) or _has_arrays(file):
            return "joblib"
    return _if(pickles.holds_pickle(path), "pickle")


def _has_arrays(file: BinaryIO) -> bool:
    try:
        return bool(scan_joblib(file).extents)
    except UnscannableError:
        return False


def _plainly(name: str | None) -> Callable[[Path], str | None]:
    return lambda _path: name


_XGBOOST_JSON: Final = b'"learner"'
_LIGHTGBM: Final = b"tree\n"

MODEL_SUFFIXES: Final[Mapping[str, Callable[[Path], str | None]]] = {
    ".joblib": _pickle_or_joblib,
    ".pkl": _pickle_or_joblib,
    ".pickle": _pickle_or_joblib,
    ".onnx": _plainly("onnx"),
    ".cbm": lambda path: _if(_start(path).startswith(b"CBM1"), "catboost"),
    ".cb": lambda path: _if(_start(path).startswith(b"CBM1"), "catboost"),
    ".ubj": lambda path: _if(_start(path).startswith(b"{L"), "xgboost"),
    ".xgb": lambda path: _if(_start(path).startswith((b"{L", b"{")), "xgboost"),
    ".xgboost": lambda path: _if(_start(path).startswith((b"{L", b"{")), "xgboost"),
    ".json": lambda path: _if(_XGBOOST_JSON in _start(path), "xgboost"),
    ".txt": lambda path: _if(_start(path).startswith(_LIGHTGBM), "lightgbm"),
    ".lgb": lambda path: _if(_start(path).startswith(_LIGHTGBM), "lightgbm"),
    ".npy": lambda path: _if(_start(path).startswith(b"\x93NUMPY"), "numpy"),
    **dict.fromkeys((".safetensors", ".pt", ".pth", ".keras", ".h5", ".skops", ".gguf", ".pmml"), _plainly(None)),
}
"""How files of models end, and what tells the format that loads each; of some only the path can be given."""
