"""What the oracle keeps of a model: plain dicts and lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from modelstore_core.errors import AliasProtected, GateRefused
from modelstore_core.model.gates import Gate, Side
from modelstore_core.model.operations import Review, Verb, Verdict
from modelstore_core.model.records import EventKind
from modelstore_core.model.reviews import CheckOutcome
from modelstore_core.testing.facts import Happening

__all__ = ["Model", "Version"]

_EVER = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Version:
    """One version. `said` is what was said to its getting an alias: alias, verdict, actor, oldest first."""

    number: int
    digest: str
    metrics: dict[str, float | int]
    key: str | None
    attempt: int
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""
    checks: dict[str, bool] = field(default_factory=dict)
    said: list[tuple[str, Verdict, str]] = field(default_factory=list)
    supersedes: int | None = None
    superseded_by: int | None = None
    deleted: bool = False
    purged: bool = False

    @property
    def gone(self) -> bool:
        """Deleted or purged."""
        return self.deleted or self.purged

    @property
    def live(self) -> bool:
        """To be found in listings."""
        return not (self.gone or self.superseded_by)


@dataclass(slots=True)
class Model:
    """One model. `trails` has for each alias the targets that a rollback would go back through, the current one last.

    `done` has, for each verb and key, the version that the call was about, or the refusal it ended with. `rules` are
    those of each guarded alias, and `waiting` the versions and aliases of which an approval was requested.
    """

    seq: int = 0
    versions: dict[int, Version] = field(default_factory=dict)
    trails: dict[str, list[int]] = field(default_factory=dict)
    done: dict[tuple[Verb, str], int | GateRefused] = field(default_factory=dict)
    rules: dict[str, list[Gate]] = field(default_factory=dict)
    waiting: set[tuple[int, str]] = field(default_factory=set)
    events: list[Happening] = field(default_factory=list)

    def newest(self) -> int | None:
        """The live version with the highest number."""
        return max((number for number, version in self.versions.items() if version.live), default=None)

    def aliases_of(self, number: int) -> tuple[str, ...]:
        """What points to the version."""
        return tuple(sorted(alias for alias, trail in self.trails.items() if trail[-1] == number))

    def happened(
        self, kind: EventKind, number: int | None, alias: str | None = None, previous: int | None = None
    ) -> None:
        """Note an event of the newest commit."""
        self.events.append(Happening(seq=self.seq, kind=kind, number=number, alias=alias, previous=previous))

    def point(self, alias: str, trail: list[int]) -> None:
        """Move the alias to the end of the trail."""
        before = self.trails.get(alias)
        self.trails[alias] = trail
        self.happened("alias.moved", trail[-1], alias, None if before is None else before[-1])
        self.waiting.discard((trail[-1], alias))

    def forget_requests(self, number: int) -> None:
        """Wait no more for approvals of a version that is gone."""
        self.waiting = {request for request in self.waiting if request[0] != number}

    def guarded(self, aliases: Iterable[str]) -> None:
        """Refuse what would go around the rules of one of them."""
        for alias in aliases:
            if alias in self.rules:
                raise AliasProtected(f"rules guard {alias}", value=alias)

    def side(self, number: int, alias: str) -> Side:
        """What a gate sees of the version."""
        version = self.versions[number]
        return Side(
            ref=f"version {number}",
            metrics=version.metrics,
            tags=version.tags,
            checks={name: CheckOutcome(passed=passed, actor="", time=_EVER) for name, passed in version.checks.items()},
            reviews=tuple(
                Review(alias=alias, verdict=verdict, actor=actor, time="")
                for name, verdict, actor in version.said
                if name == alias
            ),
        )
