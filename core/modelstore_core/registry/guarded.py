"""What may not go around the rules of an alias; which rules those are does not matter here."""

from collections.abc import Iterable

from modelstore_core.errors import AliasProtected
from modelstore_core.registry.view import View

__all__ = ["refuse_guarded"]


def refuse_guarded(view: View, aliases: Iterable[str], what: str, fix: str) -> None:
    """Refuse what would move or remove a guarded alias without asking its rules.

    Raises:
        AliasProtected: One of the aliases is guarded.
    """
    guarded = sorted(alias for alias in aliases if alias in view.state.rules)
    if guarded:
        names = ", ".join(map(repr, guarded))
        plural = len(guarded) > 1
        raise AliasProtected(
            f"Rules guard the alias{'es' if plural else ''} {names} of {view.model!r}: {what}.",
            value=guarded[0],
            fix=fix,
        )
