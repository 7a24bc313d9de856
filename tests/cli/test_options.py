"""Options of every verb: where they may stand, and how a store is found."""

import inspect
from pathlib import Path

import pytest
from tests.cli import schemes
from tests.cli.commands import Run

from modelstore_core import InvalidInput, InvalidLocation, ModelStore
from modelstore_core.cli.arguments import OWN_OPTIONS, expectation, metrics, options
from modelstore_core.cli.places import place_of


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A store that fails with the options it was opened with."""
    (tmp_path / "packages").mkdir()
    schemes.install(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return ("--json", "--store", "raising://InvalidInput")


def test_options_may_stand_before_and_after_the_verb(mstore: Run, risk: str) -> None:
    assert mstore("--json", "--store", "./models", "ls") == mstore("ls", "--store", "./models", "--json")


def test_what_stands_after_the_verb_prevails(mstore: Run, risk: str) -> None:
    assert mstore("--store", "./elsewhere", "show", "risk", "--store", "./models").code == 0


def test_storage_options_of_both_places_count(mstore: Run, echo: tuple[str, ...]) -> None:
    done = mstore("--option", "region=eu", *echo, "ls", "--option", "path-style=true", "--option", "anonymous=False")
    assert done.error["value"] == {"region": "eu", "path_style": True, "anonymous": False}


def test_nothing_but_a_storages_options_can_be_set_so() -> None:
    parameters = inspect.signature(ModelStore.__init__).parameters.values()
    own = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    assert own == OWN_OPTIONS
    for name in own:
        with pytest.raises(InvalidInput, match="is no option of a storage"):
            options([f"{name}=full"])


@pytest.mark.parametrize("word", ["", "auc", "=1", "auc=", "auc=high"])
def test_a_metric_is_a_name_and_a_number(word: str) -> None:
    with pytest.raises(InvalidInput, match="--metric"):
        metrics([word])


def test_a_name_given_twice_is_a_mistake() -> None:
    with pytest.raises(InvalidInput, match="--metric auc is given twice"):
        metrics(["auc=1", "auc=2"])


@pytest.mark.parametrize("word", ["0", "-1", "01", "None", "x", "", "²", "1.0"])
def test_an_expectation_is_a_number_or_none(word: str) -> None:
    with pytest.raises(InvalidInput, match="--expect"):
        expectation(word)


def test_the_option_names_the_store_before_the_environment_and_that_before_the_project(
    mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "pyproject.toml").write_text('[tool.modelstore]\nstore = "./project"')
    for expected, words in (("option", ("--store", "./option")), ("environment", ()), ("project", ())):
        monkeypatch.setenv("MODELSTORE_URL", "" if expected == "project" else "./environment")
        assert mstore(*words, "ls").err == f"no models in {home / expected}\n"


def test_a_projects_store_lies_beside_its_pyproject(mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text('[tool.modelstore]\nstore = "./models"')
    (home / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(home / "src" / "deep")
    assert mstore("ls").err == f"no models in {home / 'models'}\n"


def test_a_projects_store_may_be_any_url(mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text(f'[tool.modelstore]\nstore = "memory://{home}"')
    assert mstore("ls").err.startswith("no models in memory://")


def test_only_the_nearest_pyproject_counts(mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text('[tool.modelstore]\nstore = "./models"')
    (home / "other").mkdir()
    (home / "other" / "pyproject.toml").write_text("[project]\nname = 'other'")
    monkeypatch.chdir(home / "other")
    assert mstore("ls", "--json").error["error"] == "invalid_location"


def test_without_a_store_all_three_ways_are_named(mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text("")
    done = mstore("ls")
    assert done.code == 2
    assert all(way in done.err for way in ("--store URL", "MODELSTORE_URL", "[tool.modelstore] in pyproject.toml"))


def test_a_folder_outside_of_any_project_names_no_store(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    with pytest.raises(InvalidLocation, match="No store was named"):
        place_of(None, Path(home.anchor))


@pytest.mark.parametrize("text", ["[tool", "[tool.modelstore]\nstore = 3", "[tool.modelstore]\nstore = ''"])
def test_a_pyproject_that_makes_no_sense_is_named(
    mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text(text)
    done = mstore("ls")
    assert (done.code, str(home / "pyproject.toml") in done.err) == (2, True)


@pytest.mark.parametrize("text", ["tool = 3", "[tool.other]\nstore = 3", "[tool.modelstore]\ntrust = []"])
def test_a_pyproject_about_other_things_names_no_store(
    mstore: Run, home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("MODELSTORE_URL")
    (home / "pyproject.toml").write_text(text)
    assert "No store was named" in mstore("ls").err


def test_no_command_makes_a_store_by_looking(mstore: Run, home: Path) -> None:
    mstore("ls")
    mstore("show", "risk")
    assert not (home / "models").exists()
