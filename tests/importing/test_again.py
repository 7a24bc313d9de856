"""An import made again, cut, tried, or done beside what is there already."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.importing.trees import Tree

from modelstore_core import InvalidInput, ModelStore, StoreReadOnly


def test_a_second_import_commits_nothing_and_says_so(store: ModelStore, tree: Tree) -> None:
    first = store.import_from(tree.root)
    events = len(store.history("risk.churn"))

    again = store.import_from(tree.root)

    assert first.summary() == "modelstore: 2 imported, 1 deleted at the source"
    assert again.summary() == "modelstore: 2 here already, 1 deleted at the source"
    assert [one.number for one in again.versions] == [one.number for one in first.versions]
    assert len(store.history("risk.churn")) == events


def test_a_dry_run_says_what_an_import_then_does_and_writes_nothing(
    store: ModelStore, tree: Tree, tmp_path: Path
) -> None:
    tree.upload("broken", "v1", {"model.joblib": b""})
    next(tree.home.glob("broken/2026*/v1/artifacts.tar.gz")).write_bytes(b"no archive")

    tried = store.import_from(tree.root, dry_run=True)

    assert not (tmp_path / "store").exists()
    done = store.import_from(tree.root)
    assert (tried.versions, tried.not_kept) == (done.versions, done.not_kept)
    assert tried.summary().startswith("modelstore: 2 would be imported, 1 left out")


def test_what_was_deleted_here_since_stays_deleted(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)
    store.delete("risk.churn@1")

    again = store.import_from(tree.root)

    assert [v.number for v in store.versions("risk.churn")] == [2]
    assert (again.versions[0].state, again.versions[0].why) == ("present", "deleted here since")


def test_an_alias_that_was_moved_here_stays_where_it_is(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)
    store.promote("risk.churn@1", "production")

    again = store.import_from(tree.root)

    assert store.get("risk.churn@production").number == 1
    assert [one.why for one in again.not_kept] == ["it points to version 1 here, not to 2"]


def test_an_alias_that_was_removed_here_stays_removed(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)
    store.unalias("risk.churn", "production")

    store.import_from(tree.root)

    assert store.get("risk.churn@2").aliases == ()


def test_what_the_source_has_got_since_is_added(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)
    tree.upload("risk.churn", "d", day=9)

    again = store.import_from(tree.root)

    assert [(one.origin, one.state, one.number) for one in again.versions][-1] == ("risk.churn/d", "imported", 3)


def test_versions_of_ones_own_are_continued(store: ModelStore, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "own.bin").write_bytes(b"own")
    store.save(tmp_path / "own.bin", "risk.churn")

    tried = store.import_from(tree.root, dry_run=True)
    done = store.import_from(tree.root)

    assert [one.number for one in done.versions] == [2, 3, None]
    assert tried.versions == done.versions


KILLED = """
import os, signal, sys
from modelstore_core import ModelStore
from modelstore_core.storage.local import LocalStorage

left, create = int(sys.argv[3]), LocalStorage.create

def creates(self, key, body):
    global left
    if "/log/" in key:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
    return create(self, key, body)

LocalStorage.create = creates
ModelStore(sys.argv[1], actor="ada").import_from(sys.argv[2])
"""


@pytest.mark.parametrize("commit", [1, 2, 3])
def test_an_import_that_was_killed_is_taken_up_without_a_double(commit: int, tree: Tree, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store"), str(tree.root), str(commit)]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": "core"}, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL

    store = ModelStore(tmp_path / "store", actor="ada")
    done = store.import_from(tree.root)

    assert (done.count("present"), done.count("imported")) == (commit - 1, 3 - commit)
    assert [v.number for v in store.versions("risk.churn", deleted=True)] == [2, 1]
    assert store.get("risk.churn@production").number == 2
    assert store.verify(read_data=True).ok


def test_a_store_that_is_read_only_takes_a_dry_run_and_no_import(tree: Tree, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", read_only=True)

    assert store.import_from(tree.root, dry_run=True).count("imported") == 2
    with pytest.raises(StoreReadOnly):
        store.import_from(tree.root)


def test_a_prefix_that_makes_no_names_is_refused(store: ModelStore, tree: Tree) -> None:
    with pytest.raises(InvalidInput, match="contains '/'"):
        store.import_from(tree.root, prefix="a/b")
    with pytest.raises(InvalidInput, match="is not text"):
        store.import_from(tree.root, prefix=3)  # type: ignore[arg-type]


def test_the_report_is_a_table_a_frame_and_html(store: ModelStore, tree: Tree) -> None:
    done = store.import_from(tree.root)

    assert list(done.to_pandas()["state"]) == ["imported", "imported", "deleted"]
    assert re.search(r"risk.churn/a +imported +risk.churn +2 +production", str(done))
    assert ">risk.churn/a</td>" in done._repr_html_()
