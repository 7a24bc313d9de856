"""Copies of versions: the same bytes and record in another store, made once, and made by whoever can make them best."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.aws import use_fake_aws

from modelstore_core import (
    Corrupt,
    InvalidInput,
    ModelNotFound,
    ModelStore,
    ModelVersion,
    StorageUnavailable,
    StoreReadOnly,
    UnsafeStorage,
    VersionDeleted,
    VersionPurged,
)
from modelstore_core.model.operations import Purge
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage, SimulatedCrash
from modelstore_core.testing.s3_server import S3Server
from modelstore_core.testing.stores import MeanwhileStorage, commit, store_over

Place = Callable[[], str]

LARGE = 9 << 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    use_fake_aws(monkeypatch, tmp_path)
    with S3Server(["here", "there"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield server


@pytest.fixture
def places(server: S3Server, tmp_path: Path) -> dict[str, Place]:
    """New locations of each kind."""
    numbers = itertools.count()
    return {
        "folder": lambda: str(tmp_path / f"store-{next(numbers)}"),
        "memory": lambda: f"memory://{tmp_path.name}/{next(numbers)}",
        "bucket": lambda: f"s3://here/{next(numbers)}",
        "another bucket": lambda: f"s3://there/{next(numbers)}",
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights.bin").write_bytes(b"weights")
    (folder / "notes.txt").write_bytes(b"notes")
    return folder


def original(store: ModelStore, model: Path) -> ModelVersion:
    """A version with everything that can be said of one."""
    store.save(
        model,
        "risk.churn",
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "risk"},
        description="Trained on March",
        lineage={"run": "42"},
        aliases=["champion"],
    )
    return store.annotate("risk.churn@1", metrics={"auc_may": 0.8}, tags={"seen": "yes"}, description="And on April")


KINDS = ["folder", "memory", "bucket"]


@pytest.mark.parametrize("to", [*KINDS, "another bucket"])
@pytest.mark.parametrize("of", KINDS)
def test_a_copy_has_the_bytes_and_the_record_of_its_original(
    places: dict[str, Place], model: Path, of: str, to: str
) -> None:
    here, there = ModelStore(places[of](), actor="ada"), ModelStore(places[to](), actor="bob", trust="full")
    first = original(here, model)
    there.save(model, "risk.churn")
    copied = here.copy("risk.churn@champion", there, aliases=["candidate"])

    same = ("digest", "files", "size", "format", "metrics", "params", "tags", "description", "environment", "globals")
    assert {name: getattr(copied, name) for name in same} == {name: getattr(first, name) for name in same}
    assert (copied.ref, copied.aliases, copied.created_by) == ("risk.churn@2", ("candidate",), "bob")
    assert (there.load("risk.churn@candidate") / "deep" / "weights.bin").read_bytes() == b"weights"
    assert audit(there.storage, "risk.churn").numbers == [1, 2]


def test_a_copy_says_where_it_comes_from_and_so_does_a_copy_of_it(places: dict[str, Place], model: Path) -> None:
    here = ModelStore(places["folder"](), actor="ada")
    first = original(here, model)
    second = here.copy(first.ref, here, name="risk.copy")
    third = here.copy(second.ref, here, name="risk.third")

    origin = {
        "ref": "risk.churn@1",
        "store": (store_id := second.lineage["copied_from"]["store"]),  # type: ignore[call-overload,index]
        "url": here.url,
        "created_at": first.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "created_by": "ada",
        "digest": first.digest,
    }
    assert len(str(store_id)) == 32
    assert second.lineage == {"run": "42", "copied_from": origin}
    assert third.lineage["copied_from"]["copied_from"] == origin  # type: ignore[call-overload,index]


def test_a_copy_of_a_saved_object_loads_as_what_it_was() -> None:
    here, there = store_over(MemoryStorage("objects-here")), store_over(MemoryStorage("objects-there"))
    here.save({"w": [1, 2]}, "m", format="pickle")
    here.copy("m", there)

    assert there.load("m") == {"w": [1, 2]}


def test_copying_twice_makes_one_copy_and_sends_nothing_the_second_time(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    here, counting = ModelStore(places["folder"]()), CountingStorage(MemoryStorage(f"twice-{tmp_path.name}"))
    original(here, model)
    copies = [here.copy("risk.churn", store_over(counting)).ref for _ in range(2)]
    counting.reset()
    copies.append(here.copy("risk.churn@1", store_over(counting)).ref)

    assert copies == ["risk.churn@1"] * 3
    assert not {"send", "copy"} & set(counting.summary())


def test_a_copy_that_was_deleted_is_made_anew_only_by_another_call(places: dict[str, Place], model: Path) -> None:
    here, there = ModelStore(places["folder"]()), ModelStore(places["folder"](), trust="full")
    original(here, model)
    here.copy("risk.churn", there)
    there.delete("risk.churn@1")
    again = here.copy("risk.churn", there)

    assert (again.number, again.supersedes) == (2, 1)
    assert (there.load(again.ref) / "notes.txt").read_bytes() == b"notes"


def test_another_key_is_another_copy(places: dict[str, Place], model: Path) -> None:
    here, there = ModelStore(places["memory"]()), ModelStore(places["memory"]())
    original(here, model)

    assert [here.copy("risk.churn", there, key=key).number for key in ("a", "b", "a")] == [1, 2, 1]


def test_a_service_copies_within_itself_and_between_its_buckets(
    server: S3Server, places: dict[str, Place], model: Path
) -> None:
    (model / "large.bin").write_bytes(b"large" * (LARGE // 5))
    here = ModelStore(places["bucket"]())
    original(here, model)
    server.reset()
    here.copy("risk.churn", places["another bucket"](), endpoint=server.endpoint)

    assert server.counts()["CopyObject"] == 3
    assert "UploadPart" not in server.counts()


def test_a_store_only_to_read_can_be_copied_from_by_the_service(
    server: S3Server, places: dict[str, Place], model: Path
) -> None:
    url = places["bucket"]()
    original(ModelStore(url), model)
    server.reset()
    ModelStore(url, read_only=True).copy("risk.churn", places["another bucket"]())

    assert server.counts()["CopyObject"] == 2


def test_a_store_only_to_read_takes_no_copy(places: dict[str, Place], model: Path) -> None:
    here = ModelStore(places["folder"]())
    original(here, model)
    there = ModelStore(places["folder"](), read_only=True)

    with pytest.raises(StoreReadOnly):
        here.copy("risk.churn", there)


def test_what_the_other_store_has_in_its_newest_version_is_not_sent(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    (model / "large.bin").write_bytes(b"large" * (LARGE // 5))
    here, counting = ModelStore(places["folder"]()), CountingStorage(MemoryStorage(f"newest-{tmp_path.name}"))
    original(here, model)
    there = store_over(counting)
    there.save(model, "risk.churn")
    counting.reset()
    here.copy("risk.churn", there)

    # Of two small files it is tried whether the storage can copy them from the other one, which is of another kind.
    assert (counting.summary()["send"], counting.summary()["copy"]) == (2, 1 + 2)


def test_a_retry_goes_on_with_what_a_killed_copy_has_finished(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    (model / "a-large.bin").write_bytes(b"large" * (LARGE // 5))
    here, memory = ModelStore(places["folder"]()), MemoryStorage(f"retry-{tmp_path.name}")
    original(here, model)
    dying = FaultyStorage(memory, script=lambda verb, key, n: Fault("crash_after") if verb == "send" else None)
    with pytest.raises(SimulatedCrash):
        here.copy("risk.churn", store_over(dying))
    counting = CountingStorage(memory)

    assert here.copy("risk.churn", store_over(counting)).number == 1
    assert counting.summary()["send"] == 2


def data_of(storage: Storage) -> list[str]:
    return [info.key for info in storage.list("models/risk.churn/data/")]


def test_bytes_that_are_not_the_original_s_are_not_published(places: dict[str, Place], model: Path) -> None:
    here, there = ModelStore(places["folder"]()), ModelStore(places["memory"]())
    version = original(here, model)
    notes = Path(version.url) / "notes.txt"
    notes.chmod(0o644)
    notes.write_bytes(b"other")

    with pytest.raises(Corrupt, match=r"notes\.txt"):
        here.copy("risk.churn", there)
    assert data_of(there.storage) == []
    with pytest.raises(ModelNotFound):
        there.get("risk.churn")


def test_a_file_that_changes_while_it_is_copied_is_not_published(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    here, memory = ModelStore(places["folder"]()), MemoryStorage(f"changes-{tmp_path.name}")
    notes = Path(original(here, model).url) / "notes.txt"

    def change() -> None:
        notes.chmod(0o644)
        notes.write_bytes(b"other")

    with pytest.raises(Corrupt, match="changed while it was copied"):
        here.copy("risk.churn", store_over(MeanwhileStorage(memory, change, verb="send", key="notes.txt")))
    assert data_of(memory) == []


def test_an_original_that_is_purged_while_it_is_copied_is_said_to_be(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    memory = MemoryStorage(f"purged-{tmp_path.name}")
    original(store_over(memory), model)

    def purge() -> None:
        store_over(memory).delete("risk.churn@1", force=True)
        commit(memory, "risk.churn", Purge(number=1, record=1))
        memory.delete(data_of(memory))

    there = ModelStore(places["folder"]())
    with pytest.raises(VersionPurged):
        store_over(MeanwhileStorage(memory, purge, verb="fetch")).copy("risk.churn@1", there)
    assert data_of(there.storage) == []


def test_a_file_that_is_lost_is_named(places: dict[str, Place], model: Path) -> None:
    here, there = ModelStore(places["memory"]()), ModelStore(places["folder"]())
    original(here, model)
    here.storage.delete([key for key in data_of(here.storage) if key.endswith("notes.txt")])

    with pytest.raises(Corrupt, match=r"notes\.txt' is not there"):
        here.copy("risk.churn", there)
    assert data_of(there.storage) == []


def test_a_storage_that_gives_out_keeps_what_a_retry_will_need(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    here, memory = ModelStore(places["folder"]()), MemoryStorage(f"gives-out-{tmp_path.name}")
    original(here, model)
    failing = FaultyStorage(
        memory, script=lambda verb, key, n: Fault("error") if verb == "send" and key.endswith("notes.txt") else None
    )
    with pytest.raises(StorageUnavailable):
        here.copy("risk.churn", store_over(failing))
    assert len(data_of(memory)) == 1
    assert here.copy("risk.churn", store_over(memory)).number == 1


def test_a_store_whose_create_if_absent_is_not_real_takes_no_copy(
    places: dict[str, Place], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ModelStore(places["folder"]())
    original(here, model)
    with S3Server(["careless"], ignore_preconditions=True) as server, pytest.raises(UnsafeStorage):
        here.copy("risk.churn", "s3://careless", endpoint=server.endpoint, region="us-east-1")


def test_a_deleted_version_is_not_copied_and_none_is_copied_onto_itself(places: dict[str, Place], model: Path) -> None:
    url = places["folder"]()
    here = ModelStore(url)
    original(here, model)

    for to in (here, url, ModelStore(url, read_only=True)):
        with pytest.raises(InvalidInput, match="onto itself"):
            here.copy("risk.churn", to)
    here.delete("risk.churn@1", force=True)
    with pytest.raises(VersionDeleted):
        here.copy("risk.churn@1", places["memory"]())
    with pytest.raises(ModelNotFound):
        here.copy("nobody", places["memory"]())


@pytest.mark.parametrize("wrong", [{"aliases": "champion"}, {"aliases": ["7"]}, {"name": "a/b"}, {"key": ""}])
def test_wrong_words_are_refused_before_anything_is_written(
    places: dict[str, Place], model: Path, wrong: dict[str, object]
) -> None:
    here, there = ModelStore(places["folder"]()), ModelStore(places["memory"]())
    original(here, model)

    with pytest.raises(InvalidInput):
        here.copy("risk.churn", there, **wrong)  # type: ignore[arg-type]
    assert [*there.storage.list("")] == []


def test_a_store_without_an_id_can_be_copied_from(places: dict[str, Place], model: Path) -> None:
    """A folder that somebody has put together by hand, say."""
    here, there = ModelStore(places["folder"]()), ModelStore(places["memory"]())
    original(here, model)
    (Path(here.url) / "store.json").chmod(0o644)
    (Path(here.url) / "store.json").write_bytes(b"no store")
    copies = [here.copy("risk.churn", there).number]
    (Path(here.url) / "store.json").unlink()
    copies.append(here.copy("risk.churn", there).number)

    assert copies == [1, 1]
    assert there.get("risk.churn").lineage["copied_from"]["store"] == ""  # type: ignore[call-overload,index]


def test_a_copied_folder_is_a_store_of_its_own_whose_versions_can_come_back(
    places: dict[str, Place], model: Path, tmp_path: Path
) -> None:
    here = ModelStore(places["folder"]())
    original(here, model)
    shutil.copytree(here.url, tmp_path / "backup")

    assert ModelStore(tmp_path / "backup").copy("risk.churn", here).ref == "risk.churn@2"


def test_local_stores_share_bytes_through_a_copy(places: dict[str, Place], model: Path) -> None:
    counting = CountingStorage(LocalStorage(Path(places["folder"]())))
    here = ModelStore(places["folder"]())
    original(here, model)
    here.copy("risk.churn", store_over(counting))

    assert counting.summary()["copy"] == 2
    assert "send" not in counting.summary()
