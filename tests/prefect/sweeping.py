"""A sweep whose worker dies at the worst moment; modules of their own, so that other processes can import it."""

import os
import signal
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.tasks import Task

from modelstore_core import AtLeast, ModelStore, ModelVersion
from prefect_modelstore import promote_model, saves_model

__all__ = ["CANDIDATES", "DyingStore", "check", "sweep_over"]

CANDIDATES = 16
_DYING = 5


class DyingStore(ModelStore):
    """A store whose process is killed once: when a certain candidate is committed, and before anybody hears of it."""

    def save(self, model: object, name: str, **said: Any) -> ModelVersion:
        """Save, and die the first time."""
        version = super().save(model, name, **said)
        died = Path(self.url).with_suffix(".died")
        if version.params["i"] == _DYING and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return version


@task
def fit(i: int) -> object:
    """A candidate; the tenth is the best."""
    return {"i": i}, {"auc": 1 - abs(i - 10) / 100}


def sweep_over(runner: Any) -> Any:
    """The sweep, with that task runner."""

    @flow(task_runner=runner, name="sweep")
    def sweep(url: str, *, dying: bool) -> str:
        store = DyingStore(url) if dying else ModelStore(url)
        training: Task[..., Any] = saves_model("risk.churn", store=store)(fit)
        versions = training.map(range(CANDIDATES)).result()
        best = max(versions, key=lambda version: version.metrics["auc"])
        return promote_model(best, "champion", store=store, gates=[AtLeast("auc", 0.9)]).ref

    return sweep


def check(url: str) -> None:
    """Sixteen versions, each of one candidate, and the best is the champion."""
    store = ModelStore(url)
    versions = store.versions("risk.churn", deleted=True)
    assert sorted(version.number for version in versions) == list(range(1, CANDIDATES + 1))
    assert sorted(int(str(version.params["i"])) for version in versions) == list(range(CANDIDATES))
    assert store.load("risk.churn@champion") == {"i": 10}
    assert store.verify().ok
    store.collect(older_than=0)  # a pool that loses a process ends the others, in the midst of a save too
    assert not store.verify().problems
