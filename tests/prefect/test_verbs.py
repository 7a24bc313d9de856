"""`get_version`, `find_versions`, `annotate_version` and `rollback_model`, by themselves and in runs."""

import asyncio
import itertools
from typing import Any

import pytest
from prefect import flow, task
from tests.prefect.support import artifacts_of, finished, read_result, run_again

from modelstore_core import AliasNotFound, InvalidInput, InvalidQuery, ModelNotFound, ModelStore, VersionNotFound
from prefect_modelstore import (
    annotate_version,
    annotate_version_async,
    find_versions,
    find_versions_async,
    get_version,
    get_version_async,
    promote_model,
    rollback_model,
    rollback_model_async,
    save_model,
)


@pytest.fixture
def filled(store: ModelStore) -> ModelStore:
    for auc in (0.7, 0.9, 0.8):
        version = store.save({"auc": auc}, "risk.churn", metrics={"auc": auc})
        store.promote(version.ref, "champion")
    return store


def test_a_record_is_had_by_any_reference(filled: ModelStore) -> None:
    assert get_version.fn("risk.churn", store=filled).number == 3
    assert get_version.fn("risk.churn@champion", store=filled).number == 3
    old = filled.get("risk.churn@2")
    filled.annotate("risk.churn@2", tags={"new": "yes"})
    assert get_version.fn(old, store=filled).tags == {"new": "yes"}


def test_versions_are_found_by_what_is_recorded(filled: ModelStore) -> None:
    found = find_versions.fn("risk.churn", store=filled, where="metrics.auc > 0.75", order_by="metrics.auc DESC")

    assert [version.number for version in found] == [2, 3]
    assert [version.number for version in find_versions.fn("risk.churn", store=filled, limit=1)] == [3]


def test_a_version_is_annotated(filled: ModelStore) -> None:
    version = annotate_version.fn(
        "risk.churn@champion", store=filled, metrics={"drift": 0.1}, tags={"seen": "yes"}, description="Good."
    )

    assert (version.number, version.metrics, version.tags) == (3, {"auc": 0.8, "drift": 0.1}, {"seen": "yes"})
    assert filled.get("risk.churn@3").description == "Good."


def test_an_alias_goes_one_step_back(filled: ModelStore) -> None:
    version = rollback_model.fn("risk.churn", "champion", store=filled, reason="Bad.")

    assert version.number == filled.get("risk.churn@champion").number == 2
    assert filled.history("risk.churn")[0].reason == "Bad."


def test_the_async_twins_do_the_same(filled: ModelStore) -> None:
    async def work() -> list[int]:
        back = await rollback_model_async.fn("risk.churn", "champion", store=filled)
        noted = await annotate_version_async.fn(back, store=filled, tags={"a": "b"})
        got = await get_version_async.fn(noted, store=filled)
        found = await find_versions_async.fn("risk.churn", store=filled, where="tags.a = 'b'")
        return [back.number, got.number, *(version.number for version in found)]

    assert asyncio.run(work()) == [2, 2, 2]


def test_bad_input_is_named(filled: ModelStore) -> None:
    with pytest.raises(ModelNotFound):
        get_version.fn("risk.other", store=filled)
    with pytest.raises(InvalidQuery):
        find_versions.fn("risk.churn", store=filled, where="auc is high")
    with pytest.raises(InvalidInput, match="'auc' is 'high'"):
        annotate_version.fn("risk.churn", store=filled, metrics={"auc": "high"})
    with pytest.raises(AliasNotFound):
        rollback_model.fn("risk.churn", "other", store=filled)
    filled.promote("risk.churn@1", "new")
    with pytest.raises(VersionNotFound):
        rollback_model.fn("risk.churn", "new", store=filled)


@pytest.mark.usefixtures("prefect_server")
class TestInRuns:
    def test_a_rollback_is_one_step_however_often_its_run_is_tried(self, filled: ModelStore) -> None:
        fails = itertools.chain([True], itertools.repeat(False))

        @task(retries=1)
        def back() -> None:
            rollback_model(name="risk.churn", alias="champion", store=filled)
            assert not next(fails)

        @flow
        def undoing() -> None:
            back()
            rollback_model("risk.churn", "champion", store=filled, reason="Twice.")

        first = finished(undoing)
        filled.promote("risk.churn@3", "champion")
        run_again(undoing, first)

        assert filled.get("risk.churn@champion").number == 3
        assert [event.verb for event in filled.history("risk.churn")].count("rollback") == 2

    def test_an_annotation_is_made_once_for_each_version_it_means(self, store: ModelStore) -> None:
        seeds = itertools.count()

        @flow
        def training() -> None:
            seed = next(seeds)
            save_model({"seed": seed // 2}, "risk.churn", store=store)
            annotate_version("risk.churn", store=store, tags={"seed": str(seed)})

        first = finished(training)
        second = run_again(training, first)
        run_again(training, second)

        assert [version.tags for version in store.versions("risk.churn", deleted=True)] == [
            {"seed": "2"},
            {"seed": "0"},
        ]

    def test_runs_have_names_that_say_what_is_done(self, filled: ModelStore, caplog: pytest.LogCaptureFixture) -> None:
        @flow
        def looking() -> None:
            version = get_version("risk.churn@2", store=filled)
            annotate_version(version, store=filled, tags={"a": "b"})
            find_versions("risk.churn", store=filled)
            rollback_model("risk.churn", "champion", store=filled)

        state = finished(looking)

        names = {getattr(record, "task_run_name", None) for record in caplog.records}
        assert state.is_completed()
        assert names >= {
            "get risk.churn@2",
            "annotate risk.churn@2",
            "find risk.churn",
            "roll back risk.churn champion",
        }
        shown = sorted(str(one.key) for one in artifacts_of(state, "markdown"))
        assert shown == ["history-risk--churn"] * 2 + ["model-risk--churn"] * 2

    @pytest.mark.parametrize("serializer", ["json", "pickle"])
    def test_records_survive_being_persisted(self, filled: ModelStore, serializer: str) -> None:
        # Under NO_CACHE Prefect writes no result, whatever `persist_result` says: it has no key to write it by.
        persisted: Any = {"persist_result": True, "cache_policy": None, "result_storage_key": "{task_run.id}"}
        saving = save_model.with_options(**persisted, result_serializer=serializer)
        finding = find_versions.with_options(**persisted, result_serializer=serializer)

        @flow
        def training() -> Any:
            example: Any = {
                "metrics": {"auc": 0.95},
                "params": {"depth": 3, "grid": [1, {"a": None}]},
                "tags": {"t": "x"},
            }
            future = saving.submit({"a": 1}, "risk.churn", store=filled, **example)
            future.wait()
            listed = finding("risk.churn", store=filled, return_state=True)
            return [read_result(future.state), read_result(listed), future.result()]

        back, listed, direct = finished(training).result()

        assert back == direct == filled.get(direct.ref)
        assert [version.number for version in listed] == [4, 3, 2, 1]
        assert promote_model.fn(back, "challenger", store=filled).number == 4
