"""Places for the partition in names and aliases: a model, or an alias, for each partition."""

from collections.abc import Callable

import dagster as dg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.dagster.harness import Platform, refused

from dagster_modelstore import model_metadata, partition_alias
from dagster_modelstore.partitions import Partition, filled_alias, filled_name
from modelstore_core import AliasNotFound, InvalidInput, ModelNotFound, ModelStore

REGIONS = dg.StaticPartitionsDefinition(["eu", "jp", "us"])
SEVERAL = {"dagster/asset_partition_range_start": "eu", "dagster/asset_partition_range_end": "us"}
KEYS = st.one_of(
    st.text(max_size=12), st.text(max_size=600), st.sampled_from(["", "_", "__", "-", "a-b", "a_2Db", "."])
)


def keyed(key: str, **dimensions: str) -> Partition:
    return Partition(key=key, dimensions=dimensions)


@given(KEYS, KEYS)
@example("a-b", "a_2Db")
@example("", "_")
@example("x" * 500, "x" * 501)
def test_different_partitions_never_share_a_name_or_an_alias(left: str, right: str) -> None:
    names = {filled_name("risk.{partition}.churn", keyed(key)) for key in (left, right)}
    aliases = {filled_alias("champion-{partition}", keyed(key)) for key in (left, right)}

    assert len(names) == len(aliases) == len({left, right})


@given(st.tuples(KEYS, KEYS), st.tuples(KEYS, KEYS))
@example(("a", "b-c"), ("a-b", "c"))
@example(("a", "b.c"), ("a.b", "c"))
def test_different_pairs_of_dimensions_never_share_a_name_or_an_alias(
    left: tuple[str, str], right: tuple[str, str]
) -> None:
    pairs = [keyed("|".join(pair), region=pair[0], size=pair[1]) for pair in (left, right)]
    names = {filled_name("churn.{region}.{size}", pair) for pair in pairs}
    aliases = {filled_alias("best-{region}-{size}", pair) for pair in pairs}

    assert len(names) == len(aliases) == len({left, right})


