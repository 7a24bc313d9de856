"""Is there one line along which everything happened? The calls of many callers, held against one model's log.

The log already puts all changes in an order. What is left to check is that no caller could have noticed anything else:
that each call took effect once, at one moment between its beginning and its answer, and was told what held then. Calls
that changed nothing (looks, refusals, promotions to where the alias already was) take the earliest moment of the log
at which their answer was true: if any choice of moments is possible, this one is.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from modelstore_core.registry.decisions import ANY, Expectation

__all__ = ["Call", "Placed", "check_linear"]

_Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as its caller saw it.

    Attributes:
        begun: When, by a clock that all callers share.
        ended: When it was answered; infinite if it never was.
        key: The idempotency key of a call that writes.
        alias: The alias that it was about; None for one about versions only.
        number: The version that it was answered; None for "there is no such alias".
        expect: What a promotion expected of its alias.
        refused: Whether the answer was that the alias is not as expected; `number` is then without meaning.
    """

    begun: float
    ended: float = math.inf
    key: str | None = None
    alias: str | None = None
    number: int | None = None
    expect: Expectation = ANY
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """How many calls were found in the log, how many changed nothing, and how many were never answered and left none.

    `doubt` counts those of the first that were never answered.
    """

    committed: int
    looked: int
    vanished: int
    doubt: int


def check_linear(entries: Sequence[_Document], calls: Iterable[Call]) -> Placed:
    """Find the moment of each call in a whole log, given by its entries as JSON (see `audit`), each of which has a key.

    Raises:
        AssertionError: A call was lost or took place twice, or there is no line on which all answers were true.
    """
    assert [entry["seq"] for entry in entries] == [*range(1, len(entries) + 1)], "this is not a whole log"
    by_key = _by_key(entries)
    states = _states(entries)
    answered: list[float] = [-math.inf]  # when calls were answered, in order, and the furthest place until then
    furthest: list[int] = [0]
    committed = looked = vanished = doubt = 0
    for call in sorted(calls, key=lambda call: call.ended):
        floor = furthest[bisect_left(answered, call.begun) - 1]
        entry = by_key.pop(call.key, None)
        if entry is not None:
            place = _committed(call, entry, floor)
            committed, doubt = committed + 1, doubt + (call.ended == math.inf)
        elif call.ended == math.inf:
            vanished += 1
            continue
        else:
            place, looked = _looked(call, states, floor), looked + 1
        answered.append(call.ended)
        furthest.append(max(place, furthest[-1]))
    assert not by_key, f"nobody asked for the commits of {sorted(map(str, by_key))}"
    return Placed(committed=committed, looked=looked, vanished=vanished, doubt=doubt)


def _committed(call: Call, entry: _Document, floor: int) -> int:
    seq, op = entry["seq"], entry["op"]
    assert seq > floor, f"log/{seq} comes before log/{floor}, which was answered before {call} began"
    assert not call.refused, f"{call} was refused and stands at log/{seq} all the same"
    assert call.ended == math.inf or call.number == op["number"], f"{call} was told of another version than {entry}"
    assert call.expect is ANY or call.expect == op["previous"], f"{call} was let pass against {entry}"
    return int(seq)


def _looked(call: Call, states: Sequence[Mapping[str, int]], floor: int) -> int:
    assert call.alias is not None, f"{call} was answered and is not in the log"
    for place in range(floor, len(states)):
        current = states[place].get(call.alias)
        if current != call.expect if call.refused else current == call.number:
            return place
    raise AssertionError(f"from log/{floor} on, the answer to {call} was never true")


def _by_key(entries: Sequence[_Document]) -> dict[str | None, _Document]:
    found: dict[str | None, _Document] = {}
    for entry in entries:
        twice = found.setdefault(entry["key"], entry)
        assert twice is entry, f"log/{twice['seq']} and log/{entry['seq']} are of one call: {entry['key']!r}"
    return found


def _states(entries: Sequence[_Document]) -> list[Mapping[str, int]]:
    """What the aliases pointed to after each commit, from before the first."""
    states: list[Mapping[str, int]] = [{}]
    for entry in entries:
        op, state = entry["op"], dict(states[-1])
        match op["kind"]:
            case "set_alias":
                state[op["alias"]] = op["number"]
            case "add_version":
                state |= dict.fromkeys(op["aliases"], op["number"])
            case "drop_alias":
                del state[op["alias"]]
            case "delete":
                state = {alias: number for alias, number in state.items() if alias not in op["dropped"]}
        states.append(state)
    return states
