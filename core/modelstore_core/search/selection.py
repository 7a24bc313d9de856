"""A filter and an order, parsed before anything is read and applied to what was. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from modelstore_core.search.conditions import Condition
from modelstore_core.search.fields import Schema, Subject
from modelstore_core.search.ordering import Term, ordered, parse_order
from modelstore_core.search.parser import parse

S = TypeVar("S", bound=Subject)

__all__ = ["Selection", "parse_selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are wanted, and in which order."""

    condition: Condition | None
    terms: tuple[Term, ...]

    def wanted(self, subjects: Iterable[S]) -> Iterator[S]:
        """Those of which the condition holds, as they come."""
        return (s for s in subjects if self.condition is None or self.condition.holds(s))

    def of(self, subjects: Iterable[S]) -> list[S]:
        """Those of which the condition holds, in that order."""
        return ordered(self.wanted(subjects), self.terms)


def parse_selection(where: str | None, order_by: str | Sequence[str] | None, schema: Schema) -> Selection:
    """What `where=` and `order_by=` ask for; None leaves all, and the order as it is.

    Raises:
        InvalidQuery: One of them is not understood; the message says where.
    """
    condition = None if where is None else parse(where, schema)
    return Selection(condition, () if order_by is None else parse_order(order_by, schema))
