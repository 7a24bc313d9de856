"""What every answer is shown with: tables, cards and lines that fit a screen, and in a pipe are whole. Pure."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence, Sized
from datetime import UTC, datetime

from modelstore_core.cli.output import Screen, Shown
from modelstore_core.model.tables import Paint, Row, cell, fitting, printable, readable_size, text_card, text_table

__all__ = ["Size", "card", "counted", "findings", "line", "lines", "moment", "painter", "table"]

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN, _PLAIN = (f"\x1b[{code}m" for code in (1, 2, 31, 32, 33, 36, 0))
_NAMES = frozenset({"name", "number", "version"})
_ALIASES = frozenset({"alias", "aliases"})
_COLOURS = {
    **dict.fromkeys(("ok", "passed", "approved"), _GREEN),
    **dict.fromkeys(("warn", "repairable", "requested"), _YELLOW),
    **dict.fromkeys(("fail", "failed", "damage", "refused", "rejected", "deleted", "purged"), _RED),
    **dict.fromkeys(("promotion.refused", "version.deleted", "version.purged", "model.deleted"), _RED),
}
_SENTENCES = frozenset({"description", "reason", "evidence", "found", "comment", "votes"})


class Size(int):
    """A number of bytes that shows itself for people, and still counts as a number."""

    def __str__(self) -> str:
        return readable_size(int(self))


def line(text: str) -> Callable[[Screen], Shown]:
    """One line that is the answer: a reference, a path."""
    return lambda _: Shown(text=printable(text))


def lines(texts: Iterable[str]) -> Callable[[Screen], Shown]:
    """A line each."""
    return lambda _: Shown(text="\n".join(map(printable, texts)))


def findings(texts: Iterable[object]) -> Callable[[Screen], Shown]:
    """A line each, whose first word says how bad it is."""

    def show(screen: Screen) -> Shown:
        parts = [printable(str(text)).partition(" ") for text in texts]
        return Shown(
            text="\n".join(f"{_painted(word, _COLOURS.get(word, ''), screen)}{gap}{rest}" for word, gap, rest in parts)
        )

    return show


def card(named: Iterable[tuple[str, object]], screen: Screen) -> Shown:
    """What there is to say of one thing, a fact each line, named as in JSON; on a terminal long ones are broken."""
    facts = [(name, _exact(value)) for name, value in named if value not in (None, "", [], {})]
    text = text_card(facts, sys.maxsize if screen.width is None else screen.width)
    names = iter(facts)
    return Shown(
        text="\n".join(line if line[:1] == " " else _coloured(line, *next(names), screen) for line in text.split("\n"))
    )


def table(rows: Sequence[Row], columns: Sequence[str], screen: Screen) -> Shown:
    """A line each: on a terminal the columns that say something and fit, in a pipe all of them, and nothing cut."""
    if screen.width is None:
        sentences_last = sorted(columns, key=_SENTENCES.__contains__)
        return Shown(text=text_table(rows, sentences_last, longest=None, show=_exact, paint=painter(screen)))
    known = [name for name in columns if any(cell(row.get(name)) for row in rows)]
    fit = fitting(rows, known, screen.width)
    text = text_table(rows, fit, screen.width, paint=painter(screen))
    return Shown(text=text, left_out=tuple(name for name in known if name not in fit))


def painter(screen: Screen) -> Paint | None:
    """What colours a table; nothing where no colours are wanted."""
    return _paint if screen.colour else None


def moment(time: datetime | None, screen: Screen) -> str:
    """A time, in UTC: to the minute for people, to the second in a pipe."""
    precision = "seconds" if screen.width is None else "minutes"
    return "" if time is None else time.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def counted(things: Sized | int, what: str) -> str:
    """How many, such as `1 version`, `2 versions`."""
    count = things if isinstance(things, int) else len(things)
    return f"{count} {what}{'' if count == 1 else 's'}"


def _exact(value: object) -> str:
    """The value as text from which nothing was taken away."""
    match value:
        case None | str():
            return value or ""
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case _:
            return json.dumps(value, ensure_ascii=False)


def _paint(column: str, row: Row | None, text: str) -> str:
    colour = _DIM if row is None else _colour(column, text)
    return f"{colour}{text}{_PLAIN}" if colour else text


def _colour(column: str, text: str) -> str:
    if column in _NAMES:
        return _BOLD
    if column in _ALIASES:
        return _CYAN
    if column == "what":
        return _COLOURS.get(text.rpartition(" ")[2], "")
    if column in ("verdict", "state", "kind") or column.startswith("checks."):
        return _COLOURS.get(text.partition(" ")[0], "")
    return ""


def _coloured(line: str, name: str, value: str, screen: Screen) -> str:
    """The line of a card on which a fact begins."""
    shown = printable(name)
    rest = line[len(shown) :]
    text = rest.lstrip()
    return (
        f"{_painted(shown, _DIM, screen)}{rest[: len(rest) - len(text)]}{_painted(text, _colour(name, value), screen)}"
    )


def _painted(text: str, colour: str, screen: Screen) -> str:
    return f"{colour}{text}{_PLAIN}" if screen.colour and colour else text
