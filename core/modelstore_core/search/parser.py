"""From a filter's text to a condition: MLflow's grammar, and OR, NOT, parentheses and IS NULL beside it. Pure.

    either     = both { "OR" both }
    both       = plain { "AND" plain }
    plain      = "NOT" plain | "(" either ")" | comparison
    comparison = field ( sign literal | [ "NOT" ] ( "LIKE" | "ILIKE" ) text
                       | [ "NOT" ] "IN" "(" literal { "," literal } [ "," ] ")" | "IS" [ "NOT" ] "NULL" )

Words of the grammar may be written in any case.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn, cast

from modelstore_core.errors import InvalidQuery
from modelstore_core.search.conditions import Both, Compared, Condition, Constant, Either, Known, Neither, OneOf, Sign
from modelstore_core.search.fields import Field, Schema
from modelstore_core.search.words import Word, words_of, wrong

__all__ = ["parse"]

_DEEPEST = 50  # each level takes five frames of a stack that may be half full before we are asked
_SIGNS: dict[str, Sign] = {
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_EQUALITY = {"=", "!="}
_TIMES = "Write a time like '2026-03-01' or '2026-03-01T12:00:00+01:00' (UTC if it has no zone), or milliseconds."


def parse(text: str, schema: Schema) -> Condition:
    """The condition that a filter states.

    Raises:
        InvalidQuery: It cannot be understood; the message says what, where, and what was probably meant.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidQuery(
            f"{text!r} is no filter.", value=text, fix="Write \"metrics.auc > 0.9 AND tags.team = 'x'\"."
        )
    parser = _Parser(text, schema)
    condition = parser.either(0)
    parser.expect_end()
    return condition


