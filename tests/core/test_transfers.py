"""What is sent, what is not sent again, what a retry goes on with, and how much is under way at once."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from tests.contract.aws import use_fake_aws

from modelstore_core import Corrupt, FileEntry, ModelStore, ModelVersion, StorageUnavailable
from modelstore_core.artifacts.budget import UNDER_WAY, WINDOW, Budget
from modelstore_core.artifacts.earlier import WORTH_IT_HERE, WORTH_IT_THERE
from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.artifacts.stage import Stage
from modelstore_core.model.operations import Purge
from modelstore_core.storage.calls import side_by_side
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Passed, Received, unwatched
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, FaultyVerb, SimulatedCrash
from modelstore_core.testing.s3_server import S3Server
from modelstore_core.testing.stores import MeanwhileStorage, commit, store_over

T = TypeVar("T")


@pytest.fixture
def memory(tmp_path: Path) -> MemoryStorage:
    """An empty storage in memory, which behaves as a remote one does."""
    return MemoryStorage(f"transfers-{tmp_path.name}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of two large files and a small one."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "body.bin").write_bytes(b"body" * (WORTH_IT_THERE // 4))
    (folder / "head.bin").write_bytes(b"head" * (WORTH_IT_THERE // 4))
    (folder / "small.txt").write_bytes(b"small")
    return folder


def moved(counting: CountingStorage, act: Callable[[], object]) -> dict[str, int]:
    """How many files were sent, fetched and copied by the storage meanwhile."""
    counting.reset()
    act()
    return {verb: count for verb, count in counting.summary().items() if verb in {"send", "fetch", "copy"}}


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("warm", [False, True])
def test_large_files_that_have_not_changed_are_not_sent_again(
    memory: MemoryStorage, model: Path, warm: bool, key: str | None
) -> None:
    store_over(memory).save(model, "m")
    (model / "head.bin").write_bytes(b"HEAD" * (WORTH_IT_THERE // 4))
    counting = CountingStorage(memory)
    store = store_over(counting)
    if warm:
        store.annotate("m", tags={"a": "b"})

    assert moved(counting, lambda: store.save(model, "m", key=key)) == {"copy": 1, "send": 2}
    assert (store.load("m") / "body.bin").read_bytes() == (model / "body.bin").read_bytes()
    assert audit(memory, "m").numbers == [1, 2]


def test_looking_first_costs_no_request_and_one_round_cold_and_nothing_warm(memory: MemoryStorage, model: Path) -> None:
    store_over(memory).save(model, "m")
    counting = CountingStorage(memory)
    store = store_over(counting)
    once = 2  # store.json and the storage's location, beside the first request

    store.save(model, "m")
    assert (len(counting.requests) - once, counting.rounds) == (3 + 4, 4 + 1)
    counting.reset()
    store.save(model, "m")
    assert (len(counting.requests), counting.rounds) == (3 + 2, 3)
    counting.reset()
    store.save(model, "m", key="k")
    assert (len(counting.requests), counting.rounds) == (3 + 2 + 1, 3 + 1)


def test_a_first_save_has_nothing_to_look_for(memory: MemoryStorage, model: Path) -> None:
    store_over(memory).save(model, "another")
    counting = CountingStorage(memory)
    store_over(counting).save(model, "m")

    assert counting.rounds == 4


def test_files_of_another_size_are_not_even_hashed_first(memory: MemoryStorage, model: Path) -> None:
    store_over(memory).save(model, "m")
    for name in ("body.bin", "head.bin"):
        (model / name).write_bytes(b"longer" * (WORTH_IT_THERE // 4))
    counting = CountingStorage(memory)

    assert moved(counting, lambda: store_over(counting).save(model, "m")) == {"send": 3}


def test_what_a_storage_cannot_copy_is_sent(memory: MemoryStorage, model: Path) -> None:
    store_over(memory).save(model, "m")
    faulty = FaultyStorage(memory, script=lambda verb, key, n: Fault("lie") if verb == "copy" else None)
    counting = CountingStorage(faulty)

    assert moved(counting, lambda: store_over(counting).save(model, "m")) == {"copy": 2, "send": 3}
    assert audit(memory, "m").numbers == [1, 2]


def test_files_that_are_purged_before_they_are_copied_are_sent(memory: MemoryStorage, model: Path) -> None:
    first = store_over(memory).save(model, "m")

    def purge() -> None:
        store_over(memory).delete("m@1")
        commit(memory, "m", Purge(number=1, record=1))
        prefix = first.url.removeprefix(f"{memory.url}/")
        memory.delete([info.key for info in memory.list(f"{prefix}/")])

    racing = MeanwhileStorage(memory, purge, verb="copy")
    second = store_over(racing).save(model, "m")

    assert (racing.acted, second.number) == (True, 2)
    assert (store_over(memory).load("m") / "head.bin").read_bytes() == (model / "head.bin").read_bytes()


def test_a_record_that_is_damaged_is_not_needed_to_save(memory: MemoryStorage, model: Path) -> None:
    store = store_over(memory)
    store.save(model, "m")
    for step in range(33):
        store.annotate("m", metrics={"step": step})
    for key in (f"models/m/log/{1:020}.json", f"models/m/blocks/{1:020}-{32:020}.json"):
        memory.put(key, b"damaged")

    with pytest.raises(Corrupt):
        store_over(memory).load("m@1")
    assert store_over(memory).save(model, "m").number == 2


def dying(memory: MemoryStorage, kind: FaultKind, verb: FaultyVerb, number: int) -> FaultyStorage:
    """A storage that fails at the so-manieth such operation that concerns a model's files."""
    met: list[str] = []

    def script(v: FaultyVerb, key: str, _: int) -> Fault | None:
        met.extend([key] if v == verb and "/data/" in key else [])
        return Fault(kind) if v == verb and met[number - 1 :] == [key] else None

    return FaultyStorage(memory, script=script)


