"""What is decided of a model as a whole: what is said of it, whether it is to be had, and under which name.

Functions of a view, run again after every lost race. Whether the verb may touch the model at all was asked before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from modelstore_core.model.json import Json
from modelstore_core.model.operations import About, Close, Describe, MoveAway, Operation, Reopen
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Answer, Append, Decision

__all__ = ["BehindError", "Said", "close", "describe", "move_away", "reopen", "there"]

_NOTHING = Answer(number=0)


class BehindError(Exception):
    """The log has grown since what it holds was repeated under the other name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is to be said of a model; None leaves what is said, and removes a tag."""

    description: str | None
    tags: Mapping[str, str | None]
    owner: str | None


def describe(view: View, said: Said) -> Decision:
    """Fold it into what is said of the model; nothing is committed if that says it all."""
    view.require()
    now = view.state.about or About()
    tags = {name: text for name, text in {**now.tags, **said.tags}.items() if text is not None}
    given = {name: text for name in ("description", "owner") if (text := getattr(said, name)) is not None}
    about = replace(now, tags=tags, **given)
    if about == now:
        return _NOTHING
    delta: dict[str, Json] = {**given, "tags": {**said.tags}}
    return _append(view, Describe(about=about, delta=delta))


def close(view: View, reason: str) -> Decision:
    """Delete the model, unless it is deleted."""
    view.require()
    return _NOTHING if view.state.closed else _append(view, Close(reason=reason))


def reopen(view: View, reason: str) -> Decision:
    """Bring the model back, unless it is there."""
    view.require()
    return _append(view, Reopen(reason=reason)) if view.state.closed else _NOTHING


def there(view: View) -> Decision:
    """Nothing, of a model that is to be had."""
    view.require()
    return _NOTHING


def move_away(view: View, *, at: int, to: str, reason: str) -> Decision:
    """Say that the model has another name from now on, under which all up to the commit `at` stands.

    Raises:
        BehindError: That is not all.
    """
    if view.mark.seq > at:
        raise BehindError
    if view.mark.seq < at:
        return _NOTHING  # which does not stand: there is more to be seen
    return _append(view, MoveAway(to=to, reason=reason))


def _append(view: View, op: Operation) -> Append:
    return Append(op=op, state=partial(after, view.state, op=op))
