"""The second half of `make demo`: a Prefect flow and Dagster assets version their models in one store.

    python examples/demo_pipelines.py        # into ./models-demo, or MODELSTORE_URL

Prefect runs on its embedded server and Dagster in this process; nothing keeps running afterwards.
"""

import os
import sys
import tempfile
from pathlib import Path

URL = os.environ.setdefault("MODELSTORE_URL", "./models-demo")


def main() -> None:
    """One good and one bad training by each orchestrator, then the table of what the store holds."""
    with tempfile.TemporaryDirectory() as home:
        quiet(home)
        sys.path.insert(0, str(Path(__file__).parent))
        print("6. A Prefect flow trains, saves and promotes (examples/prefect_training.py)\n")
        with_prefect()
        print("\n7. Dagster assets do the same (examples/dagster_training.py)\n")
        with_dagster()
    print("\n8. Versions from both, with the runs that made them\n")
    show()


def quiet(home: str) -> None:
    """Both platforms at home in a folder that goes away, without telemetry and without their logs."""
    os.environ |= {
        "PREFECT_HOME": home,
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "DAGSTER_HOME"):
        os.environ.pop(name, None)


def with_prefect() -> None:
    """Two runs of the flow; the gate refuses the second one's model, and so the run fails."""
    from prefect_training import breast_cancer_training

    for trees, depth in ((50, 5), (1, 1)):
        state = breast_cancer_training(trees=trees, depth=depth, store=URL, return_state=True)
        print(f"   {trees:>2} trees of depth {depth}: {str(state.name).lower():<10} {state.message or ''}".rstrip())


def with_dagster() -> None:
    """Two runs of the retrain job, as the launchpad would start them."""
    import dagster as dg
    from dagster_training import Training, defs

    job = defs.resolve_job_def("retrain_and_promote")
    for features in (30, 2):
        config = dg.RunConfig(
            ops={"clinic__tumour": Training(features=features)},
            loggers={"console": {"config": {"log_level": "CRITICAL"}}},
        )
        result = job.execute_in_process(run_config=config, raise_on_error=False)
        print(f"   {features:>2} features: {'completed' if result.success else 'failed':<10} {why(result)}".rstrip())


def why(result: object) -> str:
    """What the failed step of a Dagster run says."""
    import dagster as dg

    assert isinstance(result, dg.ExecuteInProcessResult)
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    said = [data.user_failure_data.description for data in failures if data.user_failure_data is not None]
    return " ".join(text for text in said if text)


def show() -> None:
    """Every model's newest versions, whoever made them."""
    from modelstore_core import ModelStore

    store = ModelStore(URL)
    print(f"   {'version':<20} {'made by':<8} {'run':<36} {'auc':>6}  aliases")
    for model in store.models():
        for v in store.versions(model.name, limit=2):
            maker, run = v.lineage.get("platform", "script"), v.lineage.get("run_id", "")
            print(f"   {v.ref:<20} {maker:<8} {run:<36} {v.metrics['auc']:6.4f}  {', '.join(v.aliases)}".rstrip())


if __name__ == "__main__":
    main()
