"""Running the calls of `Storage.together`: all of them end before the first error, in their order, is raised."""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")

_in_pool: ContextVar[bool] = ContextVar("in_pool", default=False)

__all__ = ["one_by_one", "side_by_side"]


def one_by_one(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run the calls in order, also those after a failed one, then raise the first error or return the results."""
    return _results([_outcome(call) for call in calls])


def side_by_side(calls: Sequence[Callable[[], T]], pool: "Executor") -> list[T]:
    """Run the calls in the pool, each in the caller's context, then raise the first error or return the results.

    Calls made from within such a call run one by one: waiting for the pool there could be waiting for oneself.
    """
    if _in_pool.get() or len(calls) == 1:
        return one_by_one(calls)
    futures = [pool.submit(copy_context().run, partial(_pooled, call)) for call in calls]
    return _results([future.result() for future in futures])


def _pooled(call: Callable[[], T]) -> T | Exception:
    _in_pool.set(True)
    return _outcome(call)


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
