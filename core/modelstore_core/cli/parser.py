"""The grammar of `mstore`: its verbs, their options, and the help that shows each by example."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from modelstore_core.cli.exits import MEANING
from modelstore_core.cli.governing_parser import add_governing
from modelstore_core.cli.importing import add_import
from modelstore_core.cli.keeping_parser import add_keeping
from modelstore_core.cli.searching import add_searching
from modelstore_core.cli.whole import add_whole
from modelstore_core.errors import InvalidInput
from modelstore_core.version import __version__

__all__ = ["build", "parse"]

_GRAMMAR = "REF is NAME (its newest version), NAME@3 or NAME@champion."
_HELP = """\
examples:
  mstore --store ./models ls
  mstore save risk.churn model.pkl --metric auc=.93 --alias candidate
  mstore promote risk.churn@candidate champion --at-least auc=.9 --improves auc
  mstore ls risk.churn --order-by "metrics.auc DESC" --limit 10
  mstore show risk.churn@champion --json

environment:
  MODELSTORE_URL    the store, unless --store names one
  MODELSTORE_ACTOR  who writes, unless --actor says so
  MODELSTORE_DEBUG  1 shows the traceback of an error
  NO_COLOR          1 switches colours off
"""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command that the words stand for; `store`, `actor`, `options` and `single_writer` are always there.

    Raises:
        InvalidInput: They are no command.
        SystemExit: They ask for help or for the version, which has been printed.
    """
    arguments = build().parse_args(words)
    arguments.options = [*(arguments.options or []), *getattr(arguments, "more_options", [])]
    return arguments


def build() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    codes = "".join(f"  {code.value:<4}{text}\n" for code, text in MEANING.items())
    parser = _Parser(
        prog="mstore",
        usage="mstore [options] VERB ...",
        description="Versioned models in a folder or a bucket, with no server.",
        epilog=f"{_GRAMMAR}\n\n{_HELP}\nexit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mstore {__version__}", help="print it and exit")
    verbs = _Verbs(parser)
    _add_common(parser, "options")
    add_searching(verbs)
    _add_reading(verbs)
    _add_save(verbs)
    add_governing(verbs)
    _add_aliases(verbs)
    _add_annotate(verbs)
    _add_deletion(verbs)
    add_whole(verbs)
    add_keeping(verbs)
    add_import(verbs)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser for which wrong usage is an error like any other."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}.", fix=f"See `{self.prog} --help`.")


