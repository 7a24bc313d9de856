"""A line of bash as far as it was typed: its words, and how a candidate must be typed into it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Typed", "quoted", "split"]

_PIECE = re.compile(
    r"""(?P<gap>\s+) | \\(?P<escaped>.?) | '(?P<single>[^']*)(?P<end>'?) | "(?P<double>(?:\\.|[^"\\])*)(?P<close>"?)
        | (?P<plain>[^\s\\'"]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SAFE = frozenset("._-@%+=:,/")


@dataclass(slots=True)
class Typed:
    """A word as it was typed.

    Attributes:
        value: What it means.
        loose: For each character of the value, itself if it was typed bare, else a blank.
        quote: The quote that is still open at its end, if one is.
    """

    value: str = ""
    loose: str = ""
    quote: str = ""

    def standing(self, breaks: str) -> str:
        """What readline leaves standing: up to the last bare character that breaks words, or before an open quote."""
        if self.quote:
            return self.value[: len(self.loose.rstrip())]
        return self.value[: 1 + max((self.loose.rfind(character) for character in breaks.strip()), default=-1)]


def split(line: str) -> Sequence[Typed]:
    """The words of a line whose end may be in the middle of one; the last is "" after a blank."""
    words = [Typed()]
    for piece in _PIECE.finditer(line):
        word = words[-1]
        if piece["gap"]:
            words.append(Typed())
        elif piece["plain"]:
            word.value += piece["plain"]
            word.loose += piece["plain"]
        else:
            text = piece["escaped"] or piece["single"] or _ESCAPE.sub(r"\1", piece["double"] or "")
            word.value += text
            word.loose += " " * len(text)
            word.quote = _still_open(piece)
    return words


def quoted(text: str, quote: str) -> str | None:
    """The text as it must be typed, after a quote that is open or without any; None if it cannot be."""
    if not quote:
        return "".join(c if c.isalnum() or c in _SAFE else f"\\{c}" for c in text)
    live = "'" if quote == "'" else '"\\$`!'
    return None if any(c in live for c in text) else text


def _still_open(piece: re.Match[str]) -> str:
    if piece["single"] is not None:
        return "" if piece["end"] else "'"
    if piece["double"] is not None:
        return "" if piece["close"] else '"'
    return ""
