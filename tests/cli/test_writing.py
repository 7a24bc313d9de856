"""Verbs that change a store: what they do, what they print where."""

import json
from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import ModelStore


@pytest.fixture
def store(home: Path) -> ModelStore:
    return ModelStore("./models")


def test_save_prints_the_reference_and_says_what_it_did(mstore: Run) -> None:
    done = mstore("save", "risk", "old.bin")
    assert (done.code, done.out, done.err) == (0, "risk@1\n", "saved as risk@1: 1 file, 11 B\n")


def test_save_records_all_that_it_is_told(mstore: Run, store: ModelStore) -> None:
    mstore(
        *("save", "risk", "old.bin", "--metric", "auc=.93", "--metric", "n=7", "--param", "C=0.1"),
        *("--param", "solver=lbfgs", "--tag", "team=risk", "--lineage", "run=1234e5", "--alias", "a", "--alias", "b"),
        *("--description", "the first", "--key", "run/train", "--attempt", "2"),
    )
    version = store.get("risk")
    assert version.metrics == {"auc": 0.93, "n": 7}
    assert version.params == {"C": 0.1, "solver": "lbfgs"}
    assert (version.tags, version.lineage) == ({"team": "risk"}, {"run": "1234e5"})
    assert (version.aliases, version.description) == (("a", "b"), "the first")
    assert (version.key, version.attempt, version.created_by) == ("run/train", 2, "ada")


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", 0.1), ("true", True), ("[1, 2]", [1, 2]), ('"3"', "3"), ("NaN", "NaN"), ("a=b", "a=b")]
)
def test_a_param_is_json_where_it_is_json_and_else_text(
    mstore: Run, store: ModelStore, text: str, value: object
) -> None:
    mstore("save", "risk", "old.bin", "--param", f"p={text}")
    assert store.get("risk").params == {"p": value}


def test_save_takes_a_folder_with_all_its_files(mstore: Run, store: ModelStore, home: Path) -> None:
    (home / "model" / "deep").mkdir(parents=True)
    (home / "model" / "MLmodel").write_text("flavors: {}")
    (home / "model" / "deep" / "weights").write_text("w")
    assert mstore("save", "risk", "model").err == "saved as risk@1: 2 files, 12 B\n"
    assert [file.path for file in store.get("risk").files] == ["MLmodel", "deep/weights"]


def test_saving_again_under_a_key_says_what_it_replaces(mstore: Run) -> None:
    first = mstore("save", "risk", "old.bin", "--key", "k")
    again = mstore("save", "risk", "old.bin", "--key", "k")
    other = mstore("save", "risk", "new.bin", "--key", "k", "--attempt", "1")
    assert (first.out, again.out, other.out) == ("risk@1\n", "risk@1\n", "risk@2\n")
    assert other.err == "saved as risk@2: 1 file, 12.7 KiB, in place of version 1\n"


def test_promote_moves_an_alias(mstore: Run, risk: str, store: ModelStore) -> None:
    done = mstore("promote", "risk@2", "champion", "--expect", "1", "--reason", "better")
    assert (done.code, done.out, done.err) == (0, "risk@2\n", "champion points to risk@2\n")
    assert store.history("risk", limit=1)[0].reason == "better"


def test_promote_expects_what_it_is_told_to(mstore: Run, risk: str) -> None:
    assert mstore("promote", "risk@2", "champion", "--expect", "none").code == 4
    assert mstore("promote", "risk@2", "champion", "--expect", "2").code == 4
    assert mstore("promote", "risk@2", "shadow", "--expect", "none").code == 0


def test_a_promotion_that_passes_its_gates_says_so(mstore: Run, risk: str) -> None:
    done = mstore("promote", "risk@2", "champion", "--at-least", "auc=.9", "--improves", "auc=.01")
    assert (done.code, done.err) == (0, "champion points to risk@2, 2 gates passed\n")


@pytest.mark.parametrize("gate", [("--at-least", "auc=.95"), ("--improves", "auc=.1"), ("--reduces", "auc")])
def test_a_gate_refuses_with_the_numbers_of_both_sides(
    mstore: Run, risk: str, store: ModelStore, gate: tuple[str, str]
) -> None:
    done = mstore("promote", "risk@2", "champion", *gate)
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1].startswith("mstore: risk@2 was not promoted to 'champion': risk@2 has auc = 0.93")
    assert store.get("risk@champion").number == 1


def test_rollback_and_unalias(mstore: Run, risk: str, store: ModelStore) -> None:
    mstore("promote", "risk@2", "champion")
    back = mstore("rollback", "risk", "champion", "--reason", "alerts")
    gone = mstore("unalias", "risk", "champion")
    assert (back.out, back.err) == ("risk@1\n", "champion points to risk@1 again\n")
    assert (gone.out, gone.err) == ("risk@1\n", "champion is removed; it pointed to risk@1\n")
    assert store.get("risk@1").aliases == ()


