"""Tables for people, as text and as HTML. Pure, but for the width of the terminal where none is given."""

import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TypeAlias

__all__ = [
    "Paint",
    "Row",
    "cell",
    "fitting",
    "html_card",
    "html_line",
    "html_table",
    "printable",
    "readable_size",
    "screen_table",
    "screen_width",
    "telling",
    "text_card",
    "text_table",
    "text_width",
]

Row: TypeAlias = Mapping[str, object]

Paint: TypeAlias = Callable[[str, Row | None, str], str]
"""Colours a text, given its column and its row (None for the heading); must not change the text's width."""

_LONGEST = 48
_SHORTEST = 20  # what fits this is never cut: times, sizes, most names
_GAP = "  "
_PAPER = 120  # columns where there is no terminal: in a log, a file, a test
_NAMED = 4
_KIB = 1024


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
            return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
        case Mapping():
            return ", ".join(f"{key}={_item(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(_item(item) for item in value)
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


def screen_width() -> int:
    """How many columns a line may have: those of the terminal, if stdout is one."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    if not on_terminal:
        return _PAPER
    from shutil import get_terminal_size  # brings compression along, which few processes need

    return get_terminal_size().columns


def screen_table(rows: Sequence[Row], columns: Sequence[str], width: int | None = None) -> str:
    """The columns that say something and fit the screen, and a last line that names those that do not fit."""
    width = screen_width() if width is None else width
    told = telling(rows, columns)
    fit = fitting(rows, told, width)
    lost = [printable(name) for name in told if name not in fit]
    table = text_table(rows, fit, width)
    return f"{table}\n{_short(f'no room for {_some(lost)}', width)}" if lost else table


def text_card(facts: Sequence[tuple[str, object]], width: int | None = None) -> str:
    """A line or more for each fact: its name, and what it is, broken at blanks to fit the screen."""
    width = screen_width() if width is None else width
    names = [printable(name) for name, _ in facts]
    indent = max(map(text_width, names), default=0) + len(_GAP)
    lines = []
    for name, (_, value) in zip(names, facts, strict=True):
        first, *more = _broken(printable(cell(value)), max(width - indent, _SHORTEST))
        lines.append(f"{name}{' ' * (indent - text_width(name))}{first}".rstrip())
        lines += [" " * indent + line for line in more]
    return "\n".join(lines)


def telling(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The columns in which something stands, in any row."""
    return [name for name in columns if any(_says_something(row.get(name)) for row in rows)]


def html_line(text: str) -> str:
    """A line of an HTML page, escaped."""
    return f"<p>{_html(text)}</p>"


def html_card(facts: Sequence[tuple[str, object]]) -> str:
    """The facts as an HTML table: their names, and what they are; every text is escaped."""
    left = _aligned("left")
    lines = (f"<tr><th{left}>{_html(name)}</th><td{left}>{_html(cell(value))}</td></tr>" for name, value in facts)
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def html_table(rows: Sequence[Row], columns: Sequence[str], *, show: Callable[[object], str] = cell) -> str:
    """The rows as an HTML table, numbers to the right; every text is escaped."""
    sides = {column: "right" if _is_numeric([row.get(column) for row in rows]) else "left" for column in columns}
    head = "".join(f"<th{_aligned(sides[column])}>{_html(column)}</th>" for column in columns)
    cells = ("".join(f"<td{_aligned(sides[c])}>{_html(show(row.get(c)))}</td>" for c in columns) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def readable_size(count: int) -> str:
    """A number of bytes as a person reads it, such as `8.3 KiB`."""
    if count < _KIB:
        return f"{count} B"
    value, unit = count / _KIB, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f} {unit}"


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
    texts = [printable(name), *(printable(show(value)) for value in values)]
    return _Column(name=name, texts=texts, width=max(map(text_width, texts)), numeric=_is_numeric(values))


def _is_numeric(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _says_something(value: object) -> bool:
    return value is not None and value is not False and value != ""


def _item(value: object) -> str:
    """A value among others, where nothing at all would look like a slip."""
    return "none" if value is None else cell(value)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _broken(text: str, width: int) -> list[str]:
    """The text in lines of at most that width, broken at blanks; a longer word stays whole, to be copied."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(lines[-1]) + 1 + text_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _aligned(side: str) -> str:
    # said for every cell: notebooks align cells to the right by rules of their own
    return f' style="text-align: {side}"'


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
