"""How commands end: exit codes, and errors for people and for programs."""

import json
from pathlib import Path

import pytest
from tests.cli import schemes
from tests.cli.commands import Run

import modelstore_core
from modelstore_core import GateRefused, ModelStoreError
from modelstore_core.cli.exits import MEANING, Declined, Exit, exit_of

CODES = {
    "AliasConflict": 4,
    "AliasNotFound": 3,
    "AttemptSuperseded": 4,
    "CommitUncertain": 8,
    "Conflict": 4,
    "Corrupt": 6,
    "GateRefused": 4,
    "InvalidInput": 2,
    "InvalidLocation": 2,
    "InvalidName": 2,
    "InvalidQuery": 2,
    "InvalidReference": 2,
    "MissingExtra": 9,
    "ModelNotFound": 3,
    "ModelStoreError": 1,
    "NotFound": 3,
    "NotSerializable": 2,
    "ProofFailed": 2,
    "StorageDenied": 5,
    "StorageError": 5,
    "StorageMissing": 5,
    "StorageUnavailable": 5,
    "StoreReadOnly": 5,
    "StoreTooNew": 6,
    "TooLarge": 2,
    "UnknownFormat": 2,
    "UnsafeStorage": 5,
    "Untrusted": 7,
    "VersionDeleted": 4,
    "AliasProtected": 4,
    "ModelDeleted": 4,
    "ModelExists": 4,
    "ModelMoved": 4,
    "ModelMoving": 4,
    "VersionInUse": 4,
    "VersionNotFound": 3,
    "VersionPurged": 4,
}


@pytest.fixture(autouse=True)
def extra_schemes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packages").mkdir()
    schemes.install(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")


def test_every_error_has_exactly_one_code() -> None:
    exported = {name: getattr(modelstore_core, name) for name in modelstore_core.__all__}
    errors = {n: e for n, e in exported.items() if isinstance(e, type) and issubclass(e, ModelStoreError)}
    assert {name: int(exit_of(error)) for name, error in errors.items()} == CODES


def test_every_code_has_a_meaning() -> None:
    assert list(MEANING) == list(Exit)


@pytest.mark.parametrize(("error", "code"), [(ZeroDivisionError, 1), (KeyboardInterrupt, 130), (Declined, 130)])
def test_what_is_no_error_of_ours_has_a_code_too(error: type[BaseException], code: int) -> None:
    assert exit_of(error) == code


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_error_ends_a_command_with_its_code_and_one_line(mstore: Run, name: str, code: int) -> None:
    done = mstore("--store", f"raising://{name}", "ls")
    assert (done.code, done.out) == (code, "")
    assert done.err == "mstore: It went \\x1b[31mwrong. Mend it.\n"


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_error_is_one_json_object_if_asked_for(mstore: Run, name: str, code: int) -> None:
    done = mstore("ls", "--json", "--store", f"raising://{name}", "--option", "a=b")
    kind = getattr(modelstore_core, name).kind
    assert (done.code, done.out, done.error["error"]) == (code, "", kind)
    assert done.error["message"] == "It went \x1b[31mwrong."
    assert (done.error["fix"], done.error["value"]) == ("Mend it.", {"a": "b"})


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("ZeroDivisionError", 1, "ZeroDivisionError: It went \\x1b[31mwrong. MODELSTORE_DEBUG=1 shows where"),
        ("KeyboardInterrupt", 130, "It went \\x1b[31mwrong"),
    ],
)
def test_no_other_exception_gets_out_either(mstore: Run, name: str, code: int, text: str) -> None:
    done = mstore("--store", f"raising://{name}", "ls")
    assert (done.code, done.err.startswith(f"mstore: {text}")) == (code, True)


def test_an_interrupt_is_said_to_programs_too(mstore: Run) -> None:
    done = mstore("--store", "raising://KeyboardInterrupt", "ls", "--json")
    assert (done.code, done.error["error"]) == (130, "interrupted")


