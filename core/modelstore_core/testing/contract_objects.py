"""The promises about objects held in memory: get, create, put, delete, and the keys they go by."""

from functools import partial
from pathlib import Path
from typing import ClassVar

from modelstore_core.errors import InvalidInput
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.contract_kit import ALLOWED_KEYS, HOSTILE_KEYS, at_once, keys_of, refused, source_file

__all__ = ["ObjectContract"]

_WRITERS = 16
_COMMIT = b"x" * (256 << 10)  # as large as a commit may be
_EVERY_BYTE = bytes(range(256))


class ObjectContract:
    """Part of `StorageContract`.

    Attributes:
        rounds: How often writers race for a key.
    """

    rounds: ClassVar[int] = 10

    def test_a_missing_object_reads_as_none(self, storage: Storage) -> None:
        """`get` returns None, also for a key that is a prefix of another, or goes on beyond one."""
        storage.put("a/b", b"1")

        assert storage.get("a/c") is None
        assert storage.get("a") is None
        assert storage.get("a/b/c") is None

    def test_create_writes_and_says_so(self, storage: Storage) -> None:
        """True, and the object is there."""
        assert storage.create("log/1", b"first") is True
        assert storage.get("log/1") == b"first"

    def test_a_second_create_changes_nothing_and_says_so(self, storage: Storage) -> None:
        """False, and the first body stays."""
        storage.create("log/1", b"first")

        assert storage.create("log/1", b"second") is False
        assert storage.get("log/1") == b"first"

    def test_creating_equal_bytes_twice_is_still_refused(self, storage: Storage) -> None:
        """It is the key that is taken, whatever the body."""
        storage.create("log/1", b"same")

        assert storage.create("log/1", b"same") is False

    def test_create_is_refused_where_put_has_written(self, storage: Storage) -> None:
        """The key is taken, by whatever way."""
        storage.put("a", b"put")

        assert storage.create("a", b"created") is False
        assert storage.get("a") == b"put"

    def test_a_deleted_key_can_be_created_again(self, storage: Storage) -> None:
        """The key is free again."""
        storage.create("a", b"1")
        storage.delete(["a"])

        assert storage.create("a", b"2") is True
        assert storage.get("a") == b"2"

    def test_an_empty_object_takes_its_key(self, storage: Storage) -> None:
        """No bytes are not no object."""
        assert storage.create("a", b"") is True
        assert storage.create("a", b"1") is False
        assert storage.get("a") == b""

    def test_one_of_many_racing_creates_wins(self, storage: Storage) -> None:
        """Exactly one says True, and the object is the winner's."""
        for number in range(self.rounds):
            key = f"race/{number}"
            bodies = [b"%d" % writer * 100 for writer in range(_WRITERS)]

            won = at_once([partial(storage.create, key, body) for body in bodies])

            assert won.count(True) == 1
            assert storage.get(key) == bodies[won.index(True)]

    def test_creates_of_different_keys_do_not_disturb_one_another(self, storage: Storage) -> None:
        """All say True, though they race to make the same new folder."""
        for number in range(self.rounds):
            won = at_once([partial(storage.create, f"new/{number}/{i}", b"1") for i in range(_WRITERS)])

            assert all(won)

    def test_creates_and_deletes_side_by_side_do_not_disturb_one_another(self, storage: Storage) -> None:
        """Whoever deletes the last object of a folder takes no new one with it."""

        def come_and_go(writer: int) -> bool:
            for number in range(self.rounds):
                assert storage.create(f"folder/{writer}-{number}", b"1") is True
                storage.delete([f"folder/{writer}-{number}"])
            return storage.create(f"folder/{writer}", b"2")

        assert all(at_once([partial(come_and_go, writer) for writer in range(4)]))
        assert keys_of(storage, "folder/") == [f"folder/{writer}" for writer in range(4)]

    def test_a_large_commit_can_be_created(self, storage: Storage) -> None:
        """256 KiB in one create."""
        assert storage.create("a", _COMMIT) is True
        assert storage.get("a") == _COMMIT

    def test_put_writes(self, storage: Storage) -> None:
        """The object is there."""
        storage.put("a/b", b"1")

        assert storage.get("a/b") == b"1"

    def test_put_overwrites(self, storage: Storage) -> None:
        """Whatever was there, by create or put, longer or shorter."""
        storage.create("a", b"a long first body")
        for body in (b"short", b"", b"a body longer than any before"):
            storage.put("a", body)

            assert storage.get("a") == body

    def test_hints_are_overwritten_like_anything_else(self, storage: Storage) -> None:
        """A backend may spare itself durability there, nothing more."""
        for number in range(5):
            storage.put("heads/model.json", b"%d" % number)

            assert storage.get("heads/model.json") == b"%d" % number

    def test_every_byte_survives(self, storage: Storage) -> None:
        """Bodies are bytes, not text."""
        storage.put("a", _EVERY_BYTE)

        assert storage.get("a") == _EVERY_BYTE

    def test_a_reader_sees_one_body_or_the_other(self, storage: Storage) -> None:
        """Overwriting is atomic: no mixture, no part, no moment without."""
        bodies = (b"a" * 70_000, b"b" * 50_000)
        storage.put("a", bodies[0])

        def write() -> bool:
            for number in range(20):
                storage.put("a", bodies[number % 2])
            return True

        def read() -> bool:
            return all(storage.get("a") in bodies for _ in range(20))

        assert all(at_once([write, read, read]))

    def test_written_objects_are_seen_by_other_threads_at_once(self, storage: Storage) -> None:
        """A thread that starts after a write sees it."""
        storage.put("a", b"1")

        assert at_once([partial(storage.get, "a")] * 4) == [b"1"] * 4

    def test_allowed_keys_are_taken_as_they_are(self, storage: Storage) -> None:
        """Nothing is escaped, folded or normalised on the way."""
        for key in ALLOWED_KEYS:
            assert storage.create(key, key.encode()) is True

        assert keys_of(storage) == sorted(ALLOWED_KEYS)
        assert all(storage.get(key) == key.encode() for key in ALLOWED_KEYS)

    def test_allowed_keys_can_be_deleted(self, storage: Storage) -> None:
        """By the same names."""
        for key in ALLOWED_KEYS:
            storage.put(key, b"1")

        storage.delete(ALLOWED_KEYS)

        assert keys_of(storage) == []

    def test_reading_refuses_hostile_keys(self, storage: Storage) -> None:
        """`InvalidInput`, with the key in it."""
        for key in HOSTILE_KEYS:
            assert refused(InvalidInput, partial(storage.get, key)).value == key

    def test_fetching_refuses_hostile_keys(self, storage: Storage, tmp_path: Path) -> None:
        """`InvalidInput`, and no file."""
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.fetch, key, tmp_path / "out"))

        assert not (tmp_path / "out").exists()

    def test_writing_refuses_hostile_keys(self, storage: Storage, tmp_path: Path) -> None:
        """`InvalidInput`, and nothing is written."""
        source = source_file(tmp_path, b"1")
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.create, key, b"1"))
            refused(InvalidInput, partial(storage.put, key, b"1"))
            refused(InvalidInput, partial(storage.send, key, source))

        assert keys_of(storage) == []

    def test_deleting_refuses_hostile_keys(self, storage: Storage) -> None:
        """`InvalidInput`, and what is there stays."""
        storage.put("a/b", b"1")
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.delete, [key]))

        assert storage.get("a/b") == b"1"

    def test_local_paths_of_hostile_keys_are_refused(self, storage: Storage) -> None:
        """`InvalidInput`, from `local_path` and, where that means something, from `settle`."""
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.local_path, key))

    def test_listing_refuses_hostile_prefixes(self, storage: Storage) -> None:
        """`InvalidInput`, from the call or from the first step; "" alone means everything."""
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(keys_of, storage, f"{key}/"))

    def test_delete_removes_what_it_is_given(self, storage: Storage) -> None:
        """And nothing else."""
        for key in ("a/1", "a/2", "a/22", "b"):
            storage.put(key, b"1")

        storage.delete(["a/2", "b"])

        assert keys_of(storage) == ["a/1", "a/22"]

    def test_deleting_what_is_not_there_is_no_error(self, storage: Storage) -> None:
        """Neither a missing object, nor a second time, nor nothing at all."""
        storage.put("a", b"1")
        storage.delete(["a", "missing", "no/such/folder"])
        storage.delete(["a"])
        storage.delete([])

        assert storage.get("a") is None

    def test_delete_takes_any_iterable(self, storage: Storage) -> None:
        """A generator, too."""
        storage.put("a", b"1")
        storage.delete(key for key in ["a"])

        assert storage.get("a") is None

    def test_a_key_may_follow_where_a_folder_was(self, storage: Storage) -> None:
        """What deletion leaves empty is in nobody's way."""
        storage.put("a/b/c", b"1")
        storage.delete(["a/b/c"])

        assert storage.create("a", b"2") is True
        assert keys_of(storage) == ["a"]
