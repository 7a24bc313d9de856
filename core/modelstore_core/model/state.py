"""The small state that every commit carries: enough to resolve any alias from the head alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelstore_core.model.json import JsonObject

__all__ = ["MAX_ALIASES", "AliasState", "Pointer", "State"]

MAX_ALIASES = 1000


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
class State:
    """What holds after a commit.

    Attributes:
        next: The number that the next version gets; it only ever grows.
        live: How many versions are live.
        newest: The live version with the highest number, if any.
        aliases: Every alias and its target.
        rules: Reserved for rules that guard an alias.
    """

    next: int = 1
    live: int = 0
    newest: Pointer | None = None
    aliases: Mapping[str, AliasState] = field(default_factory=dict)
    rules: JsonObject = field(default_factory=dict)
