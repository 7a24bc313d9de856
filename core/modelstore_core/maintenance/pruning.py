"""Retention: which live versions are too many or too old, and their deletion, each judged at its own commit."""

from dataclasses import dataclass, replace
from datetime import datetime

from modelstore_core.maintenance.holdings import Holdings
from modelstore_core.model.names import check_key
from modelstore_core.model.operations import Delete
from modelstore_core.registry import decisions
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Answer, Decision

__all__ = ["Retention", "decide", "deleted_by", "key_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept: the newest `keep` live versions, what was saved since `before`, and what an alias points to.

    None keeps nothing by that rule.
    """

    keep: int | None
    before: datetime | None

    def excess(self, holdings: Holdings, view: View) -> list[int]:
        """The live versions that none of the rules keeps, oldest first."""
        aliased = {alias.target.number for alias in view.state.aliases.values()}
        last = self._last_unkept(holdings)
        numbers = [number for number in sorted(holdings.versions) if number <= last and number not in aliased]
        return [number for number in numbers if holdings.versions[number].live and not self._young(holdings, number)]

    def lets_go(self, number: int, holdings: Holdings, view: View) -> bool:
        """Whether this version is one of them."""
        live = holdings.versions[number].live and number <= self._last_unkept(holdings)
        return live and not view.aliases_of(number) and not self._young(holdings, number)

    def _last_unkept(self, holdings: Holdings) -> int:
        """The highest number below the newest `keep` live ones."""
        newest, left = max(holdings.versions, default=0), self.keep or 0
        while newest and left:
            left -= holdings.versions[newest].live
            newest -= 1
        return newest

    def _young(self, holdings: Holdings, number: int) -> bool:
        saved = datetime.fromisoformat(holdings.versions[number].record.time)
        return self.before is not None and saved >= self.before


def decide(view: View, *, number: int, retention: Retention, holdings: Holdings, reason: str) -> Decision:
    """Delete the version if nothing keeps it at the base: what keeps it may have come to be a moment ago."""
    holdings.follow(view)
    if not retention.lets_go(number, holdings, view):
        return Answer(number=0)
    return replace(decisions.deletion(view, holdings.versions[number], dropped=(), reason=reason), asked=False)


def key_of(key: str | None, number: int) -> str | None:
    """The idempotency key of one deletion among those that a call makes under its own.

    Raises:
        InvalidName: It is too long.
    """
    return None if key is None else check_key(f"{key}/{number}")


def deleted_by(view: View, key: str | None) -> set[int]:
    """The versions that earlier calls with the key have deleted."""
    if key is None:
        return set()
    return {
        entry.op.number
        for entry in view.entries(1, NOTHING)
        if isinstance(entry.op, Delete) and entry.key == key_of(key, entry.op.number)
    }
