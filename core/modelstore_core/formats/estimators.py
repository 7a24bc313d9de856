"""Estimators as their library's own file and one JSON document: what says it, what reads it, and what lets MLflow.

The document, and how it becomes an estimator again, is the business of `modelstore_estimators_1`, which lies in each
such version too, for MLflow. Here nothing of a version is ever imported: the installed twin of that file does it, and a
version whose file is not the twin's is not ours.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt
from modelstore_core.formats import modelstore_estimators_1 as twin
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name
from modelstore_core.formats.paths import is_file_inside
from modelstore_core.formats.trust import Trust, refuse_unlisted

__all__ = [
    "ESTIMATOR",
    "can_be_said",
    "is_shipped",
    "is_shipped_loader",
    "is_stored_estimator",
    "loaded_files",
    "read_document",
    "read_stored",
    "rebuild",
    "say",
    "set_known",
    "write_estimator",
]

set_known = twin.set_known

ESTIMATOR: Final = twin.DOCUMENT
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_LARGEST_LOADER: Final = 1 << 20
_LOADERS: Final = {
    # the module's name → the sha256 of the archive that holds it: every release's stay here
    "modelstore_estimators_1": "0e98ed7e3d802a2e53994de07a8f0618911f3090d1aa400f26158393e7ea4f4d",
}
_NOT_BY_PLAIN_STATE: Final = frozenset(
    {"__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__", "__slots__"}
    | {"__new__"}
)
# whose own ways to be pickled come to the same as copying attributes; those of lightgbm.dask do not
_PLAIN_MODULES: Final = frozenset({"builtins", "lightgbm.compat", "lightgbm.sklearn", "xgboost.sklearn"})
_UNFIT: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


def can_be_said(value: object) -> bool:
    """Whether the document can hold the value exactly."""
    try:
        return _same(value, twin.decode(twin.encode(value)))
    except _UNFIT:
        return False


def say(model: object, library: str, **named: Mapping[str, object]) -> str | None:
    """The document's text, if it says exactly the values that are given by their names, part by part; None if not."""
    document: dict[str, object] = {"class": class_name(model), "format": twin.FORMAT, "library": library}
    if not _is_plain(type(model)):
        return None
    try:
        document |= {
            part: {name: twin.encode(value) for name, value in values.items()} for part, values in named.items()
        }
        text = json.dumps(document, allow_nan=False, separators=(",", ":"), sort_keys=True) + "\n"
        said = json.loads(text)
        twin.CHECKS[library](said, type(model))
        exact = all(_same(dict(sorted(values.items())), twin.decode_all(said[part])) for part, values in named.items())
    except _UNFIT:
        return None
    return text if exact else None


def write_estimator(folder: Path, text: str) -> dict[str, dict[str, object]]:
    """Put the document into the folder, and what loads it beside it: the flavor by which MLflow finds that."""
    (folder / ESTIMATOR).write_text(text, encoding="utf-8")
    name = twin.__name__.rpartition(".")[2]
    # In an archive: beside a plain file Python would leave its bytecode, in the store if MLflow loads from there.
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        info = zipfile.ZipInfo(f"{name}.py", _OLDEST)
        info.create_system, info.external_attr = _UNIX, 0o644 << 16
        archive.writestr(info, Path(twin.__file__).read_bytes())
    return python_function(name, code=f"{name}.zip")


def read_document(folder: Path) -> dict[str, Any]:
    """What `estimator.json` says, as far as it can be judged as a whole.

    Raises:
        Corrupt: It is none.
    """
    try:
        return twin.read(folder)
    except (OSError, *_UNFIT) as error:
        raise Corrupt(
            f"{ESTIMATOR!r} cannot be read: {error}.", value=ESTIMATOR, fix="If a newer release wrote it, install that."
        ) from error


def rebuild(folder: Path, file: str, trust: Trust) -> Any:
    """The estimator.

    Raises:
        Untrusted: Its class is neither its library's own nor on the reader's list.
        MissingExtra: Its library, or its class's module, is not installed.
        Corrupt: The document does not describe such an estimator.
    """
    document = read_document(folder)
    refuse_unlisted(trust, (document["class"],), repr(ESTIMATOR))
    try:
        return twin.rebuild(folder / file, document, twin.class_of(document))
    except ModuleNotFoundError as error:
        raise missing_library(error.name or "", f"Loading a {document['class']}") from error
    except _UNFIT as error:
        raise Corrupt(
            f"{ESTIMATOR!r} and {file!r} make no {document['class']}: {error}.",
            value=ESTIMATOR,
            fix="If they come from a newer release of the library, install that one.",
        ) from error


def read_stored(folder: Path, trust: Trust) -> object:
    """What a shipped loader in a version would give to MLflow, made without anything that the version brings.

    Raises:
        Untrusted, MissingExtra, Corrupt: As `rebuild`.
    """
    return twin.Predictor(rebuild(folder, twin.FILES[read_document(folder)["library"]], trust))


def loaded_files(folder: Path, library: str) -> tuple[str, ...]:
    """The files from which a folder with a loader of ours loads; none if it is of another library.

    Raises:
        Corrupt: The document cannot be read.
    """
    return (ESTIMATOR, twin.FILES[library]) if read_document(folder)["library"] == library else ()


def is_stored_estimator(conf: Mapping[str, Any]) -> bool:
    """Whether a `python_function` section asks for a loader of ours, whatever lies in its place."""
    name = str(conf.get("loader_module"))
    return name in _LOADERS and conf.get("code") == f"{name}.zip"


def is_shipped(folder: Path, conf: Mapping[str, Any]) -> bool:
    """Whether the loader that the section asks for is one that a release has shipped."""
    if not is_stored_estimator(conf) or not is_file_inside(folder, conf["code"]):
        return False
    return is_shipped_loader(folder / conf["code"])


def is_shipped_loader(path: Path) -> bool:
    """Whether the file is, byte for byte, a loader that a release has shipped, under its name."""
    wanted = _LOADERS.get(path.stem) if path.suffix == ".zip" else None
    if wanted is None or path.stat().st_size > _LARGEST_LOADER:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == wanted


def _is_plain(kind: type) -> bool:
    """Whether other processes find the class by its name, and its state is its attributes."""
    found = getattr(sys.modules.get(kind.__module__), kind.__qualname__, None)
    if found is not kind or kind.__module__ in {"__main__", "__mp_main__"}:
        return False
    own = (
        one
        for one in kind.__mro__
        if one.__module__ not in _PLAIN_MODULES and not one.__module__.startswith("sklearn.")
    )
    return not any(_NOT_BY_PLAIN_STATE & vars(one).keys() for one in own)


def _same(left: Any, right: Any) -> bool:
    """Whether two values are of one type and equal, all the way down; a NaN equals a NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        alike = getattr(left, "default_factory", None) is getattr(right, "default_factory", None)
        return alike and _same([*left], [*right]) and _same([*left.values()], [*right.values()])
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if type(left).__name__ == "ndarray":
        return (left.dtype, left.shape) == (right.dtype, right.shape) and _same(left.tolist(), right.tolist())
    if type(left).__name__ == "LabelEncoder":
        return _same(left.classes_, right.classes_)
    return bool(left == right or (left != left and right != right))  # noqa: PLR0124 -- NaN
