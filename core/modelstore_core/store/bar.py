"""A progress bar on the terminal, by rich, for transfers that take their time."""

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from modelstore_core.progress import Progress, Tell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

__all__ = ["Bar", "bar"]

_PATIENCE = 2.0
"""Seconds before a bar appears: most transfers are over by then, and need none."""

_screen = threading.Lock()
"""Held by the transfer whose bar is on the screen: there is room for one."""


def bar(monotonic: Callable[[], float]) -> Tell | None:
    """A bar on stderr, if rich is installed."""
    return None if find_spec("rich") is None else Bar(monotonic)


class Bar:
    """A bar for one transfer, on the screen from the third second on until it ends; nothing of it remains.

    Args:
        monotonic: Seconds, from any start.
        console: Where to draw; stderr if left out.
    """

    def __init__(self, monotonic: Callable[[], float], console: "Console | None" = None) -> None:
        self._monotonic = monotonic
        self._console = console
        self._begun: float | None = None
        self._bars: Bars | None = None

    def __call__(self, progress: Progress) -> None:
        """Draw how far it has come."""
        now = self._monotonic()
        self._begun = now if self._begun is None else self._begun
        if progress.ended:
            self._close()
        elif self._bars is not None or (now - self._begun >= _PATIENCE and _screen.acquire(blocking=False)):
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        if self._bars is None:
            self._bars = self._opened()
            self._bars.add_task("", total=None)
        self._bars.update(
            self._bars.task_ids[0],
            description=f"{progress.verb} {progress.reference}",
            completed=progress.bytes_done,
            total=progress.bytes_total,
        )

    def _opened(self) -> "Bars":
        from rich import progress as rich
        from rich.console import Console

        bars = rich.Progress(
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
            rich.DownloadColumn(binary_units=True),
            rich.TransferSpeedColumn(),
            rich.TimeRemainingColumn(),
            console=self._console or Console(stderr=True),
            transient=True,
        )
        bars.start()
        return bars

    def _close(self) -> None:
        if self._bars is not None:
            bars, self._bars = self._bars, None
            bars.stop()
            _screen.release()
