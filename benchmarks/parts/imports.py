"""CPU seconds of an interpreter that imports something, beyond one that imports nothing or what comes before it."""

import resource
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.options import Options
from benchmarks.peers import ROOT, python_of
from benchmarks.running import environment

__all__ = ["measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """A line of Python, or the command; what comes before it, "" if even the interpreter counts; and where."""

    code: str
    over: str = "pass"
    environment: str = "ours"


_IMPORTS = (
    _Import(code="import modelstore_core"),
    _Import(code="from modelstore_core import ModelStore"),
    _Import(code="mstore --help", over=""),
    _Import(code="mstore promote --help", over=""),
    _Import(code="import dagster_modelstore", over="import dagster"),
    _Import(code="import prefect_modelstore", over="from prefect import flow, task"),
    _Import(code="from prefect_modelstore import save_model", over="from prefect import flow, task"),
    _Import(code="import dagster"),
    _Import(code="from prefect import flow, task"),
    _Import(code="import modelstore", environment="modelstore"),
    _Import(code="import mlflow", environment="mlflow"),
    _Import(code="import dagster_aws.s3", over="import dagster", environment="dagster"),
)


def measure(options: Options) -> Mapping[str, Any]:
    """One row for each import: what it costs beyond what it is measured over."""
    runs = max(1, options.times // 2)
    least: dict[tuple[str, str], float] = {}
    rows = [row for row in _IMPORTS if options.peers or row.environment == "ours"]
    for _ in range(runs):
        for row in rows:
            for code in _codes(row):
                spent = _cpu_of(row.environment, code)
                least[row.environment, code] = min(spent, least.get((row.environment, code), spent))
    return {"runs": runs, "rows": [_told(row, least) for row in rows]}


def _codes(row: _Import) -> Iterator[str]:
    """What is measured, and then what of it does not count."""
    if not row.over:
        yield row.code
        return
    yield row.code if row.over == "pass" else f"{row.over}; {row.code}"
    yield row.over


def _told(row: _Import, least: Mapping[tuple[str, str], float]) -> Mapping[str, Any]:
    whole, *over = (least[row.environment, code] for code in _codes(row))
    return {"code": row.code, "over": row.over, "who": row.environment, "cpu": round(whole - sum(over), 4)}


def _cpu_of(where: str, code: str) -> float:
    python = python_of(where)
    command = [str(python), "-c", code]
    if code.startswith("mstore"):
        command = [str(python.parent / "mstore"), *code.split()[1:]]
    before = _children()
    subprocess.run(command, check=True, cwd=ROOT, env=environment({}), stdout=subprocess.DEVNULL)
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
