"""Running the calls of `Storage.together`: all of them end before the first error, in their order, is raised."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

__all__ = ["one_by_one", "side_by_side"]


def one_by_one(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run the calls in order, also those after a failed one, then raise the first error or return the results."""
    return _results([_outcome(call) for call in calls])


def side_by_side(calls: Sequence[Callable[[], T]], pool: Executor) -> list[T]:
    """Run the calls in the pool, each in the caller's context, then raise the first error or return the results."""
    futures = [pool.submit(copy_context().run, _outcome, call) for call in calls]
    return _results([future.result() for future in futures])


def _outcome(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 -- raised again by `_results`, once all calls have ended
        return error


def _results(outcomes: Iterable[T | Exception]) -> list[T]:
    results = []
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
        results.append(outcome)
    return results
