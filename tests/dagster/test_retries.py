import threading
from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform, metadata_of, refused

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource
from modelstore_core import AttemptSuperseded, ModelStore, NotSerializable, StorageUnavailable

ONCE_MORE = dg.RetryPolicy(max_retries=1)


class LosesItsFirstReply(ModelStoreIOManager):
    """Crashes after the version was written, and before Dagster has heard of it."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        super().handle_output(context, obj)
        if context.step_context.previous_attempt_count == 0:
            raise ConnectionResetError


def crashing(platform: Platform) -> dict[str, object]:
    return {"io_manager": LosesItsFirstReply(store=ModelStoreResource(url=platform.url))}


def test_the_same_bytes_tried_again_are_the_same_version(platform: Platform) -> None:
    @dg.asset(retry_policy=ONCE_MORE)
    def churn() -> str:
        return "weights"

    result = platform.run(churn, resources=crashing(platform))

    assert result.success
    assert [version.number for version in platform.store.versions("churn", deleted=True)] == [1]
    assert metadata_of(result, "churn")["modelstore/version"] == 1


def test_other_bytes_of_a_later_attempt_supersede_the_first(platform: Platform) -> None:
    @dg.asset(retry_policy=ONCE_MORE)
    def churn(context: dg.AssetExecutionContext) -> str:
        return f"weights of attempt {context.op_execution_context.retry_number}"

    @dg.asset(retry_policy=ONCE_MORE)
    def scores(churn: str) -> str:
        return f"scored with {churn}"

    result = platform.run(churn, scores, resources=crashing(platform))

    first, second = platform.store.get("churn@1"), platform.store.get("churn@2")
    assert platform.numbers("churn") == [2]
    assert (first.superseded_by, second.supersedes, second.attempt) == (2, 1, 1)
    assert platform.store.load("churn") == "weights of attempt 1"
    assert result.asset_value("scores") == "scored with weights of attempt 1"


def test_a_body_that_fails_before_it_yields_leaves_nothing(platform: Platform) -> None:
    @dg.asset(retry_policy=ONCE_MORE)
    def churn(context: dg.AssetExecutionContext) -> str:
        if context.op_execution_context.retry_number == 0:
            raise ConnectionResetError
        return "weights"

    platform.run(churn)

    assert [version.attempt for version in platform.store.versions("churn", deleted=True)] == [1]


def test_a_deleted_version_is_not_brought_back_by_a_new_run(platform: Platform) -> None:
    @dg.asset
    def churn() -> str:
        return "weights"

    platform.run(churn)
    platform.store.delete("churn@1")
    platform.run(churn)

    assert platform.numbers("churn") == [2]


class Outlived(ModelStoreIOManager):
    """Loses its first reply, and when the next attempt is through, a worker thought dead saves for the first again."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        if context.step_context.previous_attempt_count == 0:
            dead.append((context, "weights of a zombie"))
            raise ConnectionResetError
        super().handle_output(context, obj)


dead: list[tuple[dg.OutputContext, object]] = []


def test_a_worker_thought_dead_changes_nothing(platform: Platform) -> None:
    @dg.asset(retry_policy=ONCE_MORE)
    def churn() -> str:
        return "weights"

    dead.clear()
    platform.run(churn, resources={"io_manager": Outlived(store=ModelStoreResource(url=platform.url))})
    (zombie,) = dead

    platform.resources["io_manager"].handle_output(*zombie)

    assert platform.numbers("churn") == [1]
    assert platform.store.load("churn") == "weights"

    platform.store.delete("churn@1")
    with refused(AttemptSuperseded, "attempt"):
        platform.resources["io_manager"].handle_output(*zombie)


class LosesItsReplyHalfWay(ModelStoreIOManager):
    """Is cut off in the middle of the partitions of its first attempt, as if the process had died there."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        if context.step_context.previous_attempt_count == 0:
            assert isinstance(obj, dict)
            super().handle_output(context, {**obj, "us": threading.Lock()})
        super().handle_output(context, obj)


class Passing(LosesItsReplyHalfWay):
    """The same, with an error that a retry gets past."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        try:
            super().handle_output(context, obj)
        except dg.Failure as failure:
            raise ConnectionResetError from failure


@pytest.mark.parametrize("attempts_agree", [True, False])
def test_a_run_over_several_partitions_that_was_cut_off_leaves_one_live_version_of_each(
    platform: Platform, attempts_agree: bool
) -> None:
    regions = dg.StaticPartitionsDefinition(["eu", "jp", "us"])

    @dg.asset(partitions_def=regions, retry_policy=ONCE_MORE)
    def churn(context: dg.AssetExecutionContext) -> dict[str, str]:
        attempt = 0 if attempts_agree else context.op_execution_context.retry_number
        return {key: f"weights of {key}, attempt {attempt}" for key in context.partition_keys}

    several = {"dagster/asset_partition_range_start": "eu", "dagster/asset_partition_range_end": "us"}
    manager = Passing(store=ModelStoreResource(url=platform.url))
    result = platform.run(churn, tags=several, resources={"io_manager": manager})

    versions = platform.store.versions("churn")
    assert sorted(str(version.lineage["partition"]) for version in versions) == ["eu", "jp", "us"]
    assert len(platform.store.versions("churn", deleted=True)) == (3 if attempts_agree else 5)
    said = {
        str(e.partition): e.metadata["modelstore/ref"].value for e in result.asset_materializations_for_node("churn")
    }
    assert said == {str(version.lineage["partition"]): version.ref for version in versions}


def test_what_fails_the_same_way_each_time_is_tried_once(platform: Platform) -> None:
    tries: list[int] = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=3))
    def churn() -> object:
        tries.append(1)
        return threading.Lock()

    with refused(NotSerializable, "cannot pickle"):
        platform.run(churn)

    assert len(tries) == 1


class AwayAtFirst(ModelStoreResource):
    """A store whose server does not answer the first time."""

    def get_store(self, *, progress: Any = True) -> ModelStore:
        away.append(1)
        if len(away) == 1:
            raise StorageUnavailable("no answer")
        return super().get_store(progress=progress)


away: list[int] = []


def test_what_may_pass_is_tried_again(platform: Platform) -> None:
    @dg.asset(retry_policy=ONCE_MORE)
    def churn() -> int:
        return 1

    away.clear()
    result = platform.run(churn, resources={"io_manager": ModelStoreIOManager(store=AwayAtFirst(url=platform.url))})

    assert result.success
    assert platform.numbers("churn") == [1]
