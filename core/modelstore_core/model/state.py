"""The small state that every commit carries: enough to resolve any alias from the head alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelstore_core.model.operations import About

__all__ = ["MAX_ABOUT", "MAX_ALIASES", "AliasState", "Closed", "Pointer", "State"]

MAX_ALIASES = 1000
MAX_ABOUT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where a version stands in the log: its record, its newest annotation, and what superseded it."""

    number: int
    record: int
    annotated: int | None = None
    superseded_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasState:
    """An alias's target, and the commit that set it."""

    target: Pointer
    set: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Since which commit the model is not to be had, and under which name it is, if it moved."""

    seq: int
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What holds after a commit.

    Attributes:
        next: The number that the next version gets; it only ever grows.
        live: How many versions are live.
        newest: The live version with the highest number, if any.
        aliases: Every alias and its target.
        rules: Alias that is guarded, set or not → the commit that set its rules.
        pending: Versions and aliases of which an approval was requested and nobody has said anything yet.
        about: What is said of the model as a whole; None if nothing ever was.
        closed: Set while the model is deleted or has moved.
        moving: The name under which the model still is to be had, while it is being renamed to this one.
    """

    next: int = 1
    live: int = 0
    newest: Pointer | None = None
    aliases: Mapping[str, AliasState] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    pending: frozenset[tuple[int, str]] = frozenset()
    about: About | None = None
    closed: Closed | None = None
    moving: str | None = None

    @property
    def coming(self) -> str | None:
        """The name from which a model may still come to this one; None also if it was given a third one instead."""
        given_up = self.closed is not None and self.closed.to is not None
        return None if given_up else self.moving