def test_annotate_sets_and_removes(mstore: Run, risk: str, store: ModelStore) -> None:
    done = mstore(
        *("annotate", "risk@2", "--metric", "f1=.5", "--remove-metric", "loss", "--tag", "by=eve"),
        *("--description", "even more data"),
    )
    version = store.get("risk@2")
    assert (done.out, done.err) == ("risk@2\n", "annotated risk@2\n")
    assert (version.metrics, version.tags) == ({"auc": 0.93, "f1": 0.5}, {"by": "eve"})
    assert version.description == "even more data"


def test_annotate_removes_a_tag(mstore: Run, risk: str, store: ModelStore) -> None:
    mstore("annotate", "risk@1", "--remove-tag", "team")
    assert store.get("risk@1").tags == {}


def test_rm_and_restore(mstore: Run, risk: str, store: ModelStore) -> None:
    gone = mstore("rm", "risk@2", "--yes", "--reason", "leak")
    assert (gone.code, gone.out) == (0, "risk@2\n")
    assert gone.err == "deleted risk@2: `mstore restore risk@2` brings it back until its files are collected\n"
    assert store.get("risk@2").deleted
    back = mstore("restore", "risk@2")
    assert (back.out, back.err, store.get("risk@2").deleted) == ("risk@2\n", "restored risk@2\n", False)


def test_rm_needs_yes_where_nobody_can_be_asked(mstore: Run, risk: str, store: ModelStore) -> None:
    done = mstore("rm", "risk@2")
    assert (done.code, done.err) == (2, "mstore: Nobody is here to confirm that risk@2 is to be deleted. Pass --yes.\n")
    assert not store.get("risk@2").deleted


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yess\n"])
def test_rm_asks_on_a_terminal_and_anything_but_yes_is_no(
    terminal: Run, risk: str, store: ModelStore, answer: str
) -> None:
    done = terminal("rm", "risk@2", answer=answer)
    assert (done.code, done.out) == (130, "")
    assert done.err.startswith("Delete risk@2 (1 file, 12.7 KiB)? [y/N] ")
    assert done.err.endswith("mstore: Nothing was deleted.\n")
    assert not store.get("risk@2").deleted


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_rm_deletes_after_a_yes(terminal: Run, risk: str, store: ModelStore, answer: str) -> None:
    assert terminal("rm", "risk@2", answer=answer).code == 0
    assert store.get("risk@2").deleted


def test_rm_by_alias_names_the_version_and_the_aliases_that_go_too(terminal: Run, risk: str) -> None:
    done = terminal("rm", "risk@champion", "--force", answer="y\n")
    assert done.err.startswith("Delete risk@1 (1 file, 11 B) and its aliases champion? [y/N] ")
    assert done.out == "risk@1\n"


def test_rm_of_what_an_alias_points_to_needs_force(mstore: Run, risk: str) -> None:
    assert mstore("rm", "risk@1", "--yes").code == 4
    assert mstore("rm", "risk@1", "--yes", "--force").code == 0


@pytest.mark.parametrize("ref", ["risk", "models:/risk/latest"])
def test_rm_never_guesses_the_version(mstore: Run, risk: str, store: ModelStore, ref: str) -> None:
    done = mstore("rm", ref, "--yes")
    assert (done.code, len(store.versions("risk"))) == (2, 2)
    assert "`mstore ls risk` lists them" in done.err


def test_json_never_asks(terminal: Run, risk: str) -> None:
    assert terminal("rm", "risk@2", "--json", answer="y\n").code == 2


def test_writing_verbs_are_idempotent_under_a_key(mstore: Run, risk: str, store: ModelStore) -> None:
    for words in (
        ("promote", "risk@2", "champion"),
        ("rollback", "risk", "champion"),
        ("annotate", "risk@1", "--tag", "a=1"),
        ("unalias", "risk", "champion"),
        ("rm", "risk@1", "--yes"),
        ("restore", "risk@1"),
    ):
        first = mstore(*words, "--key", words[0])
        events = store.history("risk")
        assert (first.code, mstore(*words, "--key", words[0])) == (0, first)
        assert store.history("risk") == events


@pytest.mark.parametrize(
    "words",
    [
        ("promote", "risk@2", "champion"),
        ("rollback", "risk", "champion"),
        ("annotate", "risk@1", "--tag", "a=1"),
        ("unalias", "risk", "champion"),
        ("rm", "risk@1", "--yes", "--force"),
        ("restore", "risk@1"),
        ("save", "risk", "old.bin"),
    ],
)
def test_every_writing_verb_answers_with_the_version(mstore: Run, risk: str, words: tuple[str, ...]) -> None:
    mstore("promote", "risk@2", "champion")
    done = mstore(*words, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.document["ref"] == f"risk@{done.document['number']}"


def test_the_actor_is_the_options_then_the_environments(mstore: Run, store: ModelStore) -> None:
    mstore("save", "risk", "old.bin", "--actor", "eve")
    mstore("save", "risk", "old.bin")
    assert [version.created_by for version in store.versions("risk")] == ["ada", "eve"]


def test_a_refused_command_leaves_no_trace(mstore: Run, home: Path) -> None:
    done = mstore("save", "risk", "old.bin", "--metric", "auc=high", "--json")
    assert (done.code, done.out, json.loads(done.err)["error"]) == (2, "", "invalid_input")
    assert not (home / "models").exists()
