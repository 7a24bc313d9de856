"""The checker that other tests end with finds every way in which a history can fail to be one line."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from modelstore_core.testing.linear import Call, Placed, check_linear

Entry = Mapping[str, Any]


def move(seq: int, key: str, number: int, previous: int | None) -> Entry:
    return {"seq": seq, "key": key, "op": {"kind": "set_alias", "alias": "c", "number": number, "previous": previous}}


def wrote(begun: float, ended: float, key: str, number: int) -> Call:
    return Call(begun=begun, ended=ended, key=key, alias="c", number=number)


def saw(begun: float, ended: float, number: int | None) -> Call:
    return Call(begun=begun, ended=ended, alias="c", number=number)


def refused(begun: float, ended: float, expect: int | None) -> Call:
    return Call(begun=begun, ended=ended, key="refused", alias="c", expect=expect, refused=True)


LOG = [move(1, "a", 1, None), move(2, "b", 2, 1), move(3, "a again", 1, 2)]
WRITES = [wrote(0, 10, "a", 1), wrote(5, 15, "b", 2), wrote(12, 20, "a again", 1)]


def test_calls_in_the_order_of_the_log_are_placed() -> None:
    looks = [saw(0, 1, None), saw(4, 6, 1), saw(11, 14, 2), saw(16, 18, 1), refused(21, 22, 2)]

    assert check_linear(LOG, [*looks, *WRITES]) == Placed(committed=3, looked=5, vanished=0, doubt=0)


def test_calls_at_one_time_may_be_in_any_order() -> None:
    assert check_linear(LOG, [wrote(0, 9, "a again", 1), wrote(0, 9, "b", 2), wrote(0, 9, "a", 1)]).committed == 3


def test_a_call_without_an_answer_took_place_or_not() -> None:
    unheard = [Call(begun=5, key="b", alias="c"), Call(begun=6, key="gone", alias="c")]

    placed = check_linear(LOG, [*WRITES[::2], *unheard])
    assert placed == Placed(committed=3, looked=0, vanished=1, doubt=1)


def test_changes_that_are_no_moves_count_too() -> None:
    ops: list[dict[str, object]] = [
        {"kind": "add_version", "number": 1, "aliases": {"c": {}, "d": {}}},
        {"kind": "drop_alias", "alias": "d", "number": 1},
        {"kind": "annotate", "number": 1},
        {"kind": "delete", "number": 1, "dropped": ["c"]},
    ]
    log = [{"seq": seq, "key": str(seq), "op": op} for seq, op in enumerate(ops, start=1)]
    calls = [Call(begun=2 * seq, ended=2 * seq + 1, key=str(seq), number=1) for seq in range(1, 5)]

    assert check_linear(log, [*calls, saw(3.5, 3.6, 1), saw(9.5, 9.6, None)]).looked == 2
    with pytest.raises(AssertionError, match="never true"):
        check_linear(log, [*calls, Call(begun=5.5, ended=5.6, alias="d", number=1)])


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([*WRITES, wrote(21, 22, "lost", 2)], "never true"),
        ([*WRITES, Call(begun=21, ended=22, key="a lost save", number=3)], "is not in the log"),
        (WRITES[:2], "nobody asked for"),
        ([wrote(16, 17, "a", 1), *WRITES[1:]], "comes before log/2"),
        ([*WRITES[:2], wrote(12, 20, "a again", 2)], "another version"),
        ([*WRITES, saw(21, 22, 2)], "never true"),
        ([*WRITES, saw(11, 12, None)], "never true"),
        ([*WRITES, saw(0, 3, 2)], "comes before log/2"),
        ([*WRITES, saw(6, 7, 2), saw(8, 9, 1)], "comes before log/3"),
        ([*WRITES, refused(21, 22, 1)], "never true"),
        ([*WRITES[:2], Call(begun=12, ended=20, key="a again", number=1, expect=1)], "let pass"),
        ([*WRITES[:2], Call(begun=12, ended=20, key="a again", alias="c", expect=1, refused=True)], "all the same"),
    ],
)
def test_a_history_that_is_not_one_line_is_refused(calls: list[Call], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_linear(LOG, calls)


def test_a_call_that_took_place_twice_is_refused() -> None:
    with pytest.raises(AssertionError, match="are of one call"):
        check_linear([*LOG, move(4, "b", 2, 1)], WRITES)


def test_a_part_of_a_log_is_refused() -> None:
    with pytest.raises(AssertionError, match="not a whole log"):
        check_linear(LOG[1:], WRITES[1:])


def test_an_answer_that_never_came_has_no_end() -> None:
    assert Call(begun=0).ended == math.inf
