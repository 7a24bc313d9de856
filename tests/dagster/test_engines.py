"""One suite, run as deployments run it: from importable jobs, on an instance that lasts, on each engine."""

import importlib.util
from collections.abc import Iterator

import pytest
from dagster import DagsterRunStatus
from tests.dagster import pipelines
from tests.dagster.engines import Engine, started
from tests.needs import needed

# dagster-celery registers its task anew for each step
pytestmark = pytest.mark.filterwarnings("ignore:Task name 'execute_plan' is already registered")

SLOW = (pytest.mark.slow, pytest.mark.timeout(600))
ENGINES = ["in_process", "forkserver", "celery", pytest.param("spawn", marks=SLOW), pytest.param("dask", marks=SLOW)]
PACKAGES = {"celery": "dagster_celery", "dask": "dagster_dask"}
SEVERAL = {"dagster/asset_partition_range_start": "eu", "dagster/asset_partition_range_end": "us"}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    package = PACKAGES.get(request.param, "dagster")
    if importlib.util.find_spec(package) is None:
        needed(f"{package} is not installed", f"pip install {package.replace('_', '-')}")
    with started(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def test_steps_hand_models_on_and_a_folder_is_told_of_where_they_may_run_on_other_machines(engine: Engine) -> None:
    run = engine.run(pipelines.handing_on)

    made, copy = engine.store.get("churn"), engine.store.get("copied")
    assert run.status is DagsterRunStatus.SUCCESS, engine.log(run)
    assert engine.store.load("copied") == f"made by {run.run_id}"
    assert (made.metrics, made.lineage["run_id"]) == ({"auc": 0.9}, run.run_id)
    assert copy.lineage["upstream"] == [{"asset": ["churn"], "data_version": made.digest}]
    told = f"the executor '{engine.name}' may run steps elsewhere" in engine.log(run)
    assert told == (engine.name in {"celery", "dask"}), engine.log(run)


def test_a_crash_after_the_write_leaves_one_live_version(engine: Engine) -> None:
    run = engine.run(pipelines.crashing)

    if engine.name == "dask":  # its executor knows no retries
        assert run.status is DagsterRunStatus.FAILURE
        assert [version.number for version in engine.store.versions("flaky")] == [1]
        return
    assert run.status is DagsterRunStatus.SUCCESS, engine.log(run)
    first, second = engine.store.get("flaky@1"), engine.store.get("flaky@2")
    assert [version.number for version in engine.store.versions("flaky")] == [2]
    assert (first.superseded_by, second.attempt) == (2, 1)
    assert engine.store.load("sharp") == "scored with weights of attempt 1"


def test_a_re_execution_of_a_re_execution_loads_what_the_first_run_made(engine: Engine) -> None:
    first = engine.run(pipelines.failing)
    engine.store.save("made by another run", "churn")
    again = engine.run(pipelines.failing, after=first)
    last = engine.run(pipelines.failing, after=again)

    if engine.name == "dask":  # its executor looks for the step that is not run again
        assert "KeyError: 'churn'" in engine.log(again)
        return
    ends = [run.status.value for run in (first, again, last)]
    assert ends == ["FAILURE", "FAILURE", "SUCCESS"], engine.log(last)
    assert engine.store.load("scores") == f"made by {first.run_id}"
    assert engine.store.get("scores").lineage["parent_run_id"] == again.run_id


def test_partitions_of_one_run_and_of_several_find_their_own(engine: Engine) -> None:
    both = engine.run(pipelines.partitioned, tags=SEVERAL)
    one = engine.run(pipelines.partitioned, tags={"dagster/partition": "us"})

    newest = {str(version.lineage["partition"]): version for version in reversed(engine.store.versions("local"))}
    found = {key: engine.store.load(version.ref) for key, version in newest.items()}
    assert (both.status, one.status) == (DagsterRunStatus.SUCCESS, DagsterRunStatus.SUCCESS), engine.log(one)
    assert found == {"eu": f"scored with eu by {both.run_id}", "us": f"scored with us by {one.run_id}"}
    assert len(engine.store.versions("regional")) == 3


def test_every_step_of_a_sweep_is_a_version_or_the_run_fails_and_says_why(engine: Engine) -> None:
    run = engine.run(pipelines.sweep)

    if engine.name == "dask":
        assert run.status is DagsterRunStatus.FAILURE
        assert "Dask's executor leaves out the steps best, train[?], which follow dynamic outputs" in engine.log(run)
        return
    assert run.status is DagsterRunStatus.SUCCESS, engine.log(run)
    swept = engine.store.versions("sweep~train~result")
    assert sorted(engine.store.load(version.ref) for version in swept) == ["trained with high", "trained with low"]
    assert engine.store.load("sweep~best~result") == "best of trained with high, trained with low"


@pytest.mark.parametrize("engine", ["forkserver", pytest.param("spawn", marks=SLOW)], indirect=True)
def test_a_step_that_dies_while_it_saves_leaves_the_last_version_and_no_other(engine: Engine) -> None:
    engine.store.save("weights", "doomed")

    run = engine.run(pipelines.dying)

    assert run.status is DagsterRunStatus.FAILURE
    assert engine.store.load("doomed") == "weights"
    assert [version.number for version in engine.store.versions("doomed", deleted=True)] == [1]