@pytest.mark.parametrize(
    ("kind", "error", "sends"), [("crash_after", SimulatedCrash, 2), ("lost_reply", StorageUnavailable, 1)]
)
def test_a_retry_with_the_key_goes_on_with_the_files_that_were_finished(
    memory: MemoryStorage, model: Path, kind: FaultKind, error: type[BaseException], sends: int
) -> None:
    """The first file of two was, where the process died; all were, where only a reply was lost."""
    with pytest.raises(error):
        store_over(dying(memory, kind, "send", 1)).save(model, "m", key="k")
    counting = CountingStorage(memory)

    assert moved(counting, lambda: store_over(counting).save(model, "m", key="k")) == {"copy": 2, "send": sends}
    assert audit(memory, "m").numbers == [1]


def test_an_attempt_that_nobody_can_go_on_with_leaves_nothing(memory: MemoryStorage, model: Path) -> None:
    for key in (None, "k"):
        with pytest.raises(StorageUnavailable):
            store_over(dying(memory, "lost_reply", "send", 3)).save(model, "m", key=key)
        left = [info.key.rpartition("/")[2] for info in memory.list("models/m/data/")]
        assert sorted(left) == ([] if key is None else ["body.bin", "head.bin", "small.txt"])
    with pytest.raises(StorageUnavailable):  # its id is not the one that the key's claim names
        store_over(dying(memory, "lost_reply", "send", 1)).save(model, "m", key="k")
    assert len([*memory.list("models/m/data/")]) == 3


def test_an_attempt_that_its_key_s_claim_does_not_name_leaves_nothing(
    memory: MemoryStorage, model: Path, weights: Path
) -> None:
    """The first one had nothing large to send, and so said nothing of where."""
    crashing = FaultyStorage(
        memory, script=lambda v, key, n: Fault("crash") if v == "create" and "/log/" in key else None
    )
    with pytest.raises(SimulatedCrash):
        store_over(crashing).save(weights, "m", key="k")
    with pytest.raises(StorageUnavailable):
        store_over(dying(memory, "lost_reply", "send", 1)).save(model, "m", key="k")

    assert [info.key.rpartition("/")[2] for info in memory.list("models/m/data/")] == ["weights.bin"]


