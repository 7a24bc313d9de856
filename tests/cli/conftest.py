"""Commands run in this process, in a folder of their own: as in a pipe, or as on a terminal."""

import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.cli.commands import Done, Run, Terminal

from modelstore_core import ModelStore
from modelstore_core.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two files to save, and an environment that names a store and a writer."""
    for name in ("MODELSTORE_DEBUG", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELSTORE_URL", "./models")
    monkeypatch.setenv("MODELSTORE_ACTOR", "ada")
    monkeypatch.setenv("TERM", "xterm")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    _write_models(home)
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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store made once: a model with two versions, the first of them champion."""
    folder = tmp_path_factory.mktemp("prepared")
    old, new = _write_models(folder)
    store = ModelStore(folder / "models", actor="ada")
    store.save(old, "risk", metrics={"auc": 0.9}, tags={"team": "fraud"}, aliases=["champion"])
    store.save(new, "risk", metrics={"auc": 0.93, "loss": 0.2}, description="more data")
    return folder / "models"


@pytest.fixture
def risk(prepared: Path, home: Path) -> str:
    """The prepared store's model, in a copy of that store: a copied store opens like any other."""
    shutil.copytree(prepared, home / "models")
    return "risk"


def _write_models(folder: Path) -> tuple[Path, Path]:
    old, new = folder / "old.bin", folder / "new.bin"
    old.write_bytes(b"old weights")
    new.write_bytes(b"new weights, " * 1000)
    return old, new
