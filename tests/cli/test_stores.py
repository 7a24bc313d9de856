"""Stores by name: what a project's pyproject.toml says, and what is wrong with it."""

import json
from pathlib import Path

import pytest
from tests.cli import schemes
from tests.cli.commands import Run

from modelstore_core import ModelStore


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODELSTORE_URL", "MODELSTORE_ACTOR"):
        monkeypatch.delenv(name)


@pytest.fixture
def project(home: Path) -> Path:
    path = home / "pyproject.toml"
    path.write_text(
        '[tool.modelstore]\nstore = "dev"\n'
        '[tool.modelstore.stores.dev]\nurl = "./models"\nactor = "bo"\n'
        '[tool.modelstore.stores.prod]\nurl = "./elsewhere/prod"\nread_only = true\n'
    )
    return path


def test_a_name_means_what_the_project_says(mstore: Run, project: Path, home: Path) -> None:
    assert mstore("--store", "prod", "ls").err == f"no models in {home / 'elsewhere' / 'prod'}\n"
    assert mstore("ls", "--store", "dev").err == f"no models in {home / 'models'}\n"


def test_a_name_can_be_what_is_meant_where_nothing_is_named(mstore: Run, project: Path, home: Path) -> None:
    assert mstore("ls").err == f"no models in {home / 'models'}\n"


