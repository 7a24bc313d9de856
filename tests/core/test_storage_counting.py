"""What is counted, and which requests had to wait for one another."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.contract.aws import use_fake_aws

from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.testing.counting import CountingStorage, Request
from modelstore_core.testing.s3_server import S3Server


@pytest.fixture
def storage(tmp_path: Path) -> CountingStorage:
    return CountingStorage(MemoryStorage(f"counting{tmp_path}"))


def test_each_call_is_a_request_and_a_round(storage: CountingStorage, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"1")
    storage.create("a", b"1")
    storage.put("b", b"1")
    storage.send("c", tmp_path / "source")
    storage.get("a")
    storage.fetch("a", tmp_path / "out")

    verbs = ["create", "put", "send", "get", "fetch"]
    assert [request.verb for request in storage.requests] == verbs
    assert [request.round for request in storage.requests] == [1, 2, 3, 4, 5]
    assert storage.summary() == dict.fromkeys(verbs, 1)
    assert storage.requests[0] == Request(verb="create", key="a", round=1)


def test_calls_together_share_a_round(storage: CountingStorage) -> None:
    storage.get("before")
    storage.together([partial(storage.get, "a"), partial(storage.get, "b"), partial(storage.get, "c")])
    storage.get("after")

    assert [request.round for request in storage.requests] == [1, 2, 2, 2, 3]
    assert storage.rounds == 3


def test_together_lasts_as_long_as_its_longest_call(storage: CountingStorage) -> None:
    def three() -> None:
        for key in "abc":
            storage.get(key)

    calls: list[Callable[[], object]] = [partial(storage.get, "x"), three]
    storage.together(calls)
    storage.get("after")

    assert [(request.key, request.round) for request in storage.requests] == [
        ("x", 1),
        ("a", 1),
        ("b", 2),
        ("c", 3),
        ("after", 4),
    ]


def test_nested_calls_start_where_they_stand(storage: CountingStorage) -> None:
    def nested() -> None:
        storage.get("first")
        storage.together([partial(storage.get, "x"), partial(storage.get, "y")])

    calls: list[Callable[[], object]] = [nested, partial(storage.get, "z")]
    storage.together(calls)

    assert {request.key: request.round for request in storage.requests} == {"first": 1, "x": 2, "y": 2, "z": 1}
    assert storage.rounds == 2


def test_a_failed_call_counts(storage: CountingStorage) -> None:
    def fail() -> None:
        storage.get("a")
        raise LookupError

    with pytest.raises(LookupError):
        storage.together([fail])
    storage.get("after")

    assert [request.round for request in storage.requests] == [1, 2]


def test_pages_count_as_they_would_on_an_object_store(storage: CountingStorage) -> None:
    keys = [f"a/{number:04}" for number in range(2_001)]
    for key in keys:
        storage.inner.put(key, b"1")

    assert len(list(storage.list("a/"))) == 2_001
    storage.delete(keys)
    storage.delete([])
    assert list(storage.list("a/")) == []

    assert storage.summary() == {"list": 4, "delete": 3}


def test_where_nothing_is_asked_nothing_is_counted(storage: CountingStorage) -> None:
    storage.local_path("a")
    storage.settle([])
    assert storage.url == storage.inner.url
    assert storage.requests == ()

    storage.location()
    assert storage.summary() == {"location": 1}


def test_a_reset_counts_from_zero(storage: CountingStorage) -> None:
    storage.get("a")
    storage.reset()

    assert (storage.requests, storage.rounds) == ((), 0)
    storage.get("a")
    assert storage.rounds == 1


def test_rounds_hold_across_a_storages_own_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)
    with S3Server(["models"]) as server:
        storage = CountingStorage(S3Storage("models", "", S3Options(endpoint=server.endpoint)))
        storage.together([partial(storage.put, f"{number}", b"1") for number in range(20)])
        storage.get("0")

        assert [request.round for request in storage.requests] == [1] * 20 + [2]
        assert server.counts() == {"PutObject": 20, "GetObject": 1}
