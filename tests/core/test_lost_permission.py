"""A bucket that takes a permission away in the middle of a verb: a typed refusal, nothing acknowledged is lost."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.contract.aws import use_fake_aws

from modelstore_core import CommitUncertain, ModelStore, ModelStoreError, StorageDenied
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.testing.s3_server import S3FaultKind, S3Server
from modelstore_core.testing.stores import store_over

_WRITES = frozenset({"PutObject", "DeleteObjects", "CopyObject"})
_EVERYTHING: frozenset[str] = frozenset()

Work: TypeAlias = Callable[[ModelStore], object]


@pytest.fixture(autouse=True)
def aws_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return use_fake_aws(monkeypatch, tmp_path)


def _denied_after(server: S3Server, allowed: int, operations: frozenset[str]) -> None:
    """From the given number of such requests on, each is refused; all of them if none are named."""
    left = [None] * allowed

    def script(operation: str, _key: str, _number: int) -> S3FaultKind | None:
        if operations and operation not in operations:
            return None
        if not left:
            return "denied"
        left.pop()
        return None

    server.script = script


@pytest.mark.parametrize("operations", [_WRITES, _EVERYTHING], ids=["writes", "everything"])
@pytest.mark.parametrize(
    ("work", "key"),
    [
        (lambda store: store.save({"a": 2}, "m", aliases=["prod"], key="run-2"), "run-2"),
        (lambda store: store.promote("m@1", "prod", key="promotion"), "promotion"),
        (lambda store: store.delete("m@1", key="deletion"), "deletion"),
    ],
    ids=["save", "promote", "delete"],
)
def test_a_lost_permission_is_a_denial_and_the_retry_finishes(work: Work, key: str, operations: frozenset[str]) -> None:
    refused: list[ModelStoreError] = []
    with S3Server(["models"]) as server:
        while True:
            store = partial(store_over, S3Storage("models", f"{len(refused)}", S3Options(endpoint=server.endpoint)))
            server.script = None
            store().save({"a": 1}, "m", key="run-1")
            _denied_after(server, len(refused), operations)
            error = _error_of(work, store())
            if error is None:
                break
            refused.append(error)
            server.script = None
            for _ in range(2):
                work(store())

            assert len({event.seq for event in store().history("m") if event.key == key}) == 1

    # A commit that may stand is not called refused.
    assert {type(error) for error in refused} == {StorageDenied, CommitUncertain}
    assert all("AccessDenied" in str(error) for error in refused)


def _error_of(work: Work, store: ModelStore) -> ModelStoreError | None:
    try:
        work(store)
    except ModelStoreError as error:
        return error
    return None
