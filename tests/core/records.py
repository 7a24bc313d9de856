"""A sample of any public record, made from its fields' types: with hostile text wherever text may be."""

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin

import modelstore_core
from modelstore_core import Comparison, Difference, ModelVersion, Records

__all__ = ["HOSTILE", "RECORDS", "ROWS", "sample"]

HOSTILE = "<script>alert('1')</script>\x1b[31m\r\n\x00\x9b2J\u202e\u2066&\""

_PLAIN: Mapping[object, object] = {
    str: HOSTILE,
    int: 3,
    float: 0.5,
    bool: True,
    datetime: datetime(2026, 3, 1, 12, tzinfo=UTC),
}


def sample(hint: Any, text: str = HOSTILE) -> Any:
    """A value of the type, with this text in it."""
    if hint in _PLAIN:
        return text if hint is str else _PLAIN[hint]
    return _record(hint, text) if is_dataclass(hint) else _container(hint, text)


def _record(kind: Any, text: str) -> Any:
    if kind is Difference:
        return Difference(field=f"tags.{text}", values=(text, 1), changes=(None,))
    if kind is Comparison:
        return Comparison(versions=(sample(ModelVersion, text),) * 2, differences=Records([sample(Difference, text)]))
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: sample(hints[field.name], text) for field in fields(kind)})


def _container(hint: Any, text: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return sample(next(one for one in arguments if one is not type(None)), text)
    if origin is Literal:
        return arguments[0]
    if origin in (dict, Mapping) or origin is typing.get_origin(Mapping[str, str]):
        return {text: text if origin is dict else sample(arguments[1], text)}
    if origin is tuple:
        return tuple(sample(one, text) for one in arguments if one is not Ellipsis)
    if origin is Records:
        return Records([sample(arguments[0], text)])
    raise TypeError(hint)


_PUBLIC = [getattr(modelstore_core, name) for name in modelstore_core.__all__]
_MODULES = re.compile(r"modelstore_core\.model\.(?!gates|names|operations)\w+")
RECORDS = [one for one in _PUBLIC if is_dataclass(one) and _MODULES.fullmatch(getattr(one, "__module__", ""))]
"""Every public record."""
ROWS = [one for one in RECORDS if hasattr(one, "row") and one is not Difference]
"""Those that listings are made of, each with the same columns."""
