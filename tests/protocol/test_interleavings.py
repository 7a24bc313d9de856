"""Whoever acts beside a collector, in whatever order their operations fall: no published version loses a byte.

Every interleaving of two verbs over their operations on the storage (`schedules.py` says how). At each moment at which
it could break, and at the end, the store's bytes are audited: every version that is not purged has all its bytes, only
what a commit has condemned or purged is gone, and the log is one that a careful writer could have written.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement, count
from pathlib import Path

import pytest
from tests.protocol.schedules import Act, Count, Scene, play_all
from tests.protocol.support import crash

from modelstore_core import Conflict, ModelStore, ModelStoreError, NotFound, VersionDeleted
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over

Verbs = Mapping[str, Act]

_numbers = count()


class Folders:
    """Models of two files, by a number that both tell; and what a reader got of one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def model(self, number: int) -> Path:
        folder = self._root / f"model-{number}"
        if not folder.exists():
            folder.mkdir()
            (folder / "a.bin").write_bytes(b"first half of %d" % number)
            (folder / "b.bin").write_bytes(b"second half of %d" % number)
        return folder

    def save(self, store: ModelStore, number: int, key: str | None = None, attempt: int = 0) -> str:
        return store.save(self.model(number), "m", key=key, attempt=attempt).ref

    def read(self, store: ModelStore, reference: str) -> int:
        """Which model it is, if it is whole."""
        target = store.pull(reference, self._root / f"pulled-{next(_numbers)}")
        halves = {(path.name, int(path.read_bytes().split()[-1])) for path in target.iterdir()}
        ((_, number), _) = sorted(halves)
        assert halves == {("a.bin", number), ("b.bin", number)}, halves
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who acts on what; `backwards` runs what an actor does side by side in the other order."""

    who: tuple[str, ...]
    start: str
    warm: bool = False
    backwards: bool = False

    def __str__(self) -> str:
        how = f"{', warm' if self.warm else ''}{', backwards' if self.backwards else ''}"
        return f"{' || '.join(self.who)} ({self.start}{how})"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def counts() -> dict[Case, Count]:
    """What the cases so far have run."""
    return {}


@pytest.fixture(scope="module")
def verbs(folders: Folders) -> Verbs:
    """What one actor does, mostly on what `full` leaves: 1 deleted, 2 superseded by 3, and a stray folder."""
    return {
        "save": lambda s: folders.save(s, 4),
        "keyed save": lambda s: folders.save(s, 4, key="k", attempt=2),
        "late save": lambda s: folders.save(s, 2, key="k", attempt=0),
        "retried save": lambda s: folders.save(s, 5, key="killed"),
        "delete": lambda s: s.delete("m@3").number,
        "delete 2": lambda s: s.delete("m@2").number,
        "restore": lambda s: s.restore("m@1").number,
        "restore 2": lambda s: s.restore("m@2").number,
        "first save": lambda s: folders.save(s, 1),
        "promote newest": lambda s: s.promote("m@3", "c").number,
        "promote": lambda s: s.promote("m@2", "c").number,
        "unalias": lambda s: s.unalias("m", "old").number,
        "rollback": lambda s: s.rollback("m", "old").number,
        "annotate": lambda s: s.annotate("m@2", tags={"a": "b"}).number,
        "prune": lambda s: len(s.prune("m", keep=0)),
        "load newest": lambda s: folders.read(s, "m"),
        "load 2": lambda s: folders.read(s, "m@2"),
        "load old": lambda s: folders.read(s, "m@old"),
        "collect": lambda s: s.collect("m", older_than=0).objects,
    }


STRAY = f"models/m/data/{'f' * 32}/a.bin"


def two(folders: Folders, store: ModelStore) -> None:
    folders.save(store, 1)
    folders.save(store, 2)


def deleted(folders: Folders, store: ModelStore) -> None:
    two(folders, store)
    store.delete("m@1")


def strayed(folders: Folders, store: ModelStore) -> None:
    deleted(folders, store)
    store.storage.put(STRAY, b"first half of what was killed long ago")


def superseded(folders: Folders, store: ModelStore) -> None:
    folders.save(store, 1, key="k")
    folders.save(store, 3, key="k", attempt=1)


def key_deleted(folders: Folders, store: ModelStore) -> None:
    superseded(folders, store)
    store.delete("m@2")


def full(folders: Folders, store: ModelStore) -> None:
    folders.save(store, 1)
    folders.save(store, 2, key="k")
    folders.save(store, 3, key="k", attempt=1)
    store.delete("m@1")
    store.storage.put(STRAY, b"first half of what was killed long ago")


def aliased(folders: Folders, store: ModelStore) -> None:
    full(folders, store)
    store.promote("m@3", "old")
    store.promote("m@2", "old")


def killed_at_first(folders: Folders, store: ModelStore) -> None:
    crash(store.storage, "send", "b.bin", lambda s: folders.save(s, 5, key="killed"))


def killed(folders: Folders, store: ModelStore) -> None:
    folders.save(store, 1)
    killed_at_first(folders, store)


def nothing(folders: Folders, store: ModelStore) -> None:
    """No such model yet, in a store whose storage has been tested."""
    store.save(folders.model(1), "another model")


STARTS = [two, deleted, strayed, superseded, key_deleted, full, aliased, killed_at_first, killed, nothing]


@pytest.fixture(scope="module")
def starts(folders: Folders) -> Verbs:
    """What is there when the actors begin."""
    return {start.__name__: partial(start, folders) for start in STARTS}


FOUR = ("save", "delete", "restore", "collect")
CASES = [
    *(
        Case(who=pair, start="strayed" if warm and pair == ("save", "collect") else "full", warm=warm)
        for pair in combinations_with_replacement(FOUR, 2)
        for warm in (False, True)
        if pair != ("collect", "collect")
    ),
    *(Case(who=("collect", "collect"), start=start, warm=w) for start in ("deleted", "strayed") for w in (False, True)),
    Case(who=("save", "collect"), start="strayed", backwards=True),
    Case(who=("first save", "collect"), start="nothing"),
    Case(who=("keyed save", "collect"), start="superseded"),
    Case(who=("keyed save", "collect"), start="key_deleted", warm=True),
    Case(who=("late save", "collect"), start="superseded"),
    Case(who=("late save", "collect"), start="key_deleted"),
    Case(who=("retried save", "collect"), start="killed"),
    Case(who=("retried save", "collect"), start="killed_at_first"),
    Case(who=("promote", "collect"), start="full"),
    Case(who=("annotate", "collect"), start="full"),
    Case(who=("unalias", "collect"), start="aliased"),
    Case(who=("rollback", "collect"), start="aliased"),
    Case(who=("prune", "collect"), start="two"),
    Case(who=("prune", "prune"), start="full"),
    Case(who=("prune", "promote newest"), start="full"),
    Case(who=("load newest", "collect"), start="full"),
    Case(who=("load 2", "collect"), start="full"),
    Case(who=("load old", "collect"), start="aliased"),
    Case(who=("load newest", "delete 2", "collect"), start="two", warm=True),
]
LONG = [
    Case(who=("collect", "collect"), start="full"),
    Case(who=("keyed save", "collect"), start="full"),
    Case(who=("late save", "collect"), start="full"),
    Case(who=("prune", "collect"), start="full"),
    Case(who=("load newest", "delete", "collect"), start="full", warm=True),
    Case(who=("delete 2", "restore 2", "collect"), start="two", warm=True),
]


@pytest.mark.parametrize("case", [*CASES, *(pytest.param(case, marks=pytest.mark.soak) for case in LONG)], ids=str)
def test_in_every_order_nothing_that_was_published_is_lost(
    case: Case, verbs: Verbs, starts: Verbs, folders: Folders, counts: dict[Case, Count]
) -> None:
    def judge(storage: MemoryStorage, outcomes: Sequence[object]) -> None:
        check(storage, outcomes, folders)

    everybody = frozenset(range(len(case.who))) if case.warm else frozenset[int]()
    scene = Scene(
        actors=[verbs[name] for name in case.who],
        before=starts[case.start],
        always=lambda storage: audit(storage, "m"),
        finally_=judge,
        warm=everybody,
        backwards=case.backwards,
    )
    counts[case] = play_all(scene, f"interleavings-{next(_numbers)}")
    assert counts[case].runs > counts[case].cut


def check(storage: MemoryStorage, outcomes: Sequence[object], folders: Folders) -> None:
    """Everybody was told something that can be so, what was saved is whole, and one more collection finishes all."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, ModelStoreError)]
    assert all(isinstance(error, Conflict | NotFound) for error in failed), failed
    found = audit(storage, "m")
    for saved in (outcome for outcome in outcomes if isinstance(outcome, str)):
        with suppress(VersionDeleted):  # by another who acts here
            folders.read(store_over(storage), saved)
    store_over(storage).collect("m", older_than=0)
    assert not audit(storage, "m").strays
    assert audit(storage, "m").live == found.live


