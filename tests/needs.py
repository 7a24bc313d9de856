"""What tests need of a machine beside Python packages: they are skipped without it, with the reason; in CI they fail.

A skip that nobody reads is a test that nobody runs: `.ci/run` installs what is needed and sets CI=true.
"""

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["needed", "program"]


def program(name: str, fix: str) -> str:
    """The path of a program; `fix` says where it comes from."""
    found = shutil.which(name)
    return found if found is not None else needed(f"there is no {name} on this machine", fix)


def needed(lacking: str, fix: str) -> NoReturn:
    """End the test: skipped on somebody's own machine, failed in CI, where nothing may be lacking."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{lacking}, and CI must not skip this: {fix}", pytrace=False)
    pytest.skip(f"{lacking}: {fix}")