class _Verbs:
    """The verbs of a parser, all of which take the common options too."""

    def __init__(self, parser: _Parser) -> None:
        self._verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True, prog="mstore")
        # What is not given after the verb must not hide what was given before it; a list would, under the same name.
        self._common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
        _add_common(self._common, "more_options")

    def add(self, form: str, what: str, more: str, *examples: str) -> argparse.ArgumentParser:
        """A verb and its operands, the line that the list of verbs has, what else is to be said, and examples."""
        name, _, operands = form.partition(" ")
        shown = "".join(f"  mstore {name} {example}".rstrip() + "\n" for example in examples)
        return self._verbs.add_parser(
            name,
            help=what,
            usage=f"mstore {name} [options] {operands}".rstrip(),
            description=f"{what[:1].upper()}{what[1:]}.\n{more}".rstrip(),
            epilog=f"examples:\n{shown}",
            parents=[self._common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # so that a new option breaks no script
        )


def _add_common(parser: argparse.ArgumentParser, options: str) -> None:
    group = parser.add_argument_group("options of every verb, before or after it")
    group.add_argument(
        "--store", metavar="URL", help="./models, s3://bucket/prefix; else MODELSTORE_URL, else pyproject.toml"
    )
    group.add_argument(
        "--option",
        metavar="KEY=VALUE",
        dest=options,
        action="append",
        help="of the storage, repeatable; for S3 endpoint, region, profile, role, sse, kms_key, path_style=true etc.",
    )
    group.add_argument("--actor", metavar="WHO", help="who writes, as history shows it")
    group.add_argument("--json", action="store_true", help="one JSON document on stdout, errors as JSON on stderr")
    group.add_argument(
        "--single-writer",
        action="store_true",
        help="write although the storage cannot create-if-absent: only if nobody else ever writes",
    )


def _add_reading(verbs: _Verbs) -> None:
    show = verbs.add(
        "show REF", "show all that is recorded of a version", _GRAMMAR, "risk.churn@3", "risk.churn --json"
    )
    show.add_argument("ref", metavar="REF")
    inspect = verbs.add(
        "inspect REF",
        "scan the files of a version without loading any of them",
        f"Says what they are, what a load would be refused for, and what is other here. {_GRAMMAR}",
        "risk.churn@3",
        "risk.churn --trust mypackage.models.Blend --json",
    )
    inspect.add_argument("ref", metavar="REF")
    _add_repeated(inspect, "--trust", "LEVEL|NAME", "safe, listed (if left out), full, or an exact name to allow")
    pull = verbs.add(
        "pull REF DEST",
        "copy the files of a version into a new folder",
        "Every byte is checked; DEST appears whole or not at all.",
        "risk.churn@champion ./model",
    )
    pull.add_argument("ref", metavar="REF")
    pull.add_argument("dest", metavar="DEST", help="a folder that does not exist, or is empty")
    history = verbs.add("history NAME", "list what happened to a model, newest first", "", "risk.churn --limit 20")
    history.add_argument("name", metavar="NAME")
    history.add_argument("--limit", metavar="N", type=int, help="at most so many events")
    diff = verbs.add(
        "diff REF REF [REF...]",
        "compare versions",
        "Only what differs is shown; changes are against the first.",
        "risk.churn@2 risk.churn@3",
        "risk.churn@champion risk.churn@candidate risk.churn",
    )
    diff.add_argument("left", metavar="REF")
    diff.add_argument("right", metavar="REF")
    diff.add_argument("more", metavar="REF", nargs="*")
    _add_changes(verbs)


def _add_changes(verbs: _Verbs) -> None:
    changes = verbs.add(
        "changes",
        "list what happened to any model since a cursor",
        "Every change comes in this answer or in a later one; one that comes twice has the same id.",
        "--json",
        "--cursor eyJyaXNrLmNodXJuIjpbXX0=",
        "--cursor-file ~/.cache/models.cursor --json",
    )
    since = changes.add_mutually_exclusive_group()
    since.add_argument("--cursor", metavar="C", help="the cursor of an earlier answer; all changes if left out")
    since.add_argument(
        "--cursor-file", metavar="FILE", help="take the cursor from here, if it exists, and put the new one here"
    )


def _add_save(verbs: _Verbs) -> None:
    save = verbs.add(
        "save NAME PATH",
        "publish a file or folder as the next version of a model",
        "It is taken as it is, and appears whole or not at all.",
        "risk.churn model.pkl --metric auc=.93 --param C=0.1 --tag team=risk",
        "risk.churn ./mlflow-model --alias candidate --lineage run=$RUN_ID",
        "risk.churn model.onnx --key $RUN_ID/train --attempt 2",
    )
    save.add_argument("name", metavar="NAME")
    save.add_argument("path", metavar="PATH", help="a file, or a folder with all its files")
    _add_repeated(save, "--metric", "NAME=NUMBER", "a number")
    _add_repeated(save, "--param", "NAME=VALUE", "as JSON if it is JSON (0.1, true, [1,2]), else as text")
    _add_repeated(save, "--tag", "NAME=TEXT", "a text")
    _add_repeated(save, "--lineage", "NAME=TEXT", "where it comes from: run ids, data versions")
    _add_repeated(save, "--alias", "ALIAS", "points to the version from its first moment")
    save.add_argument("--description", metavar="TEXT", default="", help="a sentence")
    save.add_argument("--prove", action="store_true", help="first read it back from the store, in a clean process")
    _add_key(save)
    save.add_argument("--attempt", metavar="N", type=int, default=0, help="which attempt at this key it is, from 0")


def _add_aliases(verbs: _Verbs) -> None:
    rollback = verbs.add(
        "rollback NAME ALIAS",
        "point an alias to what it was before its last promotion",
        "Again goes one step further back.",
        "risk.churn champion --reason 'alerts since noon'",
    )
    unalias = verbs.add("unalias NAME ALIAS", "remove an alias", "", "risk.churn shadow")
    unalias.add_argument("--override", action="store_true", help="also if rules guard it; needs --reason")
    for verb in (rollback, unalias):
        verb.add_argument("name", metavar="NAME")
        verb.add_argument("alias", metavar="ALIAS")
        _add_why(verb)


def _add_annotate(verbs: _Verbs) -> None:
    annotate = verbs.add(
        "annotate REF",
        "add to or change what is said of a version",
        "",
        "risk.churn@3 --metric auc_may=.91 --tag reviewed=ada",
        "risk.churn@3 --description 'Trained on March' --remove-tag draft",
        "risk.churn@3 --passed schema --failed drift='3 sigma since May'",
    )
    annotate.add_argument("ref", metavar="REF")
    _add_repeated(annotate, "--metric", "NAME=NUMBER", "a number")
    _add_repeated(annotate, "--tag", "NAME=TEXT", "a text")
    annotate.add_argument("--description", metavar="TEXT", help="instead of the one there")
    _add_repeated(annotate, "--passed", "CHECK[=TEXT]", "records that the version passed the check, and what to say")
    _add_repeated(annotate, "--failed", "CHECK[=TEXT]", "records that it failed")
    _add_repeated(annotate, "--remove-metric", "NAME", "takes the metric away")
    _add_repeated(annotate, "--remove-tag", "NAME", "takes the tag away")
    _add_key(annotate)


def _add_deletion(verbs: _Verbs) -> None:
    rm = verbs.add(
        "rm REF",
        "take a version out of every listing",
        "Its files stay until they are collected, and its number is never used again.",
        "risk.churn@2",
        "risk.churn@2 --yes --reason 'trained on leaked labels'",
    )
    rm.add_argument("ref", metavar="REF", help="NAME@3 or NAME@alias: a name alone is not enough here")
    rm.add_argument("--force", action="store_true", help="also if aliases point to it: they go too")
    rm.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
    _add_why(rm)
    restore = verbs.add("restore REF", "bring a deleted version back", "", "risk.churn@2")
    restore.add_argument("ref", metavar="REF")
    _add_why(restore)


def _add_why(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--reason", metavar="TEXT", default="", help="why, for history")
    _add_key(verb)


def _add_key(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--key", metavar="KEY", help="names this piece of work: a retry with it changes nothing")


def _add_repeated(verb: argparse.ArgumentParser, option: str, form: str, what: str) -> None:
    verb.add_argument(option, metavar=form, action="append", default=[], help=f"{what}; repeatable")
