"""The promises of `modelstore_core.storage.protocol.Storage` as tests, for every backend there is.

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self):
            return MyStorage(...)

gives a new, empty storage to each test. Nothing here imports pytest, but pytest is what runs it: besides `storage`
the tests take its `tmp_path`. Say `pytest.register_assert_rewrite("modelstore_core.testing")` in a conftest for good
messages.
"""

import pickle  # noqa: TID251 -- that handles cross process borders is one of the promises
from collections.abc import Callable
from functools import partial
from typing import ClassVar, NoReturn

from modelstore_core.errors import InvalidInput
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.contract_copies import CopyContract
from modelstore_core.testing.contract_files import FileContract
from modelstore_core.testing.contract_kit import HOSTILE_KEYS, keys_of, refused
from modelstore_core.testing.contract_objects import ObjectContract

__all__ = ["HOSTILE_KEYS", "StorageContract"]

_SINCE = 1_600_000_000  # in 2020: a time in other units or of another epoch is far from it
_UNTIL = 10_000_000_000


class StorageContract(ObjectContract, FileContract, CopyContract):
    """Subclass it, and give it a fixture `storage` that returns a new, empty storage.

    Attributes:
        secrets: What must be in no repr, pickle, URL or location.
        many: More objects than the service lists or deletes by one request.
        rounds: How often writers race for a key.
        copies: Whether the storage must be able to copy. One that is not may still say True, and must be right.
    """

    secrets: ClassVar[tuple[str, ...]] = ()
    many: ClassVar[int] = 1_100

    def test_a_new_storage_lists_nothing(self, storage: Storage) -> None:
        """Nothing under any prefix."""
        assert keys_of(storage) == []
        assert keys_of(storage, "a/") == []

    def test_a_listing_tells_key_size_and_time(self, storage: Storage) -> None:
        """Of each object, with a time in seconds since the epoch."""
        storage.put("a/b", b"12345")

        (info,) = storage.list("a/")

        assert (info.key, info.size) == ("a/b", len(b"12345"))
        assert _SINCE < info.modified < _UNTIL

    def test_a_listing_goes_all_the_way_down(self, storage: Storage) -> None:
        """Objects, not folders."""
        for key in ("a/1", "a/b/2", "a/b/c/3"):
            storage.put(key, b"1")

        assert keys_of(storage, "a/") == ["a/1", "a/b/2", "a/b/c/3"]
        assert keys_of(storage, "a/b/") == ["a/b/2", "a/b/c/3"]

    def test_a_prefix_ends_at_its_slash(self, storage: Storage) -> None:
        """`a/b/` is no prefix of `a/bc`, nor of `a/b`."""
        for key in ("a/b/1", "a/bc/1", "a/b.json", "a/b-1/x", "c/a/b/1"):
            storage.put(key, b"1")

        assert keys_of(storage, "a/b/") == ["a/b/1"]

    def test_the_empty_prefix_lists_everything(self, storage: Storage) -> None:
        """All objects of this storage."""
        for key in ("z", "a/b", "heads/x"):
            storage.put(key, b"1")

        assert keys_of(storage, "") == ["a/b", "heads/x", "z"]

    def test_a_prefix_without_its_slash_is_refused(self, storage: Storage) -> None:
        """`InvalidInput`: it could be meant either way."""
        refused(InvalidInput, lambda: [*storage.list("a")])

    def test_a_listing_sees_writes_and_deletions_at_once(self, storage: Storage) -> None:
        """List after write, list after delete."""
        storage.create("a/1", b"1")
        assert keys_of(storage, "a/") == ["a/1"]

        storage.delete(["a/1"])
        assert keys_of(storage, "a/") == []

    def test_many_objects_are_listed_and_deleted_completely(self, storage: Storage) -> None:
        """Beyond one page of either."""
        keys = sorted(f"many/{number:05}" for number in range(self.many))
        storage.together([partial(storage.put, key, b"1") for key in keys])
        storage.put("other", b"1")

        assert keys_of(storage, "many/") == keys
        storage.delete(keys)
        assert keys_of(storage) == ["other"]

    def test_an_unchanged_object_keeps_its_etag(self, storage: Storage) -> None:
        """Whoever watches sees nothing."""
        storage.put("heads/a", b"1")
        first = [*storage.list("heads/")]
        storage.get("heads/a")

        assert [*storage.list("heads/")] == first

    def test_each_overwrite_with_new_bytes_has_a_new_etag(self, storage: Storage) -> None:
        """Also among quick overwrites of the same length, where a clock or an inode could come again."""
        etags = []
        for number in range(20):
            storage.put("heads/a", b"%04d" % number)
            etags += [info.etag for info in storage.list("heads/")]

        assert len(set(etags)) == len(etags)

    def test_calls_together_return_in_order(self, storage: Storage) -> None:
        """Results stand where their calls stood."""
        for number in range(20):
            storage.put(f"{number}", b"%d" % number)

        bodies = storage.together([partial(storage.get, f"{number}") for number in range(20)])

        assert [*bodies] == [b"%d" % number for number in range(20)]

    def test_no_calls_together_are_no_results(self, storage: Storage) -> None:
        """An empty sequence."""
        assert [*storage.together([])] == []

    def test_the_first_error_is_raised_after_all_calls_have_ended(self, storage: Storage) -> None:
        """First in the order of the calls; the others have taken place."""

        def fail(name: str) -> NoReturn:
            raise LookupError(name)

        calls: list[Callable[[], None]] = [
            partial(storage.put, "a", b"1"),
            partial(fail, "first"),
            partial(fail, "second"),
            partial(storage.put, "b", b"1"),
        ]

        assert refused(LookupError, partial(storage.together, calls)).args == ("first",)
        assert keys_of(storage) == ["a", "b"]

    def test_calls_together_may_be_nested(self, storage: Storage) -> None:
        """More of them than a backend has threads, without waiting for one another for ever."""

        def write_ten(number: int) -> None:
            storage.together([partial(storage.put, f"{number}/{i}", b"1") for i in range(10)])

        storage.together([partial(write_ten, number) for number in range(20)])

        assert len(keys_of(storage)) == 20 * 10

    def test_a_pickled_storage_sees_the_same_objects(self, storage: Storage) -> None:
        """In this process at least; also when it has been in use."""
        storage.put("a", b"1")
        copy: Storage = pickle.loads(pickle.dumps(storage))  # noqa: S301 -- our own bytes

        assert copy.get("a") == b"1"
        assert copy.create("b", b"2") is True
        assert storage.get("b") == b"2"

    def test_a_pickled_storage_points_to_the_same_place(self, storage: Storage) -> None:
        """Same URL, same location."""
        copy: Storage = pickle.loads(pickle.dumps(storage))  # noqa: S301 -- our own bytes

        assert copy.url == storage.url
        assert copy.location() == storage.location()

    def test_the_location_is_the_same_each_time(self, storage: Storage) -> None:
        """Before and after use."""
        before = storage.location()
        storage.put("a", b"1")

        assert storage.location() == before
        assert before.scheme
        assert before.versioning in {"on", "off", "unknown"}

    def test_the_url_has_no_trailing_slash(self, storage: Storage) -> None:
        """So that a key can be put behind it; a scheme alone excepted."""
        assert storage.url
        assert not storage.url.removesuffix("://").endswith("/")

    def test_nothing_shown_or_pickled_has_a_secret_in_it(self, storage: Storage) -> None:
        """Neither before nor after use."""
        storage.get("a")
        shown = [repr(storage), storage.url, repr(storage.location()), repr(pickle.dumps(storage))]

        assert not [secret for secret in self.secrets for text in shown if secret in text]
