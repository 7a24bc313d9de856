"""What a process does that races with others for one model."""

from multiprocessing.synchronize import Barrier
from pathlib import Path

from modelstore_core import GateRefused, Improves, ModelStore

_start: list[Barrier] = []


def ready(barrier: Barrier) -> None:
    """Remember, in each process of a pool, what all of them wait for before they begin."""
    _start.append(barrier)


def save_many(url: str, file: str, who: int, count: int) -> list[int]:
    """Save the file so many times; the numbers that were acknowledged."""
    store = ModelStore(url, actor=f"process {who}")
    _start[0].wait(60)
    return [store.save(Path(file), "m", key=f"{who}/{i}", metrics={"auc": who}).number for i in range(count)]


def promote_many(url: str, who: int, count: int) -> list[int]:
    """Point one alias to one version after the other; those that were acknowledged."""
    store = ModelStore(url, actor=f"process {who}")
    _start[0].wait(60)
    return [store.promote(f"m@{1 + (who + i) % 8}", "champion", key=f"{who}/{i}").number for i in range(count)]


def promote_if_better(url: str, who: int, numbers: list[int]) -> list[int]:
    """Ask for each version in turn to become champion; those that were let pass."""
    store = ModelStore(url, actor=f"process {who}")
    _start[0].wait(60)
    passed = []
    for number in numbers:
        try:
            store.promote(f"m@{number}", "champion", gates=[Improves("auc")])
        except GateRefused:
            continue
        passed.append(number)
    return passed


def save_for_ever(url: str, file: str) -> None:
    """Save until killed, and say each number that was acknowledged."""
    store = ModelStore(url)
    for i in range(10_000):
        print(store.save(Path(file), "m", key=f"doomed/{i}").number, flush=True)
