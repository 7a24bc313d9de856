"""Waiting with back-off until a deadline."""

from modelstore_core.ports import Ports

__all__ = ["Patience"]

_FIRST, _LONGEST = 0.02, 2.0


class Patience:
    """How long one step may still take, and jittered pauses in between that double up to two seconds."""

    def __init__(self, ports: Ports, seconds: float) -> None:
        self._ports = ports
        self._end = ports.monotonic() + seconds
        self._pause = _FIRST

    def spent(self) -> bool:
        """Whether the deadline has passed."""
        return self._ports.monotonic() >= self._end

    def wait(self) -> None:
        """Pause before the next try."""
        self._ports.sleep(self._pause * (0.5 + self._ports.jitter() / 2))
        self._pause = min(self._pause * 2, _LONGEST)
