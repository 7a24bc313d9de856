"""`@saves_model` and `ModelSerializer`: training tasks that know nothing of the store."""

import asyncio
import gc
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.assets import materialize
from prefect.serializers import Serializer
from prefect.task_runners import ProcessPoolTaskRunner
from tests.prefect.support import finished, read_result, run_again

from modelstore_core import AtLeast, Corrupt, InvalidInput, ModelStore, ModelVersion, NotSerializable
from prefect_modelstore import ModelSerializer, Trained, promote_model, saves_model
from prefect_modelstore.placing import PlacedTask


def numbers(store: ModelStore, *, deleted: bool = False) -> list[int]:
    return [version.number for version in store.versions("risk.churn", order_by="number", deleted=deleted)]


class TestOutsideOfRuns:
    def test_a_function_saves_what_it_returns(self, store: ModelStore) -> None:
        @saves_model("risk.churn", store=store, tags={"team": "risk"}, description="First.", aliases=["candidate"])
        def train(c: float, *, depth: int = 3, rows: object = None, huge: str = "x" * 501) -> object:
            return {"c": c}, {"auc": 0.9}

        version = train(0.5)

        assert isinstance(version, ModelVersion)
        assert store.load(version.ref) == {"c": 0.5}
        assert (version.metrics, version.params) == ({"auc": 0.9}, {"c": 0.5, "depth": 3})
        assert (version.tags, version.description, version.aliases) == ({"team": "risk"}, "First.", ("candidate",))

    def test_what_a_function_says_itself_goes_before(self, store: ModelStore) -> None:
        @saves_model("risk.churn", store=store)
        def train(c: float) -> Trained:
            return Trained(model={"c": c}, metrics={"auc": 0.9}, params={"penalty": 1 / c})

        assert store.get(train(0.5).ref).params == {"penalty": 2.0}

    def test_a_function_may_say_all_that_a_save_takes(self, store: ModelStore, tmp_path: Path) -> None:
        (tmp_path / "roc.txt").write_text("0 0\n")

        @saves_model("risk.churn", store=store, tags={"team": "risk", "kind": "any"}, description="Any.", prove=True)
        def train() -> Trained:
            return Trained(
                model={"a": 1},
                tags={"kind": "first"},
                description="The first.",
                extra_files=[tmp_path / "roc.txt"],
                lineage={"data": "2026-11"},
            )

        version = store.get(train().ref)

        assert (version.tags, version.description) == ({"team": "risk", "kind": "first"}, "The first.")
        assert (version.lineage, version.proved is not None) == ({"data": "2026-11"}, True)
        assert (store.load(version.ref, as_="path") / "extra_files/roc.txt").is_file()

    @pytest.mark.parametrize("nothing", [None, (None, {"auc": 0.9}), Trained(model=None)])
    def test_a_function_that_returns_no_model_saves_nothing(self, store: ModelStore, nothing: object) -> None:
        train = saves_model("risk.churn", store=store)(lambda: nothing)

        with pytest.raises(InvalidInput, match="returned no model"):
            train()
        assert not store.models()

    @pytest.mark.parametrize("tags", ["risk", ["risk"]])
    def test_tags_that_are_no_mapping_are_named(self, store: ModelStore, tags: Any) -> None:
        for train in (
            saves_model("risk.churn", store=store, tags=tags)(lambda: {"a": 1}),
            saves_model("risk.churn", store=store)(lambda: Trained(model={"a": 1}, tags=tags)),
        ):
            with pytest.raises(InvalidInput, match="tags"):
                train()

    def test_the_model_is_returned_if_it_is_asked_for(self, store: ModelStore) -> None:
        @saves_model("risk.churn", store=store, returns="model")
        async def train(c: float = float("nan")) -> object:
            return {"constant": 1}

        assert asyncio.run(train()) == {"constant": 1}
        assert store.get("risk.churn").params == {}

    def test_what_is_no_training_is_refused(self, store: ModelStore) -> None:
        saving: Any = saves_model("risk.churn", store=store)

        def yields() -> Any:
            yield 1

        for training in (yields, "train", task(yields)):
            with pytest.raises(InvalidInput, match="no function that returns a model"):
                saving(training)
        with pytest.raises(InvalidInput, match="'nothing' is not understood"):
            saves_model("risk.churn", returns="nothing")  # type: ignore[arg-type]  # on purpose


@task
def fitted(i: int, url: str) -> object:
    return {"i": i}, {"auc": i / 10}


two_processes: Any = ProcessPoolTaskRunner(max_workers=2)  # whose future is not the one that `flow` declares


@flow(task_runner=two_processes)
def sweep_in_processes(url: str) -> list[str]:
    training = saves_model("risk.churn", store=url)(fitted)
    versions = training.map(range(3), url).result()
    return sorted(version.ref for version in versions)


