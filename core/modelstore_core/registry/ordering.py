"""`order_by`: parsed to columns and directions, applied with missing values last. Pure."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from modelstore_core.errors import InvalidInput
from modelstore_core.model.records import ModelVersion

__all__ = ["ordered"]

_TERM = re.compile(r"(?P<field>[A-Za-z_][\w.\-/ ]*?|`[^`]+`)(?:\s+(?P<way>ASC|DESC))?", re.IGNORECASE)
_FIELDS = ("number", "created_at", "created_by", "size", "format", "digest")
_PREFIXES = ("metrics.", "params.", "tags.")
_FIX = f"Write 'metrics.auc DESC, number': one of {', '.join(_FIELDS)}, metrics.x, params.x or tags.x."


def ordered(versions: Iterable[ModelVersion], order_by: str) -> list[ModelVersion]:
    """The versions in that order; those without the value come last, ties keep the order they came in.

    Raises:
        InvalidInput: A term is not a known field, or values of one field cannot be compared.
    """
    result = list(versions)
    for field, descending in reversed(_parse(order_by)):
        have = [v for v in result if v.row().get(field) is not None]
        lack = [v for v in result if v.row().get(field) is None]
        try:
            have.sort(key=partial(_value, field), reverse=descending)
        except TypeError as error:
            raise InvalidInput(
                f"The values of {field!r} are of several types.", value=field, fix="Order by another field."
            ) from error
        result = have + lack
    return result


def _parse(order_by: str) -> list[tuple[str, bool]]:
    terms = []
    for text in order_by.split(","):
        match = _TERM.fullmatch(text.strip())
        field = "" if match is None else match["field"].strip("`")
        known = field in _FIELDS or any(field.startswith(p) and field != p for p in _PREFIXES)
        if match is None or not known:
            raise InvalidInput(f"order_by={order_by!r}: {text.strip()!r} is no field.", value=order_by, fix=_FIX)
        terms.append((field, (match["way"] or "ASC").upper() == "DESC"))
    return terms


def _value(field: str, version: ModelVersion) -> Any:
    return version.row()[field]
