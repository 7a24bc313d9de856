"""MLflow with what it uses where there is no server: a sqlite file beside a folder or bucket of artifacts."""

import logging
import os

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}

import mlflow
import mlflow.sklearn
from benchmarks.subjects.protocol import Place, Subject

__all__ = ["as_documented", "at_its_best", "connected"]


class _Objects(Subject):
    def __init__(self, place: Place, **options: object) -> None:
        connected(place)
        self._options = options

    def save(self, model: object, name: str) -> object:
        return mlflow.sklearn.log_model(model, name="model", registered_model_name=name, **self._options)

    def load(self, name: str) -> object:
        return mlflow.sklearn.load_model(f"models:/{name}/latest")


def connected(place: Place) -> None:
    """Point MLflow at the place, and keep it from telling what it does."""
    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{place.folder}/mlflow.db")
    if mlflow.get_experiment_by_name("bench") is None:
        artifacts = f"s3://{place.bucket}/mlflow" if place.bucket else (place.folder / "artifacts").as_uri()
        mlflow.create_experiment("bench", artifact_location=artifacts)
    mlflow.set_experiment("bench")


def at_its_best(place: Place) -> Subject:
    """With the two arguments that spare it its minutes: requirements not to be guessed, and the plain pickle."""
    return _Objects(place, pip_requirements=["scikit-learn"], serialization_format="cloudpickle")


def as_documented(place: Place) -> Subject:
    """As its guides call it."""
    return _Objects(place)
