"""What a user gets: built here from the tree as it is, by the build backend alone, without the network."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "modelstore_core": "core",
    "prefect_modelstore": "plugins",
    "dagster_modelstore": "plugins",
}
CACHES = ("__pycache__", ".pyc", "_cache/", ".hypothesis/", ".venv/", "models-demo/", ".coverage")


def build(kind: str, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        str(path.relative_to(ROOT / source))
        for package, source in SOURCES.items()
        for path in (ROOT / source / package).rglob("*")
        if path.suffix == ".py" or path.name == "py.typed" or path.name.endswith("_names.txt")
    }

    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected
    assert {f"{package}/py.typed" for package in SOURCES} <= expected
    assert "modelstore_core/formats/trusted_names.txt" in expected


def test_the_wheel_carries_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert "mstore = modelstore_core.cli:main" in wheel.read(entry_points).decode()
    assert "prefect_modelstore = prefect_modelstore.blocks" in wheel.read(entry_points).decode()


def test_without_an_extra_nothing_is_installed_besides(metadata: Message, project: dict[str, Any]) -> None:
    required = metadata.get_all("Requires-Dist", [])

    assert required
    assert [line for line in required if "extra ==" not in line] == []
    assert metadata["Requires-Python"] == project["requires-python"]


def test_every_extra_of_the_project_can_be_asked_for(metadata: Message, project: dict[str, Any]) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    assert {"s3", "mlflow", "pandas", "prefect", "dagster", "all"} <= set(project["optional-dependencies"])


def test_the_readme_is_the_long_description(metadata: Message) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).strip() == readme.strip()


def test_the_wheel_works_on_its_own(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    (tmp_path / "weights").write_bytes(b"weights")
    ask = (
        "import pathlib, modelstore_core as m; print(m.__file__);"
        "print(m.ModelStore('memory://x').save(pathlib.Path('weights'), 'a').ref)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", ask],  # -S: no site-packages, so neither this repository nor any vendor
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.splitlines() == [str(tmp_path / "site/modelstore_core/__init__.py"), "a@1"]


def test_the_sdist_holds_what_a_test_run_needs_and_no_caches(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert [name for name in names if any(cache in name for cache in CACHES)] == []
    assert {"Makefile", "constraints.txt", "pyproject.toml", "README.md", "LICENSE", "docs/format.md"} <= names
    assert {"tests/test_packaging.py", "examples/demo.py", "tools/setup_venv.sh"} <= names


def test_every_direct_requirement_is_pinned(project: dict[str, Any]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    wanted = {
        re.split(r"[\[;<>=! ]", required)[0].lower()
        for requirements in project["optional-dependencies"].values()
        for required in requirements
    }

    assert wanted - {"modelstore-pipelines"} - pinned == set()
