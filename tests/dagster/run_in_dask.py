"""Runs one of the jobs of `pipelines` and keeps the run's id: Dask starts its cluster from a main module of its own."""

import json
import sys
from pathlib import Path

import dagster as dg
from tests.dagster import pipelines


def main(home: str, job: str, tags: str, after: str) -> None:
    """Run it to its end."""
    with dg.DagsterInstance.from_config(home) as instance:
        options = dg.ReexecutionOptions.from_failure(after, instance) if after else None
        recon = dg.reconstructable(getattr(pipelines, job))
        with dg.execute_job(recon, instance, tags=json.loads(tags), reexecution_options=options) as result:
            Path(home, "run-id").write_text(result.run_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
