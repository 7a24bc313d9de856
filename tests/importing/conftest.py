"""Stores to import into, and sources that real libraries made, each made once."""

import sys
from pathlib import Path

import pytest
from tests.importing.trees import MLFLOW, Tree, run_python

from modelstore_core import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store", actor="ada")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Three versions of a model, of which two are in production and one is deleted."""
    tree = Tree(tmp_path / "old")
    tree.upload("risk.churn", "b", day=1, extra={"auc": 0.8, "note": "first"}).upload("risk.churn", "a", day=2)
    tree.upload("risk.churn", "c", day=3)
    tree.state("risk.churn", "a", "production").state("risk.churn", "b", "production")
    return tree.delete("risk.churn", "c")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an `mlflow.db` and its `mlruns`, by the MLflow of this environment; not to be changed."""
    folder = tmp_path_factory.mktemp("database")
    run_python(sys.executable, MLFLOW, "sqlite:///mlflow.db", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `mlruns` alone, registry included; not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    run_python(sys.executable, MLFLOW, "./mlruns", cwd=folder)
    return folder
