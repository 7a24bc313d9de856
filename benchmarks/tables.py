"""One table of a part's numbers after the other, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.contenders import CONTENDERS

__all__ = ["TABLES", "table"]

Row = Mapping[str, Any]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is left-aligned and whose others are numbers."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _imports(found: Row) -> Iterator[str]:
    yield table(
        ["what", "over", "CPU ms"],
        [[f"`{row['code']}`", _over(row["over"]), f"{1000 * row['cpu']:.0f}"] for row in found["rows"]],
    )


def _over(over: str) -> str:
    return {"": "nothing", "pass": "the interpreter"}.get(over, f"`{over}`")


_PLACES = {
    ("small", "folder"): "A small model (`LogisticRegression`), in a folder",
    ("small", "s3"): "A small model, on S3",
    ("large", "folder"): "A model of {mib} MiB, in a folder",
    ("large", "s3"): "A model of {mib} MiB, on S3",
    ("file", "folder"): "A file of {mib} MiB, in a folder",
    ("file", "s3"): "A file of {mib} MiB, on S3",
}


def _transfers(found: Row) -> Iterator[str]:
    for (kind, where), title in _PLACES.items():
        rows = [row for row in found["rows"] if (row["kind"], row["where"]) == (kind, where)]
        if rows:
            yield f"**{title.format(mib=found['mib'])}**"
            yield _costs(rows, found["mib"] if kind != "small" else 0)


def _dagster(found: Row) -> Iterator[str]:
    yield "**A small model (`LogisticRegression`), in a folder**"
    names = {"core": "core's `save`", "io_manager": "the IO manager's `handle_output`, in a run"}
    rows = [[title, _time(found[who]["cpu"], 0), _time(found[who]["wall"], 0)] for who, title in names.items()]
    yield table(["what", "CPU ms", "wall ms"], rows)
    yield from _transfers(found)


def _prefect(found: Row) -> Iterator[str]:
    yield "**A small model (`LogisticRegression`), in a folder**"
    names = {
        "core": "core's `save`",
        "empty task": "a task that does nothing",
        "artifacts": "a task that makes three artifacts, by Prefect's own functions",
        "save_model": "the task `save_model`, with its cards and events",
    }
    rows = [[title, *(_time(found["small"][who][what], 0) for what in ("cpu", "wall"))] for who, title in names.items()]
    yield table(["what", "CPU ms", "wall ms"], rows)
    mib = found["mib"]
    yield f"**A flow run whose task makes a model of {mib} MiB and returns it**; the peak includes the model"
    rows = [
        [who, _time(cost["cpu"], mib), _time(cost["wall"], mib), _peak(cost["peak"], mib)]
        for who, cost in found["large"].items()
    ]
    yield table(["result", "CPU s", "wall s", "peak"], rows)


def _costs(rows: Sequence[Row], mib: int) -> str:
    whos = list(dict.fromkeys(row["who"] for row in rows))
    of = {(row["who"], row["act"]): row for row in rows}
    unit = "s" if mib else "ms"
    heads = ["who", *(f"{act} {what}" for act in ("save", "load") for what in (f"CPU {unit}", f"wall {unit}", "peak"))]
    lines = []
    for who in whos:
        cells = [CONTENDERS[who].title]
        for act in ("save", "load"):
            cost = of[who, act]
            cells += [_time(cost["cpu"], mib), _time(cost["wall"], mib), _peak(cost["peak"], mib)]
        lines.append(cells)
    if not mib:
        heads, lines = [_without_peak(heads), [_without_peak(line) for line in lines]]
    return table(heads, lines)


def _without_peak(cells: Sequence[str]) -> list[str]:
    return [cell for number, cell in enumerate(cells) if number not in {3, 6}]


def _time(seconds: float, mib: int) -> str:
    value = seconds if mib else seconds * 1000
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _peak(size: float, mib: int) -> str:
    return f"{size / (mib * 2**20):.2f}x" if mib else ""


def _requests(found: Row) -> Iterator[str]:
    yield "**Our verbs**, by a store just opened (cold) and by one that has written to the model before (warm)"
    yield table(
        ["verb", *(f"{how}: {what}" for how in ("cold", "warm") for what in ("requests", "rounds", "wall ms"))],
        [[row["verb"], *(cell for how in ("cold", "warm") for cell in _asked(row[how]))] for row in found["verbs"]],
    )
    yield "**Everybody's** save and load of a small model of which there is a version already"
    lines = []
    for who in dict.fromkeys(row["who"] for row in found["others"]):
        for warm in (False, True):
            of = {row["act"]: row for row in found["others"] if (row["who"], row["warm"]) == (who, warm)}
            cells = [f"{sum(of[act]['asked'].values())} / {1000 * of[act]['wall']:.0f}" for act in ("save", "load")]
            lines.append([CONTENDERS[who].title, "warm" if warm else "cold", *cells])
    yield table(["who", "process", "save: requests / wall ms", "load: requests / wall ms"], lines)


def _asked(cell: Row) -> list[str]:
    once = f" + {cell['once']}" if cell["once"] else ""
    return [f"{cell['requests'] - cell['once']}{once}", str(cell["rounds"]), f"{1000 * cell['wall']:.0f}"]


def _growth(found: Row) -> Iterator[str]:
    sizes = sorted({row["versions"] for row in found["rows"]})
    of = {(row["who"], row["act"], row["how"], row["versions"]): row for row in found["rows"]}
    lines = []
    for who, act, how in dict.fromkeys((row["who"], row["act"], row["how"]) for row in found["rows"]):
        cells = [_grown(of.get((who, act, how, size))) for size in sizes]
        title = "**modelstore-pipelines**" if who == "ours" else "MLflow, sqlite"
        lines.append([f"{act}", f"{title}, {how}", *cells])
    lines.sort(key=lambda line: list(dict.fromkeys(row["act"] for row in found["rows"])).index(line[0]))
    yield table(["act", "who", *(f"{size:,}" for size in sizes)], lines)


def _grown(row: Row | None) -> str:
    if row is None:
        return ""
    asked = f" ({row['requests']})" if "requests" in row else ""
    return f"{1000 * row['cpu']:.1f}{asked}"


def _commits(found: Row) -> Iterator[str]:
    writers = sorted({row["writers"] for row in found["rows"]})
    of = {(row["who"], row["where"], row["writers"]): row for row in found["rows"]}
    lines = [
        [f"{CONTENDERS[who].title}, {'S3' if where == 's3' else 'folder'}"]
        + [_rate(of[who, where, number]) for number in writers]
        for who, where in dict.fromkeys((row["who"], row["where"]) for row in found["rows"])
    ]
    yield table(["who", *(f"{number} writer{'s' * (number > 1)}" for number in writers)], lines)
    errors = [
        f"- {CONTENDERS[row['who']].title}, {row['writers']} writers: "
        + ", ".join(f"{count} times {kind}" for kind, count in row["errors"].items())
        for row in found["rows"]
        if row["errors"]
    ]
    if errors:
        yield "What failed:"
        yield "\n".join(errors)


def _rate(row: Row) -> str:
    failed = f" ({row['failed']} of {row['done'] + row['failed']} failed)" if row["failed"] else ""
    return f"{row['per_second']:.0f} / {1000 * row['cpu'] / max(1, row['done']):.1f}{failed}"


TABLES = {
    "imports": _imports,
    "requests": _requests,
    "growth": _growth,
    "commits": _commits,
    "small": _transfers,
    "large": _transfers,
    "files": _transfers,
    "dagster": _dagster,
    "prefect": _prefect,
}
