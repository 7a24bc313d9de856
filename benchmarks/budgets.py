"""What was promised, beside what was measured: every budget whose part was run, met or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Budget", "budgets"]

Row = Mapping[str, Any]
_CLOCKS = {"cpu": "CPU", "wall": "wall"}
_TASKS = {"an empty task": "empty task", "a task that makes three artifacts": "artifacts"}
_PEAKS = {"save": ("peak beyond the model", 0.3), "load": ("peak", 1.2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One promise.

    Attributes:
        name: Of what; also what a reason for missing it is found by.
        limit: In words.
        measured: In words.
        met: Whether it was kept.
    """

    name: str
    limit: str
    measured: str
    met: bool


def budgets(kept: Mapping[str, Any]) -> Sequence[Budget]:
    """All that can be judged from the parts that were run."""
    judges = {
        "imports": _imports,
        "small": _small,
        "large": _large,
        "files": _raw,
        "dagster": _dagster,
        "prefect": _prefect,
        "growth": _growth,
        "commits": _commits,
        "requests": _requests,
    }
    return [budget for part, judge in judges.items() if part in kept for budget in judge(kept[part]["found"])]


def _imports(found: Row) -> Iterator[Budget]:
    limits = {"import modelstore_core": 0.05, "mstore --help": 0.3, "mstore promote --help": 0.3}
    for row in found["rows"]:
        plugin = row["code"].startswith("import ") and "modelstore" in row["code"] and row["over"] not in {"pass", ""}
        limit = 0.1 if plugin else limits.get(row["code"])
        if row["who"] == "ours" and limit is not None:
            over = f" over `{row['over']}`" if plugin else ""
            yield _most(f"`{row['code']}`{over}, CPU", row["cpu"] * 1000, limit * 1000, "ms")


def _small(found: Row) -> Iterator[Budget]:
    of = _by_who(found)
    ours, theirs = of["folder", "ours", "save"], of["folder", "joblib", "save"]
    yield _most("save small, folder, CPU over joblib.dump", 1000 * (ours["cpu"] - theirs["cpu"]), 20, "ms")
    waited, fsyncs = ours["wall"] - ours["cpu"], found["files"] + 4
    text = f"save small, folder, wall beyond its CPU, in fsyncs of this run ({1000 * found['fsync']:.2f} ms)"
    yield _most(text, waited / found["fsync"], fsyncs, "")


def _large(found: Row) -> Iterator[Budget]:
    of = _by_who(found)
    for act, (peak, limit) in _PEAKS.items():
        ours, theirs = (of["folder", who, act] for who in ("ours", "joblib_hashed"))
        what = f"{act} {found['mib']} MiB, folder"
        yield _most(f"{what}, CPU in joblib + sha256", ours["cpu"] / theirs["cpu"], 1.5, "x")
        yield _most(f"{what}, {peak}", ours["peak"] / (found["mib"] * 2**20), limit, "x")


def _raw(found: Row) -> Iterator[Budget]:
    of = _by_who(found)
    for act, way in (("save", "to"), ("load", "from")):
        ours, theirs = (of["s3", who, act] for who in ("ours_files", "obstore"))
        name = f"{found['mib']} MiB {way} S3, throughput in obstore's raw one, hash included"
        yield _least(name, theirs["wall"] / ours["wall"], 0.9, "x")


def _dagster(found: Row) -> Iterator[Budget]:
    overhead = 1000 * (found["io_manager"]["cpu"] - found["core"]["cpu"])
    yield _most("Dagster's IO manager, save small, folder, CPU over core's save", overhead, 20, "ms")
    for (where, who, act), row in _by_who(found).items():
        if who == "ours_dagster":
            peak, limit = _PEAKS[act]
            name = f"Dagster's IO manager, {act} {found['mib']} MiB, {where}, {peak}"
            yield _most(name, row["peak"] / (found["mib"] * 2**20), limit, "x")


def _prefect(found: Row) -> Iterator[Budget]:
    for what, own in [("cpu", "an empty task"), *(("wall", own) for own in _TASKS)]:
        core, prefects, ours = (1000 * found["small"][who][what] for who in ("core", _TASKS[own], "save_model"))
        name = f"Prefect's save_model, save small, folder, {_CLOCKS[what]} over core's save and {own}"
        yield _most(name, ours - core - prefects, 50, "ms")
    peak = found["large"]["ModelSerializer"]["peak"] / (found["mib"] * 2**20)
    name = f"Prefect's task that returns {found['mib']} MiB by ModelSerializer, peak, the model included"
    yield _most(name, peak, 1.2, "x")


def _by_who(found: Row) -> Mapping[tuple[str, str, str], Row]:
    return {(row["where"], row["who"], row["act"]): row for row in found["rows"]}


def _growth(found: Row) -> Iterator[Budget]:
    of = {(row["act"], row["how"], row["versions"]): row for row in found["rows"] if row["who"] == "ours"}
    sizes = sorted({row["versions"] for row in found["rows"] if row["who"] == "mlflow"} or {v for *_, v in of})
    for act in ("load by alias", "create"):
        for how in ("cold", "warm"):
            few, many = of[act, how, sizes[0]], of[act, how, sizes[-1]]
            name = f"{act}, {how}, at {sizes[-1]:,} versions, in that at {sizes[0]}, CPU"
            yield _most(name, many["cpu"] / few["cpu"], 1.2, "x")
    most = max(v for *_, v in of)
    yield _most(f"list all, cold, at {most:,} versions: requests", of["list all", "cold", most]["requests"], 10, "")


def _commits(found: Row) -> Iterator[Budget]:
    for row in found["rows"]:
        if row["who"] == "ours_files" and row["where"] == "folder" and row["writers"] == 8:
            yield _least("8 writers on one model, folder, fsync: commits a second", row["per_second"], 75, "")


def _requests(found: Row) -> Iterator[Budget]:
    for row in found["verbs"]:
        for how, limits in zip(("cold", "warm"), _limits(row["verb"], found["files"]), strict=True):
            if limits is not None:
                asked = (row[how]["requests"] - row[how]["once"], row[how]["rounds"])
                yield Budget(
                    name=f"{row['verb']}, {how}: requests / rounds",
                    limit=f"≤ {limits[0]} / {limits[1]}",
                    measured=f"{asked[0]} / {asked[1]}",
                    met=asked[0] <= limits[0] and asked[1] <= limits[1],
                )


def _limits(verb: str, files: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Cold and warm, requests and rounds; with one file to be read by a loader."""
    if verb == "save":
        return (files + 4, 4), (files + 2, 3)
    if verb.startswith("load"):
        return (5, 4) if "alias" in verb else (4, 3), (2, 2)
    if verb in {"promote", "rollback", "annotate", "delete"}:
        return (6, 4), (3, 3)
    if verb == "all of 1,000 versions":
        return (5, 5), (2, 2)
    if verb.startswith("the newest 100"):
        return (4, 4), (2, 2)
    return None, None


def _most(name: str, value: float, limit: float, unit: str) -> Budget:
    return Budget(name=name, limit=f"≤ {limit:g} {unit}".strip(), measured=_shown(value, unit), met=value <= limit)


def _least(name: str, value: float, limit: float, unit: str) -> Budget:
    return Budget(name=name, limit=f"≥ {limit:g} {unit}".strip(), measured=_shown(value, unit), met=value >= limit)


def _shown(value: float, unit: str) -> str:
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}".strip()
