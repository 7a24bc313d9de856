"""The same acts on MLflow's sqlite registry; runs in MLflow's environment and prints its rows."""

import json
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
from benchmarks.measuring import Cost, best, cost_of
from benchmarks.models import made
from benchmarks.subjects.of_mlflow import at_its_best, connected
from benchmarks.subjects.protocol import Place
from mlflow import MlflowClient

_MODEL = "risk.churn"


def _acts(source: str) -> Mapping[str, Callable[[MlflowClient], object]]:
    mine = f"name = '{_MODEL}'"
    newest = ["version_number DESC"]
    return {
        "load by alias": lambda _: mlflow.sklearn.load_model(f"models:/{_MODEL}@champion"),
        "create": lambda client: client.create_model_version(_MODEL, source),
        "list the newest 100": lambda client: client.search_model_versions(mine, max_results=100, order_by=newest),
        "list all": lambda client: client.search_model_versions(mine, max_results=200_000),
        "the newest 10 with a tag": lambda client: client.search_model_versions(
            f"{mine} AND tags.team = 'team-3'", max_results=10, order_by=newest
        ),
    }


def _grown(folder: Path, size: int) -> str:
    """A registry with so many versions, the newest registered by MLflow, the others copied row by row; its source."""
    folder.mkdir(parents=True)
    place = Place(folder=folder)
    subject = at_its_best(place)
    subject.save(made("small", 0, 1, folder), _MODEL)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        _copy(database, size)
    source = str(MlflowClient().get_model_version(_MODEL, "1").source)
    newest = MlflowClient().create_model_version(_MODEL, source)
    assert int(newest.version) == size
    MlflowClient().set_registered_model_alias(_MODEL, "champion", newest.version)
    return source


def _copy(database: sqlite3.Connection, size: int) -> None:
    names = [column[1] for column in database.execute("PRAGMA table_info(model_versions)")]
    (row,) = database.execute("SELECT * FROM model_versions").fetchall()
    first = dict(zip(names, row, strict=True))
    rows = [tuple({**first, "version": number}.values()) for number in range(2, size)]
    database.executemany(f"INSERT INTO model_versions VALUES ({', '.join('?' * len(names))})", rows)
    columns = [column[1] for column in database.execute("PRAGMA table_info(model_version_tags)")]
    known = {"workspace": first.get("workspace"), "name": _MODEL, "key": "team"}
    labels = [{**known, "version": number, "value": f"team-{number % 7}"} for number in range(2, size)]
    tags = [tuple(label[column] for column in columns) for label in labels]
    database.executemany(f"INSERT INTO model_version_tags VALUES ({', '.join('?' * len(columns))})", tags)


def _measured(folder: Path, sizes: Sequence[int], times: int) -> Sequence[Mapping[str, Any]]:
    costs: dict[tuple[str, int], list[Cost]] = {}
    sources = {size: _grown(folder / f"mlflow-{size}", size) for size in sizes}
    for _ in range(2):
        for size, source in sources.items():
            connected(Place(folder=folder / f"mlflow-{size}"))
            client = MlflowClient()
            client.get_registered_model(_MODEL)  # opens the database, outside the clock
            for act, do in _acts(source).items():
                count = max(3, times // 4) if act == "list all" else times
                costs.setdefault((act, size), []).append(cost_of(partial(_do, do, client), count))
    return [
        {"who": "mlflow", "act": act, "how": "warm", "versions": size, **best(found).as_json()}
        for (act, size), found in costs.items()
    ]


def _do(act: Callable[[MlflowClient], object], client: MlflowClient, _: int) -> object:
    return act(client)


if __name__ == "__main__":
    _said = json.loads(sys.argv[1])
    print(json.dumps(_measured(Path(_said["folder"]), _said["sizes"], _said["times"])))
