"""Whatever others do while a model is renamed, at any moment of it: nobody loses anything, one name is the model's."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from tests.maintenance.renames import entries, moments, names, tried, two_versions
from tests.protocol.support import save_by

from modelstore_core import ModelDeleted, ModelExists, ModelMoved, ModelStore, StorageUnavailable
from modelstore_core.ports import Ports
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import FaultyStorage
from modelstore_core.testing.stores import store_over

WRITES: dict[str, Callable[[ModelStore], object]] = {
    "save": lambda s: save_by(s, 3, key="mine"),
    "promote": lambda s: s.promote("m@1", "c"),
    "annotate": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@1"),
    "delete and collect": lambda s: (s.delete("m@1"), s.collect("m", older_than=0)),
    "describe": lambda s: s.describe("m", owner="ada"),
    "delete and restore all": lambda s: (s.delete_model("m"), s.restore_model("m")),
}


@pytest.mark.parametrize("write", WRITES)
def test_what_others_do_to_the_old_name_is_not_lost(tmp_path: Path, write: str) -> None:
    for moment in moments(tmp_path):
        storage = moment.storage
        moment.rename(lambda storage: WRITES[write](store_over(storage)))

        refused = isinstance(moment.outcome, ModelMoved)
        assert refused or not isinstance(moment.outcome, Exception), (moment.number, moment.outcome)
        done = [entry for entry in entries(storage, "n") if entry["verb"] != "rename"]
        assert (len(done) > 2) is not refused, moment.number
        assert done == [entry for entry in entries(storage, "m") if entry["verb"] != "rename"]
        audit(storage, "n")
        assert names(storage) == ["n"]
        assert store_over(storage).verify().ok


def test_at_every_moment_exactly_one_of_the_names_answers(tmp_path: Path) -> None:
    for moment in moments(tmp_path):
        moment.rename(names)

        assert moment.outcome in (["m"], ["n"]), moment.number


def test_who_saves_under_the_new_name_is_told_or_was_first_or_comes_after(tmp_path: Path) -> None:
    ends = set()
    for moment in moments(tmp_path):
        storage = moment.storage
        outcome = moment.rename(lambda storage: store_over(storage).save({"w": 7}, "n", format="pickle", key="k1"))

        ends.add((type(outcome).__name__, type(moment.outcome).__name__))
        assert names(storage) == (["m"] if isinstance(outcome, ModelExists) else ["n"])
        if isinstance(outcome, ModelExists):
            assert store_over(storage).load("n") == {"w": 7}
        audit(storage, "m")
        audit(storage, "n")
        assert store_over(storage).verify().ok
    assert ends == {("ModelExists", "ModelVersion"), ("ModelSummary", "ModelMoving"), ("ModelSummary", "ModelVersion")}


def test_a_key_finds_its_commit_whoever_tried_it_under_the_new_name_too_early(tmp_path: Path) -> None:
    """A refused save has staked its key by then; the claim says nothing that is not true."""
    for moment in moments(tmp_path):
        storage = moment.storage
        moment.rename(lambda storage: store_over(storage).save({"w": 1}, "n", format="pickle", key="k1"))
        if names(storage) == ["n"]:
            assert store_over(storage).save({"w": 1}, "n", format="pickle", key="k1").number == 1
            assert audit(storage, "n").live == [1, 2]


def test_two_who_rename_to_the_same_name_both_succeed(tmp_path: Path) -> None:
    for moment in moments(tmp_path):
        storage = moment.storage
        outcome = moment.rename(lambda storage: store_over(storage).rename("m", "n"))

        assert not isinstance(outcome, Exception), moment.number
        assert not isinstance(moment.outcome, Exception), moment.number
        for name in ("m", "n"):
            assert [entry["verb"] for entry in entries(storage, name)] == ["save", "save", "rename"]
        assert names(storage) == ["n"]
        audit(storage, "n")


def test_of_two_who_rename_to_different_names_one_is_told_of_the_other(tmp_path: Path) -> None:
    winners = set()
    for moment in moments(tmp_path):
        storage = moment.storage
        outcome = moment.rename(lambda storage: store_over(storage).rename("m", "o"))

        (winner,) = names(storage)
        winners.add(winner)
        lost = "n" if winner == "o" else "o"
        loser = outcome if winner == "o" else moment.outcome
        assert isinstance(loser, ModelMoved), (moment.number, outcome, moment.outcome)
        assert loser.to == winner
        if entries(storage, lost):
            given_up = tried(partial(store_over(storage).get, lost))
            assert isinstance(given_up, ModelMoved)
            assert given_up.to == winner
        store_over(storage).collect(older_than=0)
        assert not [*storage.list(f"models/{lost}/data/")]
        assert store_over(storage).verify().ok
        assert names(storage) == [winner]
    assert winners == {"n", "o"}


def test_two_models_cannot_get_one_name(tmp_path: Path) -> None:
    winners: set[str] = set()
    for moment in moments(tmp_path):
        storage = moment.storage
        store_over(storage).save({"w": 8}, "p", format="pickle")
        outcome = moment.rename(lambda storage: store_over(storage).rename("p", "n"))

        ends = (outcome, moment.outcome)
        assert sum(isinstance(end, ModelExists) for end in ends) == 1, (moment.number, ends)
        here = {"n": {"w": 8}, "m": {"w": 1}} if isinstance(outcome, ModelExists) else {"n": {"w": 1}, "p": {"w": 8}}
        winners |= here.keys() - {"n"}
        assert {name: store_over(storage).load(f"{name}@1") for name in here} == here
        assert store_over(storage).verify().ok
    assert winners == {"m", "p"}


LOOKS: dict[str, tuple[Callable[[ModelStore], object], object]] = {
    "collect": (lambda s: s.collect(older_than=0).dry_run, False),
    "maintain": (lambda s: len(s.maintain()) > 0, True),
    "verify": (lambda s: s.verify(repair=True).ok, True),
    "changes": (lambda s: [e.kind for e in s.changes().events].count("version.created"), 2),
    "models": (lambda s: len(s.models()), 1),
    "search": (lambda s: len(s.search()), 2),
}


@pytest.mark.parametrize("look", LOOKS)
def test_those_who_look_after_the_store_see_one_model_and_do_no_harm(tmp_path: Path, look: str) -> None:
    ask, expected = LOOKS[look]
    for moment in moments(tmp_path):
        storage = moment.storage
        moment.rename(lambda storage: ask(store_over(storage)))

        assert moment.outcome == expected, moment.number
        assert names(storage) == ["n"]
        audit(storage, "n")
        assert store_over(storage).verify().ok


def test_a_deletion_of_the_model_ends_it_or_comes_too_late(tmp_path: Path) -> None:
    for moment in moments(tmp_path):
        storage = moment.storage
        outcome = moment.rename(lambda storage: store_over(storage).delete_model("m"))

        assert isinstance(outcome, ModelDeleted) is not isinstance(moment.outcome, ModelMoved), moment.number
        if isinstance(outcome, ModelDeleted):
            assert names(storage) == []
            store_over(storage).restore_model("m")
            store_over(storage).rename("m", "n")
        assert names(storage) == ["n"]
        assert store_over(storage).verify().ok


def test_who_writes_faster_than_it_can_be_copied_keeps_it_waiting(tmp_path: Path) -> None:
    """Each time all has been repeated there is another commit, until it gives up and leaves all as it was."""
    storage = two_versions(MemoryStorage(f"renaming-{tmp_path.name}"))
    writing = store_over(storage)

    def script(verb: str, key: str, number: int) -> None:
        if verb == "create" and "models/m/log/" in key:
            writing.annotate("m@1", metrics={"step": number})

    with pytest.raises(StorageUnavailable, match="faster than it can be copied"):
        store_over(FaultyStorage(storage, script=script), patience=0.05).rename("m", "n")

    assert names(storage) == ["m"]
    assert store_over(storage).rename("m", "n").versions == 2
    audit(storage, "n")


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_many_who_write_on_by_whatever_name_it_has_lose_and_double_nothing(tmp_path: Path, kind: str) -> None:
    """Each saves under keys of its own, and goes to the new name once it is told so."""
    storage = MemoryStorage(f"renaming-{tmp_path.name}") if kind == "memory" else LocalStorage(tmp_path / "store")
    two_versions(storage)
    begun = threading.Barrier(4)

    def work(worker: int) -> list[tuple[int, str]]:
        store, name, done = store_over(storage, ports=Ports()), "m", []
        begun.wait(timeout=60)
        for step in range(12):
            key = f"{worker}/{step}"
            while True:
                try:
                    saved = store.save({"w": [worker, step]}, name, format="pickle", key=key)
                except ModelMoved as moved:
                    name = moved.to
                else:
                    break
            done.append((saved.number, key))
        return done

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work, worker) for worker in range(3)]
        begun.wait(timeout=60)
        store_over(storage, ports=Ports()).rename("m", "n")
        done = sorted(one for job in jobs for one in job.result(timeout=120))

    found = audit(storage, "n")
    assert [number for number, _ in done] == [*range(3, 39)]
    keys = {entry["op"]["number"]: entry["key"] for entry in found.entries if entry["verb"] == "save"}
    assert [keys[number] for number, _ in done] == [key for _, key in done]
    assert found.live == [*range(1, 39)]
    audit(storage, "m")
    assert store_over(storage).verify(read_data=True).ok
