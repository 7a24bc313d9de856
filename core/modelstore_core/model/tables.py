"""Tables for people, as text and as HTML. Pure."""

import html
from collections.abc import Mapping, Sequence

__all__ = ["cell", "html_table", "text_table"]

_WIDEST = 48


def cell(value: object) -> str:
    """One value as a person reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case Mapping():
            return ", ".join(f"{key}={cell(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(cell(item) for item in value)
        case _:
            return str(value)


def text_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], width: int | None = None) -> str:
    """The rows under their headings, numbers to the right, long cells shortened; "" without rows.

    Control characters are shown escaped, so that a stored text cannot steer a terminal.
    """
    if not rows:
        return ""
    widest = _WIDEST if width is None else max(12, width // max(len(columns), 1))
    texts = [[_short(_printable(cell(row.get(c))), widest) for c in columns] for row in rows]
    right = [all(isinstance(row.get(c), int | float | None) for row in rows) for c in columns]
    widths = [max(len(line[i]) for line in [list(columns), *texts]) for i in range(len(columns))]
    lines = [
        "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in [list(columns), *texts]
    ]
    return "\n".join(lines)


def html_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """The rows as an HTML table; every text is escaped."""
    head = "".join(f"<th>{html.escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell(row.get(c)))}</td>" for c in columns) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _short(text: str, widest: int) -> str:
    return text if len(text) <= widest else text[: widest - 1] + "…"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
