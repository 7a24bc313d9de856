"""Where steps run: what an executor leaves out in silence is refused, and a store that others cannot see is told of.

What is asked of Dagster here is semi-internal, and of Dask only whether it runs this step: nothing is known of what
cannot be asked, and then nothing is said.
"""

import socket
import sys
from typing import TYPE_CHECKING

import dagster as dg

from dagster_modelstore.lineage import known

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["refuse_what_dask_leaves_out", "warn_of_other_machines"]

_ONE_PROCESS = {"in_process", "execute_in_process_executor"}
_ONE_MACHINE = _ONE_PROCESS | {"multiprocess", "multi_or_in_process_executor"}
_LAUNCHERS = {"DefaultRunLauncher", "SyncInMemoryRunLauncher"}


def refuse_what_dask_leaves_out(context: dg.InitResourceContext) -> None:
    """Fail the step if Dask runs it and its run has dynamic steps: Dask's executor would leave those out, and succeed.

    Raises:
        Failure: It is so.
    """
    run, instance = context.dagster_run, context.instance
    if not _is_in_dask() or run is None or instance is None or run.execution_plan_snapshot_id is None:
        return
    plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    mapped = sorted(step.key for step in plan.steps if step.kind.value in {"UNRESOLVED_MAPPED", "UNRESOLVED_COLLECT"})
    if mapped:
        raise dg.Failure(
            f"Dask's executor leaves out the steps {', '.join(mapped)}, which follow dynamic outputs, and calls the "
            "run a success. Use partitions instead, or run the job with another executor.",
            allow_retries=False,
        )


def _is_in_dask() -> bool:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:  # a process that only knows Dask
        return False
    return True


def warn_of_other_machines(store: "ModelStore", context: dg.InputContext | dg.OutputContext) -> None:
    """Say in the run's log if steps may run where this store's folder is not."""
    step = known(lambda: context.step_context)
    job, instance = getattr(step, "job_def", None), getattr(step, "instance", None)
    scheme, _, path = store.url.partition("://")  # a folder is a path alone
    if (path and scheme != "memory") or not isinstance(job, dg.JobDefinition):
        return
    here, executor = _ONE_PROCESS if scheme == "memory" else _ONE_MACHINE, job.executor_def.name
    launcher = _launcher(instance) if isinstance(instance, dg.DagsterInstance) else None
    if executor in here and (launcher is None or launcher in _LAUNCHERS):
        return
    who = f"the executor {executor!r}" if executor not in here else f"the run launcher {launcher!r}"
    context.log.warning(
        "The store %s is kept by the machine %s alone, and %s may run steps elsewhere: they would find no model there, "
        "or lose theirs. Keep models in a bucket (s3://…, gs://…, az://…); or, if this is a folder that all machines "
        "mount, say so with shared_folder=True.",
        store.url,
        socket.gethostname(),
        who,
    )


def _launcher(instance: dg.DagsterInstance) -> str | None:
    """The class of the run launcher, without making one: some ask their cluster for it."""
    if not instance.is_persistent:
        return None
    launcher = instance.get_ref().run_launcher_data
    return None if launcher is None else launcher.class_name
