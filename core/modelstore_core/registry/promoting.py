"""What promotions decide: the alias's rules and the call's own, judged on the log up to the very commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from modelstore_core.errors import AliasConflict, InvalidInput
from modelstore_core.model.gates import Gate, Rule, Side
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import DropAlias, Finding, Move, RefuseAlias
from modelstore_core.model.reviews import outcome_of
from modelstore_core.model.state import Pointer
from modelstore_core.registry.decisions import ANY, Expectation, set_alias
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.guarded import refuse_guarded
from modelstore_core.registry.rules import rules_in_force
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Answer, Append, Decision

__all__ = ["Promotion", "promote", "unalias"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What a promotion was asked.

    Attributes:
        reference: The candidate.
        alias: What is to point to it.
        expect: What the alias must point to now.
        gates: Rules besides those of the alias.
        reason: Why.
        override: Whether the alias is to move against the rules too.
        now: When it was asked, by the promoter's clock.
    """

    reference: Reference
    alias: str
    expect: Expectation
    gates: Sequence[Gate]
    reason: str
    override: bool
    now: datetime


def promote(view: View, wish: Promotion) -> Decision:
    """Point the alias to the version, unless the expectation fails, nothing would change, or a rule refuses."""
    alias = wish.alias
    version = view.usable(wish.reference, NOTHING)
    current = view.state.aliases.get(alias)
    _expect(view, alias, wish.expect)
    if current is not None and current.target.number == version.number:
        return Answer(number=version.number)
    previous = None if current is None else current.target.number
    evidence = _judge(view, version, None if current is None else current.target, wish)
    passed = all(finding.passed for finding in evidence)
    if not (passed or wish.override):
        refusal = RefuseAlias(
            alias=alias, number=version.number, current=previous, reason=wish.reason, evidence=evidence
        )
        return Append(op=refusal, state=lambda seq: after(view.state, seq, refusal))
    back = None if current is None else current.set
    move = Move(alias=alias, number=version.number, previous=previous, back=back)
    return set_alias(view, version, move, wish.reason, evidence, override=not passed)


def unalias(view: View, alias: str, *, reason: str, override: bool) -> Decision:
    """Remove the alias; a guarded one only if its rules are overridden."""
    number = view.alias(alias).target.number
    if not override:
        fix = "Promote another version, or pass override=True (`--override`) and a reason."
        refuse_guarded(view, [alias], "it is not removed without a word on them", fix)
    op = DropAlias(alias=alias, number=number, reason=reason, override=alias in view.state.rules)
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def _expect(view: View, alias: str, expect: Expectation) -> None:
    current = view.state.aliases.get(alias)
    number = None if current is None else current.target.number
    if expect is ANY or expect == number:
        return
    there = "is not set" if number is None else f"points to version {number}"
    wanted = "not to exist yet" if expect is None else f"to point to version {expect}"
    raise AliasConflict(
        f"The alias {alias!r} of {view.model!r} {there}; it was expected {wanted}.",
        value=number,
        fix="Look at the current version and decide again.",
    )


def _judge(view: View, version: Folded, current: Pointer | None, wish: Promotion) -> tuple[Finding, ...]:
    """What the alias's rules and the call's gates find; each rule once."""
    rules_at = view.state.rules.get(wish.alias)
    if rules_at is None and not wish.gates:
        return ()
    _read(view, rules_at, version.pointer, current)
    rules = rules_in_force(view, wish.alias)
    gates = [*rules, *(gate for gate in wish.gates if not (isinstance(gate, Rule) and gate in rules))]
    candidate = _side(view, view.complete(version), wish)
    against = None if current is None else _side(view, view.version(current.number), wish)
    return tuple(_finding(gate, candidate, against) for gate in gates)


def _read(view: View, rules_at: int | None, *pointers: Pointer | None) -> None:
    """Read all that is judged in one round."""
    seqs = {rules_at, *(seq for pointer in pointers if pointer for seq in (pointer.record, pointer.annotated))}
    head = view.require()
    view.journal.together([partial(view.journal.entry, seq, head) for seq in sorted(seq for seq in seqs if seq)])


def _side(view: View, version: Folded, wish: Promotion) -> Side:
    return Side(
        ref=f"{view.model}@{version.number}",
        metrics=version.metrics,
        tags=version.tags,
        signature=version.added.signature,
        checks={name: outcome_of(check) for name, check in version.checks.items()},
        proved=version.added.proved is not None,
        created_at=datetime.fromisoformat(version.record.time),
        created_by=version.record.actor,
        reviews=tuple(review for review in version.reviews if review.alias == wish.alias),
        now=wish.now,
    )


def _finding(gate: Gate, candidate: Side, current: Side | None) -> Finding:
    found: object = gate.judge(candidate, current)
    if isinstance(found, Finding):
        return found
    raise InvalidInput(
        f"The gate {gate!r} found {found!r}, which is no Finding.",
        value=repr(gate),
        fix="Let its `judge` return a Finding(rule=…, metric=…, candidate=…, current=…, passed=…, message=…).",
    )
