"""The example project, in this process: what the browser's test does, without a browser."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from tests.dagster.harness import Platform


@pytest.fixture
def project(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dg.Definitions]:
    """The definitions, with the store of this test."""
    monkeypatch.setenv("MODELSTORE_URL", platform.url)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path)
        import progression.definitions as found

        store = platform.resources["modelstore"]
        resources = {"modelstore": store, "models": platform.resources["io_manager"], "io_manager": dg.mem_io_manager}
        yield dg.Definitions(
            assets=found.defs.assets,
            asset_checks=found.defs.asset_checks,
            jobs=found.defs.jobs,
            sensors=found.defs.sensors,
            resources=resources,
        )


def tick(project: dg.Definitions, platform: Platform, cursor: str | None) -> dg.SensorResult:
    sensor = project.resolve_sensor_def("score_upon_promotion")
    with dg.build_sensor_context(
        instance=platform.instance,
        cursor=cursor,
        definitions=project,
        resources={"modelstore": platform.resources["modelstore"]},
        sensor_name=sensor.name,
    ) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_promotion_of_a_group_scores_that_group(project: dg.Definitions, platform: Platform) -> None:
    start = tick(project, platform, None)
    for kind in ("mean", "linear"):
        config = {"ops": {"progression": {"config": {"model": kind}}}}
        assets = [asset for asset in project.assets or () if isinstance(asset, dg.AssetsDefinition)]
        made = [asset for asset in assets if asset.key.path[0] in {"patients", "progression"}]
        checks = list(project.asset_checks or ())
        result = dg.materialize(
            [*made, *checks],
            instance=platform.instance,
            resources=dict(project.resources or {}),
            partition_key="older",
            run_config=config,
        )
        assert result.success

    promote = project.resolve_job_def("promote_model")
    mean, linear = (
        promote.execute_in_process(
            run_config={"ops": {"promote": {"config": {"version": version}}}},
            instance=platform.instance,
            raise_on_error=False,
        )
        for version in (1, 2)
    )
    heard = tick(project, platform, start.cursor)

    assert (mean.success, linear.success) == (False, True)
    assert [(run.partition_key, run.tags["modelstore/ref"]) for run in heard.run_requests or ()] == [
        ("older", "progression@2")
    ]
    score = project.resolve_job_def("score")
    assert {node.name for node in score.nodes} == {"expected"}


def test_it_loads_as_dagster_loads_it() -> None:
    repository = ReconstructableRepository.for_module("progression.definitions", "defs")

    jobs = {job.name for job in repository.get_definition().get_all_jobs()}
    assert {"train", "score", "promote_model", "rollback_model", "collect_models"} <= jobs
