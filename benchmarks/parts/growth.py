"""What the same act costs on a model with few versions and with many, here and in MLflow on sqlite."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import Cost, best, cost_of
from benchmarks.models import made
from benchmarks.options import Options
from benchmarks.peers import ROOT, python_of
from benchmarks.running import environment

from modelstore_core import ModelStore
from modelstore_core.ports import Ports
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over
from modelstore_core.testing.synthetic import fill

__all__ = ["measure"]

_MODEL = "risk.churn"
_WHOLE = 20_000  # beyond, only what is read of a long log is written: its blocks and its end

_LONG = {"list all", "the newest 10 with a tag", "the 10 best by a metric"}  # acts that are not done as often


def measure(options: Options) -> Mapping[str, Any]:
    """One row for each act and number of versions, ours and MLflow's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sizes = sorted({*options.versions, options.synthetic})
        rows = _ours(Path(folder), sizes, options.times)
        if options.peers:
            rows += _mlflow(Path(folder), options)
        return {"rows": rows}


def _acts(folder: Path) -> Mapping[str, Callable[[ModelStore, int], object]]:
    models = [made("small", 1000 + number, 1, folder) for number in range(10)]
    return {
        "load by alias": lambda store, _: store.load(f"{_MODEL}@champion"),
        "list the newest 100": lambda store, _: store.versions(_MODEL, limit=100),
        "list all": lambda store, _: store.versions(_MODEL),
        "the newest 10 with a tag": lambda store, _: store.versions(_MODEL, where="tags.team = 'team-3'", limit=10),
        "the 10 best by a metric": lambda store, _: store.versions(_MODEL, order_by="metrics.auc DESC", limit=10),
        "create": lambda store, number: store.save(models[number % len(models)], _MODEL),  # last: others are counted
    }


def _ours(folder: Path, sizes: Sequence[int], times: int) -> list[Mapping[str, Any]]:
    storages = {size: CountingStorage(_grown(folder / f"{size}", size)) for size in sizes}
    costs: dict[tuple[str, str, int], list[Cost]] = {}
    asked: dict[tuple[str, str, int], int] = {}
    warm = {size: _opened(storage) for size, storage in storages.items()}
    for act, do in _acts(folder).items():
        print(f"  {act}", flush=True)
        for number in range(max(2, times // 5) if act in _LONG else times):
            for size, storage in storages.items():
                for how, store in (("cold", _opened(storage)), ("warm", warm[size])):
                    storage.reset()
                    cost = cost_of(partial(_done, do, store, number))
                    costs.setdefault((act, how, size), []).append(cost)
                    asked[act, how, size] = len(storage.requests)
    return [
        {"who": "ours", "act": act, "how": how, "versions": size, "requests": asked[act, how, size]}
        | best(found).as_json()
        for (act, how, size), found in costs.items()
    ]


def _done(act: Callable[[ModelStore, int], object], store: ModelStore, number: int, _: int) -> object:
    return act(store, number)


def _opened(storage: CountingStorage) -> ModelStore:
    return store_over(storage, trust="listed", ports=Ports())


def _grown(folder: Path, size: int) -> LocalStorage:
    """A store with so many versions, maintained, of which the newest is one that can be loaded."""
    print(f"  making {size} versions", flush=True)
    memory = MemoryStorage(f"growth-{size}")
    fill(memory, _MODEL, size - 1, whole=size <= _WHOLE)
    for prefix in ("heads/", "models/"):
        for info in [*memory.list(prefix)]:
            path = folder / info.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(memory.get(info.key) or b"")
            memory.delete([info.key])
    storage = LocalStorage(folder)
    store = store_over(storage, ports=Ports())
    store.save(made("small", 0, 1, folder), _MODEL, aliases=["champion"])
    store.maintain(_MODEL)
    return storage


def _mlflow(folder: Path, options: Options) -> list[Mapping[str, Any]]:
    command = [str(python_of("mlflow")), "-m", "benchmarks.parts.growth_of_mlflow"]
    arguments = {"folder": str(folder), "sizes": options.versions, "times": options.times}
    process = subprocess.run(
        [*command, json.dumps(arguments)], cwd=ROOT, env=environment({}), stdout=subprocess.PIPE, text=True, check=True
    )
    rows: list[Mapping[str, Any]] = json.loads(process.stdout.splitlines()[-1])
    return rows
