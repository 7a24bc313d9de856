"""Tests of formats whose libraries `make test` has no room for: `make test-formats` runs each file by itself."""

import os

import pytest

pytest.register_assert_rewrite("modelstore_core.testing", "tests.frameworks.support")

collect_ignore_glob = [] if os.environ.get("MODELSTORE_FRAMEWORK") else ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Let the libraries warn of one another."""
    if os.environ.get("MODELSTORE_FRAMEWORK"):
        for kind in ("DeprecationWarning", "FutureWarning", "PendingDeprecationWarning", "UserWarning"):
            config.addinivalue_line("filterwarnings", f"ignore::{kind}")
