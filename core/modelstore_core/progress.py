"""How far a transfer has come, told while it goes on: to a bar, a log, or whoever asked."""

import threading
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TypeAlias

__all__ = ["Meter", "Progress", "Tell", "Transfer", "log_progress"]

_KIB = 1024
_UNITS = ("KiB", "MiB", "GiB", "TiB")

Transfer: TypeAlias = Literal["save", "load", "pull", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one transfer has come.

    Attributes:
        verb: What it is for: "save", "load", "pull" or "copy".
        reference: The model or version, such as `risk.churn@3`; of a save only the name is known.
        bytes_done: How many bytes have been sent, fetched or, where nothing has to move, checked.
        bytes_total: How many there are.
        files: How many files they lie in.
        ended: Whether this is the last that is told of the transfer, however it ended.
    """

    verb: Transfer
    reference: str
    bytes_done: int
    bytes_total: int
    files: int
    ended: bool = False

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self.bytes_done / self.bytes_total if self.bytes_total else 1.0

    def __str__(self) -> str:
        files = f"{self.files} file{'' if self.files == 1 else 's'}"
        done, total = _weight(self.bytes_done), _weight(self.bytes_total)
        return f"{self.verb} {self.reference}: {done} of {total} ({self.share:.0%}), {files}"


Tell: TypeAlias = Callable[[Progress], None]
"""Whoever is told; called by one thread at a time, though not always by the same one."""


class Meter:
    """Adds up what passes and tells of it, from the first `expect` until the context ends.

    Safe to share between threads. What is told about a transfer decides nothing about it: if the listener fails, it
    is warned about once and not called again.
    """

    def __init__(self, verb: Transfer, reference: str, tell: Tell | None) -> None:
        self._verb: Transfer = verb
        self._reference = reference
        self._tell = tell
        self._lock = threading.Lock()
        self._done = self._total = self._files = 0
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._begun:
                self._say(ended=True)

    def expect(self, sizes: Iterable[int], reference: str | None = None) -> None:
        """Say how much there is to pass; said again, it all begins anew."""
        with self._lock:
            self._reference = reference or self._reference
            every = [*sizes]
            self._done, self._total, self._files, self._begun = 0, sum(every), len(every), True
            self._say()

    def passed(self, count: int) -> None:
        """Add so many bytes."""
        if self._tell is None:
            return
        with self._lock:
            # What has to be sent twice is no more than there is.
            self._done = min(self._done + count, self._total)
            self._say()

    def _say(self, *, ended: bool = False) -> None:
        if self._tell is None:
            return
        now = Progress(
            verb=self._verb,
            reference=self._reference,
            bytes_done=self._done,
            bytes_total=self._total,
            files=self._files,
            ended=ended,
        )
        try:
            self._tell(now)
        except Exception as error:  # noqa: BLE001 -- somebody else's code, on which no transfer may depend
            self._tell = None
            warnings.warn(f"The progress callback failed and is not called again: {error!r}", stacklevel=2)


def log_progress(
    write: Callable[[str], object],
    *,
    seconds: float = 10.0,
    share: float = 0.1,
    monotonic: Callable[[], float] = time.monotonic,
) -> Tell:
    """A callback for `ModelStore(progress=…)` that writes lines at a bearable rate, and none of what is soon over.

    A transfer's first line comes after `seconds`, and each further one after so many seconds or another `share` of
    the whole, whichever comes later. What was told of at all is also told of at its end.

    Args:
        write: Takes one line: a logger's `info`, `print`.
        seconds: Between two lines, at least.
        share: Of the whole between two lines, at least; from 0 to 1.
        monotonic: Seconds, from any start.
    """
    last: dict[tuple[str, str], tuple[float, int, bool]] = {}
    lock = threading.Lock()

    def tell(progress: Progress) -> None:
        name = (progress.verb, progress.reference)
        with lock:
            now = monotonic()
            then, before, told = last.setdefault(name, (now, 0, False))
            if progress.ended:
                last.pop(name, None)  # of two transfers with one name the other may have ended first
            far = not told or progress.bytes_done - before >= share * progress.bytes_total
            due = told if progress.ended else now - then >= seconds and far
            if due and not progress.ended:
                last[name] = (now, progress.bytes_done, True)
        if due:
            write(str(progress))

    return tell


def _weight(size: int) -> str:
    if size < _KIB:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    return f"{size / _KIB**power:.1f} {_UNITS[power - 1]}"
