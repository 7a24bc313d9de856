"""Against a collector: what it condemns is sent anew under another id, and what it purges is said to be purged.

The collector acts at one chosen moment of another's verb; `test_interleavings.py` tries all moments.
"""

import secrets
from pathlib import Path

import pytest
from tests.protocol.support import data_ids, save, save_by, write_hint

from modelstore_core import Corrupt, ModelStore, StorageError, VersionNotFound, VersionPurged
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultyStorage, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, MeanwhileVerb, store_over


class Collector:
    """Collects whatever its age: with `others` more stray ids in the same commit, and `then` so many commits after it.

    One that does not remove is killed at that moment.
    """

    def __init__(self, storage: Storage, *, others: int = 0, then: int = 0, removes: bool = True) -> None:
        self.storage = storage
        self.others = others
        self.then = then
        self.removes = removes
        self.condemned: set[str] = set()

    def __call__(self) -> None:
        strays = {secrets.token_hex(16) for _ in range(self.others)}
        for stray in strays:
            self.storage.put(f"models/m/data/{stray}/weights.bin", b"nobody's")
        if self.removes:
            store_over(self.storage).collect("m", older_than=0)
        else:
            dying = FaultyStorage(self.storage, script=lambda verb, key, _: _death(verb, key))
            with pytest.raises(SimulatedCrash):
                store_over(dying).collect("m", older_than=0)
        said = [e["op"]["ids"] for e in audit(self.storage, "m", files=False).entries if e["verb"] == "condemn"]
        self.condemned |= {data_id for ids in said for data_id in ids} - strays
        for step in range(self.then):
            store_over(self.storage).annotate("m@1", metrics={"step": step})


def _death(verb: str, key: str) -> Fault | None:
    return Fault("crash") if verb == "delete" and "/data/" in key else None


def saved_beside(memory: MemoryStorage, collector: Collector, *, warm: bool = False, key: str | None = None) -> int:
    """Save while the collector acts between the sending of the files and the commit; the new version's number."""
    racing = store_over(MeanwhileStorage(memory, collector, verb="create", key="/log/"))
    if warm:
        racing.get("m")
    return save_by(racing, 7, key=key).number


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize(("others", "then"), [(0, 0), (100, 0), (0, 3), (100, 3), (100, 40)])
def test_files_under_a_condemned_id_are_sent_anew(
    store: ModelStore, memory: MemoryStorage, warm: bool, key: str | None, others: int, then: int
) -> None:
    """Also where the condemnation is too long for a short entry, and where it went into a block long ago."""
    collector = Collector(memory, others=others, then=then)

    assert saved_beside(memory, collector, warm=warm, key=key) == 3
    assert len(collector.condemned) == 1
    assert store_over(memory).load("m@3") == {"w": 7}
    assert data_ids(memory) & collector.condemned == set()
    audit(memory, "m")


def test_an_id_condemned_again_and_again_is_changed_again_and_again(store: ModelStore, memory: MemoryStorage) -> None:
    collector = Collector(memory)
    storage = MeanwhileStorage(memory, collector, verb="create", key="/log/")
    for nth in (2, 3):
        storage = MeanwhileStorage(storage, collector, verb="create", key="/log/", nth=nth)
    version = save_by(store_over(storage), 7)

    assert len(collector.condemned) == 3
    assert version.url.rsplit("/", 1)[1] not in collector.condemned
    audit(memory, "m")


def test_a_condemnation_before_the_first_commit_of_a_cold_saver_is_seen(
    store: ModelStore, memory: MemoryStorage
) -> None:
    """The saver has read only the hint when its files go out; what it builds on is read, and looked through, later."""
    collector = Collector(memory)
    storage = MeanwhileStorage(memory, collector, verb="get", key="/log/")

    assert save_by(store_over(storage), 7).number == 3
    assert len(collector.condemned) == 1
    audit(memory, "m")


@pytest.mark.parametrize("hint", [1, 2, 3, 50])
def test_a_hint_that_proved_wrong_is_no_bound_for_the_search(
    store: ModelStore, memory: MemoryStorage, hint: int
) -> None:
    """The commits up to a lying hint may hold the condemnation; so the files go out again after a head was read."""
    write_hint(memory, hint, "0" * 32)
    collector = Collector(memory)
    storage = MeanwhileStorage(memory, collector, verb="get", key="/log/")

    assert save_by(store_over(storage), 7).number == 3
    assert store_over(memory).load("m@3") == {"w": 7}
    audit(memory, "m")


def test_in_a_folder_nothing_is_published_of_files_that_were_removed(tmp_path: Path) -> None:
    """There the files are made where they are to stay, so once they are removed there is nothing to send anew."""
    local = LocalStorage(tmp_path / "store")
    save(local, 1)
    with pytest.raises(StorageError, match="removed while they were being saved"):
        save_by(store_over(MeanwhileStorage(local, Collector(local), verb="create", key="/log/")), 7)

    assert audit(local, "m").numbers == [1]
    assert len(data_ids(local)) == 1


