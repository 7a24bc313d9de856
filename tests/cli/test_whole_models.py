"""Verbs on a model as a whole: what they do, what they print where, and whom they ask."""

from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import ModelDeleted, ModelMoved, ModelStore


@pytest.fixture
def store(home: Path) -> ModelStore:
    return ModelStore("./models")


def test_describe_changes_what_it_is_told_and_shows_the_rest(mstore: Run, risk: str, store: ModelStore) -> None:
    done = mstore("describe", "risk", "--description", "Churn", "--owner", "ada", "--tag", "a=1", "--tag", "b=2")
    assert (done.code, done.err) == (0, "described risk\n")
    mstore("describe", "risk", "--remove-tag", "a", "--description=")
    shown = mstore("describe", "risk")

    assert (store.model("risk").owner, dict(store.model("risk").tags)) == ("ada", {"b": "2"})
    assert [line.split() for line in shown.out.splitlines()[-2:]] == [["owner", "ada"], ["tags.b", "2"]]
    assert shown.err == ""
    assert mstore("describe", "risk", "--json").document["owner"] == "ada"


def test_a_tag_is_not_set_and_removed_in_one_command(mstore: Run, risk: str) -> None:
    assert mstore("describe", "risk", "--tag", "a=1", "--remove-tag", "a").code == 2


def test_what_is_said_of_models_has_columns_in_their_listing(mstore: Run, risk: str) -> None:
    assert "owner" not in mstore("ls").out
    mstore("describe", "risk", "--owner", "ada")
    assert mstore("ls").out.splitlines()[0].split()[-1] == "owner"


def test_rm_model_and_restore_model(mstore: Run, risk: str, store: ModelStore) -> None:
    gone = mstore("rm-model", "risk", "--yes", "--reason", "a trial")
    assert (gone.code, gone.out) == (0, "risk\n")
    assert gone.err == "deleted risk: `mstore restore-model risk` brings it back until its files are collected\n"
    assert mstore("show", "risk").code == 4
    assert mstore("ls").out == ""
    assert "deleted" in mstore("ls", "--all").out
    back = mstore("restore-model", "risk")
    assert (back.out, back.err) == ("risk\n", "restored risk with 2 versions\n")
    assert store.history("risk")[1].reason == "a trial"


def test_rename(mstore: Run, risk: str, store: ModelStore) -> None:
    done = mstore("rename", "risk", "new", "--yes", "--reason", "better")
    assert (done.code, done.out, done.err) == (0, "new\n", "risk is new now, with 2 versions\n")
    with pytest.raises(ModelMoved):
        store.get("risk")
    assert mstore("show", "risk", "--json").error["to"] == "new"


@pytest.mark.parametrize("words", [("rm-model", "risk"), ("rename", "risk", "new")])
def test_both_need_yes_where_nobody_can_be_asked(mstore: Run, risk: str, store: ModelStore, words: list[str]) -> None:
    done = mstore(*words)
    assert done.code == 2
    assert done.err.startswith("mstore: Nobody is here to confirm that risk is to be ")
    assert store.get("risk").number == 2


@pytest.mark.parametrize("words", [("rm-model", "risk"), ("rename", "risk", "new")])
@pytest.mark.parametrize("answer", ["", "n\n"])
def test_anything_but_yes_is_no(terminal: Run, risk: str, store: ModelStore, words: list[str], answer: str) -> None:
    done = terminal(*words, answer=answer)
    assert (done.code, done.out) == (130, "")
    assert done.err.endswith("mstore: Nothing was changed.\n")
    assert store.get("risk").number == 2


def test_rm_model_says_what_goes_before_it_asks(terminal: Run, risk: str, store: ModelStore) -> None:
    done = terminal("rm-model", "risk", answer="y\n")
    assert done.err.startswith("Delete risk with 2 versions and its aliases champion? [y/N] ")
    with pytest.raises(ModelDeleted):
        store.get("risk")


def test_rename_asks_before_it_is_for_good(terminal: Run, risk: str, store: ModelStore) -> None:
    assert terminal("rename", "risk", "new", answer="yes\n").err.startswith("Rename risk to new, for good? [y/N] ")
    assert store.get("new").number == 2
