"""`order_by`: parsed to fields and directions, applied with missing values last. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from modelstore_core.errors import InvalidInput, InvalidQuery
from modelstore_core.search.fields import Field, Schema, Subject, Value, is_null
from modelstore_core.search.words import words_of, wrong

__all__ = ["Term", "ordered", "parse_order"]

S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, slots=True)
class Term:
    """One field to order by."""

    field: Field
    descending: bool


def parse_order(order_by: str | Sequence[str], schema: Schema) -> tuple[Term, ...]:
    """The terms of "metrics.auc DESC, number", or of a list of such terms as MLflow takes it.

    Raises:
        InvalidQuery: A term is not a known field with ASC, DESC or nothing after it.
    """
    text = order_by if isinstance(order_by, str) else ", ".join(_checked(order_by))
    terms: list[Term] = []
    words = [*words_of(text)]
    at = 0
    while True:
        field = schema.find(words[at].text) if words[at].kind == "name" else None
        if field is None:
            said, more = f"unknown field {words[at].text!r}", schema.suggestion(words[at].text)
            raise wrong(text, words[at].start, said, _fix(schema), more=more)
        way = words[at + 1].text.upper() if words[at + 1].kind == "name" else ""
        at += 2 if way in {"ASC", "DESC"} else 1
        terms.append(Term(field, way == "DESC"))
        if words[at].kind == "end":
            return tuple(terms)
        if words[at].text != ",":
            raise wrong(text, words[at].start, f"expected ASC, DESC or a comma, found {words[at].text!r}", _fix(schema))
        at += 1


def ordered(subjects: Iterable[S], terms: Sequence[Term]) -> list[S]:
    """The records in that order; those without the value, or with NaN, come last, ties keep the order they came in.

    Raises:
        InvalidInput: Values of one field cannot be compared.
    """
    result = list(subjects)
    for term in reversed(terms):
        read = term.field.read
        have = [subject for subject in result if not _is_placeless(read(subject))]
        lack = [subject for subject in result if _is_placeless(read(subject))]
        try:
            have.sort(key=lambda subject: _key(read(subject)), reverse=term.descending)
        except TypeError as error:
            raise InvalidInput(
                f"The values of {term.field.name!r} are of several types.",
                value=term.field.name,
                fix="Order by another field.",
            ) from error
        result = have + lack
    return result


def _is_placeless(value: Value) -> bool:
    return is_null(value) or (isinstance(value, float) and math.isnan(value))


def _key(value: Value) -> float | str | tuple[str, ...]:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str | int | float | tuple):
        return value
    raise TypeError(type(value).__name__)


def _checked(order_by: Sequence[str]) -> Sequence[str]:
    for term in order_by:
        if not isinstance(term, str):
            raise InvalidQuery(f"order_by={order_by!r} holds {term!r}.", value=repr(order_by), fix="Pass texts.")
    return order_by


def _fix(schema: Schema) -> str:
    return f"Write 'metrics.auc DESC, number': fields are {schema.names()}."
