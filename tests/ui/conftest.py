from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for all tests; each opens pages of its own."""
    from tests.ui.browser import browsing

    with browsing() as found:
        yield found
