"""What a model itself says of how it was made, for its record: plain JSON, shortened, never at the price of a save.

Only the library's own accounts of a model are asked (`get_params`, a configuration, a count of weights). Values that
are no plain ones are named by their class: no object is asked for its text, which may be as large as its data.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final

from modelstore_core.formats.objects import Describes, class_name, is_a
from modelstore_core.formats.protocol import Format
from modelstore_core.model.json import Json, JsonObject

__all__ = ["REST", "estimator_params", "module_facts", "parameters"]

REST: Final = "…"
"""The name under which a record says what was left out of its parameters, or why there are none."""

_MOST_BYTES: Final = 4096
_LONGEST_TEXT: Final = 200
_LONGEST_NAME: Final = 200
_MOST_ITEMS: Final = 32
_DEEPEST: Final = 4
_WIDEST_INTEGER: Final = 64
# Wrappers of services take their keys as parameters; whoever may list versions need not know them.
_SECRET: Final = re.compile(
    r"(^|_)(api_?key|access_key(_id)?|secret(_key)?|auth_token|access_token|hf_token|credentials?|password|passwd)$"
    r"|^(key|token)$",
    re.IGNORECASE,
)
_KEYS: Final = (str, int, float, bool, type(None))
_HIDDEN: Final = "hidden"


def parameters(chosen: Format, model: object) -> JsonObject:
    """What the model's format, or scikit-learn's `get_params`, says of the model; at most 4 KiB of JSON.

    Outer parameters come before those of parts, and what is left out for want of room is counted under `REST`. A model
    that cannot say what it was made with is saved all the same: then `REST` names the error.
    """
    try:
        return _bounded(_flat(_asked(chosen, model), "", 0))
    except Exception as error:  # noqa: BLE001 -- the account is of a library's or the caller's making, and only informs
        return {REST: f"not to be had: {type(error).__name__}"}


def _asked(chosen: Format, model: object) -> Mapping[str, object]:
    if isinstance(chosen, Describes):
        return chosen.model_params(model)
    return estimator_params(model) if is_a(model, "sklearn.base.BaseEstimator") else {}


def estimator_params(model: object) -> dict[str, object]:
    """What scikit-learn's convention says: the estimator's parameters, those of its parts, and what a search found."""
    estimator: Any = model
    best = vars(estimator).get("best_params_")
    return {**estimator.get_params(deep=True), **({} if best is None else {"best_params_": best})}


def module_facts(model: object) -> dict[str, object]:
    """Of a PyTorch module: how many numbers it has, of which types, in which modules, and Lightning's parameters."""
    module: Any = model
    weights = list(module.parameters())
    kinds = Counter(type(part).__name__ for part in module.modules() if not any(part.children()))
    return {
        "parameters": sum(one.numel() for one in weights),
        "trainable": sum(one.numel() for one in weights if one.requires_grad),
        "dtypes": sorted({str(one.dtype) for one in weights}),
        "modules": dict(sorted(kinds.items())),
        # not the property, which would make an empty one
        "hparams": vars(module).get("_hparams") or {},
    }


def _flat(values: Mapping[Any, object], prefix: str, depth: int) -> Iterator[tuple[str, Json]]:
    """Each value under its whole name; small mappings are opened, and each of their values has a name of its own."""
    for key, value in values.items():
        name = _text(f"{prefix}{key if type(key) in _KEYS else class_name(key)}", _LONGEST_NAME) or repr("")
        if isinstance(value, dict) and len(value) <= _MOST_ITEMS and depth < _DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        elif isinstance(key, str) and _SECRET.search(key.rpartition("__")[2]) and isinstance(value, str | bytes):
            yield name, _HIDDEN
        else:
            yield name, _short(_plain(value, 0))


def _plain(value: object, depth: int) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(str.__str__(value), _LONGEST_TEXT)
    if isinstance(value, int):
        number = int.__index__(value)
        return number if number.bit_length() <= _WIDEST_INTEGER else f"an integer of {number.bit_length()} bits"
    if isinstance(value, float):
        return _number(float.__float__(value))
    if isinstance(value, list | tuple | set | frozenset):
        return _list(value, depth)
    return _named(value, depth)


def _number(value: float) -> Json:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _list(values: "list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]", depth: int) -> Json:
    if len(values) > _MOST_ITEMS or depth >= _DEEPEST:
        return f"{type(values).__name__} of {len(values)}"
    plain = [_plain(value, depth + 1) for value in values]
    return sorted(plain, key=json.dumps) if isinstance(values, set | frozenset) else plain


def _named(value: object, depth: int) -> Json:
    """What is neither a number nor a text nor a list: by its shape if it is an array, else by its name or class."""
    kind = class_name(value)
    array: Any = value
    if kind == "numpy.ndarray":
        plain = array.size <= _MOST_ITEMS and array.dtype.kind in "biuf"
        return _plain(array.tolist(), depth) if plain else f"{array.dtype} array of shape {array.shape}"
    if is_a(value, "numpy.generic"):
        item = array.item()
        return kind if type(item) is type(value) else _plain(item, depth)
    if isinstance(value, dict):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return _text(f"{value.__module__}.{value.__qualname__}", _LONGEST_TEXT)
    if kind in {"numpy.ufunc", "torch.dtype"}:
        return f"numpy.{array.__name__}" if kind == "numpy.ufunc" else str(array)
    return _text(kind, _LONGEST_TEXT)


def _text(text: str, longest: int) -> str:
    whole = text if len(text) <= longest else text[: longest - 1] + REST
    return whole.encode(errors="replace").decode()  # half a surrogate pair has no bytes


def _short(value: Json) -> Json:
    if not isinstance(value, list):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + REST


def _bounded(values: Iterator[tuple[str, Json]]) -> JsonObject:
    ordered = sorted(dict(values).items(), key=lambda item: item[0].count("__") + item[0].count("."))
    kept: JsonObject = {}
    room = _MOST_BYTES - len(_line(REST, f"{len(ordered)} left out"))
    for name, value in ordered:
        room -= len(_line(name, value))
        if room < 0:
            kept[REST] = f"{len(ordered) - len(kept)} left out"
            break
        kept[name] = value
    return kept


def _line(name: str, value: Json) -> bytes:
    return json.dumps({name: value}, ensure_ascii=False, separators=(",", ":")).encode()
