"""The contract notices storages that break it: each of these breaks one promise."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import TypeVar

import pytest

from modelstore_core.errors import StorageMissing
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import ObjectInfo, Passed, Received, Storage, unwatched
from modelstore_core.testing.contract_kit import received
from modelstore_core.testing.storage_contract import StorageContract

T = TypeVar("T")
_numbers = itertools.count()


class _Overwriting(MemoryStorage):
    def create(self, key: str, body: bytes) -> bool:
        self.put(key, body)
        return True


class _CheckingThenActing(MemoryStorage):
    """Two writers always look before either has written."""

    looked = threading.Barrier(2)

    def create(self, key: str, body: bytes) -> bool:
        free = self.get(key) is None
        with suppress(threading.BrokenBarrierError):
            self.looked.wait(1)
        if free:
            self.put(key, body)
        return free


class _NeverForgetting(MemoryStorage):
    def delete(self, keys: Iterable[str]) -> None:
        list(keys)


class _StrictAboutMissing(MemoryStorage):
    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            if self.get(key) is None:
                raise StorageMissing(key)
            super().delete([key])


class _Trusting(MemoryStorage):
    def get(self, key: str) -> bytes | None:
        return super().get(key) if key == "a" else None


class _Following(MemoryStorage):
    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        body = self.get(key)
        if body is None:
            return None
        target.write_bytes(body)
        return received(body)


class _CopyingBlindly(MemoryStorage):
    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        body = (origin or self).get(source)
        if body is not None:
            self.put(target, body)
        return body is not None


class _LeavingWhatItRefuses(MemoryStorage):
    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        said = super().copy(source, target, sha256, origin=origin)
        if not said:
            self.put(target, b"")
        return said


class _Moving(MemoryStorage):
    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        said = super().copy(source, target, sha256, origin=origin)
        self.delete([source])
        return said


class _SweepingEverything(MemoryStorage):
    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:
        found = [info for info in self.list(prefix) if info.modified < before]
        self.delete(info.key for info in found)
        return found


class _Counting(MemoryStorage):
    """Tells how much has passed in all, each time."""

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        sent = super().send(key, source)
        passed(sent.size)
        passed(sent.size)
        return sent


class _PrefixOfText(MemoryStorage):
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return (info for info in super().list("") if info.key.startswith(prefix.rstrip("/")))


class _OnePage(MemoryStorage):
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return itertools.islice(super().list(prefix), 1_000)


class _SizeAsEtag(MemoryStorage):
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for info in super().list(prefix):
            yield ObjectInfo(key=info.key, size=info.size, etag=str(info.size), modified=info.modified)


class _FirstErrorAtOnce(MemoryStorage):
    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        return [call() for call in calls]


class _Backwards(MemoryStorage):
    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        return [*super().together(calls)][::-1]


class _Unpicklable(MemoryStorage):
    def __reduce__(self) -> tuple[type["_Unpicklable"], tuple[str]]:
        return type(self), (f"{self.name}-other",)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (_Overwriting, "test_a_second_create_changes_nothing_and_says_so"),
        (_Overwriting, "test_one_of_many_racing_creates_wins"),
        (_CheckingThenActing, "test_one_of_many_racing_creates_wins"),
        (_NeverForgetting, "test_a_deleted_key_can_be_created_again"),
        (_StrictAboutMissing, "test_deleting_what_is_not_there_is_no_error"),
        (_Trusting, "test_reading_refuses_hostile_keys"),
        (_Following, "test_fetch_follows_no_symlink"),
        (_Following, "test_a_fetched_file_is_private"),
        (_Following, "test_fetch_overwrites_nothing"),
        (_CopyingBlindly, "test_other_bytes_than_expected_are_not_copied"),
        (_LeavingWhatItRefuses, "test_what_is_not_there_is_not_copied"),
        (_Moving, "test_a_copy_has_the_bytes_and_a_refusal_leaves_nothing"),
        (_SweepingEverything, "test_sweeping_drops_no_object"),
        (_Counting, "test_what_passes_on_the_way_out_is_told"),
        (_PrefixOfText, "test_a_prefix_ends_at_its_slash"),
        (_OnePage, "test_many_objects_are_listed_and_deleted_completely"),
        (_SizeAsEtag, "test_each_overwrite_with_new_bytes_has_a_new_etag"),
        (_FirstErrorAtOnce, "test_the_first_error_is_raised_after_all_calls_have_ended"),
        (_Backwards, "test_calls_together_return_in_order"),
        (_Unpicklable, "test_a_pickled_storage_sees_the_same_objects"),
    ],
)
def test_a_broken_promise_is_noticed(broken: type[MemoryStorage], promise: str, tmp_path: Path) -> None:
    storage = broken(f"broken-{next(_numbers)}")
    test = getattr(StorageContract(), promise)
    arguments = {"storage": storage, "tmp_path": tmp_path}

    with pytest.raises((AssertionError, FileExistsError, StorageMissing)):
        test(**{name: arguments[name] for name in signature(test).parameters})
