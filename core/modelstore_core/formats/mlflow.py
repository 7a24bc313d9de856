"""Loading a folder through `mlflow.pyfunc`: the only module that imports MLflow, and only when asked to.

MLflow opens a model's pickles by itself and trusts what the model's own MLmodel says. So the MLmodel is judged first:
which loader it asks for, which files that loader opens, and what those files name.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

from modelstore_core.errors import InvalidInput
from modelstore_core.formats import pickles, torch_files
from modelstore_core.formats.catboost import CATBOOST_CLASSES
from modelstore_core.formats.estimators import (
    ESTIMATOR,
    is_shipped,
    is_stored_estimator,
    read_document,
    read_stored,
)
from modelstore_core.formats.keras import check_keras
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import MLMODEL
from modelstore_core.formats.onnx import ONNX_PROVIDERS, check_no_other_files
from modelstore_core.formats.paths import is_file_inside, is_inside
from modelstore_core.formats.spacy import check_spacy
from modelstore_core.formats.trust import Trust, refuse_shape, refuse_unlisted
from modelstore_core.formats.yaml_text import parse_yaml

__all__ = ["check_pyfunc", "import_mlflow", "load_pyfunc"]

_LARGEST_MLMODEL: Final = 16 << 20
_PLAIN_PICKLES: Final = ("pickle", "cloudpickle")
# What the python_function section may say: everything else runs code or reads other files.
_KNOWN_KEYS: Final = frozenset(
    {"data", "env", "loader_module", "model_path", "pickle_module_name", "predict_fn", "python_version", "streamable"}
)
Section = Mapping[str, Any]


def load_pyfunc(folder: Path, trust: Trust) -> object:
    """The folder as an `mlflow.pyfunc` model, if the policy allows all that MLflow would open.

    Raises:
        Untrusted: The policy says no; nothing was constructed.
        InvalidInput: There is no MLmodel, it has no `python_function` flavor, or MLflow does not take it.
        MissingExtra: MLflow, or a library of the model, is not installed.
    """
    conf = check_pyfunc(folder, trust)["python_function"]
    pyfunc, mlflow_errors = import_mlflow()
    try:
        # below full trust even if the loader has been exchanged since it was judged
        if is_stored_estimator(conf) and (trust.level != "full" or is_shipped(folder, conf)):
            return _with_our_loader(pyfunc, folder, trust)
        # No warnings: to make them, MLflow follows whatever requirements.txt includes.
        return pyfunc.load_model(str(folder.absolute()), suppress_warnings=True)
    except ModuleNotFoundError as error:
        raise missing_library(error.name or "", f"Loading {str(folder)!r} with MLflow") from error
    except mlflow_errors.MlflowException as error:
        raise InvalidInput(
            f"MLflow does not load {str(folder)!r}: {error}",
            value=str(folder),
            fix="MLflow takes no path with '#', '%' or control characters; else see what it says.",
        ) from error


def check_pyfunc(folder: Path, trust: Trust) -> Section:
    """The flavors, if the policy allows all that MLflow would open; MLflow itself is not needed to know.

    Raises:
        Untrusted, InvalidInput, MissingExtra: As `load_pyfunc`.
        Corrupt: What describes the model is none.
    """
    flavors = _flavors(folder)
    if trust.level != "full":
        ours = is_stored_estimator(flavors["python_function"])
        (_judge_stored if ours else _judge)(folder, flavors, trust)
    return flavors


def _with_our_loader(pyfunc: Any, folder: Path, trust: Trust) -> object:
    """What MLflow would make of the folder with the loader that is installed: no code of a version is imported."""
    meta = import_module("mlflow.models").Model.load(str(folder / MLMODEL))
    loaded = pyfunc.PyFuncModel(model_meta=meta, model_impl=read_stored(folder, trust), model_id=meta.model_id)
    with suppress(Exception):  # as MLflow: without its example a model predicts all the same
        loaded.input_example = meta.load_input_example(path=str(folder))
    return loaded


def import_mlflow() -> tuple[Any, Any]:
    """`mlflow.pyfunc` and `mlflow.exceptions`, imported without their side effects.

    Raises:
        MissingExtra: MLflow is not installed.
    """
    # Both are read when MLflow is first imported: it would send usage data, and take over the logger "mlflow".
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    try:
        with warnings.catch_warnings():
            # about MLflow's own type hints
            warnings.simplefilter("ignore", UserWarning)
            import mlflow.exceptions
            import mlflow.pyfunc
    except ModuleNotFoundError as error:
        raise missing_library(error.name or "mlflow", 'as_="pyfunc"') from error
    return mlflow.pyfunc, mlflow.exceptions


def _flavors(folder: Path) -> Section:
    document = _document(folder)
    flavors = document.get("flavors") if isinstance(document, Mapping) else None
    if not isinstance(flavors, Mapping) or not isinstance(flavors.get("python_function"), Mapping):
        raise InvalidInput(
            f"{MLMODEL!r} has no `python_function` flavor: the model has no `predict`.",
            value=str(folder),
            fix="Load the native object instead.",
        )
    return flavors


def _document(folder: Path) -> object:
    path = folder / MLMODEL
    if not is_file_inside(folder, MLMODEL) or path.stat().st_size > _LARGEST_MLMODEL:
        raise InvalidInput(f"{str(folder)!r} is no MLflow model: it has no {MLMODEL!r}.", value=str(folder))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{str(path)!r} is no YAML: {error}.", value=str(path)) from error
    return parse_yaml(text, str(path))


def _judge(folder: Path, flavors: Section, trust: Trust) -> None:
    conf = flavors["python_function"]
    for key in sorted(conf.keys() - _KNOWN_KEYS, key=str):
        if not _says_nothing(conf[key]):
            _refuse(f"its python_function section has {key!r}: {conf[key]!r}")
    for name, section in flavors.items():
        if isinstance(section, Mapping) and section.get("code"):
            _refuse(f"its {name} section brings its own code: {section['code']!r}")
    if conf.get("predict_fn", "predict") not in _PREDICT_FUNCTIONS:
        _refuse(f"it wants {conf['predict_fn']!r} called to predict")
    judge = _LOADERS.get(str(conf.get("loader_module")))
    if judge is None:
        _refuse(f"its loader is {conf.get('loader_module')!r}, which is none of {', '.join(_LOADERS)}")
    # MLflow reads a second MLmodel beside the data file: in the folder itself that is the one judged here.
    data = conf.get("data")
    if data is not None and conf["loader_module"] not in _OF_FOLDERS and "/" in _file(folder, data):
        _refuse(f"its data lies in a folder of its own: {data!r}")
    judge(folder, flavors, trust)


def _says_nothing(value: object) -> bool:
    return not value or (isinstance(value, Mapping) and all(part is None for part in value.values()))


def _judge_stored(folder: Path, flavors: Section, trust: Trust) -> None:
    """Of a version that brings our loader: nothing of it is run if it is ours indeed; else all of it would be."""
    conf = flavors["python_function"]
    if not is_shipped(folder, conf):
        _refuse(
            f"it brings its own code: {conf['code']!r} is not the loader {conf['loader_module']!r} that was shipped"
        )
    refuse_unlisted(trust, (read_document(folder)["class"],), repr(ESTIMATOR))


def _judge_sklearn(folder: Path, flavors: Section, trust: Trust) -> None:
    conf = flavors["python_function"]
    _judge_pickle(folder, conf.get("data") or conf.get("model_path"), _section(flavors, "sklearn"), trust)


def _judge_xgboost(folder: Path, flavors: Section, trust: Trust) -> None:
    section = _section(flavors, "xgboost")
    _file(folder, section.get("data"))
    refuse_unlisted(trust, (str(section.get("model_class", "xgboost.core.Booster")),), repr(MLMODEL))


def _judge_lightgbm(folder: Path, flavors: Section, trust: Trust) -> None:
    section = _section(flavors, "lightgbm")
    if section.get("model_class", _LIGHTGBM_BOOSTER) == _LIGHTGBM_BOOSTER:
        _file(folder, section.get("data"))
    else:
        _judge_pickle(folder, section.get("data"), section, trust)


def _judge_catboost(folder: Path, flavors: Section, trust: Trust) -> None:
    del trust
    section = _section(flavors, "catboost")
    _file(folder, section.get("data"))
    if section.get("model_type") not in CATBOOST_CLASSES:
        _refuse(f"its class is {section.get('model_type')!r}, which is none of CatBoost's")


def _judge_onnx(folder: Path, flavors: Section, trust: Trust) -> None:
    del trust
    section = _section(flavors, "onnx")
    for name, known in (("providers", list(ONNX_PROVIDERS)), ("onnx_session_options", None)):
        if section.get(name) not in (known, None):
            _refuse(f"it sets {name} to {section[name]!r}")
    check_no_other_files(folder / _file(folder, flavors["python_function"].get("data")))


def _judge_statsmodels(folder: Path, flavors: Section, trust: Trust) -> None:
    pickles.check(folder / _file(folder, flavors["python_function"].get("data")), trust)


def _judge_prophet(folder: Path, flavors: Section, trust: Trust) -> None:
    del trust  # JSON, of which Prophet makes numbers and frames
    _file(folder, flavors["python_function"].get("data"))


def _judge_spacy(folder: Path, flavors: Section, trust: Trust) -> None:
    check_spacy(_data_folder(folder, flavors["python_function"].get("data")), trust)


def _judge_pytorch(folder: Path, flavors: Section, trust: Trust) -> None:
    data = _data_folder(folder, flavors["python_function"].get("data"))
    module = (data / _file(data, "pickle_module_info.txt")).read_text(encoding="utf-8", errors="replace")
    if module not in _TORCH_PICKLES:
        _refuse(f"its pickle module is {module!r}")
    torch_files.check(data / _file(data, "model.pth"), trust)


def _judge_keras(folder: Path, flavors: Section, trust: Trust) -> None:
    if flavors["python_function"].get("data") or _section(flavors, "keras").get("save_exported_model"):
        _refuse("its data is a program of TensorFlow")
    data = _data_folder(folder, _section(flavors, "keras").get("data"))
    check_keras(data / _file(data, "model.keras"), trust)


def _judge_pickle(folder: Path, name: object, section: Section, trust: Trust) -> None:
    if section.get("serialization_format", "pickle") not in _PLAIN_PICKLES:
        _refuse(f"it is stored as {section['serialization_format']!r}, with a trust list of its own")
    pickles.check(folder / _file(folder, name), trust)


def _section(flavors: Section, name: str) -> Section:
    section = flavors.get(name, {})
    return section if isinstance(section, Mapping) else {}


def _file(folder: Path, name: object) -> str:
    if not isinstance(name, str) or not is_file_inside(folder, name):
        _refuse(f"it names {name!r}, which is no file of the folder")
    return name


def _data_folder(folder: Path, name: object) -> Path:
    """The folder that a loader opens: one level down, without links, and without an MLmodel to be read instead."""
    if not isinstance(name, str) or "/" in name or not is_inside(name) or not _is_real_folder(folder / name):
        _refuse(f"it names {name!r}, which is no folder of the folder")
    if (folder / name / MLMODEL).exists():
        _refuse(f"its data has an {MLMODEL} of its own")
    return folder / name


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(one.is_symlink() for one in path.rglob("*"))


def _refuse(why: str) -> NoReturn:
    refuse_shape(repr(MLMODEL), why)


_LIGHTGBM_BOOSTER: Final = "lightgbm.basic.Booster"
_TORCH_PICKLES: Final = ("pickle", "mlflow.pytorch.pickle_module")
_PREDICT_FUNCTIONS: Final = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score")
_LOADERS: Final[Mapping[str, Callable[[Path, Section, Trust], None]]] = {
    "mlflow.sklearn": _judge_sklearn,
    "mlflow.xgboost": _judge_xgboost,
    "mlflow.lightgbm": _judge_lightgbm,
    "mlflow.catboost": _judge_catboost,
    "mlflow.onnx": _judge_onnx,
    "mlflow.statsmodels": _judge_statsmodels,
    "mlflow.prophet": _judge_prophet,
    "mlflow.pytorch": _judge_pytorch,
    "mlflow.spacy": _judge_spacy,
    "mlflow.keras": _judge_keras,
}
# whose data is a folder of several files
_OF_FOLDERS: Final = frozenset({"mlflow.pytorch", "mlflow.spacy"})