def test_a_retry_of_other_bytes_takes_none_of_the_first_attempt(memory: MemoryStorage, model: Path) -> None:
    with pytest.raises(SimulatedCrash):
        store_over(dying(memory, "crash_after", "send", 2)).save(model, "m", key="k")
    for name in ("body.bin", "head.bin"):
        (model / name).write_bytes(b"else" * (WORTH_IT_THERE // 4))

    version = store_over(memory).save(model, "m", key="k", attempt=1)
    assert (store_over(memory).load(version.ref) / "body.bin").read_bytes()[:4] == b"else"


@pytest.fixture
def here(tmp_path: Path) -> ModelStore:
    """A store in a folder."""
    return store_over(LocalStorage(tmp_path / "store"))


def test_in_a_folder_versions_share_the_bytes_that_have_not_changed(here: ModelStore, tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w" * WORTH_IT_HERE)
    here.save(weights, "m")
    counting = CountingStorage(here.storage)
    store = store_over(counting)

    assert moved(counting, lambda: store.save(weights, "m")) == {"copy": 1}
    paths = [store.load(f"m@{number}") for number in (1, 2)]
    assert {path.read_bytes() for path in paths} == {weights.read_bytes()}
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o444}


def test_in_a_folder_a_version_outlives_the_one_whose_bytes_it_shares(here: ModelStore, tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w" * WORTH_IT_HERE)
    first, second = here.save(weights, "m"), here.save(weights, "m")
    here.delete(first.ref)
    here.collect(older_than=0)

    assert here.get(first.ref).purged
    assert here.load(second.ref).read_bytes() == weights.read_bytes()


def test_in_a_folder_a_changed_file_is_a_file_of_its_own(here: ModelStore, tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    saved: list[ModelVersion] = []
    for letter in (b"a", b"b"):
        weights.write_bytes(letter * WORTH_IT_HERE)
        saved.append(here.save(weights, "m"))

    assert [here.load(version.ref).read_bytes()[:1] for version in saved] == [b"a", b"b"]


def test_a_bucket_copies_what_has_not_changed(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_aws(monkeypatch, tmp_path)
    with S3Server(["models"]) as server:
        store = ModelStore("s3://models/team", endpoint=server.endpoint, trust="full")
        store.save(model, "m")
        server.reset()
        store.save(model, "m")

        assert server.counts()["CopyObject"] == 2
        assert "UploadPart" not in server.counts()
        assert (store.load("m@2") / "head.bin").read_bytes() == (model / "head.bin").read_bytes()


class Crowded(MemoryStorage):
    """A storage whose calls run side by side, and that notes how much is under way at once."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lock = threading.Condition()
        self.now = self.most = self.calls = 0

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        with ThreadPoolExecutor(16) as pool:
            return side_by_side(calls, pool)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        return self._noted(source.stat().st_size, lambda: Received(size=source.stat().st_size, sha256="0" * 64))

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        size = int(key.rpartition("/")[2])
        return self._noted(size, lambda: Received(size=size, sha256="0" * 64))

    def _noted(self, size: int, act: Callable[[], T]) -> T:
        """Stay under way until the next one is as well, so that as many meet here as are let in."""
        with self.lock:
            self.calls += 1
            self.now += min(size, WINDOW)
            self.most = max(self.most, self.now)
            self.lock.notify_all()
            turn = self.calls + self.calls % 2
            assert self.lock.wait_for(lambda: self.calls >= turn, timeout=60)
            self.now -= min(size, WINDOW)
        return act()


@pytest.fixture
def crowded(tmp_path: Path) -> Crowded:
    return Crowded(f"crowded-{tmp_path.name}")


def test_many_large_files_are_sent_without_multiplying_what_is_in_memory(crowded: Crowded) -> None:
    stage = Stage(crowded, "models/m", "0" * 32)
    for number in range(6):
        with (stage.folder / f"{number}.bin").open("wb") as file:
            file.truncate(WINDOW + number)  # all hole: nothing is read here
    entries: list[FileEntry] = []
    crowded.together(stage.sends("0" * 32, entries.append))
    stage.discard()

    assert (len(entries), crowded.most) == (6, 2 * WINDOW)


def test_many_large_files_are_fetched_without_multiplying_what_is_in_memory(crowded: Crowded, tmp_path: Path) -> None:
    files = [FileEntry(path=f"{number}/{2 * WINDOW}", size=2 * WINDOW, sha256="0" * 64) for number in range(6)]
    Artifacts(crowded, "models/m").fetch("0" * 32, files, tmp_path)

    assert (crowded.calls, crowded.most) == (6, 2 * WINDOW)


def test_what_a_transfer_took_of_the_budget_comes_back_when_it_fails() -> None:
    budget = Budget(WINDOW)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.taking(2 * WINDOW):
            raise ZeroDivisionError


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_the_whole_budget_for_itself() -> None:
    with UNDER_WAY.taking(WINDOW), UNDER_WAY.taking(WINDOW):
        child = os.fork()
        if not child:
            with UNDER_WAY.taking(WINDOW):
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
