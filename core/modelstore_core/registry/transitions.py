"""The state after an operation, from the state before it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from modelstore_core.model.operations import AddVersion, Annotate, Delete, DropAlias, Operation, Restore, SetAlias
from modelstore_core.model.state import AliasState, Pointer, State

__all__ = ["after"]


def after(
    state: State,
    seq: int,
    op: Operation,
    *,
    target: Pointer | None = None,
    heir: Pointer | None = None,
    was_live: bool = True,
) -> State:
    """The state after `op` as the commit `seq`.

    Args:
        state: What held before.
        seq: The commit's position.
        op: The operation.
        target: Where the version that an alias is set to, or that is restored, stands.
        heir: What `newest` becomes if the operation takes it away.
        was_live: Whether the version that is superseded, deleted or restored counted as live (or will count).
    """
    match op:
        case AddVersion():
            return _added(state, seq, op, was_live=was_live)
        case SetAlias(move=move):
            assert target is not None
            return replace(state, aliases={**state.aliases, move.alias: AliasState(target=target, set=seq)})
        case DropAlias(alias=alias):
            return replace(state, aliases=_without(state.aliases, {alias}))
        case Annotate(number=number):
            return _repointed(state, number, lambda p: replace(p, annotated=seq))
        case Delete(number=number, dropped=dropped):
            gone = state.newest is not None and state.newest.number == number
            return replace(
                state,
                live=state.live - was_live,
                newest=heir if gone else state.newest,
                aliases=_without(state.aliases, set(dropped)),
            )
        case Restore():
            assert target is not None
            back = was_live and (state.newest is None or state.newest.number < target.number)
            return replace(state, live=state.live + was_live, newest=target if back else state.newest)
        case _:
            return state


def _added(state: State, seq: int, op: AddVersion, *, was_live: bool) -> State:
    pointer = Pointer(number=op.number, record=seq)
    if op.supersedes is not None:
        state = _repointed(state, op.supersedes, lambda p: replace(p, superseded_by=op.number))
    started = {move.alias: AliasState(target=pointer, set=seq) for move in op.aliases}
    replaced = op.supersedes is not None and was_live
    return replace(
        state,
        next=op.number + 1,
        live=state.live + (not replaced),
        newest=pointer,
        aliases={**state.aliases, **started},
    )


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
