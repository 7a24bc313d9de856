"""`mstore verify` and `mstore doctor`: the report on stdout, and a code of its own where something is wrong."""

from pathlib import Path

from tests.cli.commands import Run


def damaged(home: Path) -> Path:
    path = next(home.glob("models/**/old.bin"))
    path.chmod(0o644)
    path.write_bytes(b"OLD weights")
    return path


def test_a_sound_store_ends_with_0_and_says_so(mstore: Run, risk: str) -> None:
    done = mstore("verify", risk, "--read-data")

    assert (done.code, done.out) == (0, "")
    assert "2 files read: sound" in done.err


def test_damage_ends_with_its_own_code_and_names_the_object(mstore: Run, risk: str, home: Path) -> None:
    path = damaged(home)

    assert mstore("verify").code == 0  # the size is the same
    done = mstore("verify", "--read-data")
    assert done.code == 10
    assert done.out.startswith("damage      models/risk/data/")
    assert f"/{path.name}: " in done.out


def test_shares_and_problems_are_in_the_json(mstore: Run, risk: str, home: Path) -> None:
    damaged(home)
    found = [mstore("verify", "--read-data", f"{part}/2", "--json") for part in (1, 2)]

    assert sorted(done.code for done in found) == [0, 10]
    assert sum(done.document["files_read"] for done in found) == 2
    (problem,) = (problem for done in found for problem in done.document["problems"])
    assert set(problem) == {"model", "severity", "key", "what", "fix", "repaired"}
    assert {done.document["ok"] for done in found} == {True, False}


def test_what_is_repairable_is_a_failure_until_it_is_repaired(mstore: Run, risk: str, home: Path) -> None:
    (home / "models" / "heads" / "risk.json").unlink()

    assert mstore("verify").code == 10
    done = mstore("verify", "--repair")
    assert (done.code, done.out.startswith("repaired    heads/risk.json")) == (0, True)
    assert mstore("verify").code == 0


def test_a_remembered_head_is_looked_for(mstore: Run, risk: str) -> None:
    head = mstore("verify", "--json").document["heads"][risk]

    assert mstore("verify", risk, "--head", head).code == 0
    assert mstore("verify", risk, "--head", "0" * 64).code == 10
    assert mstore("verify", "--head", head, "--json").error["error"] == "invalid_input"


def test_a_doctor_says_what_was_tried(mstore: Run, risk: str, home: Path) -> None:
    before = sorted(home.rglob("*"))

    done, silent = mstore("doctor"), mstore("doctor", "--read-only", "--json")

    assert (done.code, silent.code, silent.document["ok"]) == (0, 0, True)
    assert "ok    create-if-absent: Kept, by hard links." in done.out
    assert [c["name"] for c in silent.document["checks"] if c["state"] == "skip"] == ["write"]
    assert sorted(home.rglob("*")) == before


def test_a_doctor_who_finds_what_fails_ends_with_the_same_code(mstore: Run, home: Path) -> None:
    (home / "models").write_text("a file")

    done = mstore("doctor")

    assert (done.code, "fail  list" in done.out) == (10, True)
