"""What a failed create means is found out, never guessed: staying on one key with one body until its owner is known."""

from collections.abc import Mapping

import pytest

from modelstore_core import AliasConflict, CommitUncertain, ModelStore, StorageDenied, StorageError, StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultyStorage, FaultyVerb, Script
from modelstore_core.testing.stores import MeanwhileStorage, StillClock, store_over

FAULTS: Mapping[str, Fault] = {
    "error before": Fault("error"),
    "lost reply": Fault("lost_reply"),
    "409 that lies": Fault("lie"),
    "lands at once": Fault("delay", after=1),
    "lands after the next try": Fault("delay", after=2),
    "lands much later": Fault("delay", after=6),
}


def at(verb: FaultyVerb, part: str, *faults: Fault) -> Script:
    """The faults, one for each of the first such operations."""
    left = list(faults)
    return lambda v, key, number: left.pop(0) if left and v == verb and part in key else None


def always(verb: FaultyVerb, part: str, kind: Fault) -> Script:
    return lambda v, key, number: kind if v == verb and part in key else None


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Fault:
    return FAULTS[request.param]


@pytest.mark.parametrize("part", ["/log/", "/keys/"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_fault_of_a_create_is_not_a_conflict(
    store: ModelStore, memory: MemoryStorage, fault: Fault, part: str, times: int
) -> None:
    faulty = FaultyStorage(memory, script=at("create", part, *[fault] * times))
    promoted = store_over(faulty).promote("m@1", "champion", expect=None, key="k")
    saved = store_over(faulty).save({"w": 3}, "m", format="pickle", key="k")
    faulty.land()

    assert (promoted.number, saved.number) == (1, 3)
    assert [e["verb"] for e in audit(memory, "m").entries] == ["save", "save", "promote", "save"]
    assert len(faulty.injected) == times


def test_after_any_fault_the_other_writer_of_that_moment_is_told_apart(
    store: ModelStore, memory: MemoryStorage, fault: Fault
) -> None:
    faulty = FaultyStorage(memory, script=at("create", "/log/", fault))
    other = MeanwhileStorage(
        faulty, lambda: store_over(memory).promote("m@2", "champion"), verb="create", key="/log/", nth=2
    )
    outcome: object = None
    try:
        outcome = store_over(other).promote("m@1", "champion", expect=None).number
    except AliasConflict as error:
        outcome = error.value
    faulty.land()

    # Whose promotion came first is open (a delayed one may land in between); each was told the truth about it.
    moves = [(e["op"]["previous"], e["op"]["number"]) for e in audit(memory, "m").entries[2:]]
    assert (outcome, moves) in [(1, [(None, 1)]), (1, [(None, 1), (1, 2)]), (2, [(None, 2)])]


def test_a_write_that_lands_after_another_stood_there_changes_nothing(store: ModelStore, memory: MemoryStorage) -> None:
    late = FaultyStorage(memory, script=at("create", "/log/", Fault("delay", after=1000)))
    other = MeanwhileStorage(late, lambda: store_over(memory).promote("m@2", "c"), verb="create", key="/log/", nth=2)
    with pytest.raises(AliasConflict):
        store_over(other).promote("m@1", "c", expect=None)
    late.land()

    assert [e["op"].get("alias") for e in audit(memory, "m").entries] == [None, None, "c"]


@pytest.mark.parametrize("kind", ["error", "lost_reply"])
def test_an_uncertain_save_is_resolved_by_a_retry_with_its_key(
    store: ModelStore, memory: MemoryStorage, kind: str
) -> None:
    silent = FaultyStorage(memory, script=_silent_log("lost_reply" if kind == "lost_reply" else "error"))
    with pytest.raises(CommitUncertain, match="Retry with the same key") as raised:
        store_over(silent, patience=3.0).save({"w": 3}, "m", format="pickle", key="k")
    retried = store_over(memory).save({"w": 3}, "m", format="pickle", key="k")

    found = audit(memory, "m")
    assert (retried.number, found.numbers) == (3, [1, 2, 3])
    assert raised.value.seq == 3
    assert (found.entries[2]["op_id"] == raised.value.op_id) == (kind == "lost_reply")
    assert store_over(memory).load("m@3") == {"w": 3}


def _silent_log(kind: str) -> Script:
    """From the first commit on, nothing is heard of the log any more, and reads of it fail too."""
    begun: list[str] = []

    def script(verb: FaultyVerb, key: str, number: int) -> Fault | None:
        if verb == "create" and "/log/" in key:
            begun.append(key)
            return Fault("lost_reply" if kind == "lost_reply" else "error")
        return Fault("error") if begun and verb == "get" and key in begun else None

    return script


def test_a_create_that_always_lies_ends_as_uncertain_in_time(store: ModelStore, memory: MemoryStorage) -> None:
    clock = StillClock()
    lying = FaultyStorage(memory, script=always("create", "/log/", Fault("lie")))
    with pytest.raises(CommitUncertain):
        store_over(lying, patience=3.0, ports=clock.ports()).promote("m@1", "champion")

    assert 3.0 <= clock.waited < 6.0
    assert len(audit(memory, "m").entries) == 2


class _Denying(MemoryStorage):
    """Commits are forbidden, after some replies to them were lost."""

    def __init__(self, name: str, lost: int) -> None:
        super().__init__(name)
        self.lost = lost

    def create(self, key: str, body: bytes) -> bool:
        if "/log/" not in key:
            return super().create(key, body)
        self.lost -= 1
        if self.lost >= 0:
            raise StorageUnavailable("No reply.", value=key)
        raise StorageDenied("You may not.", value=key)


def test_a_refusal_by_the_storage_is_said_as_it_is_and_leaves_no_files(
    store: ModelStore, memory: MemoryStorage
) -> None:
    before = {info.key for info in memory.list("models/")}
    with pytest.raises(StorageDenied):
        store_over(_Denying(memory.name, lost=0)).save({"w": 3}, "m", format="pickle")

    assert {info.key for info in memory.list("models/")} == before


def test_a_refusal_after_a_lost_reply_proves_nothing_and_keeps_the_files(
    store: ModelStore, memory: MemoryStorage
) -> None:
    before = {info.key for info in memory.list("models/")}
    with pytest.raises(CommitUncertain):
        store_over(_Denying(memory.name, lost=1)).save({"w": 3}, "m", format="pickle")

    assert len({info.key for info in memory.list("models/")} - before) == 1


class _Forgetful(MemoryStorage):
    """A disk that writes what it is given, and cannot make it last."""

    def create(self, key: str, body: bytes) -> bool:
        super().create(key, body)
        raise StorageError("Could not sync the folder.", value=key)


@pytest.mark.parametrize("part", ["log", "keys"])
def test_a_commit_or_claim_that_may_not_last_is_not_acknowledged(
    store: ModelStore, memory: MemoryStorage, part: str
) -> None:
    with pytest.raises(CommitUncertain, match="Could not sync"):
        store_over(_Forgetful(memory.name)).promote("m@1", "c", key="k" if part == "keys" else None)

    assert store_over(memory).promote("m@1", "c", key="k").number == 1
    assert len(audit(memory, "m").entries) == 3


def test_files_of_an_uncertain_commit_stay_and_load_once_it_has_landed(
    store: ModelStore, memory: MemoryStorage
) -> None:
    late = FaultyStorage(memory, script=always("create", "/log/", Fault("delay", after=10**6)))
    with pytest.raises(CommitUncertain):
        store_over(late, patience=1.0).save({"w": 3}, "m", format="pickle", key="k")
    late.land()

    assert store_over(memory).load("m@3") == {"w": 3}
    assert store_over(memory).save({"w": 3}, "m", format="pickle", key="k").number == 3
    assert len(audit(memory, "m").entries) == 3


def test_a_change_that_cannot_be_read_back_is_uncertain_and_not_undone(
    store: ModelStore, memory: MemoryStorage
) -> None:
    """Any other error than this one says that nothing was changed."""
    store.save({"w": 3}, "m", format="pickle", params={"text": "x" * 2000})
    store.annotate("m@1", tags={"a": "b"})
    warm = store_over(FaultyStorage(memory, script=always("get", f"/log/{3:020}", Fault("error"))))
    warm.get("m@1")
    with pytest.raises(CommitUncertain, match="stands at log/5, but could not be read back") as raised:
        warm.promote("m@3", "c", key="k")

    assert raised.value.op_id == audit(memory, "m").entries[4]["op_id"]
    assert store_over(memory).promote("m@3", "c", key="k").number == 3
    assert len(audit(memory, "m").entries) == 5
