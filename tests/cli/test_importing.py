"""`mstore import`: what it would do, what it did, and how it ends."""

from pathlib import Path

import pytest
from tests.cli.commands import Run
from tests.importing.trees import Tree

from modelstore_core import ModelStore


@pytest.fixture
def tree(home: Path) -> Tree:
    return Tree(home / "old").upload("risk", "a", day=1).upload("risk", "b", day=2).state("risk", "b", "production")


def test_a_dry_run_an_import_and_another_say_what_they_did(mstore: Run, tree: Tree) -> None:
    tried = mstore("import", str(tree.root), "--dry-run")
    done = mstore("import", str(tree.root))
    again = mstore("import", str(tree.root))

    assert tried.out == done.out
    assert done.out.splitlines()[-1].split() == ["risk/b", "imported", "risk", "2", "production", "joblib"]
    assert (tried.err, tried.code) == ("modelstore: 2 would be imported\n", 0)
    assert (done.err, done.code) == ("modelstore: 2 imported\n", 0)
    assert (again.err, again.code) == ("modelstore: 2 here already\n", 0)
    assert ModelStore("./models").get("risk@production").number == 2


def test_a_version_that_was_left_out_ends_in_a_code_of_its_own(mstore: Run, tree: Tree) -> None:
    next(tree.home.glob("risk/2026*/a/artifacts.tar.gz")).write_bytes(b"")

    done = mstore("import", str(tree.root))

    assert done.code == 10
    assert "left out" in done.out
    assert done.err == "modelstore: 1 imported, 1 left out\n"


def test_the_report_is_json(mstore: Run, tree: Tree) -> None:
    done = mstore("import", str(tree.root), "--prefix", "old.", "--json").document

    assert (done["kind"], done["dry_run"], done["not_kept"]) == ("modelstore", False, [])
    assert [(one["origin"], one["name"], one["number"], one["state"]) for one in done["versions"]] == [
        ("risk/a", "old.risk", 1, "imported"),
        ("risk/b", "old.risk", 2, "imported"),
    ]


def test_a_source_that_is_none_is_an_error(mstore: Run, tree: Tree) -> None:
    assert mstore("import", "nowhere").code == 5
    assert mstore("import", str(tree.root), "--kind", "mlflow").code == 2
    assert mstore("import", str(tree.root), "--kind", "zenml").code == 2
    assert mstore("import", str(tree.root), "--source-option", "progress=true").code == 2


def test_a_narrow_terminal_says_what_it_had_no_room_for(terminal: Run, tree: Tree) -> None:
    done = terminal("import", str(tree.root), width=40)

    assert all(len(line) <= 40 for line in done.out.splitlines())
    assert "no room for" in done.err
