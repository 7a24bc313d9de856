"""`version_model`: blocks of training code that say what they know of their model."""

import asyncio
import gc
import itertools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.task_runners import ProcessPoolTaskRunner
from tests.prefect.support import artifacts_of, finished, heard, run_again

from modelstore_core import InvalidInput, ModelStore, NotSerializable
from prefect_modelstore import Draft, save_model, version_model


def numbers(store: ModelStore) -> list[int]:
    return [version.number for version in store.versions("risk.churn", order_by="number", deleted=True)]


class TestOutsideOfRuns:
    def test_all_that_a_block_says_is_recorded(self, store: ModelStore, tmp_path: Path) -> None:
        (tmp_path / "roc.txt").write_text("0 0\n1 1\n")

        with version_model("risk.churn", store=store, aliases=["candidate"], format="pickle") as draft:
            draft.model = {"a": 1}
            draft.metrics["auc"] = 0.9
            draft.params |= {"depth": 3}
            draft.tags["team"] = "risk"
            draft.description = "First."
            draft.lineage["data"] = "2026-11"
            draft.extra_files["roc.txt"] = tmp_path / "roc.txt"

        version = store.get("risk.churn@candidate")
        assert draft.version == version
        assert (version.metrics, version.params, version.tags) == ({"auc": 0.9}, {"depth": 3}, {"team": "risk"})
        assert (version.description, version.lineage, version.key) == ("First.", {"data": "2026-11"}, None)
        assert store.load(version.ref) == {"a": 1}
        assert (store.load(version.ref, as_="path") / "extra_files/roc.txt").read_text() == "0 0\n1 1\n"

    def test_a_version_can_be_proved(self, store: ModelStore) -> None:
        with version_model("risk.churn", store=store, prove=True) as draft:
            draft.model = {"a": 1}

        assert draft.version.proved is not None

    def test_an_input_example_is_kept_with_the_model(self, store: ModelStore) -> None:
        import numpy as np
        from sklearn.linear_model import LinearRegression

        rows = np.array([[0.0], [1.0]])
        with version_model("risk.churn", store=store) as draft:
            draft.model, draft.input_example = LinearRegression().fit(rows, [0.0, 1.0]), rows

        assert draft.version.signature is not None

    def test_each_block_makes_a_version_unless_a_key_names_it(self, store: ModelStore) -> None:
        for key in (None, None, "mine", "mine"):
            with version_model("risk.churn", store=store, key=key) as draft:
                draft.model = {"a": 1}

        assert numbers(store) == [1, 2, 3]

    def test_a_block_that_raises_saves_nothing(self, store: ModelStore) -> None:
        block = version_model("risk.churn", store=store)
        with suppress(ZeroDivisionError), block as draft:
            draft.model = {"a": 1}
            draft.metrics["auc"] = 1 / 0

        assert not store.models()
        with pytest.raises(InvalidInput, match="no version yet"):
            _ = draft.version

    def test_a_block_without_a_model_says_what_is_missing(self, store: ModelStore) -> None:
        with pytest.raises(InvalidInput, match="ended without a model") as caught, version_model("a", store=store) as d:
            d.metrics["auc"] = 0.9

        assert "Set `.model`" in str(caught.value)
        assert not store.models()

    def test_what_a_draft_has_no_place_for_is_no_attribute(self) -> None:
        with pytest.raises(AttributeError):
            Draft().metric = {"auc": 0.9}  # type: ignore[attr-defined]  # on purpose

    def test_the_version_is_there_only_after_the_block(self, store: ModelStore) -> None:
        with version_model("risk.churn", store=store) as draft:
            draft.model = {"a": 1}
            with pytest.raises(InvalidInput, match="no version yet") as caught:
                _ = draft.version

        assert "after the block" in str(caught.value)
        assert draft.version.number == 1

    def test_a_block_is_of_use_once(self, store: ModelStore) -> None:
        block = version_model("risk.churn", store=store)
        with block as draft:
            draft.model = {"a": 1}

        with pytest.raises(InvalidInput, match="has begun before"), block:
            pass
        assert numbers(store) == [1]

    def test_an_async_block_does_the_same(self, store: ModelStore) -> None:
        async def train() -> Draft:
            async with version_model("risk.churn", store=store) as draft:
                draft.model = {"a": 1}
            return draft

        async def fail() -> None:
            async with version_model("risk.churn", store=store):
                raise ValueError("training")

        assert asyncio.run(train()).version.ref == "risk.churn@1"
        with pytest.raises(ValueError, match="training"):
            asyncio.run(fail())
        assert numbers(store) == [1]


