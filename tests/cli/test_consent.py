"""What is not easily taken back, or goes around rules, is asked about: one rule for all verbs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import AtLeast, ModelStore
from modelstore_core.cli.grammar.tables import GROUPS

DANGEROUS = [
    ("rm", "risk@2"),
    ("rm", "risk@4", "--force"),
    ("undo", "risk"),
    ("rm-model", "risk"),
    ("rename", "risk", "risk.churn"),
    ("prune", "risk", "--keep", "1"),
    ("collect", "--older-than", "0"),
    ("gc", "--older-than", "0"),
    ("promote", "risk@2", "champion", "--override", "--reason", "now"),
    ("unalias", "risk", "champion", "--override", "--reason", "now"),
    ("gate", "risk", "champion", "--clear", "--reason", "now"),
]


@pytest.fixture
def store(risk: str) -> ModelStore:
    """The prepared store, with rules that version 2 does not pass, something to prune and something to collect."""
    store = ModelStore("./models", actor="ada")
    for _ in range(2):
        store.save(Path("old.bin"), "risk")
    store.delete("risk@3")
    store.promote("risk@4", "shadow")
    store.protect("risk", "champion", [AtLeast("auc", 0.99)])
    return store


def named(words: Sequence[str]) -> str:
    return " ".join(words[:3])


def state(home: Path) -> dict[str, bytes]:
    """Every byte of the store."""
    root = home / "models"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("words", DANGEROUS, ids=named)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_where_nobody_is_to_ask_nothing_happens(
    mstore: Run, store: ModelStore, home: Path, words: Sequence[str], more: Sequence[str]
) -> None:
    before = state(home)
    done = mstore(*words, *more)

    assert (done.code, done.out) == (2, "")
    assert "Nobody is here to confirm" in done.err
    assert "Pass --yes" in done.err
    assert state(home) == before


@pytest.mark.parametrize("words", DANGEROUS, ids=named)
@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n"])
def test_whatever_is_no_yes_is_a_no(
    terminal: Run, store: ModelStore, home: Path, words: Sequence[str], answer: str
) -> None:
    before = state(home)
    done = terminal(*words, answer=answer)

    assert (done.code, done.out) == (130, "")
    assert "? [y/N] " in done.err
    assert state(home) == before


@pytest.mark.parametrize("words", DANGEROUS, ids=named)
def test_a_yes_is_a_yes(terminal: Run, store: ModelStore, home: Path, words: Sequence[str]) -> None:
    before = state(home)
    assert terminal(*words, answer="y\n").code == 0
    assert state(home) != before


@pytest.mark.parametrize("words", DANGEROUS, ids=named)
def test_with_yes_nobody_is_asked(mstore: Run, store: ModelStore, home: Path, words: Sequence[str]) -> None:
    before = state(home)
    done = mstore(*words, "--yes")

    assert (done.code, "[y/N]" in done.err) == (0, False)
    assert state(home) != before


def test_every_verb_that_can_be_told_yes_is_among_them() -> None:
    verbs = [verb for _, found in GROUPS.values() for verb in found]
    asking = {name for verb in verbs if any("--yes" in w.names for w in verb.words) for name in (verb.name, verb.other)}
    assert {words[0] for words in DANGEROUS} == asking - {""}
