"""Puts an estimator together again from `estimator.json` and from the file that its own library wrote of its trees.

This very file lies in versions too, in `modelstore_estimators_1.zip`: it is how MLflow, which knows nothing of
modelstore, predicts what the estimator predicts. So it stands alone, on the library, NumPy and scikit-learn, and is
never changed once released: what would be different is a file of another name. It calls nothing that a document names
but the class, which must be an estimator of the library.
"""

import json
import math
import re
from collections import OrderedDict, defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

DOCUMENT = "estimator.json"
FILES = {"lightgbm": "model.lgb", "xgboost": "model.ubj"}
FORMAT = 1

# What of a LightGBM booster its text does not hold, and what an estimator cannot do without.
BOOSTER: dict[str, Any] = {
    "best_iteration": int,
    "best_score": dict,
    "pandas_categorical": (list, type(None)),
    "params": dict,
}
ESTIMATOR: dict[str, Any] = {
    "_best_iteration": (int, type(None)),
    "_n_classes": int,
    "_n_features": int,
    "_objective": str,
    "_other_params": dict,
    "fitted_": bool,
}
_FACTORIES: dict[str, Any] = {"None": None, "OrderedDict": OrderedDict, "dict": dict, "list": list}
_DTYPE = re.compile(r"\|b1|\|i1|\|u1|[<>][iuf][248]|[<>]U\d{1,9}|\|O")
_LARGEST_ARRAY = 64 << 20
_OF_KIND: dict[str, Any] = {"b": bool, "i": int, "u": int, "f": float, "U": str}


def encode(value: Any) -> Any:
    """The value as JSON, from which `decode` makes an equal one of the same type.

    JSON's own values stand for themselves; an object with one key, the name of a type, for all others.

    Raises:
        TypeError: It is of a type that cannot be said.
    """
    kind = type(value)
    if value is None or kind in _PLAIN:
        return value
    if kind in _ENCODERS:
        return _ENCODERS[kind](value)
    if kind.__module__ == "numpy":
        return _encode_numpy(value)
    if kind.__name__ == "LabelEncoder" and kind.__module__.startswith("sklearn.") and [*vars(value)] == ["classes_"]:
        return {"LabelEncoder": encode(value.classes_)}
    raise TypeError(f"a {kind.__module__}.{kind.__qualname__}")


def _pairs(value: dict[Any, Any]) -> list[Any]:
    return [[encode(key), encode(part)] for key, part in value.items()]


def _factory(value: Any) -> str:
    for name, factory in _FACTORIES.items():
        if value.default_factory is factory:
            return name
    raise TypeError(f"a defaultdict of {value.default_factory!r}")


def _encode_numpy(value: Any) -> Any:
    dtype = getattr(getattr(value, "dtype", None), "str", "")
    if not _DTYPE.fullmatch(dtype) or value.nbytes > _LARGEST_ARRAY:
        raise TypeError(f"a {type(value).__qualname__} of type {dtype!r} and {getattr(value, 'nbytes', 0)} bytes")
    if type(value).__name__ == "ndarray":
        return {"array": [dtype, list(value.shape), [encode(part) for part in value.ravel().tolist()]]}
    if type(value) is not value.dtype.type:
        raise TypeError(f"a {type(value).__qualname__}")
    return {"scalar": [dtype, encode(value.item())]}


_PLAIN = frozenset({bool, int, str})
_ENCODERS: dict[type, Any] = {
    float: lambda value: value if math.isfinite(value) else {"float": repr(value)},
    list: lambda value: [encode(part) for part in value],
    tuple: lambda value: {"tuple": [encode(part) for part in value]},
    dict: lambda value: {"dict": _pairs(value)},
    OrderedDict: lambda value: {"OrderedDict": _pairs(value)},
    defaultdict: lambda value: {"defaultdict": [_factory(value), _pairs(value)]},
}


