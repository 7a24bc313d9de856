"""Models that other processes train, which Dagster has started and which know nothing of it but its Pipes."""

import os
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tests.dagster.harness import Platform, metadata_of

# what Dagster's own Pipes call
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:AssetExecutionContext\.\w+ is deprecated"),
    pytest.mark.filterwarnings("ignore:Function `PipesMessageReader"),
]

SCRIPT = Path(__file__).with_name("train_by_pipes.py")


@pytest.fixture
def client(platform: Platform) -> dg.PipesSubprocessClient:
    paths = os.pathsep.join(path for path in sys.path if path)
    return dg.PipesSubprocessClient(env={**os.environ, "TEST_MODELS": platform.url, "PYTHONPATH": paths})


def trained(key: list[str], extras: dict[str, Any] | None = None, **options: Any) -> dg.AssetsDefinition:
    """An asset whose model another process makes."""

    def asset(
        context: dg.AssetExecutionContext, pipes: dg.ResourceParam[dg.PipesSubprocessClient]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster takes no other beside a check
        command = [sys.executable, str(SCRIPT)]
        return pipes.run(command=command, context=context, extras=extras or {}).get_materialize_result()

    made: dg.AssetsDefinition = dg.asset(key=key, **options)(asset)
    return made


def run(platform: Platform, client: dg.PipesSubprocessClient, *assets: Any, **options: Any) -> Any:
    return platform.run(*assets, resources={"pipes": client}, **options)


def test_the_version_is_reported_with_numbers_card_and_digest(
    platform: Platform, client: dg.PipesSubprocessClient
) -> None:
    result = run(platform, client, trained(["churn"]))

    version = platform.store.get("churn")
    said = metadata_of(result, "churn")
    (event,) = result.asset_materializations_for_node("churn")
    assert (said["auc"], said["modelstore/version"], said["modelstore/ref"]) == (0.9, 1, "churn@1")
    assert "| version | churn@1 |" in said["modelstore/card"]
    assert event.tags["dagster/data_version"] == version.digest
    assert (version.lineage["run_id"], version.lineage["asset"]) == (result.run_id, ["churn"])
    assert version.tags == {"by": "pipes"}


def test_a_check_that_the_process_makes_is_reported_too(platform: Platform, client: dg.PipesSubprocessClient) -> None:
    asset = trained(["churn"], {"check": "sane"}, check_specs=[dg.AssetCheckSpec("sane", asset="churn")])

    (check,) = run(platform, client, asset).get_asset_check_evaluations()

    assert check.passed
    assert platform.store.get("churn").checks["sane"].passed


def test_what_depends_on_it_loads_what_the_run_has_made(platform: Platform, client: dg.PipesSubprocessClient) -> None:
    asset = trained(["risk", "a.b"], {"weights": "mine"})

    @dg.asset(ins={"model": dg.AssetIn(["risk", "a.b"])})
    def scores(model: str) -> str:
        platform.store.save("another's", "risk.a%2Eb")
        return model

    run(platform, client, asset, scores)

    assert platform.store.load("scores") == "mine"
    assert platform.store.get("risk.a%2Eb@1").lineage["asset"] == ["risk", "a.b"]


def test_a_process_that_dies_after_its_save_leaves_one_live_version(
    platform: Platform, client: dg.PipesSubprocessClient
) -> None:
    asset = trained(["churn"], {"dies": True}, retry_policy=dg.RetryPolicy(max_retries=1))

    result = run(platform, client, asset)

    assert result.success
    assert platform.numbers("churn") == [2]
    assert platform.store.load("churn") == "weights of attempt 1"
    assert metadata_of(result, "churn")["modelstore/ref"] == "churn@2"


def test_a_partition_is_the_versions_too(platform: Platform, client: dg.PipesSubprocessClient) -> None:
    regions = dg.StaticPartitionsDefinition(["eu", ".."])
    asset = trained(["sales"], partitions_def=regions)

    @dg.asset(partitions_def=regions, ins={"model": dg.AssetIn("sales")})
    def scores(model: str) -> str:
        return model

    for region in regions.get_partition_keys():
        assert run(platform, client, asset, scores, partition_key=region).success

    tags = [version.tags["dagster/partition"] for version in platform.store.versions("sales")]
    assert tags == ["..", "eu"]


def test_a_name_of_its_own_is_kept(platform: Platform, client: dg.PipesSubprocessClient) -> None:
    asset = trained(["churn"], {"name": "risk.churn"}, metadata={"modelstore/name": "risk.churn"})

    @dg.asset
    def scores(churn: str) -> str:
        return churn

    assert run(platform, client, asset, scores).success
    assert platform.store.get("risk.churn").number == 1
