"""Conditions on a record, in SQL's logic of three values: what is not there makes a comparison neither true nor false.

So `tags.team != 'risk'` finds no version without that tag, as in MLflow; `tags.team IS NULL` finds those.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias

from modelstore_core.search.fields import Field, Subject, Value, as_number, as_text, is_null

__all__ = ["Both", "Compared", "Condition", "Constant", "Either", "Known", "Neither", "OneOf", "Sign", "matcher"]

Sign: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE"]
Constant: TypeAlias = str | float | int | bool | datetime


class Condition(Protocol):
    """Something that holds of a record, does not, or is unknown (None)."""

    def holds(self, subject: Subject) -> bool | None:
        """Whether it does."""

    def fields(self) -> frozenset[str]:
        """The names of all fields that it asks about."""


@dataclass(frozen=True, slots=True)
class Both:
    """AND."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool | None:
        """False as soon as one part is, else unknown as soon as one is."""
        answers = [part.holds(subject) for part in self.parts]
        return False if False in answers else None if None in answers else True

    def fields(self) -> frozenset[str]:
        """Those of all parts."""
        return frozenset().union(*(part.fields() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Either:
    """OR."""

    parts: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool | None:
        """True as soon as one part is, else unknown as soon as one is."""
        answers = [part.holds(subject) for part in self.parts]
        return True if True in answers else None if None in answers else False

    def fields(self) -> frozenset[str]:
        """Those of all parts."""
        return frozenset().union(*(part.fields() for part in self.parts))


@dataclass(frozen=True, slots=True)
class Neither:
    """NOT."""

    part: Condition

    def holds(self, subject: Subject) -> bool | None:
        """The contrary; unknown stays unknown."""
        answer = self.part.holds(subject)
        return None if answer is None else not answer

    def fields(self) -> frozenset[str]:
        """Those of the part."""
        return self.part.fields()


@dataclass(frozen=True, slots=True)
class Known:
    """IS NOT NULL: never unknown itself."""

    field: Field

    def holds(self, subject: Subject) -> bool:
        """Whether the field has a value."""
        return not is_null(self.field.read(subject))

    def fields(self) -> frozenset[str]:
        """The field."""
        return frozenset({self.field.name})


@dataclass(frozen=True, slots=True)
class Compared:
    """A field against a literal."""

    field: Field
    sign: Sign
    literal: Constant

    def holds(self, subject: Subject) -> bool | None:
        """Unknown if the field has no value that compares with the literal."""
        value = self.field.read(subject)
        if self.field.family == "several":
            return _any_of(value, self.sign, self.literal)
        return _compare(value, self.sign, self.literal)

    def fields(self) -> frozenset[str]:
        """The field."""
        return frozenset({self.field.name})


@dataclass(frozen=True, slots=True)
class OneOf:
    """IN."""

    field: Field
    literals: tuple[Constant, ...]

    def holds(self, subject: Subject) -> bool | None:
        """Like the ORed equalities."""
        return Either(tuple(Compared(self.field, "=", literal) for literal in self.literals)).holds(subject)

    def fields(self) -> frozenset[str]:
        """The field."""
        return frozenset({self.field.name})


@lru_cache(maxsize=64)
def matcher(pattern: str, *, fold: bool) -> re.Pattern[str]:
    """SQL's LIKE as a regular expression: `%` is anything, `_` one character.

    What stands between two `%` is sought once, where it comes first, and never again further on (an atomic group): any
    later place leaves less for the rest. So a pattern of many `%` costs its length times the text's, and not a power.
    """
    first, *rest = ("".join("." if c == "_" else re.escape(c) for c in part) for part in pattern.split("%"))
    expression = first + "".join(f"(?>.*?{part})" for part in rest[:-1] if part) + "".join(f".*{p}" for p in rest[-1:])
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if fold else 0))


_ORDERED: Mapping[Sign, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _any_of(value: Value, sign: Sign, literal: Constant) -> bool | None:
    assert isinstance(value, tuple)
    if sign == "!=":
        return literal not in value
    return any(_compare(each, sign, literal) for each in value)


def _compare(value: Value, sign: Sign, literal: Constant) -> bool | None:
    if value is None:
        return None
    if sign in {"LIKE", "ILIKE"}:
        assert isinstance(literal, str)
        return matcher(literal, fold=sign == "ILIKE").fullmatch(as_text(value)) is not None
    if isinstance(literal, datetime):
        return _ORDERED[sign](value.timestamp(), literal.timestamp()) if isinstance(value, datetime) else None
    if isinstance(literal, bool):
        return _ORDERED[sign](value, literal) if isinstance(value, bool) else None
    if isinstance(literal, str):
        text = as_text(value)
        return text == literal if sign == "=" else text != literal if sign == "!=" else None
    number = as_number(value)
    return None if number is None else _ORDERED[sign](number, literal)