class _Parser:
    """A filter being read, one word ahead."""

    def __init__(self, text: str, schema: Schema) -> None:
        self.text = text
        self.schema = schema
        self.words = [*words_of(text)]
        self.at = 0

    def either(self, depth: int) -> Condition:
        """One or more ANDed groups, ORed."""
        return self._joined("OR", self.both, Either, depth)

    def both(self, depth: int) -> Condition:
        """One or more plain conditions, ANDed."""
        return self._joined("AND", self.plain, Both, depth)

    def plain(self, depth: int) -> Condition:
        """One comparison, a negation, or a group in parentheses."""
        if depth > _DEEPEST:
            self.fail(f"more than {_DEEPEST} levels deep", "Write it flatter.")
        if self.took("NOT"):
            return Neither(self.plain(depth + 1))
        if self.took("("):
            condition = self.either(depth + 1)
            self.expect(")")
            return condition
        return self.comparison()

    def comparison(self) -> Condition:
        """A field and what is asked of it."""
        field = self.field()
        if self.took("IS"):
            negated = self.took("NOT")
            self.expect("NULL")
            return Known(field) if negated else Neither(Known(field))
        negated = self.took("NOT")
        condition = self._pattern(field) or self._choice(field)
        if condition is not None:
            return Neither(condition) if negated else condition
        if negated:
            self.fail(f"expected LIKE, ILIKE or IN after NOT, found {self.word}", "")
        return self._compared(field)

    def field(self) -> Field:
        """The field that stands here."""
        word = self.word
        if word.kind != "name":
            self.fail(f"expected a field, found {self.word}", _fields(self.schema))
        field = self.schema.find(word.text)
        if field is None:
            more = self.schema.suggestion(word.text)
            raise wrong(self.text, word.start, f"unknown field {word}", _fields(self.schema), more=more)
        self.at += 1
        return field

    def expect_end(self) -> None:
        """Nothing may follow."""
        if self.word.kind != "end":
            self.fail(f"expected AND, OR or the end, found {self.word}", "")

    @property
    def word(self) -> Word:
        """The word that stands here."""
        return self.words[self.at]

    def stands(self, *wanted: str) -> str | None:
        """Which of these stands here, if one does."""
        here = self.word
        return here.text.upper() if here.kind in {"name", "sign"} and here.text.upper() in wanted else None

    def took(self, *wanted: str) -> str | None:
        """Step over the word if it is one of these, and say which."""
        found = self.stands(*wanted)
        if found is not None:
            self.at += 1
        return found

    def expect(self, wanted: str) -> None:
        """Step over this word."""
        if not self.took(wanted):
            self.fail(f"expected {wanted}, found {self.word}", "")

    def fail(self, said: str, fix: str) -> NoReturn:
        """Raise the error for the word here."""
        raise wrong(self.text, self.word.start, said, fix)

    def _joined(
        self,
        word: str,
        part: Callable[[int], Condition],
        join: Callable[[tuple[Condition, ...]], Condition],
        depth: int,
    ) -> Condition:
        parts = [part(depth)]
        while self.took(word):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _pattern(self, field: Field) -> Condition | None:
        sign = self.took("LIKE", "ILIKE")
        if sign is None:
            return None
        if field.family not in {"text", "several", "loose"}:
            self.at -= 1
            self.fail(f"{field.name!r} is a {field.family}, which {sign} cannot match", "Compare it by size.")
        if self.word.kind != "text":
            self.fail(f"expected a quoted text, found {self.word}", "Write LIKE 'risk%'.")
        self.at += 1
        return Compared(field, cast("Sign", sign), self.words[self.at - 1].text)

    def _choice(self, field: Field) -> Condition | None:
        if not self.took("IN"):
            return None
        self.expect("(")
        literals = [self._literal(field)]
        while self.took(",") and not self.stands(")"):  # MLflow's lists may end in a comma, as Python's do
            literals.append(self._literal(field))
        self.expect(")")
        return OneOf(field, tuple(literals))

    def _compared(self, field: Field) -> Condition:
        sign = _SIGNS.get(self.word.text) if self.word.kind == "sign" else None
        if sign is None:
            self.fail(f"expected a comparison after {field.name!r}, found {self.word}", "Such as =, !=, <, LIKE, IN.")
        if sign not in _EQUALITY and field.family in {"text", "several", "flag"}:
            self.fail(f"{field.name!r} is a {field.family}, which has no order", "Use =, !=, LIKE or IN.")
        self.at += 1
        literal = self._literal(field)
        if sign not in _EQUALITY and isinstance(literal, str):
            self.at -= 1
            self.fail(f"{sign} compares numbers, not texts", "Leave the quotes out.")
        return Compared(field, sign, literal)

    def _literal(self, field: Field) -> Constant:
        word = self.word
        match field.family:
            case "text" | "several":
                literal = self._text(field)
            case "number":
                literal = self._number(field)
            case "time":
                literal = self._time(field)
            case "flag":
                literal = self._flag(field)
            case "loose":
                literal = self._number(field) if word.kind == "number" else self._text_or_flag(field)
        self.at += 1
        return literal

    def _text(self, field: Field) -> Constant:
        if self.word.kind != "text":
            self.fail(f"{field.name!r} compares with a quoted text, found {self.word}", "Quote it: 'like this'.")
        return self.word.text

    def _text_or_flag(self, field: Field) -> Constant:
        known = {"TRUE": True, "FALSE": False}
        if self.word.kind == "name" and self.word.text.upper() in known:
            return known[self.word.text.upper()]
        return self._text(field)

    def _number(self, field: Field) -> Constant:
        if self.word.kind not in {"number", "text"}:
            self.fail(f"{field.name!r} compares with a number, found {self.word}", "Write it without quotes.")
        try:
            number = float(self.word.text)
        except ValueError:
            self.fail(f"{field.name!r} compares with a number, found {self.word}", "Write it without quotes.")
        return int(number) if number.is_integer() and abs(number) < 2**53 else number

    def _time(self, field: Field) -> Constant:
        time = _time_of(self.word)
        if time is None:
            self.fail(f"{field.name!r} compares with a time, found {self.word}", _TIMES)
        return time

    def _flag(self, field: Field) -> Constant:
        known = {"TRUE": True, "FALSE": False}
        if self.word.text.upper() not in known:
            self.fail(f"{field.name!r} compares with true or false, found {self.word}", "Without quotes.")
        return known[self.word.text.upper()]


def _fields(schema: Schema) -> str:
    return f"Fields are: {schema.names()}."


def _time_of(word: Word) -> datetime | None:
    try:
        if word.kind == "number":
            return datetime.fromtimestamp(float(word.text) / 1000, UTC)
        if word.kind == "text":
            time = datetime.fromisoformat(word.text)
            return time if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
