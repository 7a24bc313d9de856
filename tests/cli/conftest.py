"""Commands run in this process, in a folder of their own: as in a pipe, or as on a terminal."""

from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.cli.commands import Done, Run, Terminal

from modelstore_core.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two files to save, and an environment that names a store and a writer."""
    for name in ("MODELSTORE_DEBUG", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELSTORE_URL", "./models")
    monkeypatch.setenv("MODELSTORE_ACTOR", "ada")
    monkeypatch.setenv("TERM", "xterm")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    (home / "old.bin").write_bytes(b"old weights")
    (home / "new.bin").write_bytes(b"new weights, " * 1000)
    return home


@pytest.fixture
def mstore(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as in a pipe."""

    def run(*words: str) -> Done:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as on a terminal, `width` wide, at which somebody types `answer`."""

    def run(*words: str, width: int = 100, answer: str = "", colour: bool = False) -> Done:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("NO_COLOR", "" if colour else "1")
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        with redirect_stdout(Terminal()) as out, redirect_stderr(Terminal()) as err:
            code = main(words)
        return Done(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def risk(mstore: Run) -> str:
    """A model with two versions, the first of them champion."""
    mstore("save", "risk", "old.bin", "--metric", "auc=.90", "--tag", "team=fraud", "--alias", "champion")
    mstore("save", "risk", "new.bin", "--metric", "auc=.93", "--metric", "loss=.2", "--description", "more data")
    return "risk"
