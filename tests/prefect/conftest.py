"""One Prefect server for all tests of the plugin that need one, with a home of its own and without telemetry."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelstore_core import ModelStore

os.environ["DO_NOT_TRACK"] = "1"  # read when Prefect is imported


HERE = Path(__file__).parent
_running = ExitStack()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        PREFECT_SERVER_ANALYTICS_ENABLED,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    # The heartbeat's thread costs each flow run a second, and the environment cannot switch it off.
    settings = {
        PREFECT_HOME: tmp_path_factory.mktemp("prefect"),
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with _running:
        _running.enter_context(temporary_settings(settings))
        _running.enter_context(prefect_test_harness(server_startup_timeout=240))
        yield


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Stop the server after the last of these tests, not after all tests.

    Prefect's connections draw from the global random state in threads of their own, which property tests notice.
    """
    items = item.session.items
    if not any(HERE in other.path.parents for other in items[items.index(item) + 1 :]):
        _running.close()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")
