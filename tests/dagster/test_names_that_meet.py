"""Two assets that would be one model."""

import dagster as dg
import pytest
from tests.dagster.harness import Platform, refused

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource, build_promotion_asset
from modelstore_core import InvalidInput


def named(name: str | None, *path: str, manager: str = "io_manager") -> dg.AssetsDefinition:
    metadata = {} if name is None else {"modelstore/name": name}
    return dg.asset(key=list(path), metadata=metadata, io_manager_key=manager)(lambda: "weights")


@pytest.mark.parametrize(
    "both",
    [
        (named("churn", "a"), named("churn", "b")),
        (named("b", "a"), named(None, "b")),
        (named("churn.{partition}", "a"), named("churn.{partition}", "b")),
    ],
)
def test_two_assets_are_never_one_model(platform: Platform, both: tuple[dg.AssetsDefinition, ...]) -> None:
    with refused(InvalidInput, "The assets 'a', 'b' are all kept as the model"):
        platform.run(*both)

    assert platform.store.models() == ()


def test_two_stores_may_have_a_model_of_one_name(platform: Platform) -> None:
    other = ModelStoreIOManager(store=ModelStoreResource(url=f"{platform.url}-2"))

    result = platform.run(named("churn", "a"), named("churn", "b", manager="other"), resources={"other": other})

    assert result.success


def test_an_alias_shares_the_name_of_its_model(platform: Platform) -> None:
    model = named("churn", "a")

    assert platform.run(model, build_promotion_asset(model)).success
    assert platform.store.get("churn@champion").number == 1


def test_one_asset_after_the_other_may_have_a_name(platform: Platform) -> None:
    """An asset whose key has changed goes on with its model."""
    platform.run(named("churn", "old"))
    platform.run(named("churn", "new"))

    assert platform.numbers("churn") == [1, 2]
