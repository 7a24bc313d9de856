"""`mstore copy`: a version from one store to another, once."""

from pathlib import Path

from tests.cli.commands import Run

from modelstore_core import ModelStore


def test_a_copy_is_named_on_stdout_and_made_once(mstore: Run, risk: str, home: Path) -> None:
    done = mstore("copy", f"{risk}@1", str(home / "prod"), "--alias", "candidate")
    again = mstore("copy", f"{risk}@1", str(home / "prod"), "--alias", "candidate", "--json")
    there = ModelStore(home / "prod").get(f"{risk}@candidate")

    assert (done.code, done.out) == (0, f"{risk}@1\n")
    assert done.err == f"copied {risk}@1 to {home / 'prod'} as {risk}@1: 1 file, 11 B\n"
    assert (again.code, again.document["ref"], again.err) == (0, f"{risk}@1", "")
    assert there.lineage["copied_from"]["ref"] == f"{risk}@1"  # type: ignore[call-overload,index]


def test_a_copy_within_a_store_needs_another_name(mstore: Run, risk: str) -> None:
    assert mstore("copy", risk, "./models", "--json").error["error"] == "invalid_input"
    assert mstore("copy", risk, "./models", "--name", "risk.other", "--key", "k").out == "risk.other@1\n"


def test_options_of_the_other_store_are_its_own(mstore: Run, risk: str, home: Path) -> None:
    done = mstore("copy", risk, str(home / "prod"), "--to-option", "endpoint=http://host", "--json")
    own = mstore("copy", risk, str(home / "prod"), "--to-option", "read_only=true", "--json")

    assert (done.code, done.error["error"]) == (2, "invalid_location")
    assert (own.code, own.error["error"]) == (2, "invalid_input")
    assert "--to-option read_only" in own.error["message"]
