"""The page of benchmarks: the words of page.md, and in each place the tables made from the numbers that were kept."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.budgets import Budget, budgets
from benchmarks.tables import TABLES, table

__all__ = ["rendered"]

_WORDS = Path(__file__).with_name("page.md")
_REASONS: Mapping[str, str] = {}
"""Why a budget is missed, by how its name begins."""


def rendered(kept: Mapping[str, Any]) -> str:
    """The page; a part that was not run says so."""
    filled = {part: "\n\n".join(_part(kept[part], part)) if part in kept else "Not measured." for part in TABLES}
    filled |= {"machine": "\n".join(_machines(kept)), "budgets": "\n\n".join(_judged(budgets(kept)))}
    page = _WORDS.read_text(encoding="utf-8")
    for place, text in filled.items():
        page = page.replace(f"{{{place}}}", text)
    return page


def _part(told: Mapping[str, Any], part: str) -> Iterator[str]:
    yield from TABLES[part](told["found"])
    before, after = told["load"]
    yield (
        f"Measured on {told['date']} by `{told['command']}`, in {told['minutes']:g} minutes; "
        f"load average {before} before, {after} after."
    )


def _machines(kept: Mapping[str, Any]) -> Iterator[str]:
    """Each machine that a part was run on: one, as a rule."""
    for machine in sorted({tuple(sorted(told["machine"].items())) for told in kept.values()}):
        yield f"Machine: {', '.join(f'{name} {value}' for name, value in machine)}."


def _judged(found: Sequence[Budget]) -> Iterator[str]:
    missed = [budget for budget in found if not budget.met]
    yield f"{len(found) - len(missed)} of {len(found)} are met."
    yield table(
        ["budget", "limit", "measured", "met"],
        [[budget.name, budget.limit, budget.measured, "yes" if budget.met else "**no**"] for budget in found],
    )
    if missed:
        yield "\n".join(f"- {budget.name}: {_reason(budget)}" for budget in missed)


def _reason(budget: Budget) -> str:
    return next((why for start, why in _REASONS.items() if budget.name.startswith(start)), "missed in this run.")