def decode(said: Any) -> Any:
    """The value that `encode` made the JSON of.

    Raises:
        ValueError, TypeError, OverflowError: It is none of `encode`'s.
    """
    if isinstance(said, list):
        return [decode(part) for part in said]
    if not isinstance(said, dict):
        return said
    if len(said) != 1 or next(iter(said)) not in _DECODERS:
        raise ValueError(f"{sorted(said)[:3]!r} is no type that can be said")
    [(name, part)] = said.items()
    return _DECODERS[name](part)


def _decode_float(part: Any) -> float:
    if part not in ("nan", "inf", "-inf"):
        raise ValueError(f"{part!r} is no such number")
    return float(part)


def _decode_pairs(part: Any) -> list[tuple[Any, Any]]:
    return [(decode(key), decode(value)) for key, value in part]


def _decode_default(part: Any) -> Any:
    factory, pairs = part
    if factory not in _FACTORIES:
        raise ValueError(f"{factory!r} makes no default that can be said")
    return defaultdict(_FACTORIES[factory], _decode_pairs(pairs))


def _dtype(text: Any) -> Any:
    import numpy as np

    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise ValueError(f"{text!r} is no type of numbers or texts")
    return np.dtype(text)


def _decode_scalar(part: Any) -> Any:
    text, said = part
    dtype = _dtype(text)
    value = decode(said)
    if type(value) is not _OF_KIND.get(dtype.kind):
        raise ValueError(f"{value!r} is no {text}")
    return dtype.type(value)


def _decode_array(part: Any) -> Any:
    import numpy as np

    text, shape, said = part
    dtype = _dtype(text)
    values = decode(said)
    if not isinstance(values, list) or dtype.itemsize * len(values) > _LARGEST_ARRAY:
        raise ValueError(f"{type(values).__name__} is no list of a reasonable size")
    kind = _OF_KIND.get(dtype.kind)
    if kind is not None and not all(type(value) is kind for value in values):
        raise ValueError(f"not all of the array is {text}")
    made = np.empty(len(values), dtype)
    made[:] = values if kind is not None or not values else _as_objects(values)
    return made.reshape(shape)


def _as_objects(values: list[Any]) -> Any:
    import numpy as np

    objects = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        objects[place] = value
    return objects


def _decode_labels(part: Any) -> Any:
    import numpy as np
    from sklearn.preprocessing import LabelEncoder

    labels = LabelEncoder()
    labels.classes_ = decode(part)
    if not isinstance(labels.classes_, np.ndarray):
        raise ValueError("the labels are no array")  # noqa: TRY004 -- of a file, not of an argument
    return labels


_DECODERS: dict[str, Any] = {
    "LabelEncoder": _decode_labels,
    "OrderedDict": lambda part: OrderedDict(_decode_pairs(part)),
    "array": _decode_array,
    "defaultdict": _decode_default,
    "dict": lambda part: dict(_decode_pairs(part)),
    "float": _decode_float,
    "scalar": _decode_scalar,
    "tuple": lambda part: tuple(decode(list(part))),
}


def read(folder: Path) -> dict[str, Any]:
    """The document of the folder, as far as the whole of it can be judged.

    Raises:
        ValueError: It is none, or one of a later release.
    """
    document = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{DOCUMENT!r} is of another format than {FORMAT}")
    name, library, state = (document.get(key) for key in ("class", "library", "state"))
    if not isinstance(name, str) or not re.fullmatch(r"\w+(\.\w+)+", name):
        raise ValueError(f"{DOCUMENT!r} names no class: {name!r}")
    if library not in FILES or not isinstance(state, dict):
        raise ValueError(f"{DOCUMENT!r} is of no library that is known: {library!r}")
    return document


def class_of(document: dict[str, Any]) -> Any:
    """The class that the document names.

    Raises:
        ValueError: It is no estimator of its library.
        ModuleNotFoundError: It, or the library, is not installed.
    """
    base = {"lightgbm": "LGBMModel", "xgboost": "XGBModel"}[document["library"]]
    module, _, name = document["class"].rpartition(".")
    kind = getattr(import_module(module), name, None)
    if not isinstance(kind, type) or not issubclass(kind, getattr(import_module(document["library"]), base)):
        raise ValueError(f"{document['class']!r} is no {base}")  # noqa: TRY004 -- of a file, not of an argument
    return kind


