"""Our IO manager for Dagster: what it adds to a save within a run; and what a large model takes, beside theirs."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from benchmarks.measuring import Cost, best, cost_of
from benchmarks.models import Kind, made
from benchmarks.options import Options
from benchmarks.parts import transfers

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource
from modelstore_core import ModelStore

__all__ = ["measure"]

_PROGRAM: Sequence[tuple[Kind, transfers.Where, str]] = (
    ("large", "folder", "ours_dagster"),
    ("large", "folder", "dagster"),
    ("large", "s3", "ours_dagster"),
    ("large", "s3", "dagster"),
)


class _Timed(ModelStoreIOManager):
    """Measures each save of its runs."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        _costs.append(cost_of(lambda _: super(_Timed, self).handle_output(context, obj)))


_costs: list[Cost] = []


def measure(options: Options) -> Mapping[str, Any]:
    """The costs of a small save by core and by a run's IO manager, and a row for each large transfer."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small = _small(Path(folder), options.times)
    return {**transfers.measured(options, _PROGRAM), **small}


def _save(store: ModelStore, model: object, _: int) -> None:
    store.save(model, "churn", metrics={"auc": 0.9})


def _small(folder: Path, times: int) -> Mapping[str, Any]:
    models = [made("small", number, 1, folder) for number in range(times + 1)]
    store = ModelStore(folder / "core")
    core = [cost_of(partial(_save, store, model)) for model in models]
    timed = _Timed(store=ModelStoreResource(url=str(folder / "dagster")))

    @dg.asset
    def churn(context: dg.AssetExecutionContext) -> dg.Output[object]:
        return dg.Output(models[int(context.run.tags["model"])], metadata={"auc": 0.9})

    _costs.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        for number in range(len(models)):
            tags = {"model": str(number)}
            dg.materialize([churn], instance=instance, resources={"io_manager": timed}, tags=tags)
    # the first pays for imports
    return {"core": best(core[1:]).as_json(), "io_manager": best(_costs[1:]).as_json()}
