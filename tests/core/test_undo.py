"""Taking back the newest change, whatever it was."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstore_core import (
    AtLeast,
    Conflict,
    GateRefused,
    InvalidInput,
    ModelNotFound,
    ModelStore,
    ModelStoreError,
    VersionNotFound,
)
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over

_numbers = itertools.count()

Act = Callable[[ModelStore], object]


def said(store: ModelStore, name: str = "m") -> Mapping[str, Any]:
    """All that a reader can see of a model but its history."""
    versions = {
        v.number: (dict(v.metrics), dict(v.tags), v.description, v.aliases, v.deleted)
        for v in store.versions(name, deleted=True)
    }
    return {"versions": versions, "live": [v.number for v in store.versions(name)], "newest": newest(store, name)}


def newest(store: ModelStore, name: str) -> int | None:
    try:
        return store.get(name).number
    except VersionNotFound:
        return None


@pytest.fixture
def three(store: ModelStore, weights: Path) -> ModelStore:
    """Three versions, of which two were champion one after the other, and one is shadow."""
    for auc in (0.7, 0.8, 0.9):
        store.save(weights, "m", metrics={"auc": auc}, tags={"team": "risk"})
    store.promote("m@1", "champion")
    store.promote("m@2", "champion")
    store.promote("m@2", "shadow")
    return store


ACTS: Mapping[str, Act] = {
    "promote": lambda s: s.promote("m@3", "champion"),
    "promote to a new alias": lambda s: s.promote("m@3", "canary"),
    "rollback": lambda s: s.rollback("m", "champion"),
    "unalias": lambda s: s.unalias("m", "champion"),
    "annotate": lambda s: s.annotate("m@2", metrics={"auc": 0.5, "f1": 0.4}, tags={"team": None}, description="new"),
    "delete the newest": lambda s: s.delete("m@3"),
    "delete with aliases": lambda s: s.delete("m@2", force=True),
    "save": lambda s: s.save(Path(__file__), "m"),
    "save with aliases": lambda s: s.save(Path(__file__), "m", aliases=["champion", "fresh"]),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_undo_makes_hold_again_what_held_before_and_undoing_it_does_it_again(three: ModelStore, act: Act) -> None:
    before = said(three)
    act(three)
    done = said(three)
    events = three.undo("m", reason="a mistake")
    undone = said(three)
    three.undo("m")

    assert {event.verb for event in events} == {"undo"}
    assert {event.undoes for event in events} == {7}
    gone = {number: version for number, version in undone["versions"].items() if number > 3}
    assert {**undone, "versions": {n: v for n, v in undone["versions"].items() if n <= 3}} == before
    assert all(deleted for *_, deleted in gone.values())
    assert said(three) == done
    assert three.history("m")[0].undoes == 8
    audit(three.storage, "m")
    assert three.verify().ok


def test_after_undo_a_rollback_goes_where_it_would_have_gone_before(three: ModelStore) -> None:
    three.promote("m@3", "champion")
    three.undo("m")

    assert three.rollback("m", "champion").number == 1


def test_a_rollback_after_an_undo_goes_on_though_a_long_reason_left_no_room_for_how_the_alias_went_back(
    three: ModelStore, url: str
) -> None:
    three.save(Path(__file__), "m", aliases=["champion"])
    three.undo("m", reason="wrong " * 300)
    three.annotate("m@1", tags={"later": "yes"})

    assert ModelStore(url).rollback("m", "champion").number == 1


def test_a_refusal_is_no_change_to_undo(three: ModelStore) -> None:
    with pytest.raises(GateRefused):
        three.promote("m@3", "champion", gates=[AtLeast("auc", 1)])
    three.undo("m")

    assert three.get("m@2").aliases == ("champion",)


def test_undo_of_a_change_that_is_not_the_newest_any_more_is_refused(three: ModelStore) -> None:
    with pytest.raises(Conflict, match=r"The newest change of 'm' is 6 \(promote by ada\), not 5"):
        three.undo("m", seq=5)

    assert three.undo("m", seq=6)[0].alias == "shadow"


def test_what_is_for_good_cannot_be_undone(store: ModelStore, weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"other")
    store.save(weights, "m", key="run")
    store.save(other, "m", key="run")
    with pytest.raises(Conflict, match="cannot be undone: version 1 is superseded for good"):
        store.undo("m")

    store.delete("m@2")
    store.collect("m", older_than=0)
    with pytest.raises(Conflict, match="cannot be undone: what it did is for good"):
        store.undo("m")


def test_undo_with_a_key_is_done_once(three: ModelStore) -> None:
    first = three.undo("m", key="oops")

    assert three.undo("m", key="oops") == first
    assert three.history("m")[0].seq == 7


def test_undo_refuses_what_it_cannot_understand(three: ModelStore) -> None:
    with pytest.raises(InvalidInput, match="no place in a log"):
        three.undo("m", seq=0)
    with pytest.raises(InvalidInput, match="not text"):
        three.undo("m", reason=3)  # type: ignore[arg-type]
    with pytest.raises(ModelNotFound):
        three.undo("nothing")


def test_rollback_goes_several_steps_in_one_commit_or_none(store: ModelStore, weights: Path) -> None:
    for number in range(1, 6):
        store.save(weights, "m")
        store.promote(f"m@{number}", "champion")
    store.delete("m@3")
    before = store.history("m")

    with pytest.raises(VersionNotFound, match="has 3 earlier versions, not 4, to go back to"):
        store.rollback("m", "champion", steps=4)
    assert store.history("m") == before
    assert store.rollback("m", "champion", steps=2).number == 2  # past 4 and the deleted 3
    assert store.rollback("m", "champion").number == 1
    assert len(store.history("m")) == len(before) + 2
    with pytest.raises(InvalidInput, match="no count"):
        store.rollback("m", "champion", steps=0)
    audit(store.storage, "m")


verbs = st.sampled_from(sorted(ACTS))


@settings(max_examples=60, deadline=None)
@given(done=st.lists(st.sampled_from([*sorted(ACTS), "undo"]), max_size=6), last=verbs)
def test_any_change_can_be_taken_back(done: list[str], last: str) -> None:
    store = store_over(MemoryStorage(f"undo-{next(_numbers)}"))
    for auc in (0.7, 0.8, 0.9):
        store.save(Path(__file__), "m", metrics={"auc": auc})
    for alias in ("champion", "shadow"):
        store.promote("m@2", alias)
    for verb in done:
        _try(store, store.undo if verb == "undo" else ACTS[verb], "m" if verb == "undo" else store)
    before, commits = said(store), len(store.history("m"))
    if not _try(store, ACTS[last], store) or len(store.history("m")) == commits:
        return
    store.undo("m")

    after = said(store)
    known = before["versions"].keys()
    assert {n: v for n, v in after["versions"].items() if n in known} == before["versions"]
    assert (after["live"], after["newest"]) == (before["live"], before["newest"])
    audit(store.storage, "m")
    assert store.verify().ok


def _try(store: ModelStore, act: Callable[[Any], object], argument: object) -> bool:
    try:
        act(argument)
    except ModelStoreError:
        return False
    return True
