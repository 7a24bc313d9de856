"""What a version looks like in Prefect's UI: a card in Markdown, a table of versions, artifact keys. Pure functions.

Names, tags and descriptions are other people's text: in a card each is escaped, so that it can neither become
markup nor break the table it stands in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from modelstore_core import Approval, Comparison, Finding, GateRefused, ModelVersion

__all__ = ["artifact_key", "comparison_card", "history_card", "markdown_card", "refusal_card", "version_rows"]

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:@-])")
_PAGE = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")
_LONGEST = 300
_MOST_ROWS = 60
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ESCAPES = {".": "--", "-": "-d", "_": "-u", " ": "-s"}


def artifact_key(kind: str, name: str) -> str:
    """A key of `a-z`, `0-9` and `-`, the only characters that artifacts may have; different names, different keys.

    Letters and digits stay, a dot becomes `--`; every other character an escape that starts with `-`: `-d` dash,
    `-u` underscore, `-s` space, `-c` before a capital, `-x` and two digits for a byte of anything else.
    """
    return f"{kind}-{''.join(map(_escaped, name))}"


def _escaped(char: str) -> str:
    if char in _PLAIN:
        return char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if "A" <= char <= "Z":
        return f"-c{char.lower()}"
    return "".join(f"-x{byte:02x}" for byte in char.encode())


def markdown_card(version: ModelVersion, files: str | None = None) -> str:
    """The version as a card, with links to the run that saved it and to the page where its files are, if any."""
    lines = [f"# {_cell(version.ref)}", ""]
    if version.description:
        lines += [_cell(version.description), ""]
    if version.metrics:
        lines += _table(("metric", "value"), version.metrics.items())
    page = version.lineage.get("url")
    linked = isinstance(page, str) and _PAGE.fullmatch(page) is not None
    # A link in a cell would lead elsewhere where the cell is cut off: this one stands below.
    lineage = {key: value for key, value in version.lineage.items() if not (linked and key == "url")}
    facts = [(line["what"], line["value"]) for line in replace(version, lineage=lineage).card()]
    lines += _table(("", ""), [(what, value) for what, value in facts if what not in _SHOWN_ABOVE])
    if linked:
        lines += [f"[The run that saved it]({page})", ""]
    if files is not None:
        lines += [f"[Its files]({files})", ""]
    return "\n".join(lines)


def comparison_card(comparison: Comparison, asked: Approval) -> str:
    """All in which the candidate differs from the version that has the alias, numbers with their change.

    The ids of the runs are left out: they always differ, help nobody decide, and are too wide for the form.
    """
    current, candidate = comparison.versions
    lines = [f"# {_cell(candidate.ref)} for {_cell(asked.alias)}", ""]
    if asked.comment:
        lines += [_cell(asked.comment), ""]
    lines += [f"| | {_cell(current.ref)} (now) | {_cell(candidate.ref)} | change |", "|---|---|---|---|"]
    differences = [one for one in comparison.differences if one.field not in _OF_RUNS]
    for one in differences[:_MOST_ROWS]:
        cells = (one.field, one.left, one.right, "" if one.change is None else f"{one.change:+.6g}")
        lines.append(f"| {' | '.join('' if cell is None else _cell(cell) for cell in cells)} |")
    more = len(differences) - _MOST_ROWS
    return "\n".join([*lines, "", *([f"{more} more differences", ""] if more > 0 else [])])


def history_card(versions: Sequence[ModelVersion], picture: str) -> str:
    """The picture of the metrics of a model's newest versions, newest first, and which of them have aliases."""
    lines = [f"# {_cell(versions[0].name)}", "", f"![The metrics, version by version]({picture})", ""]
    aliases = [f"{alias} is {version.number}" for version in versions for alias in version.aliases]
    return "\n".join([*lines, *([f"Large dots: {_cell(', '.join(aliases))}.", ""] if aliases else [])])


def refusal_card(version: ModelVersion, alias: str, error: GateRefused) -> str:
    """Why the version did not get the alias: each rule, both sides' numbers, and what it found."""
    lines = [f"# {_cell(version.ref)} is not {_cell(alias)}", ""]
    lines += ["| rule | candidate | current | | |", "|---|---|---|---|---|"]
    for one in cast("tuple[Finding, ...]", error.evidence):
        cells = (one.rule, one.candidate, one.current, "passed" if one.passed else "failed", one.message)
        lines.append(f"| {' | '.join('' if cell is None else _cell(cell) for cell in cells)} |")
    return "\n".join([*lines, "", _cell(error.fix), ""])


_SHOWN_ABOVE = ("version", "description", "metrics")
_OF_RUNS = frozenset({"lineage.run_id", "lineage.task_run_id", "lineage.url"})


def version_rows(versions: Iterable[ModelVersion]) -> list[dict[str, str]]:
    """One row a version, all with the same columns."""
    shown = list(versions)
    metrics = list(dict.fromkeys(metric for version in shown for metric in version.metrics))
    return [
        {
            "version": str(version.number),
            "aliases": ", ".join(version.aliases),
            **{f"metrics.{metric}": _text(version.metrics.get(metric, "")) for metric in metrics},
            "saved": f"{version.created_at:%Y-%m-%d %H:%M} UTC",
            "by": version.created_by,
            "format": version.format,
            "size": f"{version.size:,}",
        }
        for version in shown
    ]


def _table(head: tuple[str, str], rows: Iterable[tuple[object, object]]) -> list[str]:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return [*lines, *(f"| {_cell(left)} | {_cell(right)} |" for left, right in rows), ""]


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
