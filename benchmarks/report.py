"""The page of benchmarks: the words of page.md, and in each place the tables made from the numbers that were kept."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.budgets import Budget, budgets
from benchmarks.tables import TABLES, table

__all__ = ["rendered"]

_WORDS = Path(__file__).with_name("page.md")
_BUSY = "others had the cores and the disk too, as the load average says; what it cost in CPU is in the table."
_NOISE = "a difference below what others on the machine make; the requests are the same."
_LONG_RECORD = (
    "the record of a real model is longer than the 1 KiB that a head keeps of it, and is read by itself: a round more, "
    "of which the budget speaks as of records that are not at hand."
)
_REASONS: Mapping[str, str] = {
    "8 writers": _BUSY,
    "save small, folder, wall": _BUSY,
    "Prefect's save_model, save small, folder, wall": _BUSY,
    "load by alias": _NOISE,
    "create": _NOISE,
    "1024 MiB": "server, client and hash share two cores, which others had too; the difference is the CPU of the hash.",
    "rollback, cold": _LONG_RECORD,
    "annotate, cold": _LONG_RECORD,
    "`import prefect_modelstore`": (
        "its tasks and its flow take a `ModelStore`, so that its verbs are loaded, and Prefect builds a schema of each "
        "signature, with what `from prefect import flow, task` leaves out."
    ),
}
"""Why a budget is missed where it is, by how its name begins."""


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