def test_debug_shows_the_traceback(mstore: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_DEBUG", "1")
    said = mstore("show", "risk@1").err
    assert said.startswith("Traceback (most recent call last):\n")
    assert said.splitlines()[-1].startswith("mstore: ")
    assert "Traceback" in mstore("show", "risk@1", "--json").error["traceback"]


@pytest.mark.parametrize("off", ["", "0"])
def test_without_debug_there_is_no_traceback(mstore: Run, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("MODELSTORE_DEBUG", off)
    assert len(mstore("show", "risk@1").err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("show", "nobody"), 3, "model_not_found"),
        (("show", "risk@9"), 3, "version_not_found"),
        (("show", "risk@nobody"), 3, "alias_not_found"),
        (("show", "risk@a b"), 2, "invalid_reference"),
        (("ls", "risk@1"), 2, "invalid_name"),
        (("ls", "risk", "--limit", "0"), 2, "invalid_input"),
        (("ls", "risk", "--order-by", "colour"), 2, "invalid_query"),
        (("search", "--page-token", "3"), 2, "invalid_input"),
        (("save", "risk", "nothing.bin"), 2, "invalid_input"),
        (("save", "risk", "old.bin", "--attempt", "-1"), 2, "invalid_input"),
        (("promote", "risk@1", "latest"), 2, "invalid_name"),
        (("promote", "risk@2", "champion", "--expect", "7"), 4, "alias_conflict"),
        (("rm", "risk@1", "--yes"), 4, "version_in_use"),
        (("annotate", "risk@1"), 2, "invalid_input"),
        (("annotate", "risk@1", "--tag", "a=1", "--remove-tag", "a"), 2, "invalid_input"),
        (("changes", "--cursor", "xyz"), 2, "invalid_input"),
        (("--store", "ftp://host", "ls"), 2, "invalid_location"),
        (("--store", "./models", "--option", "region=eu", "ls"), 2, "invalid_location"),
    ],
)
def test_a_wrong_word_is_told_apart_from_a_missing_thing(
    mstore: Run, risk: str, words: tuple[str, ...], code: int, kind: str
) -> None:
    done = mstore(*words, "--json")
    assert (done.code, done.out, done.error["error"]) == (code, "", kind)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("lss",),
        ("show",),
        ("show", "a", "b"),
        ("show", "a", "--colour"),
        ("ls", "risk", "--lim", "3"),
        ("ls", "risk", "--limit", "x"),
        ("changes", "--cursor", "a", "--cursor-file", "b"),
        ("--store",),
    ],
)
def test_wrong_usage_points_to_the_help(mstore: Run, words: tuple[str, ...]) -> None:
    plain, as_json = mstore(*words), mstore("--json", *words)
    assert (plain.code, as_json.code, plain.out) == (2, 2, "")
    assert plain.err.startswith("mstore: ")
    assert plain.err.rstrip().endswith("--help`.")
    assert as_json.error["error"] == "invalid_input"


def test_a_refusal_carries_its_evidence(mstore: Run, risk: str) -> None:
    error = mstore("promote", "risk@2", "champion", "--improves", "auc=.5", "--json").error
    assert error["error"] == GateRefused.kind
    assert [(f["metric"], f["candidate"], f["current"], f["passed"]) for f in error["evidence"]] == [
        ("auc", 0.93, 0.9, False)
    ]


def test_what_an_error_carries_besides_is_in_its_json(mstore: Run) -> None:
    assert mstore("--store", "raising://Untrusted", "ls", "--json").error["names"] == []
    uncertain = mstore("--store", "raising://CommitUncertain", "ls", "--json").error
    assert (uncertain["op_id"], uncertain["seq"]) == ("", 0)


def test_a_changed_byte_is_corrupt(mstore: Run, risk: str, home: Path) -> None:
    path = next(home.glob("models/**/old.bin"))
    path.chmod(0o644)
    path.write_bytes(b"OLD weights")
    done = mstore("pull", "risk@1", "out")
    assert (done.code, "old.bin" in done.err) == (6, True)
    assert not (home / "out").exists()


def test_a_store_of_a_later_format_is_too_new(mstore: Run, risk: str, home: Path) -> None:
    path = home / "models" / "store.json"
    path.chmod(0o644)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    assert mstore("save", "risk", "old.bin", "--json").error["error"] == "store_too_new"


def test_a_storage_that_lies_is_refused_unless_there_is_but_one_writer(mstore: Run, tmp_path: Path) -> None:
    refused = mstore("--store", f"lying://{tmp_path.name}", "save", "risk", "old.bin")
    assert (refused.code, "single" in refused.err) == (5, True)
    assert mstore("--store", f"lying://{tmp_path.name}", "save", "risk", "old.bin", "--single-writer").code == 0
