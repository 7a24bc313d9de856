"""The examples of the pages about the command, run in their order: what they show is what comes out."""

import re
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.cli.commands import Terminal

from modelstore_core.cli import main

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference" / "cli.md"
GUIDE = DOCS / "guides" / "command-line.md"
_BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_VARYING = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?Z": "<time>",
    r"(environment\.\w+ +).*": r"\1<here>",
    r"(info|warn)  (packages|location|file system|time): .*": r"\2: <here>",
    r"by \d+\.\d s\.": "by <seconds>",
    r"/\S*/models is fit": "<store> is fit",
    r"/\S*/models/models/risk.churn/data/[0-9a-f]{32}": "<folder>",
    r'"id": "[0-9a-f]{32}"': '"id": <id>',
    r'"age": [\d.]+': '"age": <seconds>',
}


def same(text: str) -> str:
    """The text without what differs from run to run and from machine to machine."""
    for pattern, instead in _VARYING.items():
        text = re.sub(pattern, instead, text)
    return text


def shown(command: str) -> str:
    """What a terminal shows after the command was typed."""
    words, _, then = command.partition("; ")
    with Terminal() as terminal, redirect_stdout(terminal), redirect_stderr(terminal):
        code = main(shlex.split(words)[1:])
        text = terminal.getvalue()
    return text + (f"{code}\n" if then == "echo $?" else "")


def rerun(page: str, run: Callable[[str], str]) -> str:
    """The page with the output of every command as it is now."""

    def again(block: re.Match[str]) -> str:
        commands = [line for line in block[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{c}\n{run(c[2:])}" for c in commands) + "```\n"

    return _BLOCK.sub(again, page)


@pytest.fixture
def typed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A shell that knows `mstore` and `export`, in a folder with three models."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    for number in (1, 2, 3):
        (home / f"v{number}.pkl").write_bytes(bytes([number]) * (8000 + number))

    def run(command: str) -> str:
        if command.startswith("export "):
            monkeypatch.setenv(*command.removeprefix("export ").split("=", 1))
            return ""
        return shown(command)

    return run


@pytest.mark.parametrize("path", [REFERENCE, GUIDE], ids=lambda path: path.stem)
def test_every_example_of_a_page_shows_what_comes_out(typed: Callable[[str], str], path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert same(rerun(page, typed)) == same(page)


def test_the_reference_has_an_example_of_every_verb() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    examples = "".join(block[1] for block in _BLOCK.finditer(page))
    verbs = re.findall(r"^## mstore (\w+)$", page, re.MULTILINE)
    assert [verb for verb in verbs if f"$ mstore {verb} " not in examples] == []
