"""The documentation is run: its Python, its commands, its links; and it must mention all that there is."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import dagster_modelstore
import modelstore_core
import prefect_modelstore
from modelstore_core import ModelStoreError
from modelstore_core.testing.azurite import Azurite
from modelstore_core.testing.gcs_server import GCSServer
from modelstore_core.testing.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n+)?^```(?P<kind>[\w-]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
SETTING = re.compile(r"\bMODELSTORE_[A-Z][A-Z_]*\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page, with the line of its first line of text."""

    kind: str
    text: str
    line: int


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if not (match["mark"] or "").startswith("no-run: "):
            yield Block(kind=match["kind"], text=match["text"], line=text.count("\n", 0, match.start("text")) + 1)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder to run in, and services that have the buckets of the guides."""
    with S3Server(["bucket", "my-models"]) as server, GCSServer(["my-models"]) as google:
        monkeypatch.setenv("GOOGLE_BASE_URL", google.endpoint)
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "docs")
        for name in (*SETTING.findall(" ".join(os.environ)), "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "docs")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "docs")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'core'}{os.pathsep}{ROOT / 'plugins'}")
        monkeypatch.setenv("PREFECT_HOME", str(tmp_path / ".prefect"))
        monkeypatch.chdir(tmp_path)
        yield


@pytest.fixture(scope="module")
def azure(azurite: Azurite) -> Mapping[str, str]:
    """The environment of a page that keeps a store on Azure."""
    azurite.create_container("my-models")
    return {**azurite.variables, "AZURE_STORAGE_ENDPOINT": azurite.endpoint}


@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning")  # Dagster's own
@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("page", [page for page in PAGES if any(b.kind == "python" for b in blocks(page))], ids=named)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page.name == "azure.md":
        for name, value in request.getfixturevalue("azure").items():
            monkeypatch.setenv(name, value)
    module = ModuleType("docs")
    for block in blocks(page):
        if block.kind == "python":
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            exec(code, vars(module))
        elif block.kind == "console" and "$ mstore " in block.text:
            run_commands(block.text, monkeypatch)


def run_commands(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each `$ mstore …` and keep each `$ export …`; what a command prints is not compared."""
    for line in re.sub(r"\\\n", "", text).splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True) if line.startswith("$ ") else []
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
        elif words[:1] == ["mstore"]:
            command = [sys.executable, "-m", "modelstore_core.cli", *words[1:]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word of the documentation; a name counts only as a whole one."""
    return set(re.findall(r"\w+", "\n".join(page.read_text(encoding="utf-8") for page in PAGES)))


@pytest.mark.parametrize("package", [modelstore_core, prefect_modelstore, dagster_modelstore], ids=lambda p: p.__name__)
def test_every_public_name_is_documented(package: ModuleType, words: set[str]) -> None:
    public = getattr(package, "__all__", [name for name in vars(package) if not name.startswith("_")])

    assert public
    assert sorted(set(public) - words) == []


def test_every_kind_of_error_is_documented_with_its_class_and_exit_code() -> None:
    rows = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8").splitlines()
    errors = [error for error in vars(modelstore_core).values() if is_error(error)]

    assert errors
    assert [e.kind for e in errors if not any(f"`{e.kind}`" in row and f"`{e.__name__}`" in row for row in rows)] == []


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, ModelStoreError)


def test_every_verb_and_argument_of_the_store_is_in_the_reference() -> None:
    reference = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\w+", reference))
    public = {
        name: getattr(value, "__func__", value)
        for name, value in vars(modelstore_core.ModelStore).items()
        if callable(value) and (not name.startswith("_") or name == "__init__")
    }
    arguments = {name for function in public.values() for name in function.__code__.co_varnames[1 : arity(function)]}

    assert [verb for verb in public if f"`{verb}(" not in reference and verb not in {"__init__", "over"}] == []
    assert sorted(arguments - known) == []


def arity(function: object) -> int:
    code = getattr(function, "__code__")  # noqa: B009 -- every function has one, but `object` does not say so
    count: int = code.co_argcount + code.co_kwonlyargcount
    return count


def test_every_setting_that_the_code_reads_is_documented(words: set[str]) -> None:
    sources = [path for folder in ("core", "plugins") for path in (ROOT / folder).rglob("*.py")]
    settings = {name for path in sources for name in SETTING.findall(path.read_text(encoding="utf-8"))}

    assert "MODELSTORE_URL" in settings
    assert sorted(settings - words) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]

    assert [link for link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """The names that the headings of a page get on code hosts."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs/index.md"
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for link in re.findall(r"\]\(([^)\s]+)\)", index.read_text(encoding="utf-8"))
        if "://" not in link
    }

    assert [named(page) for page in PAGES if "docs" in page.parts and page != index and page not in linked] == []
