from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from tests.dagster.harness import Platform
from tests.dagster.watching import Watch, keys

# Dagster's own code calls what Dagster deprecates, and nobody else can mend that.
_OF_DAGSTER = [
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning",  # when a resource holds another
    "ignore:Parameter `metadata` of function `AssetValueLoader:DeprecationWarning",  # `Definitions.load_asset_value`
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for rule in _OF_DAGSTER:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Platform(url=str(tmp_path / "models"), instance=instance)


@pytest.fixture
def watch(platform: Platform) -> Watch:
    """A sensor that has had its first look at an empty store."""
    found = Watch(platform)
    assert keys(found.tick()) == []
    return found
