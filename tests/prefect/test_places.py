"""How a piece of work is known: in runs of every kind, and outside of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect import flow, task
from tests.prefect.support import artifacts_of, finished, flow_run_of, run_again

from modelstore_core import AtLeast, ModelStore
from prefect_modelstore import load_model, promote_model, save_model
from prefect_modelstore.lineage import Place, _attempt, work_at


def keys(store: ModelStore, name: str = "risk.churn") -> list[str | None]:
    return [version.key for version in store.versions(name, deleted=True, order_by="number")]


def test_outside_of_flows_a_call_without_a_place_has_no_key() -> None:
    assert work_at(None, "save", "m").key is None
    assert work_at("mine", "save", "m").key == "mine"
    assert work_at(Place(path="mine", named=True), "save", "m").key == "mine"
    assert work_at(Place(path="call/1"), "save", "m").key == "prefect/call/1"


# Prefect's connections draw from the global random state in threads of their own, and Hypothesis blames the strategy.
@pytest.mark.filterwarnings("ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning")
@given(st.lists(st.integers(1, 100), min_size=4, max_size=4), st.lists(st.integers(1, 100), min_size=4, max_size=4))
def test_attempts_are_ordered_as_their_counts_are(left: list[int], right: list[int]) -> None:
    assert (_attempt(left) < _attempt(right)) is (left < right)
    assert _attempt([1, 1, 1, 1]) == 0


def test_mapping_outside_of_a_flow_is_the_error_of_any_task() -> None:
    with pytest.raises(RuntimeError, match="outside of a flow"):
        save_model.map([{"a": 1}], "risk.churn")


@pytest.mark.usefixtures("prefect_server")
class TestInRuns:
    # What Prefect itself logs of a task run goes to an API that only takes logs of flow runs.
    @pytest.mark.filterwarnings("ignore:.*without a flow run id:UserWarning")
    def test_a_task_called_outside_of_a_flow_makes_a_version_each_time(self, store: ModelStore) -> None:
        for _ in range(2):
            save_model({"a": 1}, "risk.churn", store=store)

        first, second = keys(store)
        assert first != second
        assert str(first).startswith("prefect/call/")
        assert "/task-run/" in str(store.get("risk.churn").lineage["url"])

    def test_a_place_tells_the_flow_run_the_model_and_the_number_of_the_call(self, store: ModelStore) -> None:
        @flow
        def training() -> None:
            save_model({"a": 1}, "risk.churn", store=store)
            save_model({"a": 2}, "risk.value", store=store)
            save_model({"a": 3}, "risk.churn", store=store, key="third")

        run = flow_run_of(finished(training)).id

        assert keys(store) == [f"prefect/{run}/save/risk.churn/0", f"prefect/{run}/key/third"]
        assert keys(store, "risk.value") == [f"prefect/{run}/save/risk.value/0"]

    def test_the_functions_of_tasks_take_places_too(self, store: ModelStore) -> None:
        @task
        def train() -> None:
            save_model.fn({"a": 1}, "risk.churn", store=store)

        @flow
        def training() -> None:
            save_model.fn({"a": 2}, "risk.churn", store=store)
            train()

        run_again(training, finished(training))

        assert [str(key).partition("/save/")[2] for key in keys(store)] == ["risk.churn/0", "risk.churn/train-0/0"]

    def test_futures_are_taken_wherever_values_are(self, store: ModelStore) -> None:
        @task
        def named() -> Any:
            return "risk.churn"

        @flow
        def training() -> None:
            name: Any = named.submit()
            save_model.submit({"a": 1}, name, store=store).wait()
            save_model.submit({"a": 2}, "risk.churn", store=store, key=name).wait()
            states = save_model.map([{"a": 3}], name, store=store, return_state=True)
            promote_model.submit(states[0].result(), "champion", store=store).wait()

        state = finished(training)

        assert state.is_completed()
        run = f"prefect/{flow_run_of(state).id}"
        assert keys(store) == [f"{run}/save/?/0", f"{run}/key/risk.churn", f"{run}/save/risk.churn/0"]
        assert store.get("risk.churn@champion").number == 3

    def test_a_long_key_is_shortened_and_still_finds_its_version(self, store: ModelStore) -> None:
        @flow
        def training() -> None:
            for end in "ab":
                save_model({"a": end}, "risk.churn", store=store, key="long" * 200 + end)

        run_again(training, finished(training))

        first, second = keys(store)
        assert first != second
        assert len(str(first)) < 200

    def test_only_what_another_try_may_mend_is_retried(
        self, store: ModelStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        @flow
        def training() -> None:
            version = save_model({"a": 1}, "risk.churn", store=store)
            gates = [AtLeast("auc", 0.9)]
            promote_model.with_options(retries=1)(version, "a", store=store, gates=gates, return_state=True)
            assert "Retry 1/1" not in caplog.text
            load_model.with_options(retries=1)("risk.churn@champion", store=store, return_state=True)
            assert "Retry 1/1" in caplog.text

        assert finished(training).is_completed()

    def test_runs_and_artifacts_have_names_that_say_what_is_done(
        self, store: ModelStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        @flow
        def training() -> None:
            version = save_model({"a": 1}, "risk.churn", store=store)
            promote_model(version, "champion", store=store)
            load_model(version, store=store)

        state = finished(training)

        names = {getattr(record, "task_run_name", None) for record in caplog.records}
        assert names >= {"save risk.churn", "promote risk.churn@1 to champion", "load risk.churn@1"}
        assert {artifact.key for artifact in artifacts_of(state, "table")} == {"versions-risk--churn"}

    def test_a_call_with_wrong_arguments_is_the_error_of_any_task(self, store: ModelStore) -> None:
        @flow
        def training() -> None:
            save_model({"a": 1}, store=store)  # type: ignore[call-overload]  # on purpose

        assert "missing a required argument: 'name'" in str(finished(training).message)
