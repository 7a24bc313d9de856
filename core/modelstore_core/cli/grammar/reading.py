"""The verbs that read: nothing of what they do changes a store."""

from modelstore_core.cli.grammar.parts import (
    AT,
    GRAMMAR,
    LIMIT,
    NAME,
    ORDER_BY,
    REF,
    Verb,
    flag,
    operand,
    option,
    repeated,
)

__all__ = ["VERBS"]

_WHERE = option("--where", "QUERY", "only those of which this holds")

VERBS = (
    Verb(
        form="ls [NAME]",
        what="list all models, or the versions of one",
        more="Models come by name, versions newest first.",
        examples=(
            "",
            "risk.churn --limit 10",
            'risk.churn --where "metrics.auc > .9" --order-by "metrics.auc DESC, number"',
            "--where \"alias = 'champion'\"",
            "risk.churn --at 2026-03-03",
        ),
        words=(
            operand("name", "NAME", "the model whose versions to list", fill="name", nargs="?"),
            _WHERE,
            ORDER_BY,
            LIMIT,
            flag("--all", "deleted models; deleted and superseded versions too"),
            AT,
        ),
        methods=("models", "versions"),
    ),
    Verb(
        form="search [QUERY]",
        what="list the versions of all models of which something holds",
        more="They come by name, and newest first in each, a page at a time.",
        examples=(
            "\"metrics.auc > .9 AND tags.team = 'risk'\"",
            "\"name LIKE 'risk.%' AND alias = 'champion'\" --order-by \"metrics.auc DESC\" --limit 10",
            "\"created_at > '2026-03-01'\" --json",
        ),
        words=(
            operand("where", "QUERY", "what must hold; all versions if left out", nargs="?"),
            ORDER_BY,
            option("--limit", "N", "at most so many; 100 if left out", type=int, default=100),
            option("--page-token", "TOKEN", "what the page before said comes next"),
            flag("--all", "deleted and superseded versions too"),
        ),
        methods=("search",),
    ),
    Verb(
        form="best NAME FIELD",
        what="show the version with the best number in a field",
        more="The largest one, unless --min is given; of equal ones the newest.",
        examples=("risk.churn metrics.auc", "risk.churn metrics.loss --min --where \"tags.team = 'risk'\""),
        words=(
            NAME,
            operand("field", "FIELD", "such as metrics.auc, or size", fill="field"),
            flag("--max", "the largest, which is what happens without it too", either="direction"),
            flag("--min", "the smallest", either="direction"),
            option("--where", "QUERY", "only among those of which this holds"),
            AT,
        ),
        methods=("best",),
    ),
    Verb(
        form="show REF",
        what="show all that is recorded of a version",
        examples=("risk.churn@3", "risk.churn --json", "risk.churn@champion --at 1d"),
        words=(REF, AT),
        methods=("get",),
    ),
    Verb(
        form="inspect REF",
        what="scan the files of a version without loading any of them",
        more="Says what they are, what a load would be refused for, and what is other here.",
        examples=("risk.churn@3", "risk.churn --trust mypackage.models.Blend --json"),
        words=(
            REF,
            repeated("--trust", "LEVEL|NAME", "safe, listed (if left out), full, or an exact name to allow"),
            AT,
        ),
        methods=("inspect",),
    ),
    Verb(
        form="pull REF DEST",
        what="copy the files of a version into a new folder",
        more="Every byte is checked; DEST appears whole or not at all.",
        examples=("risk.churn@champion ./model", "risk.churn@champion ./yesterday --at 1d"),
        words=(REF, operand("dest", "DEST", "a folder that does not exist, or is empty", fill="file"), AT),
        methods=("pull",),
    ),
    Verb(
        form="history NAME",
        what="list what happened to a model, newest first",
        examples=("risk.churn --limit 20", "risk.churn --at 2026-03-03"),
        words=(NAME, LIMIT, AT),
        methods=("history",),
    ),
    Verb(
        form="diff REF REF [REF...]",
        what="compare versions",
        more="Only what differs is shown; changes are against the first.",
        examples=("risk.churn@2 risk.churn@3", "risk.churn@champion risk.churn@candidate risk.churn"),
        words=(
            operand("left", "REF", "what the others are compared with", fill="ref"),
            operand("right", "REF", GRAMMAR, fill="ref"),
            operand("more", "REF", "more of them", fill="ref", nargs="*"),
            AT,
        ),
        methods=("compare",),
    ),
    Verb(
        form="changes",
        what="list what happened to any model since a cursor",
        more="Every change comes in this answer or in a later one; one that comes twice has the same id.",
        examples=("--json", "--cursor eyJyaXNrLmNodXJuIjpbXX0=", "--cursor-file ~/.cache/models.cursor --json"),
        words=(
            option("--cursor", "C", "the cursor of an earlier answer; all changes if left out", either="since"),
            option(
                "--cursor-file",
                "FILE",
                "take the cursor from here, if it exists, and put the new one here",
                fill="file",
                either="since",
            ),
        ),
        methods=("changes",),
    ),
)