def test_those_were_thousands(counts: dict[Case, Count], capsys: pytest.CaptureFixture[str]) -> None:
    if not set(CASES) <= set(counts):
        pytest.skip("counts what all cases together ran: run the whole file")
    runs = sum(count.runs - count.cut for count in counts.values())
    interleavings = sum(count.interleavings for count in counts.values())
    with capsys.disabled():
        print(f"\n{runs:,} runs, no two of them equivalent, stand for {interleavings:,} interleavings")

    assert interleavings > 1_000_000
    assert runs >= 1_000


SMALL = [
    Case(who=("save", "delete"), start="full", warm=True),
    Case(who=("delete", "restore"), start="full"),
    Case(who=("delete 2", "collect"), start="deleted", warm=True),
    Case(who=("load 2", "collect"), start="key_deleted", warm=True),
]


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_what_is_left_out_is_what_another_run_stands_for(case: Case, verbs: Verbs, starts: Verbs) -> None:
    """Where all interleavings can be run, they are as many as was reckoned, and end in the same ways."""

    def ends(*, reduced: bool) -> tuple[Count, set[object]]:
        found: set[object] = set()

        def note(storage: MemoryStorage, outcomes: Sequence[object]) -> None:
            there = frozenset((info.key, storage.get(info.key)) for info in storage.list(""))
            found.add((there, *(type(o) if isinstance(o, Exception) else o for o in outcomes)))

        scene = Scene(
            actors=[verbs[name] for name in case.who],
            before=starts[case.start],
            always=lambda storage: None,
            finally_=note,
            warm=frozenset({0, 1}) if case.warm else frozenset[int](),
        )
        return play_all(scene, "interleavings-reduced", reduced=reduced), found

    few, their_ends = ends(reduced=True)
    all_of_them, all_ends = ends(reduced=False)
    assert all_of_them.runs == few.interleavings > few.runs
    assert their_ends == all_ends


def test_a_collector_that_deletes_before_its_commit_is_caught(folders: Folders, starts: Verbs) -> None:
    """The check can fail: here the files go first."""

    def hasty(store: ModelStore) -> None:
        doomed = {one.id for one in store.collect("m", older_than=0, dry_run=True).removed}
        keys = [info.key for info in store.storage.list("models/m/data/") if info.key.split("/")[3] in doomed]
        store.storage.delete(keys)
        store.collect("m", older_than=0)

    with pytest.raises(AssertionError, match=r"is listed, and is not there|is not there"):
        play_all(
            Scene(
                actors=[lambda s: folders.save(s, 4), hasty],
                before=starts["deleted"],
                always=lambda storage: audit(storage, "m"),
                finally_=lambda storage, outcomes: None,
            ),
            "interleavings-hasty",
        )
