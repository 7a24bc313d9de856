"""What each verb asks of S3, and what it takes where every request takes 20 ms longer."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.models import SMALL_FILES, made
from benchmarks.options import Options
from benchmarks.running import run, surrounded
from benchmarks.server import BUCKET, Server, serving
from benchmarks.step import Step
from benchmarks.subjects.protocol import Place

from modelstore_core import ModelStore
from modelstore_core.ports import Ports
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over
from modelstore_core.testing.synthetic import fill

__all__ = ["measure"]

_OTHERS = ("boto3", "ours", "modelstore", "mlflow", "dagster")
_THOUSAND = "thousand"


def measure(options: Options) -> Mapping[str, Any]:
    """Rows of our verbs, cold and warm, and rows of everybody's save and load."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, serving(options.latency_ms) as server:
        verbs = list(_verbs(server, Path(folder)))
        names = _OTHERS if options.frameworks else ()
        others = [row for name in names for row in _other(name, options, server, Path(folder))]
        return {"latency_ms": options.latency_ms, "files": SMALL_FILES, "verbs": verbs, "others": others}


def _acts(folder: Path) -> Mapping[str, Callable[[ModelStore], object]]:
    model = made("small", 99, 1, folder)
    return {
        "save": lambda store: store.save(model, "m"),
        "load by alias": lambda store: store.load("m@champion"),
        "load the newest": lambda store: store.load("m"),
        "get": lambda store: store.get("m@champion"),
        "promote": lambda store: store.promote("m@2", "champion"),
        "rollback": lambda store: store.rollback("m", "champion"),
        "annotate": lambda store: store.annotate("m@2", tags={"team": "risk"}),
        "delete": lambda store: store.delete("m@1", force=True),
        "restore": lambda store: store.restore("m@1"),
        "the newest 100 of 1,000 versions": lambda store: store.versions(_THOUSAND, limit=100),
        "all of 1,000 versions": lambda store: store.versions(_THOUSAND),
        "models, of 3": lambda store: store.models(),
    }


def _verbs(server: Server, folder: Path) -> Iterator[Mapping[str, Any]]:
    """Each verb by a store that was just opened, and by one that has written to the model before."""
    with surrounded(server.environment):
        options = S3Options(endpoint=server.endpoint, region=server.environment["AWS_REGION"])
        counting = CountingStorage(S3Storage(BUCKET, "verbs", options))
        warm = _opened(counting)
        for number in range(3):
            warm.save(made("small", number, 1, folder), "m", aliases=["champion"])
        warm.save(made("small", 0, 1, folder), "other")
        fill(counting, _THOUSAND, 1000, whole=False)
        warm.maintain(_THOUSAND)
        warm.versions(_THOUSAND, limit=100)
        for verb, act in _acts(folder).items():
            cold = _asked(counting, _opened(counting), act)
            warm.annotate("m@3", metrics={"warm": time.monotonic()})  # so that it has seen what the cold one did
            yield {"verb": verb, "cold": cold, "warm": _asked(counting, warm, act)}


def _opened(storage: CountingStorage) -> ModelStore:
    return store_over(storage, trust="listed", ports=Ports())


def _asked(counting: CountingStorage, store: ModelStore, act: Callable[[ModelStore], object]) -> Mapping[str, Any]:
    counting.reset()
    start = time.perf_counter()
    act(store)
    wall = time.perf_counter() - start
    once = sum(request.verb == "location" or request.key == "store.json" for request in counting.requests)
    asked = Counter(request.verb for request in counting.requests)
    return {"requests": asked.total(), "once": once, "rounds": counting.rounds, "wall": round(wall, 4), "asked": asked}


def _other(name: str, options: Options, server: Server, folder: Path) -> Iterator[Mapping[str, Any]]:
    """Save and load of a model of which there is a version already: first act of a process, then after others."""
    contender = CONTENDERS[name]
    if contender.environment != "ours" and not options.peers:
        return
    print(f"  {name}", flush=True)
    (folder / name).mkdir()
    place = Place(folder=folder / name, bucket=BUCKET, endpoint=server.endpoint)
    run(contender, Step(opener=contender.opener, act="save", place=place, warm=False), server.environment)
    for warm in (False, True):
        for act in ("save", "load"):
            step = Step(opener=contender.opener, act=act, place=place, warm=warm, seed=1 + warm)
            told = run(contender, step, server.environment, server.counts)
            yield {"who": name, "act": act, "warm": warm, "wall": told["wall"], "asked": server.counts()}
    server.clear()
