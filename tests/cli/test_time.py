"""The store as it was, the best version, and taking back: on the command line."""

from collections.abc import Sequence

import pytest
from tests.cli.commands import Run

from modelstore_core import ModelStore


@pytest.fixture
def store(risk: str) -> ModelStore:
    """The prepared store after one promotion more: before it, at change 2, the champion was version 1."""
    store = ModelStore("./models", actor="ada")
    store.promote("risk@2", "champion", reason="better")
    return store


@pytest.mark.parametrize(
    ("words", "then"),
    [
        (("show", "risk@champion"), ["ref risk@1"]),
        (("ls", "risk"), ["2 live", "1 live champion"]),
        (("best", "risk", "metrics.auc", "--where", "alias = 'champion'"), ["risk 1 live champion"]),
        (("history", "risk", "--limit", "1"), ["2 <time> version.created 2"]),
        (("inspect", "risk@champion"), ["version risk@1"]),
        (("pull", "risk@champion", "out"), ["out"]),
    ],
)
def test_every_verb_that_reads_answers_as_it_would_have_then(
    mstore: Run, store: ModelStore, words: Sequence[str], then: Sequence[str]
) -> None:
    before, now = mstore(*words, "--at", "2"), mstore(*words[:-1], f"{words[-1]}2" if words[0] == "pull" else words[-1])

    assert (before.code, now.code) == (0, 0)
    assert (before.out, before.err) != (now.out, now.err)
    said = [" ".join(line.split()) for line in before.out.splitlines()]
    for expected in then:
        first, _, rest = expected.partition("<time>")
        assert any(line.startswith(first.strip()) and rest.strip() in line for line in said)


def test_versions_are_compared_as_they_were(mstore: Run, store: ModelStore) -> None:
    store.annotate("risk@2", metrics={"auc": 0.5})
    assert "0.93" in mstore("diff", "risk@1", "risk@2", "--at", "2").out
    assert "0.93" not in mstore("diff", "risk@1", "risk@2").out


@pytest.mark.parametrize("when", ["3w", "2000-01-01", "2000-01-01T12:00Z"])
def test_before_its_first_commit_there_was_no_model(mstore: Run, store: ModelStore, when: str) -> None:
    assert mstore("show", "risk", "--at", when).code == 3
    assert mstore("ls", "--at", when).out == ""


@pytest.mark.parametrize("when", ["0s", "0.5s", "9999-12-31", "3"])
def test_a_moment_that_is_as_good_as_now_is_now(mstore: Run, store: ModelStore, when: str) -> None:
    store.annotate("risk@1", tags={"later": "no"})
    store.undo("risk")  # so that the last half second changed nothing
    assert mstore("show", "risk@1", "--at", when).code == 0
    assert [line.split()[0] for line in mstore("ls", "--at", "9999-12-31").out.splitlines()] == ["name", "risk"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "risk", "--at", "yesteryear"), 2),
        (("show", "risk", "--at", "99"), 2),
        (("show", "risk", "--at", "0"), 2),
        (("show", "risk", "--at", "2026-03-03T12:00"), 2),
        (("show", "risk", "--at", "9999999999w"), 2),
        (("show", "risk", "--at", "999999w"), 2),
        (("show", "risk", "--at", ""), 2),
        (("ls", "--at", "2"), 2),
        (("ls", "--at", "1d", "--limit", "3"), 2),
        (("ls", "--at", "1d", "--all"), 2),
        (("best", "risk", "metrics.nothing"), 3),
        (("best", "risk", "metric.auc"), 2),
        (("best", "risk", "metrics.auc", "--min", "--max"), 2),
        (("best", "risk", "metrics.auc", "--where", "((("), 2),
        (("rollback", "risk", "champion", "--steps", "0"), 2),
        (("rollback", "risk", "champion", "--steps", "two"), 2),
        (("rollback", "risk", "champion", "--steps", "9"), 3),
        (("undo", "nobody", "--yes"), 3),
        (("undo", "risk", "--yes", "--seq", "0"), 2),
        (("undo", "risk", "--yes", "--seq", "1"), 4),
    ],
)
def test_a_wrong_word_is_told_apart_from_a_missing_thing(
    mstore: Run, store: ModelStore, words: Sequence[str], code: int
) -> None:
    before = store.history("risk")
    done = mstore(*words)

    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert done.err.startswith("mstore: ")
    assert store.history("risk") == before


def test_the_best_is_the_largest_unless_the_smallest_is_asked_for(mstore: Run, store: ModelStore) -> None:
    assert mstore("best", "risk", "metrics.auc", "--json").document["ref"] == "risk@2"
    assert mstore("best", "risk", "metrics.auc", "--max", "--json").document["ref"] == "risk@2"
    assert mstore("best", "risk", "metrics.auc", "--min", "--json").document["ref"] == "risk@1"


def test_several_promotions_are_rolled_back_in_one_commit(mstore: Run, store: ModelStore) -> None:
    store.promote("risk@1", "champion")
    done = mstore("rollback", "risk", "champion", "--steps", "2", "--reason", "since noon")

    assert (done.out, done.err) == ("risk@1\n", "champion points to risk@1 again\n")
    assert [event.verb for event in store.history("risk", limit=2)] == ["rollback", "promote"]


def test_undo_takes_back_what_was_shown(terminal: Run, store: ModelStore) -> None:
    done = terminal("undo", "risk", answer="y\n")

    assert "champion 1 → 2" in done.err
    assert "Take this back? [y/N] " in done.err
    assert done.err.endswith("took back change 3 of risk\n")
    assert store.get("risk@champion").number == 1


def test_undo_takes_back_nothing_that_was_not_shown(
    terminal: Run, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ModelStore.history

    def meanwhile(self: ModelStore, name: str, *, limit: int | None = None) -> object:
        found = shown(self, name, limit=limit)
        monkeypatch.setattr(ModelStore, "history", shown)
        store.annotate("risk@1", tags={"by": "somebody else"})
        return found

    monkeypatch.setattr(ModelStore, "history", meanwhile)
    assert terminal("undo", "risk", answer="y\n").code == 4
    assert store.get("risk@1").tags["by"] == "somebody else"


def test_undo_passes_over_refusals_however_many(terminal: Run, mstore: Run, store: ModelStore) -> None:
    for _ in range(17):
        mstore("promote", "risk@1", "champion", "--improves", "auc")
    done = terminal("undo", "risk", answer="y\n")

    assert (done.code, store.get("risk@champion").number) == (0, 1)
    assert "refused" not in done.err


def test_the_first_change_of_all_can_be_undone(terminal: Run, mstore: Run) -> None:
    mstore("save", "first", "old.bin", "--alias", "champion")
    done = terminal("undo", "first", answer="y\n")

    assert done.code == 0
    assert "version 1 created" in done.err
    assert ModelStore("./models").get("first@1").deleted


def test_history_names_what_was_undone(mstore: Run, store: ModelStore) -> None:
    assert mstore("undo", "risk", "--yes", "--seq", "3", "--reason", "the wrong one").code == 0
    assert "undo 3" in mstore("history", "risk", "--limit", "1").out


def test_a_store_that_is_only_read_refuses_what_would_write(mstore: Run, store: ModelStore) -> None:
    before = store.history("risk")
    assert mstore("--read-only", "ls").code == 0
    assert mstore("rollback", "risk", "champion", "--read-only").code == 5
    assert mstore("doctor", "--read-only", "--json").document["ok"]
    assert store.history("risk") == before
