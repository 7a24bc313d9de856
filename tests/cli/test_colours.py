"""Colours: on a terminal, unless the environment says otherwise; and they never change what is said."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import AtLeast, ModelStore

GREEN, RED, CYAN, BOLD = ("\x1b[32m", "\x1b[31m", "\x1b[36m", "\x1b[1m")
READING: Sequence[tuple[str, ...]] = (
    ("ls",),
    ("ls", "risk", "--all"),
    ("search",),
    ("best", "risk", "metrics.auc"),
    ("show", "risk"),
    ("inspect", "risk"),
    ("history", "risk"),
    ("diff", "risk@1", "risk@2"),
    ("changes",),
    ("gate", "risk"),
    ("approvals", "--all"),
    ("describe", "risk"),
    ("prune", "--keep", "0", "--dry-run"),
    ("collect", "--older-than", "0", "--dry-run"),
    ("verify",),
    ("maintain",),
)


@pytest.fixture
def store(risk: str) -> ModelStore:
    """The prepared store, with something of everything, much of it hostile."""
    store = ModelStore("./models", actor="ada")
    evil = "\x1b[2J\x07\u202eevil\r\n\u200b"
    store.save(Path("old.bin"), "risk", tags={evil: evil}, params={evil: evil}, metrics={evil: 1}, description=evil)
    store.annotate("risk@2", checks={"drift": (False, evil), "schema": True})
    store.protect("risk", "champion", [AtLeast("auc", 0.9)], reason=evil)
    store.request_approval("risk@2", "champion", comment=evil)
    store.reject("risk@2", "champion", comment=evil)
    store.describe("risk", description=evil, owner=evil, tags={evil: evil})
    store.delete("risk@3", reason=evil)
    return store


@pytest.mark.parametrize(
    ("environment", "terminal_has", "pipe_has"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_the_environment_decides_on_colours(
    mstore: Run,
    terminal: Run,
    risk: str,
    monkeypatch: pytest.MonkeyPatch,
    environment: Mapping[str, str],
    *,
    terminal_has: bool,
    pipe_has: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in mstore("ls", "risk").out) is pipe_has
    assert ("\x1b[" in terminal("ls", "risk", colour=environment.get("NO_COLOR") != "1").out) is terminal_has


def test_verdicts_are_green_or_red_and_aliases_stand_out(terminal: Run, store: ModelStore) -> None:
    def shown(*words: str) -> str:
        done = terminal(*words, width=300, colour=True)
        return done.out + done.err

    assert f"{CYAN}champion\x1b[0m" in shown("ls", "risk")
    assert f"{BOLD}2\x1b[0m" in shown("ls", "risk")
    assert f"{RED}deleted\x1b[0m" in shown("ls", "risk", "--all")
    assert f"{RED}failed\x1b[0m" in shown("ls", "risk")
    assert f"{GREEN}passed" in shown("show", "risk@2")
    assert f"{RED}rejected\x1b[0m" in shown("approvals", "--all")
    assert f"{RED}refused\x1b[0m" in shown("promote", "risk@2", "champion", "--at-least", "auc=2")
    assert f"{GREEN}ok\x1b[0m" in shown("doctor")


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_colours_change_nothing_that_is_said(terminal: Run, store: ModelStore, words: Sequence[str]) -> None:
    plain, painted = terminal(*words), terminal(*words, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", painted.out + painted.err) == plain.out + plain.err


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_hostile_text_reaches_no_terminal_and_no_pipe(
    mstore: Run, terminal: Run, store: ModelStore, words: Sequence[str]
) -> None:
    for done in (mstore(*words), terminal(*words), mstore(*words, "--json")):
        assert all(line.isprintable() for line in (done.out + done.err).split("\n"))
        assert done.code == 0


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize(
    "words", [words for words in READING if words[0] in {"ls", "search", "best", "history", "diff"}], ids=" ".join
)
def test_tables_fit_the_terminal(terminal: Run, store: ModelStore, words: Sequence[str], width: int) -> None:
    assert [line for line in terminal(*words, width=width).out.splitlines() if len(line) > width] == []


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_every_answer_is_one_document_if_programs_ask(mstore: Run, store: ModelStore, words: Sequence[str]) -> None:
    done = mstore(*words, "--json")
    assert done.document is not None
    assert done.err == ""