@task
def fit(i: int, url: str) -> str:
    with version_model("risk.churn", store=url, key=f"fit {i}") as draft:
        draft.model = {"i": i}
    return draft.version.ref


two_processes: Any = ProcessPoolTaskRunner(max_workers=2)  # whose future is not the one that `flow` declares


@flow(task_runner=two_processes)
def sweep_in_processes(url: str) -> list[str]:
    return sorted(fit.map(range(3), url).result())


@pytest.mark.usefixtures("prefect_server")
class TestInRuns:
    def test_a_block_is_known_and_shown_as_a_save_in_its_place(self, store: ModelStore) -> None:
        @task
        def train(*, by_block: bool, name: str) -> str | None:
            if not by_block:
                return save_model.fn({"a": 1}, name, store=store, metrics={"auc": 0.9}).key
            with version_model(name, store=store) as draft:
                draft.model, draft.metrics = {"a": 1}, {"auc": 0.9}
            return draft.version.key

        @flow
        def training(*, by_block: bool, name: str) -> str | None:
            return train(by_block=by_block, name=name)

        states = [finished(training, by_block=by_block, name=f"vm.{by_block}") for by_block in (False, True)]

        places = [str(state.result()).partition("/")[2].partition("/")[2] for state in states]
        assert places == ["save/vm.False/train-0/0", "save/vm.True/train-0/0"]
        for kind in ("markdown", "table"):
            assert [len(artifacts_of(state, kind)) for state in states] == [1, 1]
        for name in ("vm.False", "vm.True"):
            assert [event["event"] for event in heard(name, 1)] == ["modelstore.version.created"]
            assert store.get(name).lineage["flow"] == "training"

    def test_retries_and_new_tries_of_the_flow_run_find_or_supersede_the_version(self, store: ModelStore) -> None:
        fails, seeds = itertools.chain([True], itertools.repeat(False)), itertools.count()

        @task(retries=1)
        def train(*, constant: bool) -> None:
            with version_model("risk.churn", store=store) as draft:
                draft.model = {"constant": constant} if constant else {"seed": next(seeds)}
            assert not next(fails)

        @flow
        def training() -> None:
            train(constant=True)
            train(constant=False)

        first = finished(training)
        again = run_again(training, first)

        assert (first.is_completed(), again.is_completed()) == (True, True)
        assert [version.number for version in store.versions("risk.churn", order_by="number")] == [1, 3]
        assert store.get("risk.churn@3").supersedes == 2

    def test_a_block_that_failed_leaves_its_place_to_the_next_try(self, store: ModelStore) -> None:
        fails = itertools.chain([True], itertools.repeat(False))

        @flow
        def training() -> list[int]:
            made = []
            for i in range(2):
                with suppress(AssertionError):
                    with version_model("risk.churn", store=store) as draft:
                        draft.model = {"i": i}
                        assert not next(fails)
                    made.append(draft.version.number)
            return made

        first = finished(training)
        again = run_again(training, first)

        assert (first.result(), again.result()) == ([1], [2, 1])
        assert numbers(store) == [1, 2]

    def test_a_key_finds_its_version_from_another_process_too(self, tmp_path: Path) -> None:
        first = finished(sweep_in_processes, str(tmp_path))
        again = run_again(sweep_in_processes, first)

        assert first.result() == again.result() == ["risk.churn@1", "risk.churn@2", "risk.churn@3"]
        assert numbers(ModelStore(tmp_path)) == [1, 2, 3]

    def test_what_cannot_be_saved_fails_the_task(self, store: ModelStore) -> None:
        @task
        def train(model: object) -> None:
            with version_model("risk.churn", store=store) as draft:
                draft.model = model

        @flow
        def training() -> None:
            train(None, return_state=True)
            train(i for i in range(3))

        state = finished(training)

        assert isinstance(state.result(raise_on_failure=False), NotSerializable)
        assert not store.models()

    # An async flow of Prefect 3.8, even an empty one, leaves one socket unclosed.
    @pytest.mark.filterwarnings("ignore:.*<socket:pytest.PytestUnraisableExceptionWarning")
    def test_async_flows_have_it_too(self, store: ModelStore) -> None:
        @task
        async def train(i: int) -> str:
            async with version_model("risk.churn", store=store) as draft:
                draft.model = {"i": i}
            return draft.version.ref

        @flow
        async def training() -> list[str]:
            return sorted(await asyncio.gather(train(1), train(2)))

        run: Any = training  # whose overloads know of no state from an async flow
        state = asyncio.run(run(return_state=True))
        gc.collect()

        assert state.result() == ["risk.churn@1", "risk.churn@2"]
        assert len(artifacts_of(state, "markdown")) == 2
