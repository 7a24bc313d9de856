"""Running code in a process that has imported nothing yet."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ROOT", "run"]

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, *arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, seconds: int = 120) -> str:
    """What the code prints; the test fails with its complaint if it does not end well."""
    paths = os.pathsep.join((str(ROOT / "core"), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
