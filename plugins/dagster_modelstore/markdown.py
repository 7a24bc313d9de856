"""A version's card in Markdown, for whoever shows it; needs no Dagster."""

import re
from collections.abc import Mapping

from modelstore_core import ModelVersion

__all__ = ["cut", "markdown_card", "text_of"]

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
_LONGEST = 300


def markdown_card(version: ModelVersion) -> str:
    """The version as a table in Markdown; no text in it can become markup."""
    rows = [f"| {_cell(line['what'])} | {_cell(line['value'])} |" for line in version.card()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _cell(value: object) -> str:
    text = " ".join(text_of(value).split())
    return _MARKUP.sub(r"\\\1", cut(text))


def cut(text: str) -> str:
    """At most so much of it, and nothing that a terminal would act upon."""
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short)


def text_of(value: object) -> str:
    """Anything as people read it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case Mapping():
            return ", ".join(f"{key}={text_of(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(text_of, value))
        case _:
            return str(value)
