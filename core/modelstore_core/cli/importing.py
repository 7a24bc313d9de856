"""`mstore import`: its grammar and what it does."""

import argparse
from typing import TYPE_CHECKING

from modelstore_core.cli.exits import Exit
from modelstore_core.cli.keeping_parser import Verbs

# The parser of every command imports this module, and must answer at once.
if TYPE_CHECKING:
    from modelstore_core.cli.output import Output, Screen, Shown
    from modelstore_core.model.imported import Imported
    from modelstore_core.store.facade import ModelStore

__all__ = ["add_import", "run_import"]

_KINDS = ("modelstore", "mlflow", "files")


def add_import(verbs: Verbs) -> None:
    """Add the verb."""
    verb = verbs.add(
        "import SOURCE",
        "save what modelstore, MLflow or a folder of model files has",
        "Reads only, and unpickles nothing. Again does nothing, and goes on where an import was cut.\n"
        "Ends with code 10 if a version had to be left out.",
        "./operatorai-model-store --dry-run",
        "./mlruns --prefix legacy.",
        "mlflow.db --artifacts /data/mlartifacts --json",
        "./pickles --kind files",
    )
    verb.add_argument("source", metavar="SOURCE", help="a folder, mlflow.db, or the URL of a bucket")
    verb.add_argument("--kind", choices=_KINDS, help="what it is; found out if left out")
    verb.add_argument("--prefix", metavar="TEXT", default="", help="what the names of all models begin with")
    verb.add_argument("--artifacts", metavar="PLACE", help="where MLflow's artifacts lie, if not beside the source")
    verb.add_argument("--dry-run", action="store_true", help="look at everything, and save nothing")
    verb.add_argument(
        "--source-option",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="of the source's storage, as --option is of this one; repeatable",
    )


def run_import(store: "ModelStore", given: argparse.Namespace, out: "Output") -> Exit | None:
    """Carry it out."""
    from modelstore_core.cli import arguments

    done = store.import_from(
        given.source,
        kind=given.kind,
        prefix=given.prefix,
        artifacts=given.artifacts,
        dry_run=given.dry_run,
        **arguments.options(given.source_option, "--source-option"),
    )
    out.data(done, lambda screen: _shown(done, screen))
    for one in done.not_kept:
        out.words(f"{one.origin or done.source}: {one.what}: {one.why}")
    out.words(done.summary())
    return None if done.ok else Exit.UNSOUND


def _shown(done: "Imported", screen: "Screen") -> "Shown":
    from modelstore_core.cli.output import Shown
    from modelstore_core.model.tables import fitting, text_table

    rows = done.versions.rows()
    columns = [name for name in done.versions.columns() if any(row[name] not in ("", None) for row in rows)]
    kept = columns if screen.width is None else fitting(rows, columns, screen.width)
    text = text_table(rows, columns, screen.width, longest=None)
    return Shown(text=text, left_out=tuple(name for name in columns if name not in kept))