def test_in_a_folder_files_that_are_condemned_but_not_yet_removed_are_copied(tmp_path: Path) -> None:
    local = LocalStorage(tmp_path / "store")
    save(local, 1)
    collector = Collector(local, removes=False)
    version = save_by(store_over(MeanwhileStorage(local, collector, verb="create", key="/log/")), 7)

    assert data_ids(local) & collector.condemned == set()
    assert store_over(local).load(version.ref) == {"w": 7}


def test_a_save_that_lost_its_reply_is_not_sent_anew(store: ModelStore, memory: MemoryStorage) -> None:
    """Its id is in a commit now: no collector may condemn it, and the audit would say so."""
    collector = Collector(memory)
    storage = MeanwhileStorage(memory, collector, verb="put", key="heads/")
    version = save_by(store_over(storage), 7)

    assert (version.number, collector.condemned) == (3, set())
    audit(memory, "m")


@pytest.fixture
def purged(store: ModelStore, memory: MemoryStorage) -> ModelStore:
    """A model whose version 1 is purged and removed, with a handle that knows nothing of it yet."""
    warm = store_over(memory)
    warm.get("m@1")
    purge(memory, 1)
    return warm


def purge(memory: MemoryStorage, number: int) -> None:
    """Delete, purge and remove one version, as time and a collector do."""
    store_over(memory).delete(f"m@{number}", force=True)
    (gone,) = store_over(memory).collect("m", older_than=0).removed
    assert (gone.kind, gone.number) == ("purged", number)


@pytest.mark.parametrize("verb", ["load", "promote", "annotate", "delete", "restore", "pull"])
def test_a_purged_version_is_gone_for_every_verb(purged: ModelStore, tmp_path: Path, verb: str) -> None:
    arguments = {"promote": ("m@1", "c"), "pull": ("m@1", f"{tmp_path}/out")}.get(verb, ("m@1",))
    with pytest.raises(VersionPurged):
        getattr(purged, verb)(*arguments)


def test_a_purged_version_keeps_its_record_and_its_number(purged: ModelStore, memory: MemoryStorage) -> None:
    assert purged.get("m@1").purged
    assert [v.number for v in purged.versions("m")] == [2]
    assert [v.number for v in purged.versions("m", deleted=True)] == [2, 1]
    assert save(memory, 3).number == 3


def test_files_purged_between_resolving_and_loading_are_said_to_be_purged(
    store: ModelStore, memory: MemoryStorage
) -> None:
    slow = MeanwhileStorage(memory, lambda: purge(memory, 1), verb="fetch")
    with pytest.raises(VersionPurged, match="m@1 were removed for good"):
        store_over(slow).load("m@1")

    assert slow.acted


def test_an_alias_that_moved_off_a_purged_version_is_resolved_again(store: ModelStore, memory: MemoryStorage) -> None:
    store.promote("m@1", "c")

    def move_and_purge() -> None:
        store_over(memory).promote("m@2", "c")
        purge(memory, 1)

    assert store_over(MeanwhileStorage(memory, move_and_purge, verb="fetch")).load("m@c") == {"w": 2}


def test_the_newest_is_resolved_again_when_it_was_purged(store: ModelStore, memory: MemoryStorage) -> None:
    assert store_over(MeanwhileStorage(memory, lambda: purge(memory, 2), verb="fetch")).load("m") == {"w": 1}


def test_an_alias_dropped_with_its_version_is_said_to_be_gone(store: ModelStore, memory: MemoryStorage) -> None:
    store.promote("m@1", "c")
    slow = MeanwhileStorage(memory, lambda: purge(memory, 1), verb="fetch")

    with pytest.raises((VersionNotFound, LookupError)):
        store_over(slow).load("m@c")


@pytest.mark.parametrize("reference", ["m@1", "m@c"])
def test_files_that_vanished_without_a_purge_are_a_corruption(
    store: ModelStore, memory: MemoryStorage, reference: str
) -> None:
    store.promote("m@1", "c")
    prefix = store.get("m@1").url.removeprefix(f"{memory.url}/")
    memory.delete([info.key for info in memory.list(f"{prefix}/")])

    with pytest.raises(Corrupt, match=r"model\.pkl' is not there"):
        store.load(reference)


STEPS: list[tuple[MeanwhileVerb, str]] = [
    ("get", "heads/"),
    ("send", ""),
    ("get", "/log/"),
    ("create", "/log/"),
    ("put", "heads/"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("verb", "key"), STEPS)
def test_whenever_a_collector_acts_no_published_version_lacks_its_files(
    store: ModelStore, memory: MemoryStorage, verb: MeanwhileVerb, key: str, after: bool
) -> None:
    collector = Collector(memory)
    slow = MeanwhileStorage(memory, collector, verb=verb, key=key, after=after)
    version = save_by(store_over(slow), 7)

    assert slow.acted
    assert store_over(memory).load(version.ref) == {"w": 7}
    audit(memory, "m")
