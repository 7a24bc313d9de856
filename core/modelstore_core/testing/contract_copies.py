"""The promises about what a storage does by itself: copies between keys, and dropping what was left half done."""

import pickle  # noqa: TID251 -- another handle of the same storage
import time
from functools import partial
from pathlib import Path
from typing import ClassVar

from modelstore_core.errors import InvalidInput
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.contract_kit import HOSTILE_KEYS, keys_of, large_body, received, refused, source_file

__all__ = ["CopyContract"]

_SOURCE, _TARGET = "data/1/model", "data/2/model"
_BODY = b"the bytes of a model"
_SHA256 = received(_BODY).sha256
_LATER = 10_000.0


class CopyContract:
    """Part of `StorageContract`.

    Attributes:
        copies: Whether the storage must be able to copy. One that is not may still say True, and must be right.
    """

    copies: ClassVar[bool] = True

    def _said(self, storage: Storage, said: bool, body: bytes) -> bool:  # noqa: FBT001 -- what a copy returned
        """Check that what a copy says is what is there; whether it said True."""
        assert said or not self.copies
        assert storage.get(_TARGET) == (body if said else None)
        return said

    def test_a_copy_has_the_bytes_and_a_refusal_leaves_nothing(self, storage: Storage, tmp_path: Path) -> None:
        """True and the same bytes, or False and no object."""
        storage.send(_SOURCE, source_file(tmp_path, _BODY))

        self._said(storage, storage.copy(_SOURCE, _TARGET, _SHA256), _BODY)

        assert storage.get(_SOURCE) == _BODY

    def test_a_large_object_is_copied_whole(self, storage: Storage, tmp_path: Path) -> None:
        """Also what came in parts."""
        storage.send(_SOURCE, source_file(tmp_path, large_body()))

        self._said(storage, storage.copy(_SOURCE, _TARGET, received(large_body()).sha256), large_body())

    def test_an_empty_object_is_copied(self, storage: Storage, tmp_path: Path) -> None:
        """No bytes are not no object."""
        storage.send(_SOURCE, source_file(tmp_path, b""))

        self._said(storage, storage.copy(_SOURCE, _TARGET, received(b"").sha256), b"")

    def test_what_is_not_there_is_not_copied(self, storage: Storage) -> None:
        """False, and nothing at the target."""
        assert storage.copy(_SOURCE, _TARGET, _SHA256) is False
        assert keys_of(storage) == []

    def test_other_bytes_than_expected_are_not_copied(self, storage: Storage, tmp_path: Path) -> None:
        """False, and nothing at the target: nobody may find bytes there that nobody vouched for."""
        storage.send(_SOURCE, source_file(tmp_path, b"other bytes, same l."))

        assert storage.copy(_SOURCE, _TARGET, _SHA256) is False
        assert keys_of(storage) == [_SOURCE]

    def test_a_copy_outlives_its_source(self, storage: Storage, tmp_path: Path) -> None:
        """Deleting either leaves the other."""
        storage.send(_SOURCE, source_file(tmp_path, _BODY))
        if storage.copy(_SOURCE, _TARGET, _SHA256):
            storage.delete([_SOURCE])
            assert storage.get(_TARGET) == _BODY
            assert storage.copy(_TARGET, _SOURCE, _SHA256) is True
            storage.delete([_TARGET])

        assert keys_of(storage) == [_SOURCE]
        assert storage.get(_SOURCE) == _BODY

    def test_a_copy_does_not_change_with_its_source(self, storage: Storage) -> None:
        """Also where the source is an object that may be overwritten."""
        storage.put(_SOURCE, _BODY)
        said = storage.copy(_SOURCE, _TARGET, _SHA256)
        storage.put(_SOURCE, b"other bytes")

        self._said(storage, said, _BODY)

    def test_a_copied_key_is_taken(self, storage: Storage, tmp_path: Path) -> None:
        """For create as for listings."""
        storage.send(_SOURCE, source_file(tmp_path, _BODY))
        said = storage.copy(_SOURCE, _TARGET, _SHA256)

        assert storage.create(_TARGET, b"other") is not said
        assert keys_of(storage) == [_SOURCE, _TARGET]

    def test_a_repeated_copy_is_no_error(self, storage: Storage, tmp_path: Path) -> None:
        """Whoever does not know whether it took place copies again, or sends."""
        source = source_file(tmp_path, _BODY)
        storage.send(_SOURCE, source)
        said = storage.copy(_SOURCE, _TARGET, _SHA256)

        assert storage.copy(_SOURCE, _TARGET, _SHA256) is said
        assert storage.send(_TARGET, source) == received(_BODY)
        assert storage.get(_TARGET) == _BODY

    def test_another_storage_of_the_same_kind_can_be_copied_from(self, storage: Storage, tmp_path: Path) -> None:
        """Here another handle of the same one."""
        origin: Storage = pickle.loads(pickle.dumps(storage))  # noqa: S301 -- our own bytes
        origin.send(_SOURCE, source_file(tmp_path, _BODY))

        self._said(storage, storage.copy(_SOURCE, _TARGET, _SHA256, origin=origin), _BODY)

    def test_a_storage_of_another_kind_is_copied_from_rightly_or_not_at_all(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Whatever it says is so; and nothing is taken from an object of that name here."""
        storage.send(_SOURCE, source_file(tmp_path, b"something else altogether"))
        for origin in (MemoryStorage(f"contract-{tmp_path.name}"), LocalStorage(tmp_path / "origin")):
            origin.put(_SOURCE, _BODY)
            said = storage.copy(_SOURCE, _TARGET, _SHA256, origin=origin)

            assert storage.get(_TARGET) == (_BODY if said else None)
            storage.delete([_TARGET])

    def test_copying_refuses_hostile_keys(self, storage: Storage) -> None:
        """`InvalidInput`, for the source as for the target."""
        storage.put(_SOURCE, _BODY)
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.copy, key, _TARGET, _SHA256))
            refused(InvalidInput, partial(storage.copy, _SOURCE, key, _SHA256))

        assert keys_of(storage) == [_SOURCE]

    def test_sweeping_drops_no_object(self, storage: Storage, tmp_path: Path) -> None:
        """Neither by a rehearsal nor in earnest, however old it is."""
        storage.send("data/1/large", source_file(tmp_path, large_body()))
        storage.put("data/1/small", _BODY)

        for dry_run in (True, False):
            assert [*storage.sweep("data/", time.time() + _LATER, dry_run=dry_run)] == []

        assert keys_of(storage) == ["data/1/large", "data/1/small"]

    def test_sweeping_where_nothing_is_finds_nothing(self, storage: Storage) -> None:
        """And is no error."""
        assert [*storage.sweep("", time.time() + _LATER, dry_run=False)] == []
        assert [*storage.sweep("no/such/", time.time() + _LATER, dry_run=False)] == []

    def test_sweeping_refuses_hostile_prefixes(self, storage: Storage) -> None:
        """`InvalidInput`; "" alone means everything."""
        for key in HOSTILE_KEYS:
            refused(InvalidInput, partial(storage.sweep, f"{key}/", 0.0, dry_run=True))
