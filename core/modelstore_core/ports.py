"""Clock, patience and randomness as one value, so that everything above them is a function of its arguments."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Ports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a store takes from its surroundings.

    Attributes:
        now: The time that records carry; it decides nothing.
        monotonic: Seconds, for deadlines.
        sleep: Waits that many seconds.
        token: 32 random hexadecimal digits, never the same twice.
        jitter: A random number in [0, 1).
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    token: Callable[[], str] = lambda: secrets.token_hex(16)
    jitter: Callable[[], float] = random.SystemRandom().random
