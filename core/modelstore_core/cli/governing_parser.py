"""The grammar of the verbs on who may become what: promotions, the rules of aliases, approvals."""

import argparse
from typing import Protocol

__all__ = ["add_governing"]

_GRAMMAR = "REF is NAME (its newest version), NAME@3 or NAME@champion."


class Verbs(Protocol):
    """Where verbs are added."""

    def add(self, form: str, what: str, more: str, *examples: str) -> argparse.ArgumentParser:
        """A verb and its operands, its line in the list of verbs, what else is to be said, and examples."""


def add_governing(verbs: Verbs) -> None:
    """Add all of them."""
    _add_promote(verbs)
    _add_gate(verbs)
    _add_reviews(verbs)
    approvals = verbs.add(
        "approvals [NAME]",
        "list what waits for approval",
        "Who asked and who voted is what --actor said: asserted, not authenticated.",
        "",
        "risk.churn --all",
    )
    approvals.add_argument("name", metavar="NAME", nargs="?", help="the model; all of them if left out")
    approvals.add_argument("--all", action="store_true", help="answered ones too: the last round of each")


def _add_promote(verbs: Verbs) -> None:
    promote = verbs.add(
        "promote REF ALIAS",
        "point an alias to a version",
        "The alias's rules, gates and --expect are judged on what holds at that very moment; a refusal ends with\n"
        "code 4.",
        "risk.churn@3 champion --reason 'better on March'",
        "risk.churn@3 champion --expect 2",
        "risk.churn@candidate champion --at-least auc=.9 --improves auc=1% --reduces loss",
        "risk.churn@3 champion --check drift --requires-tag reviewed --approved 2",
    )
    promote.add_argument("ref", metavar="REF")
    promote.add_argument("alias", metavar="ALIAS")
    promote.add_argument("--expect", metavar="N|none", help="the number it must point to now; none: it must not exist")
    _add_gates(promote)
    promote.add_argument("--override", action="store_true", help="move it also if rules refuse; needs --reason")
    _add_why(promote)


def _add_gate(verbs: Verbs) -> None:
    gate = verbs.add(
        "gate NAME [ALIAS]",
        "show, set or clear the rules that every promotion to an alias must pass",
        "What is given replaces the rules there were; without gates, shows them.",
        "risk.churn",
        "risk.churn champion --at-least auc=.9 --improves auc --check drift --approved 2 --not-by-author",
        "risk.churn champion --clear --reason 'this product ends'",
    )
    gate.add_argument("name", metavar="NAME")
    gate.add_argument("alias", metavar="ALIAS", nargs="?")
    _add_gates(gate)
    gate.add_argument("--clear", action="store_true", help="take the rules away; needs --reason")
    _add_why(gate)


def _add_reviews(verbs: Verbs) -> None:
    request = verbs.add(
        "request REF ALIAS",
        "ask for a version's approval for an alias",
        f"Begins a round: votes before it no longer count. {_GRAMMAR}",
        "risk.churn@3 champion --comment 'better on March'",
    )
    approve = verbs.add(
        "approve REF ALIAS",
        "approve of a version's getting an alias",
        "What --approved asks for counts it. Who approves is what --actor says: asserted, not authenticated.",
        "risk.churn@3 champion --comment 'looked at the slices'",
    )
    reject = verbs.add(
        "reject REF ALIAS",
        "reject a version's getting an alias",
        "No approval counts until the same actor approves, or a new round begins.",
        "risk.churn@3 champion --comment 'not before the holidays'",
    )
    for verb in (request, approve, reject):
        verb.add_argument("ref", metavar="REF")
        verb.add_argument("alias", metavar="ALIAS")
        verb.add_argument("--comment", metavar="TEXT", default="", help="what there is to say about it")
        _add_key(verb)


def _add_gates(verb: argparse.ArgumentParser) -> None:
    gates = verb.add_argument_group("gates")
    _add_repeated(gates, "--at-least", "METRIC=NUMBER", "the version has at least this")
    _add_repeated(gates, "--at-most", "METRIC=NUMBER", "the version has at most this")
    _add_repeated(gates, "--improves", "METRIC[=BY]", "higher than the version the alias points to; BY is .01 or 1%%")
    _add_repeated(gates, "--reduces", "METRIC[=BY]", "lower than the version the alias points to; BY is .01 or 1%%")
    _add_repeated(gates, "--requires-tag", "KEY[=TEXT]", "has the tag, with this text if one is given")
    _add_repeated(gates, "--check", "NAME", "the newest outcome recorded for the check is that it passed")
    gates.add_argument(
        "--keeps-signature",
        choices=["equal", "compatible"],
        help="the signature is that of the version the alias points to, or fit to take its place",
    )
    gates.add_argument("--proved", action="store_true", help="was saved with --prove")
    gates.add_argument("--min-age", metavar="SPAN", help="was saved so long ago: 24h, 7d")
    gates.add_argument("--approved", metavar="N", type=int, help="so many actors approve, and nobody rejects")
    _add_repeated(gates, "--approved-by", "ACTOR", "only the approvals of these count")
    gates.add_argument("--not-by-author", action="store_true", help="whoever saved it cannot approve it")
    _add_repeated(gates, "--rule", "JSON", 'any gate as it is stored, {"rule": "at_least", ...}')


def _add_repeated(group: argparse._ArgumentGroup, option: str, form: str, what: str) -> None:
    group.add_argument(option, metavar=form, action="append", default=[], help=f"{what}; repeatable")


def _add_why(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--reason", metavar="TEXT", default="", help="why, for history")
    _add_key(verb)


def _add_key(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--key", metavar="KEY", help="names this piece of work: a retry with it changes nothing")
