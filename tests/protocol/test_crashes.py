"""Dead at any operation of any verb: what lies there is a log a careful writer wrote, and a retry finishes the work."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.protocol.support import data_ids, save_by

from modelstore_core import CommitUncertain, ModelStore, StorageUnavailable
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import store_over

Fresh = Callable[[], Storage]

KINDS: tuple[FaultKind, ...] = ("crash", "crash_after")
VERBS: Mapping[str, Callable[[ModelStore], object]] = {
    "first save": lambda s: save_by(s, 1, key="k").number,
    "save": lambda s: save_by(s, 3, key="k").number,
    "superseding save": lambda s: save_by(s, 4, key="made 2", attempt=1).number,
    "promote": lambda s: s.promote("m@2", "steady", key="k").number,
    "rollback": lambda s: s.rollback("m", "moved", key="k").number,
    "delete": lambda s: s.delete("m@1", force=True, key="k").number,
    "annotate": lambda s: s.annotate("m@1", tags={"team": "risk"}, key="k").number,
}


@pytest.fixture(params=["memory", "local"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Empty storages, as many as are asked for."""
    names = (f"crashes-{tmp_path.name}-{number}" for number in itertools.count())
    if request.param == "memory":
        return lambda: MemoryStorage(next(names))
    return lambda: LocalStorage(tmp_path / next(names))


def prepared(fresh: Fresh, verb: str) -> Storage:
    """What the verb acts on: nothing for a first save, else two versions and two aliases, one of which has moved."""
    storage = fresh()
    if verb != "first save":
        store = store_over(storage)
        save_by(store, 1)
        save_by(store, 2, key="made 2")
        for number, alias in [(1, "steady"), (2, "moved"), (1, "moved")]:
            store.promote(f"m@{number}", alias)
    return storage


def deaths(storage: Storage, act: Callable[[ModelStore], object], number: int, kind: FaultKind) -> bool:
    """Whether a cold handle that acts dies at this operation; False if it has finished by then."""
    faulty = FaultyStorage(storage, script=lambda verb, key, n: Fault(kind) if n == number else None)
    try:
        act(store_over(faulty))
    except SimulatedCrash:
        return True
    return False


def points(fresh: Fresh, verb: str) -> list[tuple[int, FaultKind]]:
    """Every moment at which the verb could die; of the self-test, whose operations are many, every tenth."""
    keys: list[str] = []
    VERBS[verb](store_over(FaultyStorage(prepared(fresh, verb), script=lambda _, key, number: keys.append(key))))
    numbers = [n for n, key in enumerate(keys, start=1) if n % 10 == 0 or not key.startswith("self-test/")]
    return [(number, kind) for number in numbers for kind in KINDS]


@pytest.mark.parametrize("verb", VERBS)
def test_a_crash_at_any_operation_is_mended_by_a_retry(fresh: Fresh, verb: str) -> None:
    whole = prepared(fresh, verb)
    outcome = VERBS[verb](store_over(whole))
    expected = audit(whole, "m")
    for number, kind in points(fresh, verb):
        storage = prepared(fresh, verb)

        assert deaths(storage, VERBS[verb], number, kind), (number, kind)
        assert len(audit(storage, "m").entries) in {len(expected.entries) - 1, len(expected.entries)}
        assert VERBS[verb](store_over(storage)) == outcome, (number, kind)
        mended = audit(storage, "m")
        assert (mended.numbers, mended.live, mended.aliases) == (expected.numbers, expected.live, expected.aliases)
        assert len(mended.entries) == len(expected.entries), (number, kind)


@pytest.mark.parametrize("fresh", ["memory"], indirect=True)
@pytest.mark.parametrize("verb", ["save", "superseding save", "promote"])
def test_a_crash_in_the_retry_after_a_crash_is_mended_too(fresh: Fresh, verb: str) -> None:
    expected = len(audit(prepared(fresh, verb), "m").entries) + 1
    for (first, _), second in itertools.product(points(fresh, verb), range(1, 8)):
        storage = prepared(fresh, verb)
        deaths(storage, VERBS[verb], first, "crash_after")
        deaths(storage, VERBS[verb], second, "crash_after")
        VERBS[verb](store_over(storage))

        assert len(audit(storage, "m").entries) == expected


def test_without_a_key_a_retry_after_a_crash_may_be_a_second_version_and_no_more(fresh: Fresh) -> None:
    for number, kind in points(fresh, "save"):
        storage = prepared(fresh, "save")
        deaths(storage, lambda s: save_by(s, 3), number, kind)
        save_by(store_over(storage), 3)

        assert len(audit(storage, "m").numbers) in {3, 4}


def test_others_write_on_after_a_crash(fresh: Fresh) -> None:
    for number, kind in points(fresh, "save"):
        storage = prepared(fresh, "save")
        warm = store_over(storage)
        warm.get("m")
        deaths(storage, VERBS["save"], number, kind)
        save_by(warm, 5)
        save_by(store_over(storage), 6)

        found = audit(storage, "m")
        assert found.numbers == [*range(1, len(found.numbers) + 1)]
        assert store_over(storage).load("m") == {"w": 6}


@pytest.mark.parametrize(("fresh", "broken"), [("memory", "send"), ("local", "settle")], indirect=["fresh"])
def test_a_save_whose_files_cannot_be_sent_leaves_nothing(fresh: Fresh, broken: str) -> None:
    storage = prepared(fresh, "save")
    before = {info.key for info in storage.list("")}
    broken_storage = FaultyStorage(storage, script=lambda verb, key, _: Fault("error") if verb == broken else None)
    with pytest.raises(StorageUnavailable):
        save_by(store_over(broken_storage), 3)

    assert {info.key for info in storage.list("")} == before


def test_a_save_whose_commit_is_uncertain_keeps_its_files(fresh: Fresh) -> None:
    storage = prepared(fresh, "save")
    silent = FaultyStorage(storage, script=lambda verb, key, _: Fault("error") if verb == "create" else None)
    with pytest.raises(CommitUncertain):
        save_by(store_over(silent, patience=1.0), 3)

    assert len(data_ids(storage)) == 3
    audit(storage, "m")
