"""Save and load: a small model, a large one and a large file, in a folder and on S3, everybody in turn."""

import os
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.contenders import CONTENDERS
from benchmarks.measuring import Cost, best
from benchmarks.models import SMALL_FILES, Kind
from benchmarks.options import Options
from benchmarks.running import run
from benchmarks.server import BUCKET, Server, serving
from benchmarks.step import Step
from benchmarks.subjects.protocol import Place

__all__ = ["Where", "measure", "measured"]

Where: TypeAlias = Literal["folder", "s3"]

_TAKING_PART: Mapping[tuple[Kind, Where], Sequence[str]] = {
    ("small", "folder"): ("joblib", "ours", "modelstore", "mlflow", "mlflow_documented", "dagster"),
    ("small", "s3"): ("boto3", "ours", "modelstore", "mlflow", "dagster"),
    ("large", "folder"): ("joblib", "joblib_hashed", "ours", "modelstore", "mlflow", "dagster"),
    ("large", "s3"): ("boto3", "ours", "modelstore", "mlflow", "dagster"),
    ("file", "folder"): ("cp", "ours_files"),
    ("file", "s3"): ("obstore", "ours_files"),
}


@dataclass(slots=True)
class _Bench:
    """A run of this part: where it works, and what it has found."""

    options: Options
    folder: Path
    server: Server
    spent: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[Kind, Where, str, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))


def measure(options: Options, kind: Kind) -> Mapping[str, Any]:
    """One row for each of those who took part, each place, and each of save and load."""
    program = [(of, where, name) for (of, where), names in _TAKING_PART.items() for name in names if of == kind]
    return measured(options, program)


def measured(options: Options, program: Sequence[tuple[Kind, Where, str]]) -> Mapping[str, Any]:
    """The same of any program: what is saved, where, and by whom; peers only if they are to take part."""
    program = [step for step in program if options.peers or CONTENDERS[step[2]].environment == "ours"]
    with ExitStack() as stack:
        bench = _Bench(options, Path(stack.enter_context(_folder())), stack.enter_context(serving()))
        for _ in range(options.repeats):
            for kind, where, name in program:
                _once(bench, kind, where, name)
        rows = [
            {"kind": kind, "where": where, "who": name, "act": act, "runs": len(costs), **best(costs).as_json()}
            for (kind, where, name, act), costs in bench.found.items()
        ]
        return {"mib": options.mib, "files": SMALL_FILES, "fsync": _fsync(bench.folder), "rows": rows}


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bench-")


def _once(bench: _Bench, kind: Kind, where: Where, name: str) -> None:
    """Save and load once, from two processes, unless that has taken long enough."""
    run_name, contender = f"{kind} {where} {name}", CONTENDERS[name]
    if bench.spent[run_name] > bench.options.patience:
        return
    print(f"  {kind:<6}{where:<7}{name}", flush=True)
    start, folder = time.monotonic(), bench.folder / run_name.replace(" ", "-")
    folder.mkdir()
    bucket, endpoint = (BUCKET, bench.server.endpoint) if where == "s3" else ("", "")
    place = Place(folder=folder, bucket=bucket, endpoint=endpoint)
    for act in ("save", "load"):
        times = bench.options.times if kind == "small" and name != "mlflow_documented" else 1
        step = Step(opener=contender.opener, act=act, place=place, kind=kind, mib=bench.options.mib, times=times)
        # What others have left to be written out is not this one's.
        told = run(contender, step, bench.server.environment if where == "s3" else {}, os.sync)
        cost = Cost(wall=told["wall"], cpu=told["cpu"], peak=told["peak"])
        bench.found[kind, where, name, act].append(cost)
    bench.server.clear()
    shutil.rmtree(folder)
    bench.spent[run_name] += int(time.monotonic() - start)


def _fsync(folder: Path) -> float:
    """The least seconds that writing and syncing a new small file took, of fifty."""
    least = 1.0
    for number in range(50):
        with (folder / f"sync-{number}").open("wb") as file:
            file.write(b"x" * 1000)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            least = min(least, time.perf_counter() - start)
    return round(least, 6)
