"""MLflow's registries, made by MLflow itself: numbers, aliases, stages, tags, and what the runs say."""

import math
import shutil
import sqlite3
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from modelstore_core import InvalidInput, ModelStore, StorageMissing


@pytest.fixture(params=["database", "runs"])
def registry(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture
def copied(registry: Path, tmp_path: Path) -> Path:
    """The registry, moved to where no path in it leads."""
    shutil.copytree(registry, tmp_path / "copied")
    return tmp_path / "copied"


def test_versions_keep_their_numbers_aliases_stages_tags_and_descriptions(store: ModelStore, registry: Path) -> None:
    done = store.import_from(registry)
    second = store.get("risk.churn@2")

    assert (done.kind, done.ok) == ("mlflow", True)
    assert [(v.number, v.aliases) for v in store.versions("risk.churn")] == [
        (3, ()),
        (2, ("champion",)),
        (1, ("Production",)),
    ]
    assert (second.description, second.tags) == ("second", {"mlflow.version": "2", "ok": "yes"})
    assert store.get("risk.churn@1").tags == {"mlflow.stage": "Production", "mlflow.version": "1"}


def test_what_the_run_measured_is_the_versions(store: ModelStore, registry: Path) -> None:
    store.import_from(registry)
    second = store.get("risk.churn@2")

    assert (second.metrics["auc"], second.metrics["gini"]) == (0.5, 0.2)
    assert math.isnan(second.metrics["loss"])
    assert second.params == {"C": "2"}
    assert second.lineage["imported_from"] == "mlflow"
    assert second.lineage["experiment"] == "churn"
    assert second.lineage["run_tags"] == {"team": "risk"}
    assert len(str(second.lineage["run_id"])) == 32


def test_what_is_said_of_the_model_as_a_whole_is_kept(store: ModelStore, registry: Path) -> None:
    done = store.import_from(registry)
    about = {model.name: model for model in store.models()}

    assert (about["risk.churn"].description, about["risk.churn"].tags) == ("who leaves", {"owner": "ada"})
    assert sorted(about) == ["copied one", "risk.churn"]
    assert [(one.origin, one.what) for one in done.not_kept] == [("a-prompt", "prompt")]


def test_the_models_load_as_the_objects_they_were(store: ModelStore, registry: Path) -> None:
    store.import_from(registry)

    loaded = store.load("risk.churn@champion")
    assert isinstance(loaded, LogisticRegression)
    assert loaded.C == 2
    assert store.get("risk.churn@champion").format == "sklearn"
    assert store.load("copied one").C == 2
    assert list(store.load("risk.churn@3", as_="pyfunc").predict([[1.0]])) == [1]


def test_a_registry_that_was_moved_finds_its_files(store: ModelStore, copied: Path, registry: Path) -> None:
    first = store.import_from(copied)
    again = store.import_from(registry)

    assert first.count("imported") == 4
    assert again.count("present") == 4


def test_artifacts_elsewhere_are_found_where_the_caller_says_and_nowhere_else(
    store: ModelStore, database: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(database, copied)
    shutil.move(copied / "mlruns", tmp_path / "elsewhere")

    without = store.import_from(copied / "mlflow.db", dry_run=True)
    done = store.import_from(copied / "mlflow.db", artifacts=tmp_path / "elsewhere")

    assert without.count("left out") == 4
    assert "name their folder or bucket by artifacts=" in without.versions[0].why
    assert done.count("imported") == 4


def test_gaps_of_deleted_versions_close_and_the_tag_has_mlflows_number(store: ModelStore, copied: Path) -> None:
    drop_version(copied, 1)

    done = store.import_from(copied)

    assert [(one.origin, one.state, one.number) for one in done.versions if one.name == "risk.churn"] == [
        ("models:/risk.churn/1", "deleted", None),
        ("models:/risk.churn/2", "imported", 1),
        ("models:/risk.churn/3", "imported", 2),
    ]
    assert [v.number for v in store.versions("risk.churn", where="tags.`mlflow.version` = '2'")] == [1]
    assert store.get("risk.churn@champion").number == 1
    assert ("risk.churn", "numbers") in [(one.origin, one.what) for one in done.not_kept]


def drop_version(folder: Path, number: int) -> None:
    """As MLflow deletes."""
    if (folder / "mlflow.db").exists():
        with sqlite3.connect(folder / "mlflow.db") as db:
            db.execute("UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = ?", (number,))
        db.close()
        return
    meta = next(folder.glob(f"mlruns/models/risk.churn/version-{number}/meta.yaml"))
    meta.write_text(meta.read_text().replace("current_stage: Production", "current_stage: Deleted_Internal"))


def test_a_run_that_is_gone_is_reported_and_its_version_kept(store: ModelStore, copied: Path) -> None:
    if (copied / "mlflow.db").exists():
        with sqlite3.connect(copied / "mlflow.db") as db:
            db.execute("DELETE FROM runs")
        db.close()
    else:
        for meta in copied.glob("mlruns/*/*/meta.yaml"):
            if len(meta.parent.name) == 32:
                meta.unlink()

    done = store.import_from(copied)

    assert done.ok
    assert [one.what for one in done.not_kept if one.origin.startswith("models:/risk.churn/")] == ["run"] * 3


@pytest.mark.parametrize("lost", ["registered_model_aliases", "logged_models", "latest_metrics", "model_version_tags"])
def test_a_table_that_another_release_lacks_is_done_without(
    lost: str, store: ModelStore, database: Path, tmp_path: Path
) -> None:
    shutil.copytree(database, tmp_path / "copied")
    with sqlite3.connect(tmp_path / "copied/mlflow.db") as db:
        db.execute(f"ALTER TABLE {lost} RENAME TO was_{lost}")
    db.close()

    done = store.import_from(tmp_path / "copied")

    assert done.count("imported") == 4


def test_a_database_without_a_registry_is_refused_in_words(store: ModelStore, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE model_versions (name TEXT, version INTEGER)")
    db.close()

    with pytest.raises(InvalidInput, match=r"no table model_versions and no table registered_models"):
        store.import_from(tmp_path / "other.db")


@pytest.mark.parametrize("body", [b"SQLite format 3\0" + b"x" * 4000, b"", b"no database"])
def test_a_file_that_is_no_database_is_refused(body: bytes, store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(body)

    with pytest.raises(InvalidInput, match=r"mlflow\.db"):
        store.import_from(tmp_path / "mlflow.db")
    assert not store.models()


def test_the_database_is_not_written(store: ModelStore, database: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in database.iterdir())

    store.import_from(f"sqlite:///{database}/mlflow.db")

    assert sorted((path.name, path.stat().st_mtime_ns) for path in database.iterdir()) == before


def test_a_source_that_is_not_there_is_missing(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(StorageMissing, match="There is no"):
        store.import_from(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="has no registry of MLflow's"):
        store.import_from(tmp_path, kind="mlflow")
    with pytest.raises(InvalidInput, match="kind='zenml' is unknown"):
        store.import_from(tmp_path, kind="zenml")  # type: ignore[arg-type]
