"""For all tests."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from tests.emulators import azurite_program
from tests.properties.effort import SOAK

if TYPE_CHECKING:
    from modelstore_core.testing.azurite import Azurite

# Before anything imports them: the suites that are shipped for others assert with the details that tests show.
pytest.register_assert_rewrite("modelstore_core.testing")

# A busy machine is no reason to fail: nothing here is judged by the clock.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=settings().derandomize and not SOAK,  # in CI each run is like the last, but a soak looks further
)
settings.load_profile("patient")

Tell = Callable[[str], None]

_told = pytest.StashKey[list[str]]()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Say in the summary of the run what a test has counted: "2,400 commits, 0 lost"."""
    lines = request.config.stash.setdefault(_told, [])

    def say(counted: str) -> None:
        lines.append(f"{request.node.nodeid.rpartition('/')[2]}: {counted}")

    return say


@pytest.fixture(scope="session")
def azurite() -> "Iterator[Azurite]":
    """The emulator of Azure Blob Storage, one process for all tests: let each make a container of its own."""
    from modelstore_core.testing.azurite import Azurite

    with Azurite([azurite_program()]) as azurite:
        yield azurite


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Iterator[None]:  # pragma: no cover -- printed after everything was measured
    if lines := config.stash.get(_told, None):
        terminalreporter.section("counted")
        for line in lines:
            terminalreporter.line(line)
    return (yield)
