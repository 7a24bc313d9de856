"""The tasks in real flow runs: retried, mapped, nested, in other processes, and run again from the top."""

import asyncio
import gc
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.futures import wait
from prefect.task_runners import ProcessPoolTaskRunner
from tests.prefect.support import artifacts_of, finished, flow_run_of, run_again, table_of

from modelstore_core import AtLeast, Improves, ModelStore, ModelVersion
from prefect_modelstore import (
    load_model,
    load_model_async,
    promote_model,
    promote_model_async,
    save_model,
    save_model_async,
)
from prefect_modelstore.artifacts import show

pytestmark = pytest.mark.usefixtures("prefect_server")


def live(store: ModelStore, name: str = "risk.churn") -> list[int]:
    return [version.number for version in store.versions(name, order_by="number")]


def failing_first(times: int = 1) -> Iterator[bool]:
    return itertools.chain([True] * times, itertools.repeat(False))


def test_a_task_that_saves_and_then_fails_makes_one_version_when_it_is_retried(store: ModelStore) -> None:
    fails = failing_first()

    @task(retries=1)
    def train() -> ModelVersion:
        version = save_model({"a": 1}, "risk.churn", store=store)
        assert not next(fails)
        return version

    @flow
    def training() -> None:
        train()

    assert finished(training).is_completed()
    assert [v.number for v in store.versions("risk.churn", deleted=True)] == [1]


def test_a_retry_with_other_bytes_leaves_one_live_version(store: ModelStore) -> None:
    fails, seeds = failing_first(), itertools.count()

    @task(retries=1)
    def train() -> None:
        save_model({"seed": next(seeds)}, "risk.churn", store=store)
        save_model({"constant": 1}, "risk.churn", store=store)
        assert not next(fails)

    @flow
    def training() -> None:
        train()

    finished(training)

    assert live(store) == [2, 3]
    assert store.get("risk.churn@3").supersedes == 1
    assert store.load("risk.churn@3") == {"seed": 1}


@pytest.mark.parametrize("call", ["direct", "submit", "map"])
def test_a_flow_run_that_runs_again_finds_its_versions(store: ModelStore, call: str) -> None:
    @flow
    def training() -> None:
        models = [{"i": i} for i in range(3)]
        if call == "map":
            save_model.map(models, "risk.churn", store=store).wait()
        elif call == "submit":
            wait([save_model.submit(model, "risk.churn", store=store) for model in models])
        else:
            for model in models:
                save_model(model, "risk.churn", store=store)

    first = finished(training)
    keys = {v.key: v.number for v in store.versions("risk.churn")}
    again = run_again(training, first)

    assert again.is_completed()
    assert live(store) == [1, 2, 3]
    assert {v.key: v.number for v in store.versions("risk.churn", deleted=True)} == keys


def test_a_flow_run_that_trains_anew_supersedes_what_it_saved_and_decides_anew(store: ModelStore) -> None:
    scores = iter([0.9, 0.8, 0.95])

    @flow
    def training() -> None:
        auc = next(scores)
        version = save_model({"auc": auc}, "risk.churn", store=store, metrics={"auc": auc})
        promote_model(version, "champion", store=store, gates=[Improves("auc")])

    first = finished(training)
    second = run_again(training, first)
    third = run_again(training, second)

    assert (first.is_completed(), second.is_failed(), third.is_completed()) == (True, True, True)
    assert live(store) == [3]
    assert store.get("risk.churn@champion").number == 3
    attempts = [v.attempt for v in store.versions("risk.churn", deleted=True, order_by="number")]
    assert attempts == [0, 1_00_00, 2_00_00]


def test_a_new_flow_run_makes_a_new_version(store: ModelStore) -> None:
    @flow
    def training() -> None:
        save_model({"a": 1}, "risk.churn", store=store)

    finished(training)
    finished(training)

    assert live(store) == [1, 2]


def test_a_promotion_is_not_repeated_when_its_flow_run_runs_again(store: ModelStore) -> None:
    store.save({"old": 1}, "risk.churn", aliases=["champion"])

    @flow
    def training() -> None:
        version = save_model({"a": 1}, "risk.churn", store=store)
        promote_model(version, "champion", store=store)

    first = finished(training)
    store.rollback("risk.churn", "champion", reason="It was bad.")
    run_again(training, first)

    assert store.get("risk.churn@champion").number == 1


