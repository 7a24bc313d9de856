"""The state after an operation, from the state before it. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from modelstore_core.model.operations import (
    AddVersion,
    Annotate,
    Arrive,
    Close,
    Delete,
    Describe,
    DropAlias,
    MoveAway,
    Operation,
    Purge,
    Reopen,
    Restore,
    SetAlias,
    SetRules,
)
from modelstore_core.model.state import AliasState, Closed, Pointer, State

__all__ = ["after"]

_NOWHERE: Mapping[str, Pointer] = {}


def after(  # noqa: PLR0913 - all that a view knows and the state before does not
    state: State,
    seq: int,
    op: Operation,
    *,
    target: Pointer | None = None,
    heir: Pointer | None = None,
    was_live: bool = True,
    returned: Mapping[str, Pointer] = _NOWHERE,
) -> State:
    """The state after `op` as the commit `seq`.

    Args:
        state: What held before.
        seq: The commit's position.
        op: The operation.
        target: Where the version that an alias is set to, or that is restored, stands.
        heir: What `newest` becomes if the operation takes it away.
        was_live: Whether the version that is superseded, deleted, purged or restored counted as live (or will count).
        returned: Where the versions stand to which a deletion lets aliases return, by alias.
    """
    match op:
        case AddVersion():
            return _added(state, seq, op, was_live=was_live)
        case SetAlias(move=move):
            assert target is not None
            return _pointed(state, seq, {move.alias: target})
        case DropAlias(alias=alias):
            return replace(state, aliases=_without(state.aliases, {alias}))
        case Annotate(number=number):
            return _reviewed(_repointed(state, number, lambda p: replace(p, annotated=seq)), op)
        case Delete() | Purge():
            return _pointed(_gone(state, op, heir, was_live=was_live), seq, returned)
        case Restore(aliases=moves):
            assert target is not None
            back = was_live and (state.newest is None or state.newest.number < target.number)
            there = replace(state, live=state.live + was_live, newest=target if back else state.newest)
            return _pointed(there, seq, {move.alias: target for move in moves})
        case _:
            return _governed(state, seq, op)


def _governed(state: State, seq: int, op: Operation) -> State:
    """After an operation on rules, or on the model as a whole; the others change nothing of the state."""
    match op:
        case SetRules(alias=alias, rules=rules):
            others = {name: set_at for name, set_at in state.rules.items() if name != alias}
            return replace(state, rules={**others, alias: seq} if rules else others)
        case Describe(about=about):
            return replace(state, about=about)
        case Close():
            return replace(state, closed=Closed(seq=seq))
        case MoveAway(to=name):
            return replace(state, closed=Closed(seq=seq, to=name))
        case Reopen():
            return replace(state, closed=None)
        case Arrive(origin=origin) if origin == state.moving:  # an earlier rename's is repeated with all the rest
            return replace(state, moving=None)
        case _:
            return state


def _added(state: State, seq: int, op: AddVersion, *, was_live: bool) -> State:
    pointer = Pointer(number=op.number, record=seq)
    if op.supersedes is not None:
        state = _repointed(state, op.supersedes, lambda p: replace(p, superseded_by=op.number))
        state = _settled(state, _asked(state, op.supersedes))
    replaced = op.supersedes is not None and was_live
    there = replace(state, next=op.number + 1, live=state.live + (not replaced), newest=pointer)
    return _pointed(there, seq, {move.alias: pointer for move in op.aliases})


def _gone(state: State, op: Delete | Purge, heir: Pointer | None, *, was_live: bool) -> State:
    newest = was_live and state.newest is not None and state.newest.number == op.number
    left = replace(
        state,
        live=state.live - was_live,
        newest=heir if newest else state.newest,
        aliases=_without(state.aliases, set(op.dropped)),
    )
    return _settled(left, _asked(state, op.number))


def _pointed(state: State, seq: int, targets: Mapping[str, Pointer]) -> State:
    """With the aliases where they came to; nobody needs to approve of that any more."""
    moved = {alias: AliasState(target=target, set=seq) for alias, target in targets.items()}
    there = replace(state, aliases={**state.aliases, **moved})
    return _settled(there, {(target.number, alias) for alias, target in targets.items()})


def _reviewed(state: State, op: Annotate) -> State:
    if "review" not in op.delta or not op.reviews:
        return state
    review = op.reviews[-1]
    if review.verdict == "requested":
        return replace(state, pending=state.pending | {(op.number, review.alias)})
    return _settled(state, {(op.number, review.alias)})


def _asked(state: State, number: int) -> set[tuple[int, str]]:
    return {request for request in state.pending if request[0] == number}


def _settled(state: State, requests: Iterable[tuple[int, str]]) -> State:
    """Without these requests for approval."""
    return replace(state, pending=state.pending.difference(requests))


def _repointed(state: State, number: int, change: Callable[[Pointer], Pointer]) -> State:
    newest = state.newest
    if newest is not None and newest.number == number:
        newest = change(newest)
    aliases = {
        name: replace(alias, target=change(alias.target)) if alias.target.number == number else alias
        for name, alias in state.aliases.items()
    }
    return replace(state, newest=newest, aliases=aliases)


def _without(aliases: Mapping[str, AliasState], names: set[str]) -> dict[str, AliasState]:
    return {name: alias for name, alias in aliases.items() if name not in names}
