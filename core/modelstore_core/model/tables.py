"""Tables for people, as text and as HTML. Pure."""

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TypeAlias

__all__ = ["Paint", "Row", "cell", "fitting", "html_table", "printable", "text_table", "text_width"]

Row: TypeAlias = Mapping[str, object]

Paint: TypeAlias = Callable[[str, Row | None, str], str]
"""Colours a text, given its column and its row (None for the heading); must not change the text's width."""

_LONGEST = 48
_SHORTEST = 20  # what fits this is never cut: times, sizes, most names
_GAP = "  "


def cell(value: object) -> str:
    """One value as a person reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case Mapping():
            return ", ".join(f"{key}={cell(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(cell(item) for item in value)
        case _:
            return str(value)


def printable(text: str) -> str:
    """The text with every control, format and other invisible character escaped: it cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def text_width(text: str) -> int:
    """How many columns of a terminal the (printable) text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def fitting(
    rows: Sequence[Row], columns: Sequence[str], width: int, *, show: Callable[[object], str] = cell
) -> list[str]:
    """The columns that a table of this width has room for; what stands further left matters more."""
    return list(_fitted([_column(rows, name, show) for name in columns], width))


def text_table(
    rows: Sequence[Row],
    columns: Sequence[str],
    width: int | None = None,
    *,
    longest: int | None = _LONGEST,
    show: Callable[[object], str] = cell,
    paint: Paint | None = None,
) -> str:
    """The rows under their headings, numbers to the right; "" without rows. Control characters are escaped.

    Args:
        rows: One mapping a line; a column that it lacks stays empty.
        columns: Which columns, the most important first.
        width: What a line must fit: long texts are cut, then columns are left out, as `fitting` says.
        longest: Without a width, where texts are cut; None cuts nothing.
        show: Turns a value into text.
        paint: Colours each text that is not empty.
    """
    if not rows:
        return ""
    found = [_column(rows, name, show) for name in columns]
    widths = {c.name: c.bounded(longest) for c in found} if width is None else _fitted(found, width)
    shown = [column for column in found if column.name in widths]
    lines = []
    for index, row in enumerate((None, *rows)):
        pieces = []
        for column in shown:
            text = _short(column.texts[index], widths[column.name])
            gap = " " * (widths[column.name] - text_width(text))
            painted = paint(column.name, row, text) if paint and text else text
            pieces.append(gap + painted if column.numeric else painted + gap)
        lines.append(_GAP.join(pieces).rstrip())
    return "\n".join(lines)


def html_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The rows as an HTML table; every text is escaped."""
    head = "".join(f"<th>{_html(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{_html(cell(row.get(c)))}</td>" for c in columns) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column's texts, the heading first, as they would stand without a limit."""

    name: str
    texts: Sequence[str]
    width: int
    numeric: bool

    def bounded(self, longest: int | None) -> int:
        """Its width if texts are cut there; numbers never are."""
        return self.width if longest is None or self.numeric else min(self.width, longest)


def _column(rows: Sequence[Row], name: str, show: Callable[[object], str]) -> _Column:
    values = [row.get(name) for row in rows]
    known = [value for value in values if value is not None]
    texts = [printable(name), *(printable(show(value)) for value in values)]
    numeric = bool(known) and all(isinstance(value, int | float) for value in known)
    return _Column(name=name, texts=texts, width=max(map(text_width, texts)), numeric=numeric)


def _fitted(columns: Sequence[_Column], width: int) -> dict[str, int]:
    """The names of the columns for which there is room, each with its width."""
    widths: dict[str, int] = {}
    room = width + len(_GAP)
    for column in columns:
        least = column.bounded(max(_SHORTEST, text_width(column.texts[0])))
        if not widths:  # the first column names the row: it is cut only if it does not fit by itself
            least = min(column.width, width)
        if len(_GAP) + least <= room:
            widths[column.name] = least
            room -= len(_GAP) + least
    for column in columns:
        if column.name in widths:
            more = min(column.width - widths[column.name], room)
            widths[column.name] += more
            room -= more
    return widths


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _short(text: str, widest: int) -> str:
    if text_width(text) <= widest:
        return text
    ends = list(accumulate(map(_width, text)))
    return f"{text[: bisect_right(ends, widest - 1)]}…"


def _html(text: str) -> str:
    import html  # only notebooks show it

    return html.escape(printable(text))
