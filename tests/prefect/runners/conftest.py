"""Tests of task runners that `make test` has no room for: tools/test_runners.sh makes an environment that has them."""

import os

import pytest

collect_ignore_glob = [] if os.environ.get("MODELSTORE_RUNNERS") else ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Let the runners' libraries warn of one another."""
    if os.environ.get("MODELSTORE_RUNNERS"):
        for kind in ("DeprecationWarning", "FutureWarning", "ResourceWarning", "UserWarning"):
            config.addinivalue_line("filterwarnings", f"ignore::{kind}")
        config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")
