"""The example of a third party's format: its own tests pass, and a store uses it once the package is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_EXAMPLE = _ROOT / "examples" / "threshold_format"
_STORE = """
from modelstore_core import ModelStore
from thresholds import Thresholds
store = ModelStore("memory://")
version = store.save(Thresholds({"age": 65.0}), "risk.age")
assert (version.format, version.model_type) == ("thresholds", "thresholds.Thresholds"), version
assert store.load("risk.age", trust="safe").predict({"age": [70.0]}).tolist() == [[True]]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the example's distribution was built and installed."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*pip, *offline, str(_EXAMPLE)], check=True, timeout=120)
    return folder


def run(command: list[str], *path: Path) -> str:
    paths = os.pathsep.join(str(one) for one in (*path, _ROOT / "core"))
    done = subprocess.run(
        command,
        cwd=_EXAMPLE,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_store_chooses_the_format_that_the_package_brings(installed: Path) -> None:
    run([sys.executable, "-W", "error", "-c", _STORE], installed)


def test_the_tests_of_the_example_pass() -> None:
    told = run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider", "."]
    )

    assert " passed" in told
    assert "failed" not in told


def test_the_format_and_its_test_are_short() -> None:
    for name in ("thresholds_format.py", "test_thresholds_format.py"):
        assert len((_EXAMPLE / name).read_text(encoding="utf-8").splitlines()) < 60
