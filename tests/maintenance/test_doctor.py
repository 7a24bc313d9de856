"""What `doctor` finds on storages that are fit, unfit, forbidden, empty, or far away; and that it leaves nothing."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.maintenance.support import copied, memory, objects_of

from modelstore_core import Diagnosis, ModelStore
from modelstore_core.maintenance.surroundings import file_system
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.readonly import ReadOnlyStorage
from modelstore_core.testing.faults import Fault, FaultyStorage
from modelstore_core.testing.s3_server import S3Server
from modelstore_core.testing.stores import store_over

WRITING = ["create-if-absent", "overwrite", "list after write", "concurrent creates", "delete", "clock"]


def states(done: Diagnosis) -> dict[str, str]:
    return {check.name: check.state for check in done.checks if check.state != "info"}


def of(done: Diagnosis, name: str) -> str:
    """What was said of one thing."""
    return next(f"{check.what} {check.fix}" for check in done.checks if check.name == name)


@pytest.fixture
def server() -> Iterator[Callable[..., str]]:
    """Starts an S3 server with a bucket, and gives its endpoint."""
    running: list[S3Server] = []

    def start(**options: object) -> str:
        running.append(S3Server(["bucket"], **options).__enter__())  # type: ignore[arg-type]  # each test's own switch
        return running[-1].endpoint

    yield start
    for one in running:
        one.__exit__(None, None, None)


def on_s3(endpoint: str, bucket: str = "bucket") -> ModelStore:
    return ModelStore(f"s3://{bucket}/models", endpoint=endpoint, region="us-east-1", patience=2.0)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def test_a_sound_store_passes_everything_and_is_left_as_it_was(storage: MemoryStorage) -> None:
    before = objects_of(storage)

    done = store_over(storage).doctor()

    assert done.ok
    assert states(done) == dict.fromkeys(["list", "read", *WRITING], "ok") | {"clock": "warn"}  # a still clock
    assert objects_of(storage) == before
    assert "Models found: 2" in of(done, "list")


def test_a_place_without_a_store_is_tried_and_left_empty(tmp_path: Path) -> None:
    storage = memory()
    done = store_over(storage).doctor()
    assert (done.ok, objects_of(storage), "first save" in of(done, "store")) == (True, {}, True)

    folder = ModelStore(tmp_path / "deep" / "models").doctor()
    assert (folder.ok, [*tmp_path.iterdir()]) == (True, [])


def test_a_folder_says_its_file_system(tmp_path: Path) -> None:
    done = ModelStore(tmp_path).doctor()

    assert done.ok
    assert of(done, "file system")


def test_the_nearest_mount_gives_the_file_system(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "21 1 8:1 / / rw - ext4 /dev/sda rw\n"
        "22 21 0:5 / /mnt/my\\040models rw - nfs4 server:/x rw\n"
        "23 21 0:6 / /mnt rw shared:1 - tmpfs none rw\n"
        "no line of that file\n"
    )

    assert file_system(Path("/mnt/my models/a/b"), mounts) == "nfs4"
    assert file_system(Path("/mnt/x"), mounts) == "tmpfs"
    assert file_system(Path("/etc"), mounts) == "ext4"
    assert file_system(Path("/etc"), tmp_path / "none") == ""


def test_reading_only_writes_nothing_and_says_so(storage: MemoryStorage) -> None:
    """The storage would refuse."""
    silent = FaultyStorage(storage, script=lambda verb, key, _: None if verb in {"get", "list"} else Fault("crash"))

    done = store_over(silent).doctor(read_only=True)

    assert done.ok
    assert states(done) == {"list": "ok", "read": "ok", "write": "skip"}


def test_a_store_opened_to_be_read_is_diagnosed_without_writing(storage: MemoryStorage) -> None:
    done = store_over(ReadOnlyStorage(storage)).doctor()

    assert done.ok
    assert states(done)["write"] == "skip"


class _Overwriting(MemoryStorage):
    """Ignores the condition of a create, as some services do."""

    def create(self, key: str, body: bytes) -> bool:
        self.put(key, body)
        return True


def test_a_storage_without_create_if_absent_fails() -> None:
    storage = _Overwriting("doctor-overwriting")

    done = store_over(storage).doctor()

    assert (done.ok, states(done)["create-if-absent"], objects_of(storage)) == (False, "fail", {})
    assert "single_writer=True" in of(done, "create-if-absent")


def test_a_storage_that_does_not_answer_fails_and_nothing_more_is_tried(storage: MemoryStorage) -> None:
    dead = FaultyStorage(storage, script=lambda *_: Fault("error"))

    done = store_over(dead).doctor()

    assert (done.ok, states(done)) == (False, {"list": "fail"})


def test_what_cannot_be_deleted_is_said_to_stay(storage: MemoryStorage) -> None:
    keeping = FaultyStorage(storage, script=lambda verb, *_: Fault("error") if verb == "delete" else None)

    done = store_over(keeping, patience=1.0).doctor()

    assert states(done)["delete"] == "warn"
    assert "self-test/" in of(done, "delete")


def test_a_store_document_that_is_none_fails(objects: dict[str, bytes]) -> None:
    storage = copied({**objects, "store.json": b"{}"})

    done = store_over(storage).doctor()

    assert (done.ok, states(done)["store"]) == (False, "fail")


def test_a_copied_store_is_said_to_be_tested_at_the_next_write(objects: dict[str, bytes]) -> None:
    storage = copied(objects)

    assert "another place" in of(store_over(storage).doctor(), "store")
    store_over(storage).annotate("m@1", tags={"a": "b"})
    assert "was tested" in of(store_over(storage).doctor(), "store")


def test_a_store_of_a_single_writer_is_warned_of(tmp_path: Path) -> None:
    storage = _Overwriting("doctor-single")
    store_over(storage, single_writer=True).save({"w": 1}, "m", format="pickle")

    assert states(store_over(storage).doctor())["store"] == "warn"


def test_a_bucket_is_fit(server: Callable[..., str]) -> None:
    done = on_s3(server()).doctor()

    assert done.ok, done
    assert set(states(done)) == {"list", "read", *WRITING}
    assert "endpoint http" in of(done, "location")
    assert "obstore" in of(done, "packages")


DENIED: Mapping[str, tuple[dict[str, object], str, str, str]] = {
    "no listing": ({"denied": ["ListObjectsV2"]}, "list", "fail", "s3:ListBucket"),
    "403 for what is missing": ({"may_list": False}, "list", "fail", "s3:ListBucket"),
    "no reading": ({"denied": ["GetObject"]}, "read", "fail", "s3:GetObject"),
    "no writing": ({"read_only": True}, "write", "skip", "s3:PutObject"),
    "no deleting": ({"denied": ["DeleteObjects", "DeleteObject"]}, "delete", "warn", "s3:DeleteObject"),
    "no condition": ({"ignore_preconditions": True}, "create-if-absent", "fail", "single_writer"),
    "a wrong clock": ({"clock": lambda: 0.0}, "clock", "warn", "set this machine's"),
}


@pytest.mark.parametrize("lacking", DENIED)
def test_what_is_lacking_on_a_bucket_is_named(server: Callable[..., str], lacking: str) -> None:
    options, name, state, said = DENIED[lacking]

    done = on_s3(server(**options)).doctor()

    assert states(done)[name] == state, done
    assert said in of(done, name)
    assert done.ok == (state != "fail")


def test_a_missing_bucket_is_named(server: Callable[..., str]) -> None:
    done = on_s3(server(), "nowhere").doctor()

    assert (done.ok, "nowhere" in of(done, "list")) == (False, True)


def test_the_report_is_readable(tmp_path: Path) -> None:
    text = str(store_over(LocalStorage(tmp_path)).doctor())

    assert "ok    create-if-absent: Kept, by hard links." in text.splitlines()


def test_the_report_is_a_table_too(tmp_path: Path) -> None:
    done = store_over(LocalStorage(tmp_path)).doctor()

    assert {row["state"] for row in done.checks.rows()} >= {"ok", "info"}
    assert "<table>" in done._repr_html_()
