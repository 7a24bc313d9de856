"""How much may be under way at once: what keeps the memory of many large transfers bounded."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["UNDER_WAY", "WINDOW", "Budget"]

WINDOW = 64 << 20
"""The most that a storage keeps in memory of one file on its way: eight parts of 8 MiB."""


class Budget:
    """So many bytes in memory at once, over all transfers that share this; a file never counts more than a window.

    Args:
        total: The bytes; at least a window.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._renew()
        # A fork in the middle of a transfer would leave the child without what the parent's threads have taken.
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._left = self._total
        self._returned = threading.Condition()

    @contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Wait until a file of this size may be on its way; while it is, it has its share."""
        share = min(size, WINDOW)
        with self._returned:
            self._returned.wait_for(lambda: self._left >= share)
            self._left -= share
        try:
            yield
        finally:
            with self._returned:
                self._left += share
                self._returned.notify_all()


UNDER_WAY = Budget(2 * WINDOW)
"""What all transfers of this process share: two large files, or sixteen of 8 MiB, or what lies between."""
