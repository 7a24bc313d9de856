"""The verbs between this store and elsewhere."""

from modelstore_core.cli.grammar.parts import REF, Verb, flag, operand, option, repeated

__all__ = ["VERBS"]

VERBS = (
    Verb(
        form="import SOURCE",
        what="save what modelstore, MLflow or a folder of model files has",
        more="Reads only, and unpickles nothing. Again does nothing, and goes on where an import was cut. "
        "Ends with code 10 if a version had to be left out.",
        examples=(
            "./operatorai-model-store --dry-run",
            "./mlruns --prefix legacy.",
            "mlflow.db --artifacts /data/mlartifacts --json",
            "./pickles --kind files",
        ),
        words=(
            operand("source", "SOURCE", "a folder, mlflow.db, or the URL of a bucket", fill="file"),
            option(
                "--kind",
                "KIND",
                "what it is: modelstore, mlflow or files; found out if left out",
                choices=("modelstore", "mlflow", "files"),
            ),
            option("--prefix", "TEXT", "what the names of all models begin with", default=""),
            option("--artifacts", "PLACE", "where MLflow's artifacts lie, if not beside the source", fill="file"),
            flag("--dry-run", "look at everything, and save nothing"),
            repeated("--source-option", "KEY=VALUE", "of the source's storage, as --option is of this one"),
        ),
        methods=("import_from",),
    ),
    Verb(
        form="copy REF TO",
        what="publish a copy of a version in another store",
        more="Its files are held to their record on the way. Again makes no second copy; aliases do not come along.",
        examples=(
            "risk.churn@champion s3://prod/models --alias candidate",
            "risk.churn@3 . --store s3://prod/models --name risk.churn.investigated",
        ),
        words=(
            REF,
            operand("to", "TO", "the other store, as --store names one", fill="store"),
            option("--name", "NAME", "the model it becomes a version of; the same if left out"),
            repeated("--alias", "ALIAS", "points to the copy from its first moment"),
            repeated("--to-option", "KEY=VALUE", "of the other storage, as --option is of this one"),
            option("--key", "KEY", "names this piece of work; made of the original if left out"),
        ),
        methods=("copy",),
    ),
)
