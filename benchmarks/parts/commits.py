"""Saves per second of 1, 4 and 8 processes on one model, and what became of those that failed."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.models import Kind
from benchmarks.options import Options
from benchmarks.running import run_together
from benchmarks.server import BUCKET, Server, serving
from benchmarks.step import Step
from benchmarks.subjects.protocol import Place

__all__ = ["measure"]

_TAKING_PART = (
    ("ours_files", "folder"),
    ("ours_promotions", "folder"),
    ("ours", "folder"),
    ("modelstore", "folder"),
    ("mlflow", "folder"),
    ("ours_files", "s3"),
    ("ours_promotions", "s3"),
    ("modelstore", "s3"),
)
_TINY = {"ours_files", "ours_promotions"}  # a file of a few bytes: what is left is the commit


def measure(options: Options) -> Mapping[str, Any]:
    """One row for each of those who took part and each number of writers."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, serving() as server:
        return {"saves": options.saves, "rows": list(_rows(options, Path(folder), server))}


def _rows(options: Options, top: Path, server: Server) -> Iterator[Mapping[str, Any]]:
    for name, where in _TAKING_PART:
        if CONTENDERS[name].environment != "ours" and not options.peers:
            continue
        if name not in _TINY and not options.frameworks:
            continue
        for writers in options.writers:
            print(f"  {name}, {where}, {writers} writers", flush=True)
            folder = top / f"{name}-{where}-{writers}"
            folder.mkdir()
            bucket, endpoint = (BUCKET, server.endpoint) if where == "s3" else ("", "")
            place = Place(folder=folder, bucket=bucket, endpoint=endpoint)
            told = _together(name, options, place, writers, server.environment if bucket else {})
            yield {"who": name, "where": where, "writers": writers, **_summed(told)}
            shutil.rmtree(folder)
            server.clear()


def _together(
    name: str, options: Options, place: Place, writers: int, surroundings: Mapping[str, str]
) -> Sequence[Mapping[str, Any]]:
    contender = CONTENDERS[name]
    kind: Kind = "tiny" if name in _TINY else "small"
    steps = [
        Step(opener=contender.opener, act="crowd", place=place, kind=kind, times=options.saves, seed=1000 * writer)
        for writer in range(writers)
    ]
    # Who comes first makes what all share (a database, a store's first object): alone, so that the race is a fair one.
    run_together(contender, [Step(opener=contender.opener, act="crowd", place=place, kind=kind)], surroundings)
    return run_together(contender, steps, surroundings)


def _summed(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    seconds = max(one["end"] for one in told) - min(one["start"] for one in told)
    done, errors = sum(one["done"] for one in told), [error for one in told for error in one["errors"]]
    kinds = Counter(error.partition(":")[0] for error in errors)
    cpu = sum(one["cpu"] for one in told)
    return {
        "done": done,
        "failed": len(errors),
        "errors": dict(kinds),
        "per_second": round(done / seconds, 1),
        "cpu": round(cpu, 3),
    }
