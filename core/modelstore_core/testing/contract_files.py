"""The promises about files: send, fetch, local_path and settle."""

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from modelstore_core.errors import InvalidInput, StorageError
from modelstore_core.storage.protocol import Received, Storage
from modelstore_core.testing.contract_kit import at_once, keys_of, large_body, received, refused, source_file

__all__ = ["FileContract"]

_PRIVATE = 0o600


class FileContract:
    """Part of `StorageContract`."""

    def test_a_sent_file_is_reported_and_there(self, storage: Storage, tmp_path: Path) -> None:
        """Size and digest are of the bytes that were sent."""
        assert storage.send("data/x/model", source_file(tmp_path, b"model")) == received(b"model")
        assert storage.get("data/x/model") == b"model"

    def test_a_large_file_is_sent_whole(self, storage: Storage, tmp_path: Path) -> None:
        """9 MiB: more than one part of a multipart upload."""
        assert storage.send("large", source_file(tmp_path, large_body())) == received(large_body())
        assert storage.get("large") == large_body()

    def test_an_empty_file_is_sent(self, storage: Storage, tmp_path: Path) -> None:
        """No bytes are not no object."""
        assert storage.send("empty", source_file(tmp_path, b"")) == received(b"")
        assert storage.get("empty") == b""

    def test_a_sent_file_stays_where_it_is(self, storage: Storage, tmp_path: Path) -> None:
        """Sending copies."""
        source = source_file(tmp_path, b"model")
        storage.send("a", source)

        assert source.read_bytes() == b"model"

    def test_a_sent_key_is_taken(self, storage: Storage, tmp_path: Path) -> None:
        """For create as for listings."""
        storage.send("a/b", source_file(tmp_path, b"model"))

        assert storage.create("a/b", b"other") is False
        assert [(info.key, info.size) for info in storage.list("a/")] == [("a/b", len(b"model"))]

    def test_a_repeated_send_is_no_error(self, storage: Storage, tmp_path: Path) -> None:
        """Whoever does not know whether it arrived sends again."""
        source = source_file(tmp_path, b"model")
        storage.send("a", source)

        assert storage.send("a", source) == received(b"model")
        assert storage.get("a") == b"model"

    def test_only_regular_files_are_sent(self, storage: Storage, tmp_path: Path) -> None:
        """`InvalidInput` for a missing file or a folder, and nothing is written."""
        refused(InvalidInput, partial(storage.send, "a", tmp_path / "missing"))
        refused(InvalidInput, partial(storage.send, "a", tmp_path))

        assert keys_of(storage) == []

    def test_a_fetched_object_is_reported_and_there(self, storage: Storage, tmp_path: Path) -> None:
        """Size and digest are of the bytes that arrived."""
        storage.put("a", b"model")

        assert storage.fetch("a", tmp_path / "out") == received(b"model")
        assert (tmp_path / "out").read_bytes() == b"model"

    def test_a_large_object_is_fetched_whole(self, storage: Storage, tmp_path: Path) -> None:
        """9 MiB, in order, whatever parts it comes in."""
        storage.send("large", source_file(tmp_path, large_body()))

        assert storage.fetch("large", tmp_path / "out") == received(large_body())
        assert (tmp_path / "out").read_bytes() == large_body()

    def test_an_empty_object_is_fetched(self, storage: Storage, tmp_path: Path) -> None:
        """As an empty file."""
        storage.put("empty", b"")

        assert storage.fetch("empty", tmp_path / "out") == received(b"")
        assert (tmp_path / "out").read_bytes() == b""

    def test_fetching_a_missing_object_leaves_no_file(self, storage: Storage, tmp_path: Path) -> None:
        """None, and no file."""
        assert storage.fetch("missing", tmp_path / "out") is None
        assert not (tmp_path / "out").exists()

    def test_a_fetched_file_is_private(self, storage: Storage, tmp_path: Path) -> None:
        """Mode 0600, from the start."""
        storage.put("a", b"model")
        storage.fetch("a", tmp_path / "out")

        assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == _PRIVATE

    def test_fetch_overwrites_nothing(self, storage: Storage, tmp_path: Path) -> None:
        """A typed error that names the file, which stays as it was."""
        storage.put("a", b"model")
        (tmp_path / "out").write_bytes(b"mine")

        error = refused(StorageError, partial(storage.fetch, "a", tmp_path / "out"))

        assert str(tmp_path / "out") in str(error)
        assert (tmp_path / "out").read_bytes() == b"mine"

    def test_fetch_follows_no_symlink(self, storage: Storage, tmp_path: Path) -> None:
        """Neither one to a file nor one to nowhere."""
        storage.put("a", b"model")
        (tmp_path / "victim").write_bytes(b"mine")
        (tmp_path / "to-file").symlink_to(tmp_path / "victim")
        (tmp_path / "to-nowhere").symlink_to(tmp_path / "nowhere")

        refused(StorageError, partial(storage.fetch, "a", tmp_path / "to-file"))
        refused(StorageError, partial(storage.fetch, "a", tmp_path / "to-nowhere"))

        assert (tmp_path / "victim").read_bytes() == b"mine"
        assert not (tmp_path / "nowhere").exists()

    def test_fetching_into_a_missing_folder_is_a_typed_error(self, storage: Storage, tmp_path: Path) -> None:
        """A `StorageError` that names the path; no folder is made."""
        storage.put("a", b"model")

        error = refused(StorageError, partial(storage.fetch, "a", tmp_path / "no" / "out"))

        assert str(tmp_path / "no") in str(error)
        assert not (tmp_path / "no").exists()

    def test_what_passes_on_the_way_out_is_told(self, storage: Storage, tmp_path: Path) -> None:
        """The numbers add up to the size of the file, in however many pieces."""
        for number, body in enumerate((b"", b"model", large_body())):
            told: list[int] = []
            storage.send(f"{number}", source_file(tmp_path, body), told.append)

            assert sum(told) == len(body)
            assert all(count >= 0 for count in told)

    def test_what_passes_on_the_way_in_is_told(self, storage: Storage, tmp_path: Path) -> None:
        """Likewise; of a missing object nothing."""
        for number, body in enumerate((b"", b"model", large_body())):
            told: list[int] = []
            storage.send(f"{number}", source_file(tmp_path, body))
            storage.fetch(f"{number}", tmp_path / f"out-{number}", told.append)

            assert sum(told) == len(body)
            assert all(count >= 0 for count in told)
        storage.fetch("missing", tmp_path / "out", told.append)
        assert sum(told) == len(large_body())

    def test_files_go_and_come_at_the_same_time(self, storage: Storage, tmp_path: Path) -> None:
        """Transfers on one storage do not disturb one another."""
        storage.put("small", b"model")
        source = source_file(tmp_path, large_body())
        calls: list[Callable[[], Received | None]] = [
            *(partial(storage.send, f"large/{number}", source) for number in range(3)),
            *(partial(storage.fetch, "small", tmp_path / f"{number}") for number in range(3)),
        ]

        assert at_once(calls) == [received(large_body())] * 3 + [received(b"model")] * 3

    def test_a_file_written_in_place_is_an_object(self, storage: Storage, tmp_path: Path) -> None:
        """Where there is a local path, a file there counts once it is settled; elsewhere sending does the same."""
        path = storage.local_path("data/x/model")
        if path is None:
            storage.send("data/x/model", source_file(tmp_path, b"model"))
        else:
            path.parent.mkdir(parents=True)
            path.write_bytes(b"model")
        storage.settle(["data/x/model"])

        assert storage.get("data/x/model") == b"model"
        assert keys_of(storage, "data/") == ["data/x/model"]

    def test_a_file_in_its_place_is_sent_without_a_copy(self, storage: Storage, tmp_path: Path) -> None:
        """Sending a local path to its own key reports and settles it."""
        path = storage.local_path("data/x/model") or tmp_path / "model"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"model")

        assert storage.send("data/x/model", path) == received(b"model")
        assert storage.get("data/x/model") == b"model"

    def test_settling_nothing_is_no_error(self, storage: Storage) -> None:
        """As `delete` of nothing."""
        storage.settle([])

        assert keys_of(storage) == []
