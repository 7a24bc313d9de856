"""From the words after `mstore` to a command. Only the parser of the verb asked for is built."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from modelstore_core.cli.exits import MEANING
from modelstore_core.cli.grammar.parts import COMMON, Verb, Word
from modelstore_core.cli.grammar.tables import overview, spoken, verb_named
from modelstore_core.errors import InvalidInput
from modelstore_core.version import __version__

__all__ = ["build", "parse", "parser_of"]

_HELP = """\
`mstore VERB --help` shows the options of a verb, with examples of it.

examples:
  mstore --store ./models ls
  mstore save risk.churn model.pkl --metric auc=.93 --alias candidate
  mstore promote risk.churn@candidate champion --at-least auc=.9 --improves auc
  mstore ls risk.churn --order-by "metrics.auc DESC" --limit 10
  mstore show risk.churn@champion --at 2026-03-03

environment:
  MODELSTORE_URL    the store, unless --store names one
  MODELSTORE_ACTOR  who writes, unless --actor says so
  MODELSTORE_DEBUG  1 shows the traceback of an error
  NO_COLOR          1 switches colours off
  FORCE_COLOR       1 switches them on in a pipe too; so does CLICOLOR_FORCE
"""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command that the words stand for; what `COMMON` has is always there.

    Raises:
        InvalidInput: They are no command.
        SystemExit: They ask for help or for the version, which has been printed.
    """
    given = build().parse_args(words)
    name, *rest = given.verb
    verb = verb_named(name)
    if verb is None:
        raise _unknown(name)
    before = given.option
    given.option = []
    # What is not given after the verb must not hide what was given before it; a list adds to it.
    arguments = parser_of(verb).parse_args(rest, given)
    arguments.verb = verb.name
    arguments.option = [*before, *arguments.option]
    return arguments


def build() -> argparse.ArgumentParser:
    """The parser of what stands before the verb; the verb and all that follows are left to the verb's own."""
    codes = "".join(f"  {code.value:<5}{text}\n" for code, text in MEANING.items())
    parser = _Parser(
        prog="mstore",
        usage="mstore [options] VERB ...",
        description=f"Versioned models in a folder or a bucket, with no server.\n\n{overview()}",
        epilog=f"{_HELP}\nexit codes:\n{codes}",
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("verb", nargs=argparse.PARSER, metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"mstore {__version__}", help="print it and exit")
    group = parser.add_argument_group("options of every verb, before or after it")
    for word in COMMON:
        _add(group, word)
    return parser


def parser_of(verb: Verb) -> argparse.ArgumentParser:
    """The parser of what follows a verb; of the options of every verb, those that are not given leave no trace."""
    operands = verb.form.partition(" ")[2]
    common = ", ".join(word.names[0] for word in COMMON)
    shown = "".join(f"  mstore {verb.name} {example}".rstrip() + "\n" for example in verb.examples)
    parser = _Parser(
        prog=f"mstore {verb.name}",
        usage=f"mstore {verb.name} [options] {operands}".rstrip(),
        description=f"{verb.what[:1].upper()}{verb.what[1:]}.\n{verb.more}".rstrip(),
        epilog=f"options of every verb (`mstore --help` explains them):\n  {common}\n\nexamples:\n{shown}",
        formatter_class=_Help,
        allow_abbrev=False,  # so that a new option breaks no script
        add_help=False,
    )
    titles = dict.fromkeys(["operands", "options", *(word.group for word in verb.words)])
    titled = {title: parser.add_argument_group(title) for title in titles}
    titled["options"].add_argument("-h", "--help", action="help", help="show this help message and exit")
    marks = {word.either for word in verb.words if word.either}
    apart = {mark: titled["options"].add_mutually_exclusive_group() for mark in marks}
    for word in verb.words:
        _add(apart.get(word.either) or titled[word.group], word)
    for word in COMMON:
        _add(parser, word, help=argparse.SUPPRESS, **({} if "default" in word.more else {"default": argparse.SUPPRESS}))
    return parser


class _Help(argparse.RawDescriptionHelpFormatter):
    """Wraps prose, leaves lines alone that begin with a blank, and gives the longer options a line of their own."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap  # argparse has it by now

        lines = (
            line if line[:1] == " " else textwrap.fill(line, width, break_on_hyphens=False)
            for line in text.splitlines()
        )
        return "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)


class _Parser(argparse.ArgumentParser):
    """A parser for which wrong usage is an error like any other."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}.", fix=f"See `{self.prog} --help`.")


def _add(parser: "argparse._ActionsContainer", word: Word, **instead: object) -> None:
    parser.add_argument(*word.names, **{**word.more, **instead})  # type: ignore[arg-type] # as the table has them


def _unknown(name: str) -> InvalidInput:
    """Who knows the Python API, or mistypes, is told the verb that was meant."""
    verbs = spoken()
    twin = next((verb.name for verb in verbs.values() if name.replace("-", "_") in verb.methods), None)
    if twin is None:
        from difflib import get_close_matches  # for those few who need it

        twin = next(iter(get_close_matches(name, verbs, n=1)), None)
    meant = "" if twin is None else f"Did you mean {twin}? "
    return InvalidInput(f"There is no verb {name!r}.", value=name, fix=f"{meant}See `mstore --help`.")
