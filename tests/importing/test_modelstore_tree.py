"""The tree of the library modelstore: everything in it that has a place here is kept, and the rest is reported."""

import shutil
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression
from tests.contract.aws import use_fake_aws
from tests.importing.trees import Tree, dumped

from modelstore_core import InvalidInput, ModelStore
from modelstore_core.testing.s3_server import S3Server


def test_versions_come_in_the_order_in_which_they_were_made(store: ModelStore, tree: Tree) -> None:
    done = store.import_from(tree.root)

    assert [(one.origin, one.state, one.number) for one in done.versions] == [
        ("risk.churn/b", "imported", 1),
        ("risk.churn/a", "imported", 2),
        ("risk.churn/c", "deleted", None),
    ]
    assert (done.kind, done.ok, done.dry_run) == ("modelstore", True, False)


def test_what_the_record_says_is_kept(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)
    first = store.get("risk.churn@1")

    assert first.metrics == {"auc": 0.8}
    assert first.params == {"C": 1}
    assert first.tags == {"modelstore.id": "b", "modelstore.states": "production"}
    assert first.lineage == {
        "imported_from": "modelstore",
        "origin": "risk.churn/b",
        "origin_created_at": "2026-01-01T00:00:00",
        "origin_created_by": "alice",
        "modelstore_version": "0.0.82",
        "model_type": {"library": "sklearn", "type": "LogisticRegression"},
        "python": "3.11.7",
        "dependencies": {"sklearn": "1.9.1"},
        "extra": {"auc": 0.8, "note": "first"},
    }


def test_a_state_is_the_alias_of_its_newest_version_and_a_tag_of_all(store: ModelStore, tree: Tree) -> None:
    done = store.import_from(tree.root)

    assert [one.aliases for one in done.versions] == [(), ("production",), ()]
    assert store.get("risk.churn@production").number == 2
    assert len(store.versions("risk.churn", where="tags.`modelstore.states` LIKE '%production%'")) == 2


def test_the_model_loads_as_the_object_it_was_under_the_listed_names(store: ModelStore, tree: Tree) -> None:
    store.import_from(tree.root)

    loaded = store.load("risk.churn@production")
    assert isinstance(loaded, LogisticRegression)
    assert loaded.C == 2
    assert [file.path for file in store.get("risk.churn@2").files] == ["extra_files/model-info.json", "model.joblib"]


def test_a_tree_that_was_moved_and_one_that_is_named_itself_are_the_same_source(
    store: ModelStore, tree: Tree, tmp_path: Path
) -> None:
    store.import_from(tree.root)
    shutil.move(tree.root, tmp_path / "moved")

    again = store.import_from(tmp_path / "moved/operatorai-model-store")

    assert [one.state for one in again.versions] == ["present", "present", "deleted"]


def test_extra_files_and_models_of_several_files_are_kept(store: ModelStore, tree: Tree) -> None:
    tree.upload("several", "v1", {"transformers/config.json": b"{}", "transformers/model.safetensors": b"w"})
    tree.upload("extras", "v1", {"model.joblib": dumped(1), "extras/notes.txt": b"notes"})
    tree.upload("file", "v1", {"weights.bin": b"w"}, kind={"library": "model_file"})

    store.import_from(tree.root)

    assert store.get("several").format == "folder"
    assert (store.load("several") / "transformers/config.json").read_bytes() == b"{}"
    assert "extra_files/extras/notes.txt" in [file.path for file in store.get("extras").files]
    assert (store.get("file").format, store.load("file").read_bytes()) == ("file", b"w")


def test_a_state_that_is_no_alias_is_kept_in_the_tag_and_reported(store: ModelStore, tree: Tree) -> None:
    tree.state("risk.churn", "a", "in test").state("risk.churn", "a", "v2")

    done = store.import_from(tree.root)

    assert store.get("risk.churn@2").aliases == ("in-test", "production", "was-v2")
    assert store.get("risk.churn@2").tags["modelstore.states"] == "in test, production, v2"
    assert [one.what for one in done.not_kept] == ["state in test", "state v2"]


@pytest.mark.parametrize(("domain", "name"), [("a b", "a b"), ("team/risk", "team.risk"), ("Ünïcode", "Ünïcode")])
def test_domains_become_names(domain: str, name: str, store: ModelStore, tmp_path: Path) -> None:
    store.import_from(Tree(tmp_path / "old").upload(domain, "v1").root, prefix="old.")

    assert [model.name for model in store.models()] == [f"old.{name}"]


def test_a_domain_that_is_no_name_gets_one_that_no_other_has(store: ModelStore, tmp_path: Path) -> None:
    tree = Tree(tmp_path / "old").upload("risk:churn", "v1").upload("risk@churn", "v1")

    done = store.import_from(tree.root)

    names = [model.name for model in store.models()]
    assert len(set(names)) == 2
    assert all(name.startswith("risk-churn--") for name in names)
    assert [one.what for one in done.not_kept] == ["name", "name"]


def test_two_domains_never_become_one_model(store: ModelStore, tmp_path: Path) -> None:
    tree = Tree(tmp_path / "old").upload("team/risk", "v1").upload("team.risk", "v1")

    with pytest.raises(InvalidInput, match=r"'team.risk' and 'team/risk' would both become"):
        store.import_from(tree.root)
    assert not store.models()


def test_metadata_too_large_for_a_record_is_a_file_of_the_version(store: ModelStore, tmp_path: Path) -> None:
    tree = Tree(tmp_path / "old").upload("adam", "v1", data={"moments": list(range(100_000))})
    tree.upload("adam", "v2", day=2, extra={"history": "x" * 200_000})

    done = store.import_from(tree.root)

    assert done.ok
    assert [one.origin for one in done.not_kept] == ["adam/v2"]
    assert "extra_files/import.json" in [file.path for file in store.get("adam@2").files]


def test_a_tree_in_a_bucket_is_read_through_the_same_storages(
    store: ModelStore, tree: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fake_aws(monkeypatch, tmp_path)
    with S3Server(["old"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        bucket = ModelStore("s3://old/models", region="us-east-1").storage
        for path in sorted(tree.root.rglob("*")):
            if path.is_file():
                bucket.put(path.relative_to(tree.root).as_posix(), path.read_bytes())

        done = store.import_from("s3://old/models", region="us-east-1")
        again = store.import_from("s3://old/models", region="us-east-1")

    assert [one.state for one in done.versions] == ["imported", "imported", "deleted"]
    assert [one.state for one in again.versions] == ["present", "present", "deleted"]
    assert store.load("risk.churn@production").C == 2


def test_a_folder_without_the_tree_says_what_was_expected(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidInput, match="holds no models of the library modelstore"):
        store.import_from(tmp_path / "empty", kind="modelstore")
