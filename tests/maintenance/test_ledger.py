"""The fold of a log that `verify` holds commits to: everything in which an entry can contradict those before it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from modelstore_core.maintenance.ledger import Ledger, contents_of
from modelstore_core.model.operations import (
    AddVersion,
    Annotate,
    Arrive,
    Close,
    Condemn,
    Delete,
    DropAlias,
    Entry,
    Move,
    MoveAway,
    Operation,
    Purge,
    RefuseAlias,
    Reopen,
    Restore,
    SetAlias,
    SetRules,
)

DIGEST = f"sha256:{'0' * 64}"


def add(number: int, *, data: str = "", supersedes: int | None = None) -> AddVersion:
    data = data or f"{number:032x}"
    return AddVersion(number=number, data=data, digest=DIGEST, size=0, format="file", supersedes=supersedes)


def move(number: int, previous: int | None) -> Move:
    return Move(alias="a", number=number, previous=previous, back=None)


def told(*operations: Operation) -> list[str]:
    """What the last of the operations contradicts; those before it must contradict nothing."""
    ledger, problems = Ledger(), [""]
    for seq, op in enumerate(operations, start=1):
        problems = ledger.tell(entry(seq, op), None)
        assert not problems or seq == len(operations), problems
    return problems


def entry(seq: int, op: Operation) -> Entry:
    return Entry(seq=seq, op_id=f"{seq:032x}", verb="save", actor="ada", time="2026-01-01T00:00:00Z", op=op)


SOUND: Sequence[Sequence[Operation]] = [
    [add(1), add(2, supersedes=1), Delete(number=1, record=1), Purge(number=1, record=1)],
    [add(1), SetAlias(move=move(1, None), record=1), DropAlias(alias="a", number=1)],
    [add(1), add(2), Delete(number=2, record=2), Restore(number=2, record=2), Annotate(number=2, record=2)],
    [add(1), SetAlias(move=move(1, None), record=1), Delete(number=1, record=1, dropped=("a",))],
    [Condemn(ids=("f" * 32,)), add(1), RefuseAlias(alias="a", number=1, current=None)],
    [add(1), SetRules(alias="a", rules=({},), previous=None), SetRules(alias="a", rules=(), previous=2)],
    [add(1), Close(), Reopen(), MoveAway(to="other")],
    [
        add(1),
        SetAlias(move=move(1, None), record=1),
        add(2),
        SetAlias(move=move(2, 1), record=3),
        Delete(number=2, record=3, returned=(move(1, 2),)),
        Restore(number=2, record=3, aliases=(move(2, 1),)),
    ],
]

CONTRADICTIONS: Mapping[str, Sequence[Operation]] = {
    "replaces rules of 'a' that were not": [add(1), SetRules(alias="a", rules=({},), previous=1)],
    "closes the model, which is closed": [add(1), MoveAway(to="other"), Close()],
    "opens the model, which is not deleted": [add(1), MoveAway(to="other"), Reopen()],
    "arrived from 'other', whence it was not moving": [add(1), Arrive(origin="other")],
    "adds version 3, where 2 was the next": [add(1), add(3)],
    "files that are not its own": [add(1), add(2, data=f"{1:032x}")],
    "with files that are not its own": [Condemn(ids=("f" * 32,)), add(1, data="f" * 32)],
    "supersedes version 7": [add(1), add(2, supersedes=7)],
    "moves 'a' from 2, where it was not": [add(1), SetAlias(move=move(1, 2), record=1)],
    "is about version 2 of log/2": [add(1), SetAlias(move=move(2, None), record=2)],
    "is about version 1 of log/9": [add(1), Annotate(number=1, record=9)],
    "points an alias to version 1": [add(1), Delete(number=1, record=1), SetAlias(move=move(1, None), record=1)],
    "drops 'a' from version 1": [add(1), DropAlias(alias="a", number=1)],
    "deletes version 1 twice": [add(1), Delete(number=1, record=1), Delete(number=1, record=1)],
    "or without its aliases": [add(1), SetAlias(move=move(1, None), record=1), Delete(number=1, record=1)],
    "restores version 1, which is not deleted": [add(1), Restore(number=1, record=1)],
    "purges version 1, which is live": [add(1), Purge(number=1, record=1)],
    "condemns the files of version 1": [add(1), Condemn(ids=(f"{1:032x}",))],
}


@pytest.mark.parametrize("operations", SOUND)
def test_what_writers_do_contradicts_nothing(operations: Sequence[Operation]) -> None:
    assert told(*operations) == []


@pytest.mark.parametrize("said", CONTRADICTIONS)
def test_what_no_writer_does_is_said(said: str) -> None:
    assert any(said in problem for problem in told(*CONTRADICTIONS[said]))


def test_an_op_id_that_comes_again_is_said() -> None:
    ledger = Ledger()
    ledger.tell(entry(1, add(1)), None)

    assert ledger.tell(replace(entry(2, add(2)), op_id=f"{1:032x}"), None) == ["has the op id of the commit before it"]


def test_after_what_nobody_can_tell_nothing_is_held_against_anybody() -> None:
    ledger = Ledger()
    ledger.skip()

    assert ledger.tell(entry(2, add(5)), None) == []
    assert ledger.tell(entry(3, Delete(number=1, record=1)), None) == []
    assert not ledger.whole


def test_the_heir_is_the_newest_live_version() -> None:
    ledger = Ledger()
    operations: Sequence[Operation] = [add(1), add(2), add(3), Delete(number=2, record=2), Delete(number=3, record=3)]
    for seq, op in enumerate(operations, start=1):
        ledger.tell(entry(seq, op), None)

    assert ledger.state.newest is not None
    assert (ledger.state.newest.number, ledger.state.live) == (1, 1)


def test_contents_are_the_same_in_any_order_and_differ_in_any_path_or_size() -> None:
    files = [("a", 1), ("b/c", 2), ("d", 0)]

    assert contents_of(files) == contents_of(files[::-1])
    assert contents_of(files) != contents_of([("a", 2), ("b/c", 1), ("d", 0)])
    assert contents_of(files) != contents_of(files[:2])
    assert contents_of([("a", 1), ("a", 1)]) != contents_of([])
