"""The verbs on who may become what: promotions, the rules of aliases, approvals."""

from modelstore_core.cli.grammar.parts import (
    ALIAS,
    KEY,
    NAME,
    OVERRIDE,
    REASON,
    REF,
    SOME_NAME,
    Verb,
    flag,
    operand,
    option,
    repeated,
    yes,
)

__all__ = ["VERBS"]

_G = "gates"
_GATES = (
    repeated("--at-least", "METRIC=NUMBER", "the version has at least this", group=_G),
    repeated("--at-most", "METRIC=NUMBER", "the version has at most this", group=_G),
    repeated("--improves", "METRIC[=BY]", "higher than the version the alias points to; BY is .01 or 1%%", group=_G),
    repeated("--reduces", "METRIC[=BY]", "lower than the version the alias points to; BY is .01 or 1%%", group=_G),
    repeated("--requires-tag", "KEY[=TEXT]", "has the tag, with this text if one is given", group=_G),
    repeated("--check", "NAME", "the newest outcome recorded for the check is that it passed", group=_G),
    option(
        "--keeps-signature",
        "equal|compatible",
        "the signature is that of the version the alias points to, or fit to take its place",
        choices=("equal", "compatible"),
        group=_G,
    ),
    flag("--proved", "was saved with --prove", group=_G),
    option("--min-age", "SPAN", "was saved so long ago: 24h, 7d", group=_G),
    option("--approved", "N", "so many actors approve, and nobody rejects", type=int, group=_G),
    repeated("--approved-by", "ACTOR", "only the approvals of these count", group=_G),
    flag("--not-by-author", "whoever saved it cannot approve it", group=_G),
    repeated("--rule", "JSON", 'any gate as it is stored, {"rule": "at_least", ...}', group=_G),
)
_REVIEW = (REF, ALIAS, option("--comment", "TEXT", "what there is to say about it", default=""), KEY)

VERBS = (
    Verb(
        form="promote REF ALIAS",
        what="point an alias to a version",
        more="The alias's rules, gates and --expect are judged on what holds at that very moment; a refusal ends with "
        "code 4.",
        examples=(
            "risk.churn@3 champion --reason 'better on March'",
            "risk.churn@3 champion --expect 2",
            "risk.churn@candidate champion --at-least auc=.9 --improves auc=1% --reduces loss",
            "risk.churn@3 champion --check drift --requires-tag reviewed --approved 2",
        ),
        words=(
            REF,
            ALIAS,
            option("--expect", "N|none", "the number it must point to now; none: it must not exist"),
            *_GATES,
            OVERRIDE,
            yes(" about --override"),
            REASON,
            KEY,
        ),
        methods=("promote",),
    ),
    Verb(
        form="rollback NAME ALIAS",
        what="point an alias to what it was before its last promotion",
        more="Again goes one step further back.",
        examples=(
            "risk.churn champion --reason 'alerts since noon'",
            "risk.churn champion --steps 2",
        ),
        words=(
            NAME,
            ALIAS,
            option("--steps", "N", "so many promotions back, in one commit", type=int, default=1),
            REASON,
            KEY,
        ),
        methods=("rollback",),
    ),
    Verb(
        form="unalias NAME ALIAS",
        what="remove an alias",
        examples=("risk.churn shadow",),
        words=(NAME, ALIAS, OVERRIDE, yes(" about --override"), REASON, KEY),
        methods=("unalias",),
    ),
    Verb(
        form="gate NAME [ALIAS]",
        what="show, set or clear the rules for every promotion to an alias",
        more="What is given replaces the rules there were; without gates, shows them.",
        examples=(
            "risk.churn",
            "risk.churn champion --at-least auc=.9 --improves auc --check drift --approved 2 --not-by-author",
            "risk.churn champion --clear --reason 'this product ends'",
        ),
        words=(
            NAME,
            operand("alias", "ALIAS", "the rules of this one; shows those of all if left out", fill="alias", nargs="?"),
            *_GATES,
            flag("--clear", "take the rules away; needs --reason"),
            yes(" about --clear"),
            REASON,
            KEY,
        ),
        methods=("gates", "protect", "unprotect"),
    ),
    Verb(
        form="request REF ALIAS",
        what="ask for a version's approval for an alias",
        more="Begins a round: votes before it no longer count.",
        examples=("risk.churn@3 champion --comment 'better on March'",),
        words=_REVIEW,
        methods=("request_approval",),
    ),
    Verb(
        form="approve REF ALIAS",
        what="approve of a version's getting an alias",
        more="What --approved asks for counts it. Who approves is what --actor says: asserted, not authenticated.",
        examples=("risk.churn@3 champion --comment 'looked at the slices'",),
        words=_REVIEW,
        methods=("approve",),
    ),
    Verb(
        form="reject REF ALIAS",
        what="reject a version's getting an alias",
        more="No approval counts until the same actor approves, or a new round begins.",
        examples=("risk.churn@3 champion --comment 'not before the holidays'",),
        words=_REVIEW,
        methods=("reject",),
    ),
    Verb(
        form="approvals [NAME]",
        what="list what waits for approval",
        more="Who asked and who voted is what --actor said: asserted, not authenticated.",
        examples=("", "risk.churn --all"),
        words=(SOME_NAME, flag("--all", "answered ones too: the last round of each")),
        methods=("approvals",),
    ),
)
