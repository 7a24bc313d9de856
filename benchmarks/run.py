"""Runs the benchmarks and writes what came out: `python -m benchmarks.run [--quick] [part …]`.

A full run keeps each part's numbers in benchmarks/results.json, and docs/benchmarks.md is rendered from that file;
parts may be run one by one. A quick run takes minutes, prints its tables and keeps nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.options import QUICK, Options
from benchmarks.parts import commits, dagster, growth, imports, prefect, requests, transfers
from benchmarks.peers import PEERS, ROOT, python_of
from benchmarks.report import rendered

__all__ = ["PAGE", "PARTS", "RESULTS", "main"]

RESULTS = ROOT / "benchmarks/results.json"
PAGE = ROOT / "docs/benchmarks.md"
PARTS: Mapping[str, Callable[[Options], Mapping[str, Any]]] = {
    "imports": imports.measure,
    "requests": requests.measure,
    "growth": growth.measure,
    "commits": commits.measure,
    "small": partial(transfers.measure, kind="small"),
    "large": partial(transfers.measure, kind="large"),
    "files": partial(transfers.measure, kind="file"),
    "dagster": dagster.measure,
    "prefect": prefect.measure,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the parts named, or all; one after the other, each in its turn the only work of this program."""
    words = list(sys.argv[1:] if argv is None else argv)
    said = _parser().parse_args(words)
    options = _options(said)
    for peer in PEERS if options.peers else ():
        python_of(peer)  # set up before anything is measured
    kept = {} if said.quick else _kept()
    for name in said.parts or PARTS:
        print(f"{name} …", flush=True)
        kept[name] = _told(name, options, words)
        if not said.quick:
            _keep(kept)
    if said.quick:
        print(rendered(kept))


def _told(name: str, options: Options, words: Sequence[str]) -> Mapping[str, Any]:
    """A part's numbers, with when, where and by what command they were got."""
    before, start = machine.load(), time.monotonic()
    found = PARTS[name](options)
    return {
        "command": " ".join(["python -m benchmarks.run", *words]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.described(Path(tempfile.gettempdir())),
        "load": [before, machine.load()],
        "minutes": round((time.monotonic() - start) / 60, 1),
        "found": found,
    }


def _keep(kept: Mapping[str, Any]) -> None:
    """Write the numbers, and the page that is made of them."""
    ordered = {part: kept[part] for part in PARTS if part in kept}
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(rendered(ordered), encoding="utf-8")


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    return kept


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which parts; all if left out")
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing kept")
    parser.add_argument("--no-peers", action="store_true", help="only what needs no other environment")
    for name in ("mib", "repeats", "times", "synthetic", "saves"):
        parser.add_argument(f"--{name}", type=int, help=f"instead of {getattr(Options(), name):,}")
    for name in ("patience", "latency_ms"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, help=f"instead of {getattr(Options(), name)}")
    for name in ("versions", "writers"):
        parser.add_argument(f"--{name}", type=int, nargs="+", help=f"instead of {getattr(Options(), name)}")
    return parser


def _options(said: argparse.Namespace) -> Options:
    given = {field.name: getattr(said, field.name, None) for field in fields(Options)}
    asked: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value
    }
    return replace(QUICK if said.quick else Options(), peers=not said.no_peers, **asked)


if __name__ == "__main__":
    main()
