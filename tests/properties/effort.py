"""How hard the properties try: little by default, so that every change is checked; much with MODELSTORE_SOAK=1."""

import os

from hypothesis import HealthCheck, settings

_SOAK = 25 if os.environ.get("MODELSTORE_SOAK") == "1" else 1


def effort(examples: int, steps: int = 50) -> settings:
    """Settings for that many examples, 25 times as many when soaking, of up to so many steps each."""
    return settings(
        max_examples=examples * _SOAK,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
