"""The guide's examples that need a Prefect server, each in an empty folder and with the buckets that it names."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prefect
import pytest
from prefect import Flow
from prefect.deployments.runner import RunnerDeployment

from modelstore_core.testing.s3_server import S3Server

GUIDE = Path(__file__).parents[2] / "docs/guides/prefect.md"


def examples(mark: str) -> list[str]:
    """The Python of the guide that other tests leave out, saying so."""
    return re.findall(rf"<!-- no-run: {mark} -->\n```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> Iterator[None]:
    with S3Server(["bucket"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "docs")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "docs")
        monkeypatch.chdir(tmp_path)
        yield


# What Prefect itself logs of a task run outside of a flow goes to an API that only takes logs of flow runs.
@pytest.mark.filterwarnings("ignore:.*without a flow run id:UserWarning")
@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("example", examples(r"needs a Prefect server; tests/prefect/test_guide\.py runs it"))
def test_an_example_of_the_guide_runs(example: str) -> None:
    exec(compile(example, str(GUIDE), "exec"), {"__name__": "example"})


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("example", examples("serves until it is stopped"))
def test_what_the_guide_serves_can_be_deployed(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[RunnerDeployment] = []

    def serve_one(flow: Flow[..., object], name: str, **said: Any) -> None:
        serve_all(flow.to_deployment(name, **said))

    def serve_all(*deployments: Any) -> None:
        served.extend(deployments)

    # Prefect's own, which would not return.
    monkeypatch.setattr(Flow, "serve", serve_one)
    monkeypatch.setattr(prefect, "serve", serve_all)
    (tmp_path / "serving.py").write_text(example)
    runpy.run_path(str(tmp_path / "serving.py"), run_name="__main__")

    assert all(deployment.apply() for deployment in served)
    assert served


def test_there_are_examples() -> None:
    assert len(examples(r"needs a Prefect server; tests/prefect/test_guide\.py runs it")) > 5
    assert len(examples("serves until it is stopped")) == 3
    assert len(examples(r"needs a Prefect server and Dask; tests/prefect/runners runs it")) == 1
