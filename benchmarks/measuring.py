"""What an act costs the process it runs in. Standard library only: it runs in every peer's environment."""

import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Cost", "best", "cost_of"]

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of one act, or the least of several.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of user and system time, of children waited for too.
        peak: Bytes by which the process grew at the most, beyond what it had before the act.
    """

    wall: float
    cpu: float
    peak: int

    def as_json(self) -> dict[str, float]:
        """The three numbers, rounded to what they are worth."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def cost_of(act: Callable[[int], object], times: int = 1) -> Cost:
    """The least that the act cost, done so many times; it is told how often it was done before."""
    return best([_once(act, number) for number in range(times)])


def best(costs: list[Cost]) -> Cost:
    """The least of each: others on the machine can only add to it."""
    return Cost(
        wall=min(cost.wall for cost in costs),
        cpu=min(cost.cpu for cost in costs),
        peak=min(cost.peak for cost in costs),
    )


def _once(act: Callable[[int], object], number: int) -> Cost:
    before = _forget_peak()
    cpu, wall = _cpu(), time.perf_counter()
    result = act(number)
    cost = Cost(wall=time.perf_counter() - wall, cpu=_cpu() - cpu, peak=max(0, _peak() - before))
    del result  # lives until here: what was loaded counts
    return cost


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _forget_peak() -> int:
    """Let the peak start from what is resident now, where the system can (Linux); the bytes it starts from."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    return _peak()


def _peak() -> int:
    with suppress(OSError):
        return _status("VmHWM")
    # kilobytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if os.uname().sysname == "Linux" else 1)


def _status(field: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024
