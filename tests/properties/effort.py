"""How hard a test tries: what every change can afford by default, many times that in `make soak EFFORT=n`."""

import os

import pytest
from hypothesis import HealthCheck, settings

SOAK = int(os.environ.get("MODELSTORE_SOAK", "0"))
"""The effort of a soak, from 1; 0 where this is none."""


def takes(minutes: int) -> pytest.MarkDecorator:
    """The mark of a test that may take so long on a busy machine; in a soak there is no limit."""
    return pytest.mark.timeout(0 if SOAK else 60 * minutes)


def effort(examples: int, steps: int = 50) -> settings:
    """Settings for that many examples of up to so many steps, 25 times as many for each unit of a soak's effort."""
    return settings(
        max_examples=examples * (25 * SOAK or 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
