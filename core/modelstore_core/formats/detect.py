"""Which format takes an object: by the names in its class's MRO, so that no framework is imported to find out."""

import os
import warnings
from functools import cache

from modelstore_core.errors import NotSerializable, UnknownFormat
from modelstore_core.formats.annoy import AnnoyFormat
from modelstore_core.formats.catboost import CatboostFormat
from modelstore_core.formats.files import FileFormat, FolderFormat
from modelstore_core.formats.flavors import FLAVOR_PREFIX, FlavorFormat
from modelstore_core.formats.foreign import ForeignFormat
from modelstore_core.formats.joblibs import JoblibFormat
from modelstore_core.formats.keras import KerasFormat
from modelstore_core.formats.lightgbm import LightgbmFormat
from modelstore_core.formats.objects import class_name, is_a
from modelstore_core.formats.onnx import OnnxFormat
from modelstore_core.formats.pickled import PickleFormat
from modelstore_core.formats.prophet import ProphetFormat
from modelstore_core.formats.protocol import Format
from modelstore_core.formats.pytorch import PytorchFormat, StateDictFormat
from modelstore_core.formats.sentence_transformers import SentenceTransformersFormat
from modelstore_core.formats.several import SeveralFormat
from modelstore_core.formats.sklearn import SklearnFormat
from modelstore_core.formats.spacy import SpacyFormat
from modelstore_core.formats.spark import SparkFormat
from modelstore_core.formats.statsmodels import StatsmodelsFormat
from modelstore_core.formats.tables import NumpyFormat, PandasFormat
from modelstore_core.formats.transformers import TransformersFormat
from modelstore_core.formats.xgboost import XgboostFormat

__all__ = ["ENTRY_POINTS", "choose", "format_named", "format_names"]

ENTRY_POINTS = "modelstore.formats"

# xgboost's and lightgbm's estimators are scikit-learn estimators too: their own formats come first.
_SHIPPED: tuple[Format, ...] = (
    FileFormat(),
    FolderFormat(),
    XgboostFormat(),
    LightgbmFormat(),
    CatboostFormat(),
    AnnoyFormat(),
    OnnxFormat(),
    ProphetFormat(),
    SpacyFormat(),
    SparkFormat(),
    KerasFormat(),
    TransformersFormat(),
    SentenceTransformersFormat(),
    PytorchFormat(),
    StateDictFormat(),
    StatsmodelsFormat(),
    NumpyFormat(),
    PandasFormat(),
    SklearnFormat(),
)
# What has no format of its own here, and a flavor of MLflow that takes it and nothing better.
_FLAVORS: dict[str, Format] = {
    "mlflow.pyfunc.model.PythonModel": FlavorFormat("pyfunc"),
    "tensorflow.python.module.module.Module": FlavorFormat("tensorflow"),
}
_ANYTHING: Format = PickleFormat()
_JOBLIB: Format = JoblibFormat()
_SEVERAL: Format = SeveralFormat(lambda model: _fitting(model), lambda name: format_named(name))  # noqa: PLW0108 -- defined below
_NAMES = frozenset(one.name for one in (*_SHIPPED, _SEVERAL, _ANYTHING, _JOBLIB))


def choose(model: object, format: str | None) -> Format:  # noqa: A002 - the public argument's name
    """The format of that name if it takes the object, or, without a name, the first that takes it.

    Third parties' formats are asked before those shipped here, and pickle last. With a name, a path is taken for files
    that are in that format already.

    Raises:
        UnknownFormat: No format has that name.
        NotSerializable: The format is known and does not take the object; the message says which would.
    """
    if format is None:
        return _fitting(model)
    chosen = format_named(format)
    if isinstance(model, os.PathLike) and not isinstance(chosen, FileFormat | FolderFormat) and _is_ours(chosen):
        return ForeignFormat(chosen)
    if chosen.accepts(model):
        return chosen
    raise NotSerializable(
        f"The format {format!r} does not take a {class_name(model)}.",
        value=format,
        fix=f"Leave `format=` out, or pass format={_fitting(model).name!r}.",
    )


def _is_ours(chosen: Format) -> bool:
    return chosen.name in _NAMES or chosen.name.startswith(FLAVOR_PREFIX)


def _fitting(model: object) -> Format:
    flavors = (flavor for name, flavor in _FLAVORS.items() if is_a(model, name))
    return next((one for one in (*_third_party(), *_SHIPPED, *flavors, _SEVERAL) if one.accepts(model)), _ANYTHING)


def format_named(name: str) -> Format:
    """The format of that name; "mlflow:" and the name of one of MLflow's flavors is a format too.

    Raises:
        UnknownFormat: There is none; the message lists those there are.
    """
    if name.startswith(FLAVOR_PREFIX):
        return FlavorFormat(name.removeprefix(FLAVOR_PREFIX))
    for one in (*_SHIPPED, _SEVERAL, _ANYTHING, _JOBLIB):
        if one.name == name:
            return one
    for one in _third_party():
        if one.name == name:
            return one
    raise UnknownFormat(
        f"There is no format {name!r}.",
        value=name,
        fix=f"Known are {', '.join(format_names())}; others come with packages that add to {ENTRY_POINTS!r}.",
    )


def format_names() -> tuple[str, ...]:
    """The names of all formats there are, third parties' included, sorted."""
    return tuple(sorted({*_NAMES, *(one.name for one in _third_party())}))


@cache
def _third_party() -> tuple[Format, ...]:
    from importlib.metadata import entry_points

    found = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            one: Format = point.load()()
        except (ImportError, AttributeError, TypeError) as error:
            # One broken package must not keep every model from being saved.
            warnings.warn(f"The format {point.name!r} of {point.value!r} is left out: {error}.", stacklevel=2)
            continue
        if one.name in _NAMES:
            warnings.warn(f"{point.value!r} is left out: the format {one.name!r} is shipped.", stacklevel=2)
        else:
            found.append(one)
    return tuple(found)
