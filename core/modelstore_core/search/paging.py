"""Answers page by page: what comes after the last record of the page before, however many have come or gone since.

Pure. A page token holds where in the order that record stands, and a digest of the query: nothing is counted, so no
record comes twice or is left out because others came before it meanwhile.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from modelstore_core.errors import InvalidInput
from modelstore_core.model.records import Page
from modelstore_core.search.fields import Subject
from modelstore_core.search.ordering import Place, Term, is_placeless, ordered, place_of
from modelstore_core.search.selection import Selection

S = TypeVar("S", bound=Subject)

__all__ = ["Query"]

_SPARE = 1024
_FIX = "Pass the next_page_token of the page before, with the same query, or None for the first page."

Standing: TypeAlias = tuple[Place | None, ...]
"""A record's place by each term of an order; None where it has no value."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and in which order it is answered: one in which no two records stand at the same place.

    Attributes:
        asked: All that makes it another query, as texts.
        selection: Which records, and the order.
        kind: What they are.
    """

    asked: tuple[str, ...]
    selection: Selection
    kind: type[Subject]

    def page(self, subjects: Iterable[S], limit: int | None, page_token: str | None) -> Page[S]:
        """The next records of those that are wanted, and the token for what comes after them; all without a limit.

        No more than a few pages of records are kept at a time.

        Raises:
            InvalidInput: The token is not one, or is of another query.
        """
        terms, last = self.selection.terms, self._read(page_token)
        wanted = self.selection.wanted(subjects)
        if last is not None:
            wanted = (subject for subject in wanted if _follows(_standing(subject, terms), last, terms))
        if limit is None:
            return Page(ordered(wanted, terms), kind=self.kind)
        kept: list[S] = []
        for subject in wanted:
            kept.append(subject)
            if len(kept) > 2 * limit + _SPARE:
                kept = ordered(kept, terms)[: limit + 1]
        kept = ordered(kept, terms)
        return Page(kept[:limit], self.token(kept[limit - 1]) if len(kept) > limit else None, self.kind)

    def token(self, subject: Subject) -> str:
        """The token for what comes after this record."""
        document = [self._digest(), _standing(subject, self.selection.terms)]
        return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()

    def start(self, page_token: str | None) -> float:
        """Where the page before ended, by the first term of an order by numbers; infinity for the first page.

        Raises:
            InvalidInput: The token is not one, or is of another query.
        """
        last = self._read(page_token)
        return math.inf if last is None or last[0] is None else last[0][0]

    def _digest(self) -> str:
        order = [f"{term.field.name} {'DESC' if term.descending else 'ASC'}" for term in self.selection.terms]
        return hashlib.sha256(json.dumps([self.asked, order]).encode()).hexdigest()[:16]

    def _read(self, page_token: str | None) -> Standing | None:
        if page_token is None:
            return None
        try:
            digest, places = json.loads(base64.b64decode(page_token.encode(), altchars=b"-_", validate=True))
            standing = tuple(map(_place, places))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidInput(f"{page_token!r} is not a page token.", value=page_token, fix=_FIX) from error
        if digest != self._digest() or not _fits(standing, self.selection.terms):
            raise InvalidInput("The page token is of another query.", value=page_token, fix=_FIX)
        return standing


def _standing(subject: Subject, terms: Sequence[Term]) -> Standing:
    fields = (term.field for term in terms)
    return tuple(None if is_placeless(f.read(subject)) else place_of(f, subject) for f in fields)


def _fits(standing: Standing, terms: Sequence[Term]) -> bool:
    several = [term.field.family == "several" for term in terms]
    return len(standing) == len(terms) and all(
        place is None or isinstance(place[1], tuple) == texts for place, texts in zip(standing, several, strict=True)
    )


def _place(value: object) -> Place | None:
    """A place as JSON has it.

    Raises:
        ValueError: It is none.
    """
    match value:
        case None:
            return None
        case [int() | float() as number, str(text)] if not math.isnan(number):
            return number, text
        case [int() | float() as number, [*texts]] if not math.isnan(number):
            return number, tuple(_text(text) for text in texts)
        case _:
            raise ValueError(f"{value!r} is no place")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is no text")


def _follows(mine: Standing, other: Standing, terms: Sequence[Term]) -> bool:
    """Whether a record that stands here comes after one that stands there."""
    for here, there, term in zip(mine, other, terms, strict=True):
        if here == there:
            continue
        if here is None or there is None:
            return here is None
        return (here < there) if term.descending else (here > there)
    return False
