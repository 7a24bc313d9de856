"""What the parts of the storage contract share: keys to try, bodies to move, and how to ask."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from modelstore_core.storage.protocol import Received, Storage

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

__all__ = ["ALLOWED_KEYS", "HOSTILE_KEYS", "at_once", "keys_of", "large_body", "received", "refused", "source_file"]

HOSTILE_KEYS: tuple[str, ...] = (
    "",
    "/",
    ".",
    "..",
    "/etc/passwd",
    "../outside",
    "a/../../outside",
    "a/./b",
    "a//b",
    "a/",
    "a/..",
    "a\\b",
    "..\\outside",
    "a\0b",
    "a\nb",
    "a\x7f",
    "a\x85",
    "\ud800",
    ".tmp~0123",
    "a/.tmp~0123/b",
    "a" * 256,
    "/".join(["a" * 200] * 6),
)
"""Keys that every method of every backend refuses with `InvalidInput`."""

ALLOWED_KEYS: tuple[str, ...] = (
    "a",
    "deep/er/than/that/by/some/levels",
    "dots.and-dashes_and.more..dots",
    ".hidden/..twice",
    "with blanks (and) [brackets] {braces}",
    "100%41%2F~!$&'+,;=:@#?*",
    'quotes"and<angles>|^`',
    "Ünïcödé/模型",
    "0" * 20 + ".json",
    "b" * 255,
)
"""Keys that every backend takes as they are."""

_BLOCKS_OF_LARGE = (9 << 20) // 32


@cache
def large_body() -> bytes:
    """More than fits into one request of any backend, without a period that a mixed-up part could hide in."""
    return b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(_BLOCKS_OF_LARGE)) + b"end"


def source_file(folder: Path, body: bytes) -> Path:
    """A file to send."""
    path = folder / "source"
    path.write_bytes(body)
    return path


def received(body: bytes) -> Received:
    """What must be reported of these bytes."""
    return Received(size=len(body), sha256=hashlib.sha256(body).hexdigest())


def refused(kind: type[E], call: Callable[[], object]) -> E:
    """The error of that kind that the call must raise."""
    try:
        outcome = call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, got {outcome!r}")


def keys_of(storage: Storage, prefix: str = "") -> list[str]:
    """What a listing has, sorted: storages promise no order."""
    return sorted(info.key for info in storage.list(prefix))


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run each call in a thread of its own, all of them released by one barrier; results in order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
