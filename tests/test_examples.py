import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelstore_core import ModelStore
from modelstore_core.testing.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[1]
DEMO, PIPELINES = ROOT / "examples/demo.py", ROOT / "examples/demo_pipelines.py"
EXAMPLES = sorted(set((ROOT / "examples").glob("*.py")) - {DEMO, PIPELINES})
NAME = "breast.tumour"


def run(example: Path, folder: Path, url: str, **environment: str) -> str:
    """Run the example as a user does, in a folder of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'core'}{os.pathsep}{ROOT / 'plugins'}",
            "MODELSTORE_URL": url,
            "PREFECT_HOME": str(folder / ".prefect"),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DAGSTER_HOME": "",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_and_leaves_models_behind(example: Path, tmp_path: Path) -> None:
    url = str(tmp_path / "models")
    printed = run(example, tmp_path, url)

    assert printed.strip()
    assert [model.name for model in ModelStore(url).models()] != []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_fits_on_a_page(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < 80


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, list[str]]:
    """The store after two runs of the demo, and what each of them told."""
    folder = tmp_path_factory.mktemp("demo")
    told = [run(DEMO, folder, str(folder / "models")) for _ in range(2)]
    return ModelStore(folder / "models"), told


def test_the_demo_tells_of_earned_and_refused_promotions_whenever_it_runs(
    demonstrated: tuple[ModelStore, list[str]],
) -> None:
    store, told = demonstrated

    for story in told:
        assert re.search(r"earned .*the champion has 0\.\d+", story)
        assert re.search(r"refused .*rule: auc >= 0\.9", story)
    assert [event.kind for event in store.history(NAME) if event.verb == "rollback"] == 2 * ["alias.moved"]


def test_the_demo_adds_versions_of_the_same_bytes_each_time(demonstrated: tuple[ModelStore, list[str]]) -> None:
    versions = demonstrated[0].versions(NAME)
    digests = [version.digest for version in versions]

    assert [version.number for version in versions] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert digests[:4] == digests[4:]
    assert len(set(digests)) == 4


def test_the_demo_needs_nothing_but_another_url_for_a_bucket(tmp_path: Path) -> None:
    with S3Server(["bucket"]) as server:
        aws = {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": "demo",
            "AWS_REGION": "us-east-1",
        }
        told = run(DEMO, tmp_path, "s3://bucket/models", **aws)

    assert "The champion is breast.tumour@2 again." in told
    assert "load_model('s3://bucket/models/models/breast.tumour/data/" in told
    assert list(tmp_path.iterdir()) == []


def test_both_orchestrators_version_models_in_one_store_and_leave_nothing_running(tmp_path: Path) -> None:
    told = run(PIPELINES, tmp_path, str(tmp_path / "models"))
    store = ModelStore(tmp_path / "models")

    for model, maker in (("breast-cancer", "prefect"), ("clinic.tumour", "dagster")):
        refused, earned = store.versions(model)
        assert (earned.aliases, refused.aliases) == (("champion",), ())
        assert {version.lineage["platform"] for version in (earned, refused)} == {maker}
        assert f"{model}@2 was not promoted to 'champion'" in told
        assert all(str(version.lineage["run_id"]) in told for version in (earned, refused))
    assert processes_that_name(tmp_path) == []


def processes_that_name(folder: Path) -> list[str]:
    """The command lines and environments of running processes that lead to the folder, this one's aside."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in said and process.name != str(os.getpid()):
            found.append(said.decode(errors="replace"))
    return found