def test_a_flow_may_promote_again_by_other_gates(store: ModelStore) -> None:
    store.save({"old": 1}, "risk.churn", metrics={"auc": 0.9}, aliases=["champion"])

    @flow
    def training() -> None:
        version = save_model({"a": 1}, "risk.churn", store=store, metrics={"auc": 0.9})
        if promote_model(version, "champion", store=store, gates=[Improves("auc")], return_state=True).is_failed():
            promote_model(version, "champion", store=store, reason="As good.")

    finished(training)

    assert store.get("risk.churn@champion").number == 2


def test_a_flow_that_fails_promotes_nothing(store: ModelStore) -> None:
    store.save({"old": 1}, "risk.churn", aliases=["champion"])

    @task
    def smoke_test(version: ModelVersion) -> None:
        raise ValueError(version.ref)

    @flow
    def training() -> None:
        version = save_model({"a": 1}, "risk.churn", store=store)
        checks = [smoke_test.submit(version)]
        promote_model.submit(version, "champion", store=store, wait_for=checks, return_state=False).result()

    assert finished(training).is_failed()
    assert live(store) == [1, 2]
    assert store.get("risk.churn@champion").number == 1


def test_subflows_of_a_flow_run_that_runs_again_find_their_versions(store: ModelStore) -> None:
    fails, seeds = failing_first(), itertools.count()

    @flow
    def part(name: str) -> None:
        save_model({"seed": next(seeds)}, name, store=store)
        assert not next(fails)

    @flow
    def whole() -> None:
        part("a")
        part("b")
        part("a")

    run_again(whole, finished(whole))

    assert [(v.number, v.supersedes) for v in store.versions("a", deleted=True)] == [(3, None), (2, 1), (1, None)]
    assert live(store, "a") == [2, 3]
    assert live(store, "b") == [1]


def test_tasks_that_save_find_their_versions_when_their_flow_run_runs_again(store: ModelStore) -> None:
    @task
    def train(segment: str) -> None:
        save_model({"segment": segment}, f"churn.{segment}", store=store)

    @flow
    def training() -> None:
        train.map(["a", "b", "c"]).wait()

    run_again(training, finished(training))

    assert [len(store.versions(f"churn.{s}", deleted=True)) for s in "abc"] == [1, 1, 1]


def test_a_key_names_a_save_whatever_the_order_of_calls(store: ModelStore) -> None:
    orders = iter([("a", "b"), ("b", "a")])

    @flow
    def training() -> None:
        for segment in next(orders):
            save_model({"segment": segment}, "risk.churn", store=store, key=segment)

    run_again(training, finished(training))

    assert live(store) == [1, 2]
    assert len(store.versions("risk.churn", deleted=True)) == 2


@task
def train_and_save(i: int, url: str) -> str:
    return save_model({"i": i}, "nested", store=url).ref


two_processes: Any = ProcessPoolTaskRunner(max_workers=2)  # whose future is not the one that `flow` declares


@flow(task_runner=two_processes)
def in_processes(url: str) -> list[str]:
    saved = save_model.map([{"i": i} for i in range(3)], "risk.churn", store=url)
    nested = train_and_save.map([0, 1], url)
    return [version.ref for version in saved.result()] + nested.result()


def test_other_processes_save_one_version_each(tmp_path: Path) -> None:
    url, store = str(tmp_path), ModelStore(tmp_path)

    first = finished(in_processes, url)
    keys = sorted(str(v.key) for v in store.versions("risk.churn"))
    run_again(in_processes, first)

    assert sorted(first.result()) == ["nested@1", "nested@2", "risk.churn@1", "risk.churn@2", "risk.churn@3"]
    assert sorted(str(v.key) for v in store.versions("risk.churn", deleted=True)) == keys
    assert [key.rpartition("/")[2] for key in keys] == ["0", "1", "2"]


