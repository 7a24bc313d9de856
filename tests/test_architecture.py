import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core/modelstore_core", "plugins/prefect_modelstore", "plugins/dagster_modelstore")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
WRITTEN = ("core", "plugins", "tests", "examples", "benchmarks", "tools", "docs")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'core'}{os.pathsep}{root / 'plugins'}", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for folder in ("core", "plugins"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_every_import_contract_holds() -> None:
    linted = lint_imports(ROOT)

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert " 0 broken" in linted.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("core/modelstore_core/journal/log.py", "import modelstore_core.registry.view", "stack of layers"),
        ("core/modelstore_core/unplaced.py", "", "stack of layers"),
        ("core/modelstore_core/formats/sklearn.py", "import modelstore_core.storage.keys", "neither sees the other"),
        ("core/modelstore_core/model/json.py", "def later(): import pandas", "one file per vendor"),
        ("plugins/prefect_modelstore/__init__.py", "import modelstore_core.errors", "by the front door only"),
        ("plugins/prefect_modelstore/__init__.py", "import dagster_modelstore", "never on one another"),
    ],
)
def test_a_breach_of_a_contract_is_noticed(copied: Path, module: str, line: str, contract: str) -> None:
    path = copied / module
    before = path.read_bytes() if path.exists() else None
    path.write_text(f"{(before or b'').decode()}\n{line}\n", encoding="utf-8")

    linted = lint_imports(copied)
    path.unlink() if before is None else path.write_bytes(before)

    assert linted.returncode != 0
    assert re.search(rf"{contract}.* BROKEN", linted.stdout), linted.stdout + linted.stderr


def modules_loaded_by(statement: str) -> set[str]:
    """What an interpreter loads for the statement beyond what it loads anyway."""
    ask = "import sys; before = set(sys.modules); {}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", ask.format(statement)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "core")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


# the front door opens name by name: only a star import goes through all of it
@pytest.mark.parametrize("statement", ["import modelstore_core", "from modelstore_core import *"])
def test_importing_core_loads_nothing_but_the_standard_library(statement: str) -> None:
    tops = {name.partition(".")[0] for name in modules_loaded_by(statement)}

    assert tops - set(sys.stdlib_module_names) == {"modelstore_core"}


def test_importing_core_loads_nothing_that_only_some_callers_need() -> None:
    loaded = modules_loaded_by("from modelstore_core import *")

    assert not loaded & {
        "modelstore_core.cli",
        "modelstore_core.storage.s3",
        "modelstore_core.testing",
        "argparse",
        "asyncio",
        "concurrent.futures",
        "email",
        "http.client",
        "importlib.metadata",
        "logging",
        "multiprocessing",
        "sqlite3",
        "tomllib",
        "unittest",
        "urllib.request",
        "xml",
    }


def test_opening_a_store_loads_no_more_than_it_did() -> None:
    """A bound to be thought about when it is met: a tenth of a millisecond for each module, in every process."""
    loaded = modules_loaded_by("from modelstore_core import ModelStore")

    assert len(loaded) <= 160


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            said = 0 if docstring is None else (docstring.end_lineno or 0) - docstring.lineno + 1
            yield node.name, node.end_lineno - node.lineno + 1 - said


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_function_is_longer_than_60_lines(path: Path) -> None:
    assert {name: lines for name, lines in functions(path) if lines > 60} == {}


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
    texts = [path for folder in WRITTEN for kind in ("*.py", "*.md") for path in (ROOT / folder).rglob(kind)]

    assert texts
    assert [named(path) for path in texts if words.search(path.read_text(encoding="utf-8"))] == []


def test_every_package_says_that_it_is_typed() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").is_file()] == []