def rebuild(file: Path, document: dict[str, Any], kind: Any) -> Any:
    """The estimator, from its library's file and its document.

    Raises:
        ValueError, TypeError, OverflowError, KeyError, AttributeError: They do not fit.
        lightgbm.basic.LightGBMError: It is no text of LightGBM's.
    """
    if document["library"] == "xgboost":
        params = check_xgboost(document, kind)
        model = kind()
        model.load_model(file)
        set_known(model, params)
        return model
    import lightgbm

    state, of_booster = check_lightgbm(document, kind)
    booster = lightgbm.Booster(model_file=str(file))
    vars(booster).update(of_booster)
    model = kind.__new__(kind)
    vars(model).update(state, _Booster=booster)
    model.get_params()
    return model


def set_known(model: Any, params: dict[str, Any]) -> None:
    """Set the parameters that an XGBoost estimator has, and those that it has a place for; no attribute else."""
    known = model.get_params()
    model.set_params(**{name: value for name, value in params.items() if name in known or not hasattr(model, name)})


def check_xgboost(document: dict[str, Any], kind: Any) -> dict[str, Any]:
    """The parameters of an XGBoost estimator.

    Raises:
        ValueError: What stands for a missing value is no number.
    """
    del kind
    params = decode_all(document["state"])
    missing: Any = params.get("missing")
    number = missing.item() if getattr(missing, "shape", None) == () else missing
    if not isinstance(number, int | float):
        raise ValueError(f"'missing' is {missing!r}, which is no number")  # noqa: TRY004 -- of a file
    return params


def check_lightgbm(document: dict[str, Any], kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes of a LightGBM estimator, and those of its booster.

    Raises:
        ValueError: They are not what such an estimator has.
    """
    import lightgbm

    state, booster = decode_all(document["state"]), decode_all(document.get("booster"))
    for name in state:
        if (
            not name.isidentifier()
            or name.startswith("__")
            or name == "_Booster"
            or callable(getattr(kind, name, None))
        ):
            raise ValueError(f"{name!r} is no attribute to be set")
    for wanted, given in ((ESTIMATOR, state), (BOOSTER, booster)):
        for name, types in wanted.items():
            if name not in given or not isinstance(given[name], types):
                raise ValueError(f"{name!r} is missing, or of another type")
    if booster.keys() != BOOSTER.keys():
        raise ValueError(f"{sorted(booster)} are not what is kept of a booster")
    labels = getattr(state.get("_le"), "classes_", None)
    if issubclass(kind, lightgbm.LGBMClassifier) and (labels is None or labels.shape != (state["_n_classes"],)):
        raise ValueError("the labels are not as many as the classes")
    return state, booster


def decode_all(said: Any) -> dict[str, Any]:
    """Values by their names.

    Raises:
        ValueError: There are none.
    """
    if not isinstance(said, dict):
        raise ValueError("a part is missing")  # noqa: TRY004 -- of a file, not of an argument
    return {name: decode(value) for name, value in said.items()}


CHECKS: dict[str, Any] = {"lightgbm": check_lightgbm, "xgboost": check_xgboost}


class Predictor:
    """What MLflow asks for predictions.

    Args:
        model: The estimator.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def get_raw_model(self) -> Any:
        """The estimator."""
        return self._model

    def predict(self, data: Any) -> Any:
        """What the estimator predicts."""
        return self._model.predict(data)


def _load_pyfunc(path: str) -> Predictor:
    """What `mlflow.pyfunc.load_model` calls."""
    folder = Path(path)
    document = read(folder)
    return Predictor(rebuild(folder / FILES[document["library"]], document, class_of(document)))
