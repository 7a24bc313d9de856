"""The rules that guard aliases, as of a view: what is in force, and how that is changed."""

from modelstore_core.errors import InvalidInput, StoreTooNew
from modelstore_core.model.gates import gate_of
from modelstore_core.model.gates.data import AnyRule
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import SetRules
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Answer, Append, Decision

__all__ = ["protect", "rules_in_force", "set_rules", "unprotect"]


def set_rules(view: View, alias: str) -> SetRules | None:
    """What set the rules that guard the alias; None if none do."""
    seq = view.state.rules.get(alias)
    if seq is None:
        return None
    op = view.journal.entry(seq, view.require()).op
    if not isinstance(op, SetRules) or op.alias != alias:
        raise view.corrupt(f"sets no rules of the alias {alias!r} at {seq}")
    return op


def rules_in_force(view: View, alias: str) -> tuple[AnyRule, ...]:
    """The gates that every promotion to the alias must pass.

    Raises:
        StoreTooNew: One of them is of a kind that this release does not know, so nothing can be said to pass it.
    """
    op = set_rules(view, alias)
    try:
        return () if op is None else tuple(gate_of(rule) for rule in op.rules)
    except InvalidInput as error:
        raise StoreTooNew(
            f"The alias {alias!r} of {view.model!r} is guarded by a rule that this release cannot judge: {error.what}",
            value=alias,
            fix="Upgrade modelstore-pipelines; until then no promotion passes.",
        ) from error


def protect(view: View, alias: str, rules: tuple[JsonObject, ...], *, reason: str) -> Decision:
    """Let the rules guard the alias, set or not; nothing is committed if they do."""
    head = view.require()
    now = set_rules(view, alias)
    if now is not None and now.rules == rules:
        return Answer(number=0)
    return _set(view, SetRules(alias=alias, rules=rules, previous=head.state.rules.get(alias), reason=reason))


def unprotect(view: View, alias: str, *, reason: str) -> Decision:
    """Let no rules guard the alias any more."""
    head = view.require()
    if alias not in head.state.rules:
        return Answer(number=0)
    return _set(view, SetRules(alias=alias, rules=(), previous=head.state.rules[alias], reason=reason))


def _set(view: View, op: SetRules) -> Append:
    return Append(op=op, state=lambda seq: after(view.state, seq, op))
