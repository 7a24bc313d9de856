"""Help and reference: every verb, option and exit code is explained, and every example is a command."""

import argparse
import inspect
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from tests.cli.commands import Run

from modelstore_core import ModelStore
from modelstore_core.cli.exits import Exit
from modelstore_core.cli.grammar.parts import COMMON, Verb
from modelstore_core.cli.grammar.tables import GROUPS, spoken
from modelstore_core.cli.parser import build, parse, parser_of

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
VERBS = {verb.name: verb for _, verbs in GROUPS.values() for verb in verbs}
ASKED_FOR = (
    "ls|show|save|pull|promote|rollback|history|diff|search|gate|approve|rm|restore|gc|verify|doctor|copy|import"
    "|inspect"
)
NO_VERBS = {
    "at": "the option --at of the verbs that read",
    "load": "a shell has no objects: pull brings the files",
    "over": "a store over a storage of one's own is made in Python",
    "storage": "the bytes below are for tools in Python",
    "url": "verbs say it where it matters",
}


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser, without those that all have."""
    return {option for action in parser._actions for option in action.option_strings if option not in ("-h", "--help")}


def own(verb: Verb) -> list[str]:
    """The options that only this verb has, or that it explains itself."""
    return [word.names[0] for word in verb.words if word.is_option]


def examples() -> Iterator[str]:
    for parser in (build(), *map(parser_of, VERBS.values())):
        assert parser.epilog is not None
        yield from (line.strip() for line in parser.epilog.splitlines() if line.startswith("  mstore "))


def sections() -> dict[str, str]:
    """The reference's sections by heading."""
    parts = REFERENCE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


@pytest.mark.parametrize("example", list(examples()))
def test_every_example_is_a_command(example: str) -> None:
    assert parse(shlex.split(example)[1:]).verb in VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(mstore: Run, verb: str) -> None:
    done = mstore(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: mstore {verb} [options]")
    assert f"\nexamples:\n  mstore {verb}" in done.out
    assert done.out.isascii()  # any terminal can show it


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_eighty_columns_but_for_examples_that_are_longer(mstore: Run, verb: str) -> None:
    shown = mstore(*([verb] if verb else []), "--help").out
    assert [line for line in shown.splitlines() if len(line) > 80 and not line.startswith("  mstore ")] == []


def test_the_help_has_all_verbs_under_headings_and_all_exit_codes(mstore: Run) -> None:
    shown = mstore("--help").out
    assert shown.isascii()
    assert all(f"\n{heading}:\n" in shown for heading in GROUPS)
    assert all(f"\n  {verb}" in shown for verb in VERBS)
    assert all(f"\n  {code.value:<5}" in shown for code in Exit)


def test_version(mstore: Run) -> None:
    assert mstore("--version").out == "mstore 0.1.0\n"


@pytest.mark.parametrize("heading", GROUPS)
def test_every_verb_that_parses_is_carried_out(heading: str) -> None:
    module, verbs = GROUPS[heading]
    assert list(import_module(f"modelstore_core.cli.verbs.{module}").VERBS) == [verb.name for verb in verbs]


@pytest.mark.parametrize("name", ASKED_FOR.split("|"))
def test_every_verb_that_was_asked_for_is_there(name: str) -> None:
    assert name in spoken()


def test_every_public_method_of_the_store_has_a_verb_or_a_reason_why_not() -> None:
    public = {name for name, _ in inspect.getmembers(ModelStore) if not name.startswith("_")}
    twins = [method for verb in VERBS.values() for method in verb.methods]
    assert len(twins) == len(set(twins))
    assert set(twins) | set(NO_VERBS) == public
    assert not set(twins) & set(NO_VERBS)


def test_an_alternative_name_is_the_same_verb() -> None:
    assert parse(["gc", "--dry-run"]) == parse(["collect", "--dry-run"])


@pytest.mark.parametrize(
    ("word", "meant"),
    [("compare", "diff"), ("delete", "rm"), ("delete-model", "rm-model"), ("histroy", "history"), ("versions", "ls")],
)
def test_a_verb_of_python_or_a_slip_is_told_what_was_meant(mstore: Run, word: str, meant: str) -> None:
    said = mstore(word, "risk@1").err
    assert said == f"mstore: There is no verb '{word}'. Did you mean {meant}? See `mstore --help`.\n"


def test_a_word_that_is_like_no_verb_is_told_where_they_are(mstore: Run) -> None:
    assert mstore("xyzzy").err == "mstore: There is no verb 'xyzzy'. See `mstore --help`.\n"


@pytest.mark.parametrize("verb", VERBS)
def test_the_reference_has_every_option_of_a_verb_in_its_section(verb: str) -> None:
    section = sections()[f"mstore {verb}"]
    assert [option for option in own(VERBS[verb]) if f"`{option}" not in section] == []
    assert parser_of(VERBS[verb]).format_usage().split("[options]")[-1].strip() in section


def test_the_reference_has_the_options_of_all_verbs() -> None:
    section = sections()["Options of every verb"]
    assert [option for option in options(build()) if f"`{option}" not in section] == []
    assert {word.names[0] for word in COMMON} < options(build())


def test_the_reference_has_every_exit_code() -> None:
    section = sections()["Exit codes"]
    assert [code.value for code in Exit if f"\n| {code.value} | " not in section] == []


def test_the_reference_has_every_variable_of_the_environment() -> None:
    epilog = build().epilog or ""
    names = {line.split()[0] for line in epilog.partition("environment:\n")[2].partition("\n\n")[0].splitlines()}
    assert {name for name in names if f"`{name}`" not in sections()["Environment"]} == set()
    assert "MODELSTORE_URL" in names
