"""Each fault does what it says, once, where it is placed, and nothing else."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from modelstore_core.errors import StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, FaultyVerb, Script, SimulatedCrash


@pytest.fixture
def inner(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(f"faults{tmp_path}")


def _at(number: int, kind: FaultKind, after: int = 1) -> Script:
    return lambda _verb, _key, asked: Fault(kind, after) if asked == number else None


def _writes(storage: FaultyStorage, tmp_path: Path) -> dict[FaultyVerb, Callable[[], object]]:
    (tmp_path / "source").write_bytes(b"1")
    return {
        "create": lambda: storage.create("a", b"1"),
        "put": lambda: storage.put("a", b"1"),
        "send": lambda: storage.send("a", tmp_path / "source"),
    }


@pytest.mark.parametrize("verb", ["create", "put", "send"])
def test_an_error_does_nothing(inner: MemoryStorage, tmp_path: Path, verb: FaultyVerb) -> None:
    storage = FaultyStorage(inner, script=_at(1, "error"))

    with pytest.raises(StorageUnavailable):
        _writes(storage, tmp_path)[verb]()

    assert inner.get("a") is None
    _writes(storage, tmp_path)[verb]()
    assert inner.get("a") == b"1"


@pytest.mark.parametrize("verb", ["create", "put", "send"])
def test_a_lost_reply_is_raised_after_the_write(inner: MemoryStorage, tmp_path: Path, verb: FaultyVerb) -> None:
    storage = FaultyStorage(inner, script=_at(1, "lost_reply"))

    with pytest.raises(StorageUnavailable):
        _writes(storage, tmp_path)[verb]()

    assert inner.get("a") == b"1"


@pytest.mark.parametrize(("kind", "left"), [("error", b"1"), ("lost_reply", None)])
def test_reads_and_deletes_fail_too(inner: MemoryStorage, tmp_path: Path, kind: FaultKind, left: bytes | None) -> None:
    inner.put("a", b"1")
    storage = FaultyStorage(inner, script=lambda *_: Fault(kind))

    reads = (
        lambda: storage.get("a"),
        lambda: storage.fetch("a", tmp_path / "out"),
        lambda: storage.list("a/"),
        lambda: storage.delete(["a"]),
    )
    for read in reads:
        with pytest.raises(StorageUnavailable):
            read()

    assert not (tmp_path / "out").exists()
    assert inner.get("a") == left


def test_a_lie_says_taken_and_writes_nothing(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=_at(1, "lie"))

    assert storage.create("a", b"1") is False
    assert storage.get("a") is None
    assert storage.create("a", b"1") is True


def test_a_delayed_create_lands_before_a_later_operation(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=_at(1, "delay", after=2))

    with pytest.raises(StorageUnavailable):
        storage.create("a", b"late")

    assert storage.get("a") is None
    assert storage.get("a") == b"late"


def test_a_delayed_create_is_still_only_if_absent(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=_at(1, "delay", after=5))
    with pytest.raises(StorageUnavailable):
        storage.create("a", b"late")

    assert storage.create("a", b"in time") is True
    storage.land()

    assert inner.get("a") == b"in time"


def test_a_delayed_put_overwrites_what_came_before_it(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=_at(1, "delay", after=5))
    with pytest.raises(StorageUnavailable):
        storage.put("a", b"late")
    storage.put("a", b"in time")

    storage.land()

    assert inner.get("a") == b"late"


def test_a_flip_changes_one_bit_of_what_is_read_not_of_what_is_stored(inner: MemoryStorage, tmp_path: Path) -> None:
    body = bytes(100)
    inner.put("a", body)
    storage = FaultyStorage(inner, script=lambda verb, *_: Fault("flip") if verb in {"get", "fetch"} else None)

    got = storage.get("a") or b""
    received = storage.fetch("a", tmp_path / "out")

    assert received is not None
    for read in (got, (tmp_path / "out").read_bytes()):
        assert sum(byte.bit_count() for byte in read) == 1
    assert inner.fetch("a", tmp_path / "true") != received
    assert inner.get("a") == body


def test_nothing_to_flip_is_no_fault(inner: MemoryStorage, tmp_path: Path) -> None:
    storage = FaultyStorage(inner, script=lambda verb, *_: Fault("flip") if verb in {"get", "fetch"} else None)
    inner.put("empty", b"")

    assert storage.get("empty") == b""
    assert storage.get("missing") is None
    assert storage.fetch("missing", tmp_path / "out") is None


@pytest.mark.parametrize(("kind", "written"), [("crash", None), ("crash_after", b"1")])
def test_after_a_crash_nothing_is_done_any_more(inner: MemoryStorage, kind: FaultKind, written: bytes | None) -> None:
    storage = FaultyStorage(inner, script=_at(1, kind))

    with pytest.raises(SimulatedCrash):
        storage.create("a", b"1")
    with pytest.raises(SimulatedCrash):
        storage.delete(["a"])

    assert inner.get("a") == written


def test_a_crash_is_not_handled_by_what_handles_errors() -> None:
    assert not issubclass(SimulatedCrash, Exception)


def test_a_fault_that_cannot_happen_there_is_refused(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=lambda *_: Fault("lie"))

    with pytest.raises(ValueError, match="cannot happen to 'get'"):
        storage.get("a")


def _trace(name: str, seed: int) -> tuple[list[str], tuple[object, ...]]:
    storage = FaultyStorage(
        MemoryStorage(name), seed, rates={"error": 0.1, "lost_reply": 0.1, "lie": 0.1, "delay": 0.1, "flip": 0.1}
    )
    outcomes = []
    for number in range(300):
        try:
            outcomes.append(repr((storage.create(f"{number % 50}", b"%d" % number), storage.get(f"{number % 50}"))))
        except StorageUnavailable as error:
            outcomes.append(str(error))
    return outcomes, storage.injected


def test_the_same_seed_gives_the_same_faults() -> None:
    first, second, other = _trace("trace-1", 7), _trace("trace-2", 7), _trace("trace-3", 8)

    assert first == second
    assert first != other


def test_rates_place_every_fault_where_it_is_possible() -> None:
    _, injected = _trace("trace-4", 1)
    placed = {(fault.verb, fault.fault.kind) for fault in injected}  # type: ignore[attr-defined] # of `Injected`

    assert placed == {
        *(("create", kind) for kind in ("error", "lost_reply", "lie", "delay")),
        *(("get", kind) for kind in ("error", "lost_reply", "flip")),
    }


def test_what_took_place_is_told(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=_at(2, "lie"))
    storage.put("a", b"1")
    storage.create("b", b"1")

    (injected,) = storage.injected
    assert (injected.number, injected.verb, injected.key, injected.fault) == (2, "create", "b", Fault("lie"))
    assert storage.operations == 2


def test_settling_meets_faults_and_paths_do_not(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, script=lambda *_: Fault("error"))

    assert storage.local_path("a") is None
    assert storage.location() == inner.location()
    with pytest.raises(StorageUnavailable):
        storage.settle(["a"])


def test_a_pickled_copy_starts_its_faults_anew(inner: MemoryStorage) -> None:
    storage = FaultyStorage(inner, 3, rates={"error": 1.0})
    copy = pickle.loads(pickle.dumps(storage))

    with pytest.raises(StorageUnavailable):
        copy.get("a")
    assert (copy.seed, copy.rates, storage.operations) == (3, {"error": 1.0}, 0)
