"""What each verb on who may become what does."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from modelstore_core.cli import arguments, governing_render, shown
from modelstore_core.cli.consent import asks, consent
from modelstore_core.cli.output import Output
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.errors import GateRefused, InvalidInput
from modelstore_core.model.gates import (
    Approved,
    AtLeast,
    AtMost,
    CheckPassed,
    Gate,
    HasTag,
    Improves,
    KeepsSignature,
    MinAge,
    Proved,
    Rule,
    gate_of,
)
from modelstore_core.model.records import ModelVersion
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]


def _promote(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    ref = given.ref
    if given.override and asks(given, out, f"that the rules of {given.alias} are to be overridden"):
        ref = store.get(ref).ref  # what was agreed to, wherever an alias points by then
        consent(out, f"Move {given.alias} to {ref}, whatever its rules say?")
    try:
        promoted = store.promote(
            ref,
            given.alias,
            expect=arguments.expectation(given.expect),
            gates=_gates(given),
            override=given.override,
            reason=given.reason,
            key=given.key,
        )
    except GateRefused as refusal:
        evidence = refusal.evidence
        out.beside(lambda screen: governing_render.evidence(evidence, screen))
        raise
    out.done(promoted, promoted.ref, f"{given.alias} points to {promoted.ref}{_judged(store, promoted, given.alias)}")


def _judged(store: ModelStore, promoted: ModelVersion, alias: str) -> str:
    """How it came through the gates; nothing if it was there already, or somebody has acted since."""
    [event] = store.history(promoted.name, limit=1)
    if (event.kind, event.alias, event.number) != ("alias.moved", alias, promoted.number) or not event.evidence:
        return ""
    refused = sum(not finding.passed for finding in event.evidence)
    gates = shown.counted(len(event.evidence), "gate")
    return f", against {refused} of {gates}" if refused else f", {gates} passed"


def _rollback(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    now = store.rollback(given.name, given.alias, steps=given.steps, reason=given.reason, key=given.key)
    out.done(now, now.ref, f"{given.alias} points to {now.ref} again")


def _unalias(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    if given.override and asks(given, out, f"that the rules of {given.alias} are to be overridden"):
        consent(out, f"Remove {given.alias} of {given.name}, whatever its rules say?")
    then = store.unalias(given.name, given.alias, override=given.override, reason=given.reason, key=given.key)
    out.done(then, then.ref, f"{given.alias} is removed; it pointed to {then.ref}")


def _gate(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    gates = _gates(given)
    if (gates or given.clear) and given.alias is None:
        raise InvalidInput("Rules guard one alias.", fix=f"Write mstore gate {given.name} champion ....")
    if gates and given.clear:
        raise InvalidInput("--clear takes the rules away, and gates set them.", fix="Do one of the two.")
    if given.clear:
        _clear(store, given, out)
    elif gates:
        rules = store.protect(given.name, given.alias, gates, reason=given.reason, key=given.key)
        _rules(out, {given.alias: rules})
        guard = f"rule{' guards' if len(rules) == 1 else 's guard'}"
        out.words(f"{len(rules)} {guard} {given.alias} of {given.name}")
    else:
        known = store.gates(given.name)
        asked = {alias: known[alias] for alias in known if given.alias in (None, alias)}
        _rules(out, asked)
        if not asked:
            out.words(f"no rules guard {given.alias or 'any alias'} of {given.name}")


def _clear(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    if asks(given, out, f"that the rules of {given.alias} are to go"):
        consent(out, f"Let {given.alias} of {given.name} be moved without any rules?")
    store.unprotect(given.name, given.alias, reason=given.reason, key=given.key)
    out.done({given.alias: []}, given.alias, f"no rules guard {given.alias} of {given.name} any more")


def _rules(out: Output, found: Mapping[str, Sequence[Gate]]) -> None:
    stored = {alias: [rule.data() for rule in rules if isinstance(rule, Rule)] for alias, rules in found.items()}
    out.data(stored, lambda screen: governing_render.rules(found, screen))


def _request(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    asked = store.request_approval(given.ref, given.alias, comment=given.comment, key=given.key)
    out.done(asked, asked.ref, f"{asked.ref} waits for approval for {asked.alias}")


def _approve(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    approved = store.approve(given.ref, given.alias, comment=given.comment, key=given.key)
    out.done(approved, approved.ref, str(approved))


def _reject(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    rejected = store.reject(given.ref, given.alias, comment=given.comment, key=given.key)
    out.done(rejected, rejected.ref, str(rejected))


def _approvals(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    found = store.approvals(given.name, pending=not given.all)
    out.data(found, lambda screen: governing_render.approvals(found, screen))
    if not found:
        out.words("nothing waits for approval" if not given.all else "nobody was asked for approval")


def _gates(given: argparse.Namespace) -> tuple[Gate, ...]:
    """The gates that the options stand for."""
    return (
        *(AtLeast(name, number) for name, number in arguments.numbers("--at-least", given.at_least).items()),
        *(AtMost(name, number) for name, number in arguments.numbers("--at-most", given.at_most).items()),
        *_improvements("--improves", given.improves, "max"),
        *_improvements("--reduces", given.reduces, "min"),
        *(
            HasTag(key, text if equals else None)
            for key, equals, text in (w.partition("=") for w in given.requires_tag)
        ),
        *(CheckPassed(name) for name in given.check),
        *([KeepsSignature(compatible=given.keeps_signature == "compatible")] if given.keeps_signature else ()),
        *([Proved()] if given.proved else ()),
        *([MinAge(arguments.span("--min-age", given.min_age) / timedelta(hours=1))] if given.min_age else ()),
        *_approvals_needed(given),
        *(gate_of(_document(text)) for text in given.rule),
    )


def _improvements(option: str, words: Sequence[str], direction: str) -> Iterator[Gate]:
    for word in words:
        metric, _, by = word.partition("=")
        relative = by.endswith("%")
        [(name, number)] = arguments.numbers(option, [f"{metric}={by.removesuffix('%') or 0}"]).items()
        size = number / 100 if relative else number
        yield Improves(name, size, "max" if direction == "max" else "min", relative=relative)


def _approvals_needed(given: argparse.Namespace) -> Iterator[Gate]:
    if given.approved is not None or given.approved_by or given.not_by_author:
        count = 1 if given.approved is None else given.approved
        yield Approved(count, given.approved_by, not_by_author=given.not_by_author)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"--rule {text!r} is not JSON.", value=text, fix='Write --rule \'{"rule": "proved"}\'.'
        ) from error


VERBS: Mapping[str, Do] = {
    "promote": _promote,
    "rollback": _rollback,
    "unalias": _unalias,
    "gate": _gate,
    "request": _request,
    "approve": _approve,
    "reject": _reject,
    "approvals": _approvals,
}
