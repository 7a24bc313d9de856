"""Writers that take turns at the operations of a storage: every interleaving is possible, and a seed decides which.

Each runs in a thread of its own, but only one at a time; before each operation the turn may pass to another. So a race
that went wrong once goes wrong again.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from modelstore_core.storage.memory import MemoryStorage

T = TypeVar("T")


class Turns:
    """Who may go on, drawn by the seed; counts operations, as a clock that all share."""

    def __init__(self, seed: int, change: float = 0.3) -> None:
        self.now = 0
        self._random = random.Random(seed)
        self._change = change
        self._turn: dict[int, threading.Semaphore] = {}
        self._going = 0
        self._held = False

    def take(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """Do all of the works; what they gave."""
        self._turn = {who: threading.Semaphore(0) for who in range(len(works))}
        with ThreadPoolExecutor(len(works)) as pool:
            futures = [pool.submit(self._in_turn, who, work) for who, work in enumerate(works)]
            self._pass_on()
            return [future.result() for future in futures]

    def tick(self) -> None:
        """Count an operation of whoever has the turn, and maybe let another go on before it."""
        self.now += 1
        me = self._going
        if self._turn and not self._held and self._random.random() < self._change:
            self._pass_on()
            self._turn[me].acquire()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else go on meanwhile."""
        self._held = True
        yield
        self._held = False

    def _in_turn(self, who: int, work: Callable[[], T]) -> T:
        self._turn[who].acquire()
        try:
            return work()
        finally:
            del self._turn[who]
            if self._turn:
                self._pass_on()

    def _pass_on(self) -> None:
        self._going = self._random.choice(sorted(self._turn))
        self._turn[self._going].release()


class TurnsStorage(MemoryStorage):
    """A storage in memory, one operation a turn."""

    def __init__(self, name: str, turns: Turns) -> None:
        super().__init__(name)
        self._turns = turns

    def get(self, key: str) -> bytes | None:
        self._turns.tick()
        return super().get(key)

    def create(self, key: str, body: bytes) -> bool:
        self._turns.tick()
        with self._turns.held():  # it puts under its lock
            return super().create(key, body)

    def put(self, key: str, body: bytes) -> None:
        self._turns.tick()
        super().put(key, body)