def test_a_named_store_says_who_writes_unless_somebody_else_does(
    mstore: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mstore("save", "risk", "old.bin")
    monkeypatch.setenv("MODELSTORE_ACTOR", "cy")
    mstore("save", "risk", "old.bin")
    mstore("save", "risk", "old.bin", "--actor", "di")
    assert [one["created_by"] for one in mstore("ls", "risk", "--json").document] == ["di", "cy", "bo"]


def test_a_named_store_can_be_there_to_be_read_only(mstore: Run, project: Path, home: Path) -> None:
    refused = mstore("--store", "prod", "save", "risk", "old.bin", "--json")
    assert (refused.code, refused.error["error"]) == (5, "store_read_only")
    assert not (home / "elsewhere").exists()


def test_models_are_copied_to_a_name_unless_it_is_read_only(mstore: Run, project: Path, home: Path) -> None:
    ModelStore("./other").save(Path("old.bin"), "risk")
    assert mstore("--store", "./other", "copy", "risk", "dev").out == "risk@1\n"
    assert mstore("--store", "./other", "copy", "risk", "prod").code == 5
    assert not (home / "elsewhere").exists()


def test_a_named_store_has_options_of_its_storage(
    mstore: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    schemes.install(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    (home / "pyproject.toml").write_text(
        '[tool.modelstore.stores.echo]\nurl = "raising://InvalidInput"\nregion = "eu"\npath-style = true\nsse = "kms"'
    )
    done = mstore("--json", "--store", "echo", "--option", "region=us", "ls")
    assert done.error["value"] == {"region": "us", "path_style": True, "sse": "kms"}


def test_inspect_judges_by_what_a_named_store_trusts(mstore: Run, home: Path) -> None:
    for trust, shown in (('"safe"', "safe"), ('["ours.Blend"]', "listed")):
        (home / "pyproject.toml").write_text(f'[tool.modelstore.stores.dev]\nurl = "./models"\ntrust = {trust}')
        mstore("--store", "dev", "save", "risk", "old.bin")
        assert f"load, {shown} " in mstore("--store", "dev", "inspect", "risk").out
        assert "load, full " in mstore("--store", "dev", "inspect", "risk", "--trust", "full").out


def test_a_name_that_is_not_there_is_told_which_are(mstore: Run, project: Path) -> None:
    done = mstore("--store", "prdo", "save", "risk", "old.bin")
    assert (done.code, done.out) == (2, "")
    assert f"There is no store named 'prdo': {str(project)!r} names dev, prod. Write ./prdo for a folder" in done.err


def test_a_folder_of_the_same_name_is_written_with_a_slash(mstore: Run, project: Path, home: Path) -> None:
    assert mstore("--store", "./prod", "ls").err == f"no models in {home / 'prod'}\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_bare_word_is_never_a_folder(mstore: Run, home: Path, *, there: bool) -> None:
    if there:
        (home / "data").mkdir()
    done = mstore("--store", "data", "ls", "--json")
    assert (done.code, done.error["error"]) == (2, "invalid_location")


def test_the_environment_names_a_place_as_it_does_for_python(
    mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSTORE_URL", "data")
    assert mstore("ls").err == f"no models in {home / 'data'}\n"


def test_a_name_in_the_environment_is_not_taken_for_a_folder(
    mstore: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSTORE_URL", "prod")
    done = mstore("ls")
    assert (done.code, "Pass --store prod" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("x = = 1", "line 1"),
        ("tool.modelstore = 3", "[tool.modelstore]"),
        ("[tool.modelstore]\nstores = 3", "[tool.modelstore.stores]"),
        ("[tool.modelstore.stores]\nx = 3", "[tool.modelstore.stores.x]"),
        ("[tool.modelstore]\nstroe = './models'", "[tool.modelstore] stroe"),
        ("[tool.modelstore]\nstore = ['a']", "[tool.modelstore] store"),
        ("[tool.modelstore.stores.x]\nregion = 'eu'", "[tool.modelstore.stores.x] url"),
        ("[tool.modelstore.stores.x]\nurl = 7", "[tool.modelstore.stores.x] url"),
        ("[tool.modelstore.stores.x]\nurl = './m'\nactor = ''", "[tool.modelstore.stores.x] actor"),
        ("[tool.modelstore.stores.x]\nurl = './m'\nread_only = 'yes'", "[tool.modelstore.stores.x] read_only"),
        ("[tool.modelstore.stores.x]\nurl = './m'\ntrust = 'mostly'", "[tool.modelstore.stores.x] trust"),
        ("[tool.modelstore.stores.x]\nurl = './m'\ntrust = [1]", "[tool.modelstore.stores.x] trust"),
        ("[tool.modelstore.stores.x]\nurl = './m'\nregion = 7", "[tool.modelstore.stores.x] region"),
        ("[tool.modelstore.stores.x]\nurl = './m'\ncredentials = 'k'", "[tool.modelstore.stores.x] credentials"),
        ("[tool.modelstore.stores.x]\nurl = './m'\ncache = './c'", "[tool.modelstore.stores.x] cache"),
        ("[tool.modelstore.stores.'a b']\nurl = './m'", "[tool.modelstore.stores] a b"),
    ],
)
def test_what_makes_no_sense_is_told_by_file_and_field(mstore: Run, home: Path, text: str, field: str) -> None:
    (home / "pyproject.toml").write_text(text)
    done = mstore("--store", "x", "ls")

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert str(home / "pyproject.toml") in done.err
    assert field in done.err


def test_an_option_that_the_storage_lacks_is_told_by_its_table(mstore: Run, home: Path) -> None:
    (home / "pyproject.toml").write_text("[tool.modelstore.stores.x]\nurl = './m'\nregoin = 'eu'")
    said = mstore("--store", "x", "ls", "--json").error
    assert said["error"] == "invalid_location"
    assert said["message"].startswith(f"[tool.modelstore.stores.x] in {str(home / 'pyproject.toml')!r}: ")
    assert "regoin" in said["message"]


def test_a_file_that_makes_no_sense_is_in_nobodys_way_who_names_a_place(mstore: Run, home: Path) -> None:
    (home / "pyproject.toml").write_text("[tool")
    assert mstore("--store", "./models", "ls").code == 0


def test_hostile_text_in_the_file_reaches_no_terminal_raw(mstore: Run, home: Path) -> None:
    (home / "pyproject.toml").write_text(f'[tool.modelstore]\n"\\u001b[31m" = {json.dumps("x")}')
    assert "\x1b" not in mstore("ls").err
