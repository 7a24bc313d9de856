"""Models and stores as YAML: scaffolded, checked, loaded and run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing.utils import DefsFolderSandbox, create_defs_folder_sandbox
from tests.dagster.harness import Platform
from tests.needs import needed

from dagster_modelstore.components import ModelStoreResourceComponent, RegisteredModelComponent

# what Dagster itself calls
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Class `:dagster_shared.utils.warnings.BetaWarning"),
    pytest.mark.filterwarnings("ignore:Parameter `execution_type`"),
    pytest.mark.filterwarnings("ignore:Function `load_definitions_from_module"),
    pytest.mark.filterwarnings("ignore:Function `ComponentLoadContext.build_defs_at_path"),
]

TYPE = "dagster_modelstore.components."


@pytest.fixture
def sandbox(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[DefsFolderSandbox]:
    monkeypatch.setenv("MODELSTORE_URL", platform.url)
    with create_defs_folder_sandbox() as found:
        yield found


def scaffolded(sandbox: DefsFolderSandbox, **attributes: Any) -> dg.Definitions:
    """A store and a model as `dg scaffold` writes them, but for these attributes."""
    sandbox.scaffold_component(ModelStoreResourceComponent, "store")
    path = sandbox.scaffold_component(RegisteredModelComponent, "churn", scaffold_params={"model": "risk.churn"})
    file = path / "defs.yaml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    written["attributes"] |= attributes
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    with sandbox.build_all_defs() as defs:
        return defs


def train(defs: dg.Definitions, platform: Platform, **params: Any) -> dg.ExecuteInProcessResult:
    config = {"ops": {"risk__churn": {"config": params}}} if params else {}
    job = defs.resolve_job_def("train_risk__churn")
    return job.execute_in_process(run_config=config, instance=platform.instance, raise_on_error=False)


def test_what_is_scaffolded_works_as_it_is(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    result = train(scaffolded(sandbox), platform)

    version = platform.store.get("risk.churn")
    assert result.success
    assert (version.metrics, version.params, version.checks["gate"].passed) == ({"score": 0.5}, {"strength": 1.0}, True)
    assert platform.store.load("risk.churn") == {"strength": 1.0}


def test_it_has_an_alias_and_jobs(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    defs = scaffolded(sandbox)

    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"risk/churn", "risk/churn/champion"}
    train(defs, platform)
    promote, rollback = (defs.resolve_job_def(f"{verb}_risk__churn") for verb in ("promote", "rollback"))
    promote.execute_in_process(instance=platform.instance)
    assert platform.store.get("risk.churn@champion").number == 1
    assert not rollback.execute_in_process(instance=platform.instance, raise_on_error=False).success


def test_params_can_be_changed_in_the_launchpad(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    train(scaffolded(sandbox, params={"strength": 0.4}), platform, strength=0.8)

    assert platform.store.get("risk.churn").params == {"strength": 0.8}


def test_what_passes_its_gates_may_be_promoted_by_itself(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    defs = scaffolded(sandbox, promotion="automatic", alias="production")

    good, bad = train(defs, platform), train(defs, platform, strength=0.1)

    assert (good.success, bad.success) == (True, False)
    assert platform.store.get("risk.churn@production").number == 1
    assert platform.numbers("risk.churn") == [1, 2]


def test_a_schedule_trains(sandbox: DefsFolderSandbox) -> None:
    defs = scaffolded(sandbox, schedule="0 6 * * 1")

    schedule = defs.resolve_schedule_def("train_risk__churn_schedule")
    assert (schedule.cron_schedule, schedule.job_name) == ("0 6 * * 1", "train_risk__churn")


def test_inputs_are_loaded_from_assets(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    (sandbox.defs_folder_path / "rows.py").write_text(
        "import dagster as dg\n\n"
        "@dg.asset(key=['raw', 'rows'], io_manager_key='models')\ndef rows():\n    return 3.0\n",
        encoding="utf-8",
    )
    defs = scaffolded(sandbox, params={}, inputs={"strength": "raw/rows"}, gates=[])
    selection = dg.define_asset_job("all", "*")

    defs = dg.Definitions.merge(defs, dg.Definitions(jobs=[selection]))

    assert defs.resolve_job_def("all").execute_in_process(instance=platform.instance).success
    assert platform.store.load("risk.churn") == {"strength": 3.0}


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"train": "training.py"}, "names no function"),
        ({"train": "training.py:trian"}, "there is no function 'trian'"),
        ({"train": "other.py:train"}, "there is no 'other.py'"),
        ({"train": "no.such.module:train"}, "'no.such.module' cannot be imported"),
        ({"gates": [{"rule": "at_leest"}]}, "There is no rule 'at_leest'"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_loaded(
    sandbox: DefsFolderSandbox, attributes: dict[str, Any], says: str
) -> None:
    with pytest.raises(Exception) as error:  # noqa: PT011 -- Dagster wraps it in errors of its own
        scaffolded(sandbox, **attributes)

    causes = [str(error.value)]
    cause: BaseException | None = error.value
    while cause := cause.__cause__ or cause.__context__ if cause else None:
        causes.append(str(cause))
    assert any(says in text for text in causes), causes


def test_a_function_of_an_installed_package_trains_too(sandbox: DefsFolderSandbox, platform: Platform) -> None:
    train(scaffolded(sandbox, train="json:dumps", params={"obj": "weights"}, gates=[]), platform)

    assert platform.store.load("risk.churn") == '"weights"'


def test_dg_lists_scaffolds_and_checks_them(tmp_path: Path) -> None:
    """In a project as `dg` knows one; the installed package's entry point leads it here."""
    dg_cli = str(Path(sys.executable).with_name("dg"))
    if not Path(dg_cli).exists():
        needed("dagster-dg-cli is not installed", "pip install dagster-dg-cli, of the same release as Dagster")
    project = tmp_path / "clinic"
    (project / "src/clinic/defs").mkdir(parents=True)
    (project / "src/clinic/__init__.py").touch()
    (project / "src/clinic/definitions.py").write_text(
        "from pathlib import Path\n\nimport dagster as dg\n\n\n@dg.definitions\ndef defs():\n"
        "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)\n",
        encoding="utf-8",
    )
    (project / "pyproject.toml").write_text(
        '[project]\nname = "clinic"\nversion = "0"\n[tool.dg]\ndirectory_type = "project"\n'
        '[tool.dg.project]\nroot_module = "clinic"\n',
        encoding="utf-8",
    )

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [dg_cli, *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={**_environment(project), "MODELSTORE_URL": str(tmp_path / "models")},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert f"{TYPE}RegisteredModelComponent" in run("list", "components")
    run("scaffold", "defs", f"{TYPE}ModelStoreResourceComponent", "store")
    run("scaffold", "defs", f"{TYPE}RegisteredModelComponent", "churn", "--model", "risk.churn")
    run("check", "yaml")
    file = project / "src/clinic/defs/churn/defs.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("params:", "parms:"), encoding="utf-8")
    said = run("check", "yaml", code=1)
    assert "parms" in said
    assert "defs.yaml:" in said


def _environment(project: Path) -> dict[str, str]:
    paths = [path for path in sys.path if path] + [str(project / "src")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "DAGSTER_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}
