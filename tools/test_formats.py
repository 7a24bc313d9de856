"""Try each framework's format in an environment of its own, one after the other: what `make test-formats` runs.

For each tests/frameworks/<name>.txt: a fresh environment in .venv-formats/<name> with what the file pins, this project
in it without its dependencies, and the tests of test_<name>.py. A failure stops nothing; at the end each framework has
its line, and what ran is written into docs/formats.md. The exit code tells whether all passed.

    FRAMEWORKS=torch,keras   only these        KEEP=1   leave the environments for another look
"""

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "tests" / "frameworks"
ENVIRONMENTS = ROOT / ".venv-formats"
PAGE = ROOT / "docs" / "formats.md"
MINUTES = 40


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one framework fared."""

    name: str
    passed: bool
    said: str

    def row(self) -> str:
        """Its line of the table."""
        versions = ", ".join(line.replace("==", " ") for line in pins(self.name))
        python = ".".join(map(str, sys.version_info[:2]))
        return f"| {self.name} | {versions} | {python} | {dt.datetime.now(dt.UTC):%Y-%m-%d} | {self.said} |"


def pins(name: str) -> list[str]:
    """What the framework's tests need beside what all need."""
    lines = (PINS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def run(command: list[str], log: Path, **environment: str) -> int:
    """The exit code of a command, whose output goes to the log; killed after a time that says it hangs."""
    with log.open("ab") as out:
        try:
            done = subprocess.run(  # noqa: S603 - commands of this file
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=MINUTES * 60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            out.write(f"\nNo end after {MINUTES} minutes.\n".encode())
            return 124
    return done.returncode


def attempt(name: str) -> Result:
    """Make the environment, run the tests, and remove it again."""
    home, log = ENVIRONMENTS / name, ENVIRONMENTS / f"{name}.log"
    ENVIRONMENTS.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [*pip, "-r", str(PINS / f"{name}.txt"), "-r", str(PINS / "common.txt")],
            [*pip, "--no-deps", "-e", "."],
        ):
            if run(command, log) != 0:
                return Result(name=name, passed=False, said="cannot be installed")
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir", str(PINS)]
        code = run([*tests, str(PINS / f"test_{name}.py")], log, MODELSTORE_FRAMEWORK=name, OMP_NUM_THREADS="1")
        return Result(name=name, passed=code == 0, said=summary(log, code))
    finally:
        if os.environ.get("KEEP") != "1":
            shutil.rmtree(home, ignore_errors=True)


def summary(log: Path, code: int) -> str:
    """What pytest says at its end, without the time."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = re.compile(r"=*\s*(\d+ (?:passed|failed|error).*?) in [\d.]+s")
    found = [match[1] for line in lines if (match := said.match(line))]
    return found[-1] if found else f"no result, exit code {code}"


def record(result: Result) -> None:
    """Replace the framework's row of the page's table; the others stay."""
    page = PAGE.read_text(encoding="utf-8")
    before, start, rest = page.partition("<!-- results: written by tools/test_formats.py -->\n")
    table, end, after = rest.partition("<!-- end of results -->")
    rows = {line.split("|")[1].strip(): line for line in table.splitlines()[2:] if line.startswith("|")}
    rows[result.name] = result.row()
    header = "".join(f"{line}\n" for line in table.splitlines()[:2])
    body = "".join(f"{rows[name]}\n" for name in sorted(rows))
    PAGE.write_text(f"{before}{start}{header}{body}{end}{after}", encoding="utf-8")


def main() -> int:
    """Try those that are asked for, or all."""
    known = sorted(path.stem for path in PINS.glob("*.txt") if path.stem != "common")
    wanted = [name for name in os.environ.get("FRAMEWORKS", "").split(",") if name] or known
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"There is no {', '.join(unknown)}; known are {', '.join(known)}.", file=sys.stderr)
        return 2
    results = []
    for name in wanted:
        print(f"{name}: installing and testing …", flush=True)
        results.append(attempt(name))
        print(f"{name}: {results[-1].said}", flush=True)
        record(results[-1])
    failed = [one.name for one in results if not one.passed]
    print(f"{len(results) - len(failed)} of {len(results)} frameworks passed; docs/formats.md has the table.")
    if failed:
        logs = ", ".join(str((ENVIRONMENTS / f"{name}.log").relative_to(ROOT)) for name in failed)
        print(f"Failed: {', '.join(failed)}; see {logs}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
