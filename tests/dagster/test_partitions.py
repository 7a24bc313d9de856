from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from tests.dagster.harness import Platform, refused

from modelstore_core import InvalidInput, ModelVersion, VersionNotFound

REGIONS = dg.StaticPartitionsDefinition(["eu", "jp", "us"])
SEVERAL = {"dagster/asset_partition_range_start": "eu", "dagster/asset_partition_range_end": "us"}


def loose(annotation: object) -> dg.DagsterType:
    """A type that tells the annotation and takes everything."""
    return dg.DagsterType(lambda _, __: True, name="Loose", typing_type=annotation)


@dg.asset(partitions_def=REGIONS)
def churn(context: dg.AssetExecutionContext) -> str:
    return f"{context.partition_key} by {context.run.run_id}"


def test_a_partition_is_a_version_of_the_one_model(platform: Platform) -> None:
    for region in ("us", "eu"):
        platform.run(churn, partition_key=region)

    versions = platform.store.versions("churn")
    assert [version.tags["dagster/partition"] for version in versions] == ["eu", "us"]
    assert [version.lineage["partition"] for version in versions] == ["eu", "us"]


def test_a_partition_loads_its_own_newest(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def scores(churn: str) -> str:
        return churn

    made = platform.run(churn, partition_key="eu")
    platform.run(churn, partition_key="us")

    result = platform.run(churn, scores, selection=[scores], partition_key="eu")

    assert platform.store.load("scores") == f"eu by {made.run_id}"
    assert result.success


def test_many_partitions_load_as_a_mapping(platform: Platform) -> None:
    @dg.asset
    def summary(churn: dict[str, ModelVersion]) -> dict[str, int]:
        return {region: version.number for region, version in churn.items()}

    for region in ("us", "eu", "jp"):
        platform.run(churn, partition_key=region)

    result = platform.run(churn, summary, selection=[summary])

    assert result.asset_value("summary") == {"eu": 2, "jp": 3, "us": 1}


@pytest.mark.parametrize(
    ("made", "annotation", "taken"),
    [
        ({"w": 1}, dict[str, int], "{'w': 1}"),
        ({"w": 1}, dict[str, dict[str, int]], "{'w': 1}"),
        ("weights", dict[str, str], "{'eu': 'weights'}"),
        ({"w": 1}, dict[str, Path], "{'eu': PosixPath("),
    ],
)
def test_a_model_that_is_a_mapping_is_not_taken_for_partitions(
    platform: Platform, made: object, annotation: object, taken: str
) -> None:
    @dg.asset(partitions_def=REGIONS, dagster_type=dg.Any)
    def churn() -> object:
        return made

    def scores(churn: object) -> str:
        return str(churn)

    scores.__annotations__["churn"] = annotation
    consumer = dg.asset(partitions_def=REGIONS, ins={"churn": dg.AssetIn(dagster_type=loose(annotation))})(scores)

    platform.run(churn, consumer, partition_key="eu")

    assert platform.store.load("scores").startswith(taken)


def test_a_missing_partition_says_which_there_are(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def scores(churn: str) -> str:
        return churn

    platform.run(churn, partition_key="us")

    with refused(VersionNotFound, "no version of the partition 'eu'; it has: us"):
        platform.run(churn, scores, selection=[scores], partition_key="eu")


def test_a_run_over_several_partitions_saves_one_version_each(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def churn(context: dg.AssetExecutionContext) -> dict[str, str]:
        return {key: f"weights of {key}" for key in context.partition_keys}

    result = platform.run(churn, tags=SEVERAL)

    versions = {str(version.lineage["partition"]): version for version in platform.store.versions("churn")}
    events = {str(event.partition): event.metadata for event in result.asset_materializations_for_node("churn")}
    assert sorted(versions) == sorted(events) == ["eu", "jp", "us"]
    for region, version in versions.items():
        assert platform.store.load(version.ref) == f"weights of {region}"
        assert events[region]["modelstore/version"].value == version.number


def test_a_run_over_several_partitions_may_have_none_for_one(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def churn() -> dict[str, object]:
        return {"eu": "weights", "jp": None, "us": None}

    platform.run(churn, tags=SEVERAL)

    assert [version.lineage["partition"] for version in platform.store.versions("churn")] == ["eu"]


@pytest.mark.parametrize("yielded", ["weights", {"eu": "weights"}])
def test_a_run_over_several_partitions_must_say_which_is_which(platform: Platform, yielded: object) -> None:
    @dg.asset(partitions_def=REGIONS)
    def churn() -> object:
        return yielded

    with refused(InvalidInput, r"covers the partitions \['eu', 'jp', 'us'\] of 'churn', but yielded"):
        platform.run(churn, tags=SEVERAL)

    assert platform.store.models() == ()


def test_a_mapping_of_one_partition_is_that_partitions_model(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def churn(context: dg.AssetExecutionContext) -> dict[str, str]:
        return dict.fromkeys(context.partition_keys, "weights")

    platform.run(churn, partition_key="eu")

    assert platform.store.load("churn") == "weights"


@pytest.mark.parametrize("key", ["a/b", "..", "a,b", "a|b", "x" * 500, "日本", " "])
def test_odd_partition_keys_are_keys_like_others(platform: Platform, key: str) -> None:
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition([key]))
    def churn() -> str:
        return "weights"

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition([key]))
    def scores(churn: str) -> str:
        return churn

    result = platform.run(churn, scores, partition_key=key)

    assert result.success
    assert platform.store.get("churn").lineage["partition"] == key


def test_two_dimensions_are_one_key(platform: Platform) -> None:
    both = dg.MultiPartitionsDefinition({"region": REGIONS, "size": dg.StaticPartitionsDefinition(["s", "l"])})

    @dg.asset(partitions_def=both)
    def churn() -> str:
        return "weights"

    platform.run(churn, partition_key=dg.MultiPartitionKey({"region": "eu", "size": "l"}))

    assert platform.store.get("churn").tags["dagster/partition"] == "eu|l"


def test_a_warm_start_begins_with_none(platform: Platform) -> None:
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01")
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=days, ins={"churn": dg.AssetIn(partition_mapping=before)})
    def churn(churn: str | None) -> str:
        return f"{churn or ''}*"

    for day in ("2026-01-01", "2026-01-02"):
        platform.run(churn, partition_key=day)

    assert platform.store.load("churn") == "**"


def test_an_unpartitioned_asset_in_a_partitioned_run_is_found_by_its_run(platform: Platform) -> None:
    @dg.asset
    def whole() -> str:
        return "weights"

    @dg.asset(partitions_def=REGIONS)
    def scores(whole: str) -> str:
        return whole

    platform.run(whole, scores, partition_key="eu")

    assert "partition" not in platform.store.get("whole").lineage
    assert platform.store.load("scores") == "weights"


def test_a_partition_that_is_made_at_run_time_may_hold_a_line_break(platform: Platform) -> None:
    tenants = dg.DynamicPartitionsDefinition(name="tenants")
    platform.instance.add_dynamic_partitions("tenants", ["new\nline", "../other"])

    @dg.asset(partitions_def=tenants, metadata={"modelstore/aliases": ["live-{partition}"]})
    def churn(context: dg.AssetExecutionContext) -> str:
        return f"weights of {context.partition_key}"

    for tenant in ("new\nline", "../other"):
        platform.run(churn, partition_key=tenant)

    assert sorted(platform.store.get("churn").aliases) == ["live-_2E_2E_2Fother"]
    assert [version.lineage["partition"] for version in platform.store.versions("churn")] == ["../other", "new\nline"]


def test_runs_of_partitions_that_race_are_one_version_each(platform: Platform) -> None:
    """A backfill launches a run for each partition; which is last is chance, and each consumer gets its own."""

    @dg.asset(partitions_def=REGIONS)
    def scores(churn: str) -> str:
        return churn

    def materialize(region: str) -> str:
        with dg.DagsterInstance.ephemeral() as instance:
            run = Platform(url=platform.url, instance=instance).run(churn, partition_key=region)
        return f"{region} by {run.run_id}"

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(materialize, REGIONS.get_partition_keys()))

    assert platform.numbers("churn") == [1, 2, 3]
    platform.run(churn, scores, selection=[scores], partition_key="jp")
    assert platform.store.load("scores") == made[1]
