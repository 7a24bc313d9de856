"""The same models and versions in a store of ours and in MLflow's registry in SQLite, each asked in its own way."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from modelstore_core import ModelStore, ModelSummary, ModelVersion
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import StillClock, store_over

__all__ = ["KEYS", "NAMES", "VALUES", "Twins", "twins"]

NAMES = ["risk.churn", "Risk.Churn", "risk_churn", "fraud", "10", "9", "a model of ours", "ünder", "it's", "100%"]
KEYS = ["team", "stage", "a.b", "odd key", "order", "1st", "Ünit"]
VALUES = [
    "risk",
    "Risk",
    "RISK",
    "ads",
    "",
    "10",
    "9",
    "it's",
    'say "so"',
    "100%",
    "a_b",
    "a\\b",
    "x\ny",
    "é",
    "É",
    "風",
]


def _ticking() -> Iterator[datetime]:
    for seconds in count():
        yield datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@dataclass(slots=True)
class Twins:
    """Both sides.

    Attributes:
        mlflow: MLflow's registry.
        store: Ours.
        versions: All live versions.
        models: All models.
        runs: The ids of the runs that made them.
    """

    mlflow: Any
    store: ModelStore
    versions: Sequence[ModelVersion] = ()
    models: Sequence[ModelSummary] = ()
    runs: list[str] = field(default_factory=list)

    def ours(self, where: str | None, order_by: Sequence[str] | None = None) -> list[tuple[str, int]]:
        """The versions that we find."""
        return [(v.name, v.number) for v in self.store.search(where, order_by=order_by, limit=None)]

    def theirs(self, where: str | None, order_by: Sequence[str] | None = None) -> list[tuple[str, int]]:
        """The versions that MLflow finds."""
        found = self.mlflow.search_model_versions(where, order_by=order_by)
        return [(v.name, v.version) for v in found]

    def our_models(self, where: str | None, order_by: Sequence[str] | None = None) -> list[str]:
        """The models that we find."""
        return [m.name for m in self.store.models(where, order_by=order_by)]

    def their_models(self, where: str | None, order_by: Sequence[str] | None = None) -> list[str]:
        """The models that MLflow finds."""
        return [m.name for m in self.mlflow.search_registered_models(where, order_by=order_by)]


@contextmanager
def twins(folder: Path) -> Iterator[Twins]:
    """Both sides, with the same in them."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    logging.getLogger("alembic").setLevel(logging.WARNING)
    ticks = _ticking()
    store = store_over(MemoryStorage(f"twins-{folder}"), ports=replace(StillClock().ports(), now=lambda: next(ticks)))
    registry: Any = SqlAlchemyStore
    both = Twins(mlflow=registry(f"sqlite:///{folder / 'mlflow.db'}"), store=store)
    try:
        for place, name in enumerate(NAMES):
            _fill(both, place, name)
        both.models = store.models()
        both.versions = store.search(limit=None)
        _same_times(both)
        yield both
    finally:
        both.mlflow.engine.dispose()


def _fill(both: Twins, place: int, name: str) -> None:
    """Some versions of one model, on both sides; one of them deleted, another annotated."""
    from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag

    tag: Any = ModelVersionTag
    model_tag: Any = RegisteredModelTag
    about = {k: VALUES[(place * 5 + i) % len(VALUES)] for i, k in enumerate(KEYS) if (place + i) % 3}
    both.mlflow.create_registered_model(name, tags=[model_tag(k, v) for k, v in about.items()])
    for number in range(1, 3 + place % 4):
        tags = {k: VALUES[(place * 7 + number * (i + 3)) % len(VALUES)] for i, k in enumerate(KEYS) if (number + i) % 3}
        run = f"{'Run' if number % 2 else 'run'}_{place}{number}" if (place + number) % 3 else None
        saved = both.store.save(
            {"w": 1},
            name,
            format="pickle",
            tags=tags,
            lineage={"run_id": run} if run else None,
            description=tags.get("team", ""),
        )
        both.runs += [run] if run else []
        both.mlflow.create_model_version(
            name,
            saved.url,
            run_id=run,
            tags=[tag(k, v) for k, v in tags.items()],
            description=saved.description,
        )
    both.store.describe(name, tags=about)
    both.store.annotate(f"{name}@2", tags={"stage": "late"})
    both.mlflow.set_model_version_tag(name, 2, tag("stage", "late"))
    if place % 2:
        both.store.delete(f"{name}@1")
        both.mlflow.delete_model_version(name, 1)


def _same_times(both: Twins) -> None:
    """Let MLflow's rows say the times of our records: of what is compared, only they would differ."""
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlRegisteredModel

    with both.mlflow.ManagedSessionMaker(read_only=False) as session:
        for version in both.versions:
            row = session.query(SqlModelVersion).filter_by(name=version.name, version=version.number).one()
            row.creation_time = _milliseconds(version.created_at)
            row.last_updated_time = _milliseconds(version.changed_at)
        for model in both.models:
            row = session.query(SqlRegisteredModel).filter_by(name=model.name).one()
            row.last_updated_time = _milliseconds(model.changed_at)


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
