"""The verbs that write versions, and take back what was written."""

from modelstore_core.cli.grammar.parts import KEY, NAME, REASON, REF, Verb, flag, operand, option, repeated, yes

__all__ = ["VERBS"]

_METRIC = repeated("--metric", "NAME=NUMBER", "a number")
_TAG = repeated("--tag", "NAME=TEXT", "a text")

VERBS = (
    Verb(
        form="save NAME PATH",
        what="publish a file or folder as the next version of a model",
        more="It is taken as it is, and appears whole or not at all.",
        examples=(
            "risk.churn model.pkl --metric auc=.93 --param C=0.1 --tag team=risk",
            "risk.churn ./mlflow-model --alias candidate --lineage run=$RUN_ID",
            "risk.churn model.onnx --key $RUN_ID/train --attempt 2",
        ),
        words=(
            NAME,
            operand("path", "PATH", "a file, or a folder with all its files", fill="file"),
            _METRIC,
            repeated("--param", "NAME=VALUE", "as JSON if it is JSON (0.1, true, [1,2]), else as text"),
            _TAG,
            repeated("--lineage", "NAME=TEXT", "where it comes from: run ids, data versions"),
            repeated("--alias", "ALIAS", "points to the version from its first moment", fill="alias"),
            option("--description", "TEXT", "a sentence", default=""),
            flag("--prove", "first read it back from the store, in a clean process"),
            KEY,
            option("--attempt", "N", "which attempt at this key it is, from 0", type=int, default=0),
        ),
        methods=("save",),
    ),
    Verb(
        form="annotate REF",
        what="add to or change what is said of a version",
        examples=(
            "risk.churn@3 --metric auc_may=.91 --tag reviewed=ada",
            "risk.churn@3 --description 'Trained on March' --remove-tag draft",
            "risk.churn@3 --passed schema --failed drift='3 sigma since May'",
        ),
        words=(
            REF,
            _METRIC,
            _TAG,
            option("--description", "TEXT", "instead of the one there"),
            repeated("--passed", "CHECK[=TEXT]", "records that the version passed the check, and what to say"),
            repeated("--failed", "CHECK[=TEXT]", "records that it failed"),
            repeated("--remove-metric", "NAME", "takes the metric away"),
            repeated("--remove-tag", "NAME", "takes the tag away"),
            KEY,
        ),
        methods=("annotate",),
    ),
    Verb(
        form="rm REF",
        what="take a version out of every listing",
        more="Its files stay until they are collected, and its number is never used again.",
        examples=("risk.churn@2", "risk.churn@2 --yes --reason 'trained on leaked labels'"),
        words=(
            operand("ref", "REF", "NAME@3 or NAME@alias: a name alone is not enough here", fill="ref"),
            flag("--force", "also if aliases point to it: they go too"),
            yes(),
            REASON,
            KEY,
        ),
        methods=("delete",),
    ),
    Verb(
        form="restore REF",
        what="bring a deleted version back",
        examples=("risk.churn@2",),
        words=(REF, REASON, KEY),
        methods=("restore",),
    ),
    Verb(
        form="undo NAME",
        what="take back the newest change of a model, whatever it was",
        more="A promotion, an annotation, a deletion, a save, rules. Undoing an undo does it again; to go several "
        "promotions back, use rollback --steps.",
        examples=("risk.churn", "risk.churn --seq 12 --yes --reason 'the wrong version'"),
        words=(
            NAME,
            option("--seq", "N", "only if the newest change is this one, as history shows it", type=int),
            yes(),
            REASON,
            KEY,
        ),
        methods=("undo",),
    ),
)
