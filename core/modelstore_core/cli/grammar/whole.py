"""The verbs on a model as a whole."""

from modelstore_core.cli.grammar.parts import KEY, NAME, REASON, Verb, operand, option, repeated, yes

__all__ = ["VERBS"]

VERBS = (
    Verb(
        form="describe NAME",
        what="show or change what is said of a model as a whole",
        more="Without options it is shown. All of it may have 4 KiB.",
        examples=(
            "risk.churn",
            "risk.churn --description 'Churn within 30 days' --owner ada@example.org --tag team=risk",
            "risk.churn --remove-tag team",
        ),
        words=(
            NAME,
            option("--description", "TEXT", "instead of the one there"),
            option("--owner", "WHO", "who answers for it; nobody's right depends on it"),
            repeated("--tag", "NAME=TEXT", "a text"),
            repeated("--remove-tag", "NAME", "takes the tag away"),
            KEY,
        ),
        methods=("describe", "model"),
    ),
    Verb(
        form="rename OLD NEW",
        what="give a model another name, with all that it has",
        more="Safe beside any reader and writer. If it is interrupted, run it again. OLD then says where the model is, "
        "for good: neither name can be given to another model.",
        examples=("churn risk.churn", "churn risk.churn --yes --reason 'one scheme for all'"),
        words=(
            operand("old", "OLD", "the model", fill="name"),
            operand("new", "NEW", "a name that no model has or had"),
            yes(),
            REASON,
        ),
        methods=("rename",),
    ),
    Verb(
        form="rm-model NAME",
        what="take a model with all its versions out of every listing",
        more="`mstore restore-model` brings it back until its files are collected. Its name and numbers stay its own.",
        examples=("risk.churn", "risk.churn --yes --reason 'replaced by risk.churn30'"),
        words=(NAME, yes(), REASON, KEY),
        methods=("delete_model",),
    ),
    Verb(
        form="restore-model NAME",
        what="bring a deleted model back, with all that is left of it",
        examples=("risk.churn",),
        words=(NAME, REASON, KEY),
        methods=("restore_model",),
    ),
)
