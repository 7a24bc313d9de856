"""What a materialization shows of its version: a card for people, and numbers that the UI plots."""

import re
from collections.abc import Iterable, Mapping

import dagster as dg

from modelstore_core import Finding, ModelVersion

__all__ = ["evidence_table", "markdown_card", "version_metadata"]

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
_LONGEST = 300


def version_metadata(version: ModelVersion) -> dict[str, dg.MetadataValue]:
    """What the materialization says of its version; Dagster plots the numbers over time."""
    return {
        "modelstore/card": dg.MetadataValue.md(markdown_card(version)),
        "modelstore/ref": dg.MetadataValue.text(version.ref),
        "modelstore/version": dg.MetadataValue.int(version.number),
        "modelstore/size": dg.MetadataValue.int(version.size),
        "modelstore/digest": dg.MetadataValue.text(version.digest),
        "modelstore/url": dg.MetadataValue.text(version.url),
    }


def markdown_card(version: ModelVersion) -> str:
    """The version as a table in Markdown; no text in it can become markup."""
    rows = [f"| {_cell(line['what'])} | {_cell(line['value'])} |" for line in version.card()]
    return "\n".join(["| | |", "|---|---|", *rows])


def evidence_table(evidence: Iterable[object]) -> dg.MetadataValue:
    """What each gate found, with the numbers of both sides."""
    records = [
        dg.TableRecord(
            {
                "rule": finding.rule,
                "candidate": _number(finding.candidate),
                "current": _number(finding.current),
                "verdict": "passed" if finding.passed else "refused",
            }
        )
        for finding in evidence
        if isinstance(finding, Finding)
    ]
    return dg.MetadataValue.table(records, schema=dg.TableSchema([dg.TableColumn(c) for c in _EVIDENCE]))


_EVIDENCE = ("rule", "candidate", "current", "verdict")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"


def _cell(value: object) -> str:
    text = " ".join(_text(value).split())
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short)
    return _MARKUP.sub(r"\\\1", printable)


def _text(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case Mapping():
            return ", ".join(f"{key}={_text(item)}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(_text, value))
        case _:
            return str(value)
