"""Which index of Annoy's a file can be, found out before Annoy maps it.

Annoy looks at nothing but the file's length. It follows whatever numbers the file holds to whatever memory they lead,
when it loads and at each search. A file is nodes of one size: the items, the trees over them, and at last their roots
once more. A node is the number of items below it, then numbers of nodes below it, then a vector that lies over those
if they are many. What is checked here is that each number leads to a node of the file that lies before.
"""

import mmap
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["METRICS", "WIDEST", "Shape"]

METRICS: Final = ("angular", "dot", "euclidean", "hamming", "manhattan")
WIDEST: Final = 200_000
"""The most dimensions: a search puts a node on the stack, and the process ends where that has no room."""

# Of a node, in words of four bytes: where the numbers of other nodes begin, and where the vector does.
_STARTS: Final = {"angular": (1, 3), "dot": (1, 4), "euclidean": (2, 4), "hamming": (1, 4), "manhattan": (2, 4)}
_MOST_NODES: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Shape:
    """How an index of so many dimensions under this metric lies in its file."""

    dimension: int
    metric: str

    @property
    def _words(self) -> int:
        """The size of a node."""
        bits = self.metric == "hamming"
        return _STARTS[self.metric][1] + (2 * ((self.dimension + 63) // 64) if bits else self.dimension)

    def problem(self, path: Path) -> str | None:
        """Why the file is no such index; None: it is one, and nothing in it leads out of it."""
        size = path.stat().st_size
        if not size or size % (4 * self._words) or size // (4 * self._words) > _MOST_NODES:
            return f"its length is not that of nodes of {4 * self._words} bytes"
        with _words_of(path) as words:
            return self._problem(words)

    def _problem(self, words: memoryview) -> str | None:
        size, (first, _) = self._words, _STARTS[self.metric]
        nodes, items = len(words) // size, words[-size]
        if not 0 < items < nodes:
            return f"it has {nodes} nodes and says that {items} of them are items"
        if not set(words[: items * size : size].tolist()) <= {0, 1}:  # 0: no item was added under that number
            return "one of its items has others below it"
        for node in range(items, nodes):
            below, at = words[node * size], node * size + first
            # as many as fit into a node are listed there; else there are two more nodes, of which it is made after
            listed = below <= size - first
            numbers = words[at : at + (below if listed else 2)].tolist()
            if below < 1 or min(numbers) < 0 or max(numbers) >= (items if listed else node):
                return f"its node {node} leads to none before it"
            if not listed and not self._is_bit(words[node * size + 4 : (node + 1) * size].tolist()):
                return f"its node {node} asks for a bit that no vector has"
        return None

    def _is_bit(self, vector: list[int]) -> bool:
        """Whether a tree's node, which with bits has the number of one instead of a vector, has one there is."""
        return self.metric != "hamming" or (0 <= vector[0] < 32 * len(vector) and vector[1] == 0)

    def items(self, path: Path) -> list[int]:
        """The numbers under which items were added, of a file that has no problem."""
        size = self._words
        with _words_of(path) as words:
            return [item for item, is_one in enumerate(words[: words[-size] * size : size].tolist()) if is_one]

    def holds(self, path: Path, item: int, vector: Sequence[float]) -> bool:
        """Whether the item's vector lies in the file where this shape has it."""
        if self.metric == "hamming":
            bits = sum(1 << place for place, value in enumerate(vector) if value)
            expected = bits.to_bytes(8 * ((self.dimension + 63) // 64), "little")
        else:
            expected = array("f", vector).tobytes()
        with path.open("rb") as file:
            file.seek(4 * (item * self._words + _STARTS[self.metric][1]))
            return file.read(len(expected)) == expected


@contextmanager
def _words_of(path: Path) -> Iterator[memoryview]:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as raw,
        raw.cast("i") as words,
    ):
        yield words