# An async flow of Prefect 3.8, even an empty one, leaves one socket unclosed.
@pytest.mark.filterwarnings("ignore:.*<socket:pytest.PytestUnraisableExceptionWarning")
def test_the_async_twins_work_in_an_async_flow(store: ModelStore) -> None:
    @flow
    async def training() -> object:
        versions = await asyncio.gather(*(save_model_async({"i": i}, "risk.churn", store=store) for i in range(2)))
        await promote_model_async(versions[0], "champion", store=store)
        save_model({"sync": 1}, "risk.churn", store=store)
        return await load_model_async("risk.churn@champion", store=store)

    run: Any = training  # whose overloads know of no state from an async flow
    state = asyncio.run(run(return_state=True))
    gc.collect()

    assert state.result() in ({"i": 0}, {"i": 1})
    assert live(store) == [1, 2, 3]
    assert len(artifacts_of(state, "markdown")) == 4


def test_a_version_knows_the_run_that_made_it(store: ModelStore) -> None:
    @flow(name="nightly", flow_run_name="night 7")
    def training() -> None:
        save_model({"a": 1}, "risk.churn", store=store, lineage={"data": "2026-11", "platform": "mine"})

    flow_run = flow_run_of(finished(training))
    lineage = store.get("risk.churn").lineage

    assert (lineage["flow"], lineage["run"], lineage["run_id"]) == ("nightly", "night 7", str(flow_run.id))
    assert str(lineage["url"]).endswith(f"/flow-run/{flow_run.id}")
    assert (lineage["task_run"], lineage["data"], lineage["platform"]) == ("save risk.churn", "2026-11", "mine")


def test_a_save_shows_a_card_and_a_table(store: ModelStore) -> None:
    @flow
    def training() -> None:
        for auc in (0.8, 0.9):
            save_model({"auc": auc}, "Risk_churn", store=store, metrics={"auc": auc})

    state = finished(training)

    (card, history), table = artifacts_of(state, "markdown")[-2:], artifacts_of(state, "table")[-1]
    keys = ("model--crisk-uchurn", "versions--crisk-uchurn", "history--crisk-uchurn")
    assert (card.key, table.key, history.key) == keys
    assert "| auc | 0.9 |" in str(card.data)
    assert f"/flow-run/{flow_run_of(state).id})" in str(card.data)
    assert [(row["version"], row["metrics.auc"]) for row in table_of(table)] == [("2", "0.9"), ("1", "0.8")]


def test_the_longest_name_still_has_its_artifacts(store: ModelStore) -> None:
    @flow
    def training() -> None:
        save_model({"a": 1}, "é" * 100, store=store)

    assert len(artifacts_of(finished(training), "table")) == 1


def test_what_cannot_be_shown_fails_nothing(store: ModelStore, caplog: pytest.LogCaptureFixture) -> None:
    version = store.save({"a": 1}, "risk.churn")

    @flow
    def showing() -> None:
        shutil.rmtree(store.url)
        show(store, version, None)

    assert finished(showing).is_completed()
    assert "risk.churn@1 was published, but not shown in Prefect: ModelNotFound" in caplog.text


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("name", "'a/b' contains '/'"),
        ("metric", "text goes into tags= or params="),
        ("model", "NotSerializable"),
        ("url", "the scheme 'ftp' is unknown"),
        ("unknown", "ModelNotFound"),
        ("gate", "risk.churn@1 has auc = 0.5; needed: at least 0.9"),
    ],
)
def test_a_run_that_is_given_what_cannot_be_fails_with_the_fix(store: ModelStore, what: str, message: str) -> None:
    @flow
    def training() -> None:
        match what:
            case "name":
                save_model({"a": 1}, "a/b", store=store)
            case "metric":
                save_model({"a": 1}, "risk.churn", store=store, metrics={"auc": "high"})
            case "model":
                save_model((i for i in range(3)), "risk.churn", store=store)
            case "url":
                save_model({"a": 1}, "risk.churn", store="ftp://nowhere")
            case "unknown":
                load_model("risk.churn@champion", store=store)
            case _:
                version = save_model({"a": 1}, "risk.churn", store=store, metrics={"auc": 0.5})
                promote_model(version, "champion", store=store, gates=[AtLeast("auc", 0.9)])

    state = finished(training)

    assert state.is_failed()
    assert message in str(state.message)
