"""Stores that released libraries made, each in an environment of its own: the layouts are theirs, not ours."""

import venv
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression
from tests.importing.trees import MLFLOW, run_python

from modelstore_core import ModelStore

pytestmark = pytest.mark.slow

MODELSTORE = ("modelstore==0.0.82", "scikit-learn")
OLD_MLFLOW = ("mlflow-skinny==2.22.1", "sqlalchemy<2.1", "alembic", "scikit-learn", "numpy<2.3", "pandas<3")

UPLOADS = """
import sys
from pathlib import Path
from modelstore import ModelStore
from sklearn.linear_model import LogisticRegression

store = ModelStore.from_file_system(sys.argv[1], create_directory=True)
rows, truth = [[0.0], [1.0]], [0, 1]
Path("notes.txt").write_text("notes")
store.upload("risk.churn", "v1", model=LogisticRegression(C=1).fit(rows, truth), extra_metadata={"auc": 0.8})
store.upload("risk.churn", "v2", model=LogisticRegression(C=2).fit(rows, truth), extra_files="notes.txt")
store.upload("risk.churn", "v3", model=LogisticRegression(C=3).fit(rows, truth))
store.upload("a file", "f1", model=str(Path("notes.txt").absolute()))
store.create_model_state("production")
store.set_model_state("risk.churn", "v1", "production")
store.set_model_state("risk.churn", "v2", "production")
store.delete_model("risk.churn", "v3", skip_prompt=True)
"""


def environment(folder: Path, *packages: str) -> str:
    """The Python of a fresh environment with these packages."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin/python")
    install = "import runpy, sys; sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')"
    run_python(python, install, "install", "--quiet", "--disable-pip-version-check", *packages, cwd=folder)
    return python


@pytest.mark.timeout(900)
def test_what_the_library_modelstore_stored_is_imported(store: ModelStore, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", *MODELSTORE)
    run_python(python, UPLOADS, str(tmp_path / "old"), cwd=tmp_path)

    done = store.import_from(tmp_path / "old")

    assert [(one.origin, one.state) for one in done.versions] == [
        ("a file/f1", "imported"),
        ("risk.churn/v1", "imported"),
        ("risk.churn/v2", "imported"),
        ("risk.churn/v3", "deleted"),
    ]
    loaded = store.load("risk.churn@production")
    assert isinstance(loaded, LogisticRegression)
    assert loaded.C == 2
    assert store.get("risk.churn@1").metrics == {"auc": 0.8}
    assert store.load("a file").read_text() == "notes"


@pytest.fixture(scope="module")
def old_mlflow(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("mlflow") / "venv", *OLD_MLFLOW)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "./mlruns"])
def test_what_an_mlflow_of_the_second_line_stored_is_imported(
    uri: str, old_mlflow: str, store: ModelStore, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    run_python(old_mlflow, MLFLOW, uri, cwd=tmp_path / "old")

    done = store.import_from(tmp_path / "old")

    assert done.ok, done
    assert done.count("imported") == 4
    assert store.load("risk.churn@champion").C == 2
    assert store.get("risk.churn@1").aliases == ("Production",)
    assert store.get("risk.churn@2").metrics["gini"] == 0.2
