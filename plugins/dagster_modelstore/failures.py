"""Errors of the store as Dagster shows them: a failed step with what happened, with what value, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_modelstore.lineage import known
from modelstore_core import (
    CommitUncertain,
    ModelStoreError,
    StorageDenied,
    StorageError,
    StorageMissing,
    UnsafeStorage,
)

__all__ = ["shown"]

_PASSING = (CommitUncertain, StorageError)
_LASTING = (StorageDenied, StorageMissing, UnsafeStorage)


@contextmanager
def shown(context: dg.InputContext | dg.OutputContext) -> Iterator[None]:
    """Within a step, turn a store's error into a `Failure`, which a retry policy does not try again in vain.

    Outside of a step, in a notebook or a test, the error stays what it is. So does one that a retry may get past.

    Raises:
        Failure: The store raised an error that will not pass.
    """
    try:
        yield
    except ModelStoreError as error:
        if _may_pass(error) or known(lambda: context.step_context) is None:
            raise
        raise dg.Failure(
            description=str(error),
            metadata={
                "modelstore/error": error.kind,
                "modelstore/value": str(error.value),
                "modelstore/fix": error.fix,
            },
            allow_retries=False,
        ) from error


def _may_pass(error: ModelStoreError) -> bool:
    return isinstance(error, _PASSING) and not isinstance(error, _LASTING)
