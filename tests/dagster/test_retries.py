import dagster as dg
from tests.dagster.harness import Platform, metadata_of

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource

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
