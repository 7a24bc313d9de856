"""Help and reference: every verb, option and exit code is explained, and every example is a command."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core.cli import verbs
from modelstore_core.cli.exits import Exit
from modelstore_core.cli.parser import build, parse

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each verb."""
    actions = (action for action in build()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(actions).choices)


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser, without those that all have."""
    return {option for action in parser._actions for option in action.option_strings if option not in ("-h", "--help")}


def examples() -> Iterator[str]:
    for parser in (build(), *parsers().values()):
        assert parser.epilog is not None
        yield from (line.strip() for line in parser.epilog.splitlines() if line.startswith("  mstore "))


def sections() -> dict[str, str]:
    """The reference's sections by heading."""
    parts = REFERENCE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


@pytest.mark.parametrize("example", list(examples()))
def test_every_example_is_a_command(example: str) -> None:
    assert parse(shlex.split(example)[1:]).verb in parsers()


@pytest.mark.parametrize("verb", parsers())
def test_every_verb_has_help_with_an_example(mstore: Run, verb: str) -> None:
    done = mstore(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: mstore {verb} [options]")
    assert f"\nexamples:\n  mstore {verb}" in done.out
    assert done.out.isascii()  # any terminal can show it


def test_the_help_has_all_verbs_and_exit_codes(mstore: Run) -> None:
    shown = mstore("--help").out
    assert shown.isascii()
    assert all(f"\n    {verb} " in shown for verb in parsers())
    assert all(f"\n  {code.value:<4}" in shown for code in Exit)


def test_version(mstore: Run) -> None:
    assert mstore("--version").out == "mstore 0.1.0\n"


def test_every_verb_that_parses_is_carried_out() -> None:
    assert set(parsers()) == set(verbs._VERBS)


@pytest.mark.parametrize("verb", parsers())
def test_the_reference_has_every_option_of_a_verb_in_its_section(verb: str) -> None:
    parser = parsers()[verb]
    own = options(parser) - options(build())
    section = sections()[f"mstore {verb}"]
    assert [option for option in own if f"`{option}" not in section] == []
    assert parser.format_usage().split("[options]")[-1].strip() in section


def test_the_reference_has_the_options_of_all_verbs() -> None:
    section = sections()["Options of every verb"]
    assert [option for option in options(build()) if f"`{option}" not in section] == []


def test_the_reference_has_every_exit_code() -> None:
    section = sections()["Exit codes"]
    assert [code.value for code in Exit if f"\n| {code.value} | " not in section] == []


def test_the_reference_has_every_variable_of_the_environment() -> None:
    epilog = build().epilog or ""
    names = {line.split()[0] for line in epilog.partition("environment:\n")[2].partition("\n\n")[0].splitlines()}
    assert {name for name in names if f"`{name}`" not in sections()["Environment"]} == set()
    assert "MODELSTORE_URL" in names
