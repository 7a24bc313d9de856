"""The verbs that look after a store, on the command line."""

from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import ModelStore


@pytest.fixture
def store(home: Path) -> ModelStore:
    return ModelStore(home / "models", actor="ada")


def test_prune_prints_the_versions_that_it_deleted(mstore: Run, risk: str, store: ModelStore) -> None:
    mstore("save", "risk", "old.bin")
    done = mstore("prune", "--keep", "1", "--yes", "--reason", "retention")

    assert (done.code, done.out, done.err) == (0, "risk@2\n", "deleted 1 version\n")
    assert store.history("risk")[0].reason == "retention"


def test_prune_shows_what_it_would_delete_and_asks(terminal: Run, risk: str, store: ModelStore) -> None:
    store.unalias("risk", "champion")
    refused = terminal("prune", "risk", "--keep", "0", answer="n\n")
    assert (refused.code, refused.out, len(store.versions("risk"))) == (130, "", 2)
    assert refused.err.startswith("risk@1: 1 file, 11 B\nrisk@2: 1 file, 12.7 KiB\nDelete 2 versions? [y/N] ")

    assert terminal("prune", "risk", "--keep", "0", answer="y\n").out == "risk@1\nrisk@2\n"
    assert not store.versions("risk")


def test_prune_asks_nothing_where_nothing_is_to_delete(terminal: Run, risk: str) -> None:
    done = terminal("prune", "risk", "--older-than", "90d")
    assert (done.code, done.out, done.err) == (0, "", "deleted 0 versions\n")


def test_prune_by_number_and_age_with_a_key(mstore: Run, risk: str, store: ModelStore) -> None:
    words = ("prune", "risk", "--keep", "0", "--older-than", "0", "--yes", "--key", "tonight", "--json")
    assert [one["ref"] for one in mstore(*words).document] == ["risk@2"]
    store.restore("risk@2")
    assert [one["deleted"] for one in mstore(*words).document] == [False]


@pytest.mark.parametrize("words", [("prune", "risk", "--keep", "1"), ("collect",), ("collect", "risk", "--json")])
def test_nothing_goes_without_a_yes(mstore: Run, risk: str, words: tuple[str, ...]) -> None:
    done = mstore(*words)
    assert done.code == 2
    assert "Pass --yes, or look with --dry-run." in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("prune", "risk", "--yes"), "Nothing says which versions to keep."),
        (("prune", "risk", "--keep", "-1", "--yes"), "keep=-1 is no count."),
        (("prune", "risk", "--older-than", "3", "--yes"), "--older-than '3' is no span of time."),
        (("collect", "--older-than", "tomorrow", "--yes"), "--older-than 'tomorrow' is no span of time."),
        (("collect", "--older-than", "9999999999d", "--yes"), "--older-than '9999999999d' is beyond all time."),
    ],
)
def test_what_cannot_be_understood_changes_nothing(
    mstore: Run, risk: str, store: ModelStore, words: tuple[str, ...], complaint: str
) -> None:
    done = mstore(*words)
    assert (done.code, len(store.versions("risk"))) == (2, 2)
    assert done.err.startswith(f"mstore: {complaint}")


@pytest.mark.parametrize("span", ["0", "0s", "0.0h", "0m", "0d", "0w"])
def test_collect_says_what_it_removed(mstore: Run, risk: str, store: ModelStore, span: str) -> None:
    store.delete("risk@2")
    dry = mstore("collect", "--older-than", span, "--dry-run", "--json")
    done = mstore("collect", "--older-than", span, "--yes", "--json")

    assert [(one["kind"], one["number"], one["bytes"]) for one in done.document["removed"]] == [("purged", 2, 13_000)]
    assert (dry.document["dry_run"], dry.document["objects"]) == (True, done.document["objects"])
    assert mstore("collect", "risk", "--yes").err == "nothing to remove\n"


def test_collect_shows_what_it_would_remove_and_asks(terminal: Run, risk: str, store: ModelStore) -> None:
    store.delete("risk@2")
    refused = terminal("collect", "--older-than", "0", answer="\n")
    assert (refused.code, refused.out, store.restore("risk@2").deleted) == (130, "", False)
    assert refused.err.startswith("would remove 1 object, 12.7 KiB\nRemove them for good? [y/N] ")
    store.delete("risk@2")

    done = terminal("collect", "--older-than", "0", answer="yes\n")
    assert done.out.splitlines()[0].split() == ["model", "kind", "number", "objects", "size", "age", "id"]
    assert done.err.endswith("removed 1 object, 12.7 KiB\n")


def test_collect_asks_nothing_where_nothing_is_to_remove(terminal: Run, risk: str) -> None:
    assert terminal("collect").err == "nothing to remove\n"


def test_collect_leaves_what_is_younger_than_a_day(mstore: Run, risk: str, store: ModelStore) -> None:
    store.delete("risk@2")
    assert mstore("collect", "--yes").err == "nothing to remove\n"
    assert not store.get("risk@2").purged


def test_collect_names_models_without_a_commit(mstore: Run, risk: str, store: ModelStore) -> None:
    store.storage.put("heads/fresh.json", b'{"model":"fresh","nonce":"","op":"","seq":0}\n')

    done = mstore("collect", "--yes")
    assert done.err == "nothing to remove; without a commit yet, so left alone: fresh\n"


def test_an_unknown_model_is_not_collected(mstore: Run, risk: str) -> None:
    assert mstore("collect", "churn", "--yes").code == 3


def test_maintain_says_what_it_did(mstore: Run, risk: str, store: ModelStore) -> None:
    for step in range(70):
        store.annotate("risk@1", metrics={"step": step})
    store.storage.delete([info.key for info in store.storage.list("models/risk/blocks/")])
    done = mstore("maintain", "--json").document
    again = mstore("maintain", "risk")

    assert [(one["name"], one["versions"], one["blocks"], one["removed"]) for one in done] == [("risk", 2, 2, 0)]
    assert again.out.split() == [*done[0], "risk", str(done[0]["commits"]), "2", "0", "0", "0"]
    assert mstore("maintain", "churn").code == 3


def test_a_store_without_models_has_nothing_to_maintain(mstore: Run) -> None:
    done = mstore("maintain")

    assert (done.code, done.out, done.err.startswith("no models in ")) == (0, "", True)
