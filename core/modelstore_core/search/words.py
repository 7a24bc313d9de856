"""A filter's text as words with positions. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from modelstore_core.errors import InvalidQuery

__all__ = ["Kind", "Word", "words_of", "wrong"]

Kind: TypeAlias = Literal["name", "text", "number", "sign", "end"]

_LONGEST = 20_000
_SHOWN = 60
_WORD = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>(?:[^\W\d][\w-]*)(?:\s*\.\s*(?:`[^`]*`|"[^"]*"|'[^']*'|[\w\-/]+))*|`[^`]*`)
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<sign><=|>=|!=|<>|==|=|<|>|\(|\)|,)
    """,
    re.VERBOSE,
)
_OPEN = {"'": "a quote", '"': "a double quote", "`": "a backtick"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a filter.

    Attributes:
        kind: What it is; "end" comes once, after the last.
        text: As it stands there; of a quoted text, what is between the quotes.
        start: The offset of its first character.
    """

    kind: Kind
    text: str
    start: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        return repr(self.text if len(self.text) <= _SHOWN else self.text[: _SHOWN - 1] + "…")


def words_of(filter_text: str) -> Iterator[Word]:
    """The words, the last one of kind "end".

    Raises:
        InvalidQuery: Something is no word, or the text is longer than 20,000 characters.
    """
    if len(filter_text) > _LONGEST:
        raise InvalidQuery(
            f"The filter has {len(filter_text)} characters.", value=filter_text[:80], fix=f"At most {_LONGEST}."
        )
    start = 0
    while start < len(filter_text):
        match = _WORD.match(filter_text, start)
        if match is None:
            opened = _OPEN.get(filter_text[start])
            said = f"{opened} that is never closed" if opened else f"unexpected {filter_text[start]!r}"
            raise wrong(filter_text, start, said, "Quote texts like 'this', and odd names like tags.`this one`.")
        if match.lastgroup != "blank":
            yield _word(match)
        start = match.end()
    yield Word(kind="end", text="", start=start)


def _word(match: re.Match[str]) -> Word:
    text, start = match.group(), match.start()
    match match.lastgroup:
        case "text":
            return Word(kind="text", text=text[1:-1].replace("''", "'"), start=start)
        case "quoted":
            return Word(kind="text", text=text[1:-1].replace('""', '"'), start=start)
        case "number":
            return Word(kind="number", text=text, start=start)
        case "name":
            return Word(kind="name", text=text, start=start)
        case _:
            return Word(kind="sign", text=text, start=start)


def wrong(filter_text: str, start: int, said: str, fix: str, *, more: str = ".") -> InvalidQuery:
    """The error for what stands at an offset, with its line and column, counted from 1; `more` ends the sentence."""
    before = filter_text[:start]
    line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
    return InvalidQuery(
        f"{said[:1].upper()}{said[1:]} at {line}:{column}{more}", value=filter_text, fix=fix, line=line, column=column
    )
