import platform
from typing import Any

import numpy as np
import pytest

from modelstore_core.formats.drift import drift_of, said
from modelstore_core.model.inspection import Drift

HERE = platform.python_version()


def drift(*pins: str, python: str = HERE, pickled: bool = True) -> tuple[Drift, ...]:
    return drift_of({"python": python, "requirements": [*pins], "git": None}, pickled=pickled)


def test_the_same_versions_are_no_drift() -> None:
    assert drift(f"numpy=={np.__version__}") == ()


@pytest.mark.parametrize(
    ("pin", "pickled", "matters"),
    [
        ("numpy==1.26.4", True, True),
        ("numpy==1.26.4", False, True),
        (f"numpy=={'.'.join(np.__version__.split('.')[:2])}.999", True, False),
        (f"numpy=={np.__version__.split('.')[0]}.999.0", True, True),
        (f"numpy=={np.__version__.split('.')[0]}.999.0", False, False),
        ("nothing-of-this-name==1.0", False, True),
        ("numpy==unknown", True, True),
        ("numpy==unknown", False, False),
    ],
)
def test_pickles_break_between_minor_releases_and_other_files_between_major_ones(
    pin: str, pickled: bool, matters: bool
) -> None:
    (found,) = drift(pin, pickled=pickled)

    assert (found.name, found.matters) == (pin.partition("==")[0], matters)


def test_python_is_looked_at_too_and_all_is_said_in_one_line() -> None:
    found = drift("nothing-of-this-name==1.0", python="2.7.18")

    assert said(found) == f"python 2.7.18 there, {HERE} here, nothing-of-this-name 1.0 there, not installed here"
    assert all(each.matters for each in found)


@pytest.mark.parametrize(
    "environment", [{}, {"python": 3, "requirements": None}, {"requirements": ["numpy", 7, "-r x"]}]
)
def test_what_says_nothing_is_no_drift(environment: dict[str, Any]) -> None:
    assert drift_of(environment, pickled=True) == ()