@given(KEYS)
@example("日本 \ud800\n\x00")
def test_the_store_takes_whatever_a_partition_is_called(key: str) -> None:
    store = ModelStore("memory://partition-names")

    with pytest.raises(ModelNotFound):  # and not InvalidName
        store.get(f"{filled_name('churn.{partition}', keyed(key))}@{filled_alias('best-{partition}', keyed(key))}")


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (lambda: filled_name("a.{region}-{size}", keyed("k", region="r", size="s")), "two partitions could give one"),
        (lambda: filled_alias("{region}_{size}", keyed("k", region="r", size="s")), "Put a '-' between {region} and"),
        (lambda: filled_name("a.{regoin}", keyed("k", region="r")), "Nothing fills {regoin}.*{partition}, {region}"),
        (lambda: filled_alias("a-{}", keyed("k")), "Nothing fills {} in the 'modelstore/alias'"),
        (lambda: filled_name("a.{partition}", None), "there is no partition"),
    ],
)
def test_a_place_that_nothing_fills_is_refused(fill: Callable[[], str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        fill()


@dg.asset(partitions_def=REGIONS, metadata={"modelstore/name": "risk.churn.{partition}"})
def churn(context: dg.AssetExecutionContext) -> dict[str, str]:
    return {key: f"weights of {key}" for key in context.partition_keys}


def test_a_partition_may_have_a_model_of_its_own(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS)
    def scores(churn: object) -> str:
        return f"scored with {churn}"

    platform.run(churn, scores, partition_key="us")
    platform.run(churn, tags=SEVERAL)

    assert [model.name for model in platform.store.models()][:3] == [f"risk.churn.{key}" for key in ("eu", "jp", "us")]
    assert platform.numbers("risk.churn.us") == [1, 2]
    assert platform.store.load("scores") == "scored with weights of us"


def test_models_of_partitions_fan_in_as_a_mapping(platform: Platform) -> None:
    @dg.asset
    def summary(churn: dict[str, str]) -> dict[str, str]:
        return churn

    platform.run(churn, tags=SEVERAL)

    result = platform.run(churn, summary, selection=[summary])

    assert result.asset_value("summary") == {key: f"weights of {key}" for key in ("eu", "jp", "us")}


def test_a_models_alias_is_loaded_for_each_partition(platform: Platform) -> None:
    @dg.asset(partitions_def=REGIONS, ins={"churn": dg.AssetIn(metadata={"modelstore/alias": "champion"})})
    def scores(churn: str) -> str:
        return churn

    platform.run(churn, tags=SEVERAL)
    platform.store.promote("risk.churn.us@1", "champion")
    platform.run(churn, tags=SEVERAL)

    platform.run(churn, scores, selection=[scores], partition_key="us")

    assert platform.store.load("scores") == "weights of us"
    with refused(AliasNotFound, "'risk.churn.eu' has no alias 'champion'"):
        platform.run(churn, scores, selection=[scores], partition_key="eu")


@dg.asset(partitions_def=REGIONS)
def regional(context: dg.AssetExecutionContext) -> dg.Output[str]:
    said = model_metadata(aliases=["candidate-{partition}"])
    return dg.Output(f"{context.partition_key} by {context.run.run_id}", metadata=said)


def test_a_partition_may_have_an_alias_of_its_own(platform: Platform) -> None:
    asked = {"regional": dg.AssetIn(metadata={"modelstore/alias": "champion-{partition}"})}

    @dg.asset(partitions_def=REGIONS, ins=asked)
    def scores(regional: str) -> str:
        return regional

    first = platform.run(regional, partition_key="eu")
    platform.store.promote(f"regional@{partition_alias('candidate-{partition}', 'eu')}", "champion-eu")
    for region in ("eu", "us"):
        platform.run(regional, partition_key=region)

    platform.run(regional, scores, selection=[scores], partition_key="eu")

    assert platform.store.load("scores") == f"eu by {first.run_id}"
    assert platform.store.get("regional@candidate-us").number == 3
    with refused(AliasNotFound, "no alias 'champion-us'; it has: candidate-eu, candidate-us, champion-eu"):
        platform.run(regional, scores, selection=[scores], partition_key="us")


def test_aliases_of_partitions_fan_in_as_a_mapping(platform: Platform) -> None:
    @dg.asset(ins={"regional": dg.AssetIn(metadata={"modelstore/alias": "candidate-{partition}"})})
    def summary(regional: dict[str, str]) -> list[str]:
        return sorted(regional)

    for region in REGIONS.get_partition_keys():
        platform.run(regional, partition_key=region)

    assert platform.run(regional, summary, selection=[summary]).asset_value("summary") == ["eu", "jp", "us"]


def test_one_alias_for_all_partitions_is_one_version(platform: Platform) -> None:
    @dg.asset(ins={"regional": dg.AssetIn(metadata={"modelstore/alias": "champion"})})
    def summary(regional: str) -> str:
        return regional

    made = platform.run(regional, partition_key="jp")
    platform.store.promote("regional", "champion")
    platform.run(regional, partition_key="eu")

    result = platform.run(regional, summary, selection=[summary])

    assert result.asset_value("summary") == f"jp by {made.run_id}"


def test_a_dimension_may_make_the_model_and_another_the_version(platform: Platform) -> None:
    days = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_date="2026-01-03")
    both = dg.MultiPartitionsDefinition({"region": REGIONS, "day": days})

    @dg.asset(partitions_def=both, metadata={"modelstore/name": "churn.{region}"})
    def daily(context: dg.AssetExecutionContext) -> str:
        return f"weights of {context.partition_key}"

    @dg.asset(partitions_def=both)
    def scores(daily: str) -> str:
        return daily

    for day in ("2026-01-01", "2026-01-02"):
        platform.run(daily, partition_key=dg.MultiPartitionKey({"region": "eu", "day": day}))
    early = dg.MultiPartitionKey({"region": "eu", "day": "2026-01-01"})
    platform.run(daily, scores, selection=[scores], partition_key=early)

    assert platform.numbers("churn.eu") == [1, 2]
    assert platform.store.load("scores") == "weights of 2026-01-01|eu"
