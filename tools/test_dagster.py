"""Run the Dagster plugin's tests with each Dagster it is for, one after the other: `make test-dagster-matrix`.

For each: a fresh environment in .venv-dagster/<version> with that Dagster, what fits it and this project, and the tests
of tests/dagster that take no minutes. A failure stops nothing; what came of each goes into docs/guides/dagster.md. The
exit code tells whether all passed.

    DAGSTER=1.11.16,1.12.14   only these        KEEP=1   leave the environments for another look
"""

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".venv-dagster"
PAGE = ROOT / "docs/guides/dagster.md"
START, END = "<!-- results: written by tools/test_dagster.py -->\n", "<!-- end of results -->"
VERSIONS = {"1.11.16": "0.27.16", "1.12.14": "0.28.14", "1.13.27": "0.29.27"}
"""Dagster, and the release of its libraries that goes with it."""

TOOLS = ("hypothesis", "pytest", "pytest-timeout", "pyyaml", "scikit-learn")
OF_DAGSTER = "ignore:Support for class-based `config`:DeprecationWarning"
"""What importing Dagster 1.11 makes newer releases of pydantic say."""

MINUTES = 40


def run(command: list[str], log: Path) -> int:
    """The exit code of a command, whose output goes to the log; killed after a time that says it hangs."""
    with log.open("ab") as out:
        try:
            done = subprocess.run(  # noqa: S603 - commands of this file
                command, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=MINUTES * 60, check=False
            )
        except subprocess.TimeoutExpired:
            out.write(f"\nNo end after {MINUTES} minutes.\n".encode())
            return 124
    return done.returncode


def attempt(version: str) -> tuple[bool, str]:
    """Make the environment, run the tests, and remove it again: whether all passed, and what is to be said."""
    home, log = ENVIRONMENTS / version, ENVIRONMENTS / f"{version}.log"
    ENVIRONMENTS.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    python, uv = home / "bin/python", Path(sys.executable).parent / "uv"
    tool = (
        [str(uv), "pip", "install", "--python", str(python)] if uv.exists() else [str(python), "-m", "pip", "install"]
    )
    wanted = [f"dagster=={version}", f"dagster-dg-cli=={version}", f"dagster-celery=={VERSIONS[version]}", *TOOLS]
    try:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [*tool, "--quiet", "-e", ".[s3,mlflow,pandas,dagster]", *wanted],
        ):
            if run(command, log) != 0:
                return False, "cannot be installed"
        pytest = [str(python), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-W", OF_DAGSTER]
        code = run([*pytest, "-m", "not slow", "tests/dagster"], log)
        return code == 0, summary(log, code)
    finally:
        if os.environ.get("KEEP") != "1":
            shutil.rmtree(home, ignore_errors=True)


def summary(log: Path, code: int) -> str:
    """What pytest says at its end, without the time and what was left out on purpose."""
    text = log.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"^=*\s*(\d+ (?:passed|failed|error).*?) in [\d.]+s", text, re.MULTILINE)
    return re.sub(r", \d+ deselected", "", found[-1]) if found else f"no result, exit code {code}"


def record(version: str, said: str) -> None:
    """Replace the version's row of the page's table; the others stay."""
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    table, end, after = rest.partition(END)
    rows = {line.split("|")[1].strip(): line for line in table.splitlines()[2:] if line.startswith("|")}
    python = ".".join(map(str, sys.version_info[:2]))
    rows[version] = f"| {version} | {python} | {dt.datetime.now(dt.UTC):%Y-%m-%d} | {said} |"
    lines = ["| Dagster | Python | run | came of it |", "|---|---|---|---|", *(rows[name] for name in sorted(rows))]
    body = "".join(f"{line}\n" for line in lines)
    PAGE.write_text(f"{before}{start}{body}{end}{after}", encoding="utf-8")


def main() -> int:
    """Try those that are asked for, or all."""
    wanted = [name for name in os.environ.get("DAGSTER", "").split(",") if name] or list(VERSIONS)
    if unknown := sorted(set(wanted) - set(VERSIONS)):
        print(f"There is no {', '.join(unknown)}; known are {', '.join(VERSIONS)}.", file=sys.stderr)
        return 2
    failed = []
    for version in wanted:
        print(f"Dagster {version}: installing and testing …", flush=True)
        passed, said = attempt(version)
        print(f"Dagster {version}: {said}", flush=True)
        record(version, said)
        if not passed:
            failed.append(str((ENVIRONMENTS / f"{version}.log").relative_to(ROOT)))
    if failed:
        print(f"Failed: see {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