@pytest.mark.usefixtures("prefect_server")
class TestInRuns:
    @pytest.mark.parametrize("above", ["task", "function"])
    def test_a_flow_run_that_runs_again_finds_or_supersedes_its_versions(self, store: ModelStore, above: str) -> None:
        runs = itertools.count()
        saving: Any = saves_model("risk.churn", store=store)

        def train(depth: int, seed: int) -> object:
            return {"depth": depth, "seed": seed}

        fit: Any = saving(task(train)) if above == "task" else task(saving(train))

        @flow
        def training() -> list[int]:
            seed = next(runs) // 2
            first = fit(1, seed).number
            return [first, fit.with_options(name="fit").submit(2, seed).result().number]

        first = finished(training)
        again = run_again(training, first)
        trained_anew = run_again(training, again)

        assert (first.result(), again.result(), trained_anew.result()) == ([1, 2], [1, 2], [3, 4])
        assert numbers(store) == [3, 4]

    def test_a_retry_finds_the_version(self, store: ModelStore) -> None:
        fails = itertools.chain([True], itertools.repeat(False))

        @saves_model("risk.churn", store=store)
        @task
        def fit() -> object:
            return {"constant": 1}

        @task(retries=1)
        def outer() -> None:
            fit()
            assert not next(fails)

        @flow
        def training() -> None:
            outer()

        assert finished(training).is_completed()
        assert numbers(store, deleted=True) == [1]

    def test_a_sweep_in_threads_saves_each_candidate_and_promotes_the_best(self, store: ModelStore) -> None:
        @saves_model("risk.churn", store=store)
        @task(retries=2, task_run_name="fit {c}")
        def fit(c: float) -> object:
            return {"c": c}, {"auc": 1 - abs(c - 0.3)}

        @flow
        def sweep() -> None:
            versions = fit.map([i / 16 for i in range(16)]).result()
            best = max(versions, key=lambda version: version.metrics["auc"])
            promote_model(best, "champion", store=store, gates=[AtLeast("auc", 0.9)])

        first = finished(sweep)
        run_again(sweep, first)

        assert numbers(store, deleted=True) == list(range(1, 17))
        assert store.load("risk.churn@champion") == {"c": 5 / 16}
        assert store.get("risk.churn@champion").lineage["task_run"] == "fit 0.3125"

    def test_a_sweep_in_processes_finds_its_versions_when_its_flow_runs_again(self, tmp_path: Path) -> None:
        store = ModelStore(tmp_path)

        first = finished(sweep_in_processes, str(tmp_path))
        run_again(sweep_in_processes, first)

        assert first.result() == ["risk.churn@1", "risk.churn@2", "risk.churn@3"]
        assert numbers(store, deleted=True) == [1, 2, 3]

    def test_a_model_that_cannot_be_saved_is_not_trained_again(
        self, store: ModelStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        @saves_model("risk.churn", store=store)
        @task(retries=1)
        def fit() -> object:
            return (i for i in range(3))

        @flow
        def training() -> None:
            fit()

        assert isinstance(finished(training).result(raise_on_failure=False), NotSerializable)
        assert "Retry 1/1" not in caplog.text

    # An async flow of Prefect 3.8, even an empty one, leaves one socket unclosed.
    @pytest.mark.filterwarnings("ignore:.*<socket:pytest.PytestUnraisableExceptionWarning")
    def test_async_tasks_save_too(self, store: ModelStore) -> None:
        @saves_model("risk.churn", store=store)
        @task
        async def fit(i: int) -> object:
            return {"i": i}

        @flow
        async def training() -> list[str]:
            return [version.ref for version in await asyncio.gather(fit(1), fit(2))]

        run: Any = training  # whose overloads know of no state from an async flow
        state = asyncio.run(run(return_state=True))
        gc.collect()

        assert sorted(state.result()) == ["risk.churn@1", "risk.churn@2"]

    def test_a_task_that_makes_assets_still_does(self, store: ModelStore) -> None:
        fit = saves_model("risk.churn", store=store)(materialize("modelstore://risk.churn")(lambda: {"a": 1}))

        @flow
        def training() -> Any:
            return fit()

        assert finished(training).result().ref == "risk.churn@1"
        assert type(fit) is not PlacedTask


@pytest.mark.usefixtures("prefect_server")
class TestModelSerializer:
    def test_a_result_is_a_version_and_is_read_from_the_store(self, store: ModelStore) -> None:
        serializer: Serializer[Any] = ModelSerializer(name="risk.churn", store=store.url)

        @task(persist_result=True, result_serializer=serializer)
        def fit(i: int) -> object:
            return {"i": i}

        @flow
        def training() -> Any:
            return [read_result(fit(i, return_state=True)) for i in range(2)]

        first = finished(training)
        again = run_again(training, first)

        assert first.result() == again.result() == [{"i": 0}, {"i": 1}]
        assert numbers(store, deleted=True) == [1, 2]
        assert store.get("risk.churn@1").lineage["flow"] == "training"

    def test_what_prefect_keeps_is_a_line(self, store: ModelStore) -> None:
        serializer: Any = ModelSerializer(name="risk.churn", store=store.url)

        blob = serializer.dumps({"big": "x" * 100_000})

        assert len(blob) < 200
        assert serializer.loads(blob) == {"big": "x" * 100_000}
        assert Serializer(**json.loads(serializer.model_dump_json())) == serializer

    def test_another_model_of_the_same_number_is_not_the_result(self, store: ModelStore, tmp_path: Path) -> None:
        serializer: Any = ModelSerializer(name="risk.churn", store=store.url)
        other: Any = ModelSerializer(name="risk.churn", store=str(tmp_path / "other"))
        other.dumps({"b": 2})

        with pytest.raises(Corrupt, match="is not the result that was saved"):
            other.loads(serializer.dumps({"a": 1}))
