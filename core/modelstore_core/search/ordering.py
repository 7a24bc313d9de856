"""`order_by`: parsed to fields and directions, applied with missing values last. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar

from modelstore_core.errors import InvalidQuery
from modelstore_core.search.fields import Field, Schema, Subject, Value, as_number, as_text, is_null
from modelstore_core.search.words import Word, words_of, wrong

__all__ = ["Place", "Term", "is_placeless", "ordered", "parse_order", "place_of"]

S = TypeVar("S", bound=Subject)

Place: TypeAlias = tuple[float, str | tuple[str, ...]]
"""Where a value stands among those of its field: a number, and after all numbers, by infinity, a text or texts."""


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
        terms.append(_term(text, words, at, schema))
        at += 2 if words[at + 1].kind == "name" else 1
        if words[at].kind == "end":
            return tuple(terms)
        if words[at].text != ",":
            raise wrong(text, words[at].start, f"expected ASC, DESC or a comma, found {words[at]}", _fix(schema))
        at += 1


def ordered(subjects: Iterable[S], terms: Sequence[Term]) -> list[S]:
    """The records in that order; those without the value, or with NaN, come last, ties keep the order they came in.

    Where a field has numbers and texts, the numbers come first, by size; a text that is a number is one.
    """
    result = list(subjects)
    for term in reversed(terms):
        field = term.field
        have = [subject for subject in result if not is_placeless(field.read(subject))]
        lack = [subject for subject in result if is_placeless(field.read(subject))]
        have.sort(key=partial(place_of, field), reverse=term.descending)
        result = have + lack
    return result


def is_placeless(value: Value) -> bool:
    """Whether the value stands nowhere in an order: there is none, or it is NaN."""
    return is_null(value) or (isinstance(value, float) and math.isnan(value))


def place_of(field: Field, subject: Subject) -> Place:
    """Where the record's value stands, which must not be placeless."""
    value = field.read(subject)
    if isinstance(value, datetime):
        return value.timestamp(), ""
    if isinstance(value, tuple):
        return math.inf, value
    if field.family == "flag":
        return float(value is True), ""
    number = None if field.family == "text" else as_number(value)
    return (math.inf, as_text(value)) if number is None else (number, "")


def _term(text: str, words: Sequence[Word], at: int, schema: Schema) -> Term:
    """The term that begins at a word."""
    word = words[at]
    if word.kind not in {"name", "text"}:  # MLflow takes "name" in quotes too
        raise wrong(text, word.start, f"expected a field, found {word}", _fix(schema))
    field = schema.find(word.text)
    if field is None:
        raise wrong(text, word.start, f"unknown field {word}", _fix(schema), more=schema.suggestion(word.text))
    after = words[at + 1]
    if after.kind == "name" and after.text.upper() not in {"ASC", "DESC"}:
        raise wrong(text, after.start, f"expected ASC, DESC or a comma, found {after}", _fix(schema))
    return Term(field, after.kind == "name" and after.text.upper() == "DESC")


def _checked(order_by: Sequence[str]) -> Sequence[str]:
    for term in order_by:
        if not isinstance(term, str):
            raise InvalidQuery(f"order_by={order_by!r} holds {term!r}.", value=repr(order_by), fix="Pass texts.")
    return order_by


def _fix(schema: Schema) -> str:
    return f"Write 'metrics.auc DESC, number': fields are {schema.names()}."
