"""A folder of model files: each one a version, named by its folder, in the order in which they were written."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.formats.samples import fitted
from tests.importing.trees import dumped

from modelstore_core import InvalidInput, ModelStore
from modelstore_core.formats import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three nights of one model, the last written first by its name; another model; and what is none."""
    home = tmp_path / "pickles"
    put(home, {"risk.churn/3.joblib": dumped(3), "risk.churn/1.joblib": dumped(1), "risk.churn/2.joblib": dumped(2)})
    put(home, {"model.pkl": dumped(9), "README.md": b"# Models", "team/notes.txt": b"notes"})
    for day, name in enumerate(("3.joblib", "1.joblib", "2.joblib")):
        os.utime(home / "risk.churn" / name, (1_700_000_000 + day, 1_700_000_000 + day))
    return home


def put(home: Path, files: Mapping[str, bytes]) -> None:
    for name, body in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(body)


def test_each_file_is_a_version_in_the_order_of_modification(store: ModelStore, folder: Path) -> None:
    done = store.import_from(folder)

    assert [store.load(f"risk.churn@{number}").C for number in (1, 2, 3)] == [3, 1, 2]
    assert store.load("model").C == 9
    assert store.get("risk.churn@1").lineage == {
        "imported_from": "files",
        "origin": "risk.churn/3.joblib",
        "origin_modified_at": "2023-11-14T22:13:20.000000+00:00",
    }
    assert [one.why for one in done.not_kept] == ["they are no model files by their endings: README.md, team/notes.txt"]


def test_a_new_file_and_a_changed_one_are_the_next_versions(store: ModelStore, folder: Path) -> None:
    store.import_from(folder)
    put(folder, {"risk.churn/4.joblib": dumped(4), "risk.churn/1.joblib": dumped(5)})

    done = store.import_from(folder)

    assert done.count("imported") == 2
    assert {store.load(f"risk.churn@{number}").C for number in (4, 5)} == {4, 5}
    assert len(store.versions("risk.churn")) == 5


def test_a_touched_or_moved_file_is_the_same_version(store: ModelStore, folder: Path, tmp_path: Path) -> None:
    store.import_from(folder)
    os.utime(folder / "model.pkl")
    folder.rename(tmp_path / "moved")

    assert store.import_from(tmp_path / "moved").count("imported") == 0


def test_one_file_is_a_source_too(store: ModelStore, folder: Path) -> None:
    done = store.import_from(folder / "model.pkl", prefix="old.")

    assert [(one.origin, one.name) for one in done.versions] == [("model.pkl", "old.model")]


def test_other_formats_are_known_by_their_endings_and_beginnings(store: ModelStore, tmp_path: Path) -> None:
    home = tmp_path / "mixed"
    home.mkdir()
    fitted("catboost_classifier").save_model(str(home / "cat.cbm"))
    fitted("xgb_booster").save_model(str(home / "trees.ubj"))
    fitted("lgbm_booster").save_model(str(home / "light.txt"))
    (home / "net.onnx").write_bytes(fitted("onnx").SerializeToString())
    (home / "weights.safetensors").write_bytes(b"\0" * 8)
    (home / "broken.joblib").write_bytes(b"nothing")

    done = store.import_from(home)

    assert {one.name: one.format for one in done.versions} == {
        "cat": "catboost",
        "trees": "xgboost",
        "light": "lightgbm",
        "net": "onnx",
        "weights": "file",
        "broken": "file",
    }
    assert store.load("trees").num_boosted_rounds() == fitted("xgb_booster").num_boosted_rounds()
    assert store.load("weights").read_bytes() == b"\0" * 8


def test_a_folder_of_mlflows_is_one_version(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "nights/risk/1").mkdir(parents=True)
    write(fitted("logistic"), tmp_path / "nights/risk/1")

    done = store.import_from(tmp_path / "nights")

    assert [(one.origin, one.name, one.format) for one in done.versions] == [("risk/1", "risk", "sklearn")]
    assert type(store.load("risk")) is type(fitted("logistic"))


def test_two_folders_never_become_one_model(store: ModelStore, tmp_path: Path) -> None:
    put(tmp_path / "both", {"team.risk/1.pkl": dumped(1), "team/risk/1.pkl": dumped(2)})

    with pytest.raises(InvalidInput, match="would both become"):
        store.import_from(tmp_path / "both")


def test_an_empty_folder_has_nothing_to_import(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = store.import_from(tmp_path / "empty")

    assert (str(done), done.ok) == ("files: nothing to import", True)
