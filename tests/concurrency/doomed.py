"""What a process does until it is killed: every verb in turn, each under a key of its own."""

import sys
from pathlib import Path

from modelstore_core import ModelStore


def step(store: ModelStore, weights: Path, number: int) -> int:
    """The step of this number, the same whenever it is asked; what it was about."""
    key = f"step-{number}"
    match number % 6:
        case 0 | 3:
            return store.save(weights, "m", metrics={"step": number}, key=key).number
        case 1:
            return store.promote(f"m@{1 + number // 6}", "champion", key=key).number
        case 2:
            return store.annotate("m@1", tags={"step": number}, key=key).number
        case 4:
            return store.promote("m", "newest", key=key).number
        case _:
            return store.rollback("m", "champion", key=key).number if number > 6 else 0


def main(url: str, weights: str, first: int) -> None:
    """Step by step, saying each that was acknowledged."""
    store = ModelStore(url)
    for number in range(first, first + 100_000):
        print(number, step(store, Path(weights), number), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
