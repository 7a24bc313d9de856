"""Which piece of work a save or promotion is: its idempotency key, its attempt, and where it comes from.

Prefect gives every task run a new id and a random dynamic key each time its flow run runs from the top, which it
does when it is retried, resumed after a suspension, or run again after a crash. What stays is the id of the flow run
and the order in which the flow's code makes its calls. So a call is known by its *place*: the flow run, the way down
through its subflows, and how many calls of the same kind for the same model the flow has made before.

The place is taken where the call is made, by the flow's own thread; a mapped task run in another process could not
know it. What orders the attempts is counted by Prefect: `run_count` of flow runs and task runs grows with each retry,
and with each suspension, which leaves `run_count` as it is, the flow run gets one more of its `pause_keys`.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.runtime import deployment
from prefect.utilities.urls import url_for

__all__ = ["Place", "Verb", "Work", "origin", "result_place", "run_url", "take_place", "work_at"]

Verb: TypeAlias = Literal["save", "promote", "rollback", "annotate", "request", "vote"]

_MOST_KEY_BYTES = 400
_COUNTS = 100
_COUNTING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in its flow run a call stands: the same each time that the flow run runs from the top.

    Attributes:
        path: The place, or the `key=` that the caller gave.
        attempts: How often the task that made the call has run, if a task made it.
        named: Whether the caller gave it.
    """

    path: str
    attempts: tuple[int, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work: what a retry of it shares with the first try, and which try it is."""

    key: str | None
    attempt: int


def take_place(verb: Verb, subject: str | None, key: str | None = None) -> Place:
    """The place of a call that is made now, counted; where nothing would find it again, one that no other call has.

    Args:
        verb: What is called.
        subject: The model, as the caller names it; None if that is not known yet.
        key: The caller's own name for the call.
    """
    flow = FlowRunContext.get()
    caller = None if flow is None else _calling_task(flow)
    attempts = () if caller is None else (caller.task_run.run_count,)
    if key is not None:
        return Place(path=key, attempts=attempts, named=True)
    if flow is None or flow.flow_run is None or (flow.detached and caller is None):
        return Place(path=f"call/{uuid4()}")
    what = f"{verb}/{subject or '?'}"
    with _COUNTING:
        if caller is None:
            return Place(path=f"{what}/{_count(flow, what)}")
        # Only a call that the same run of the same task makes is counted together with this one.
        number = _count(flow, f"{caller.task_run.id}/{attempts}/{what}")
        return Place(path=f"{what}/{_name_of(caller, what, flow)}/{number}", attempts=attempts)


def result_place(subject: str) -> Place:
    """The place of the result of the run that ends here: it has one, however often it is asked for."""
    flow, task, what = FlowRunContext.get(), TaskRunContext.get(), f"save/{subject}"
    caller = None if flow is None else _calling_task(flow)
    if flow is not None and caller is not None:
        return Place(path=f"{what}/{_name_of(caller, what, flow)}/result")
    if task is not None:
        return Place(path=f"result/{task.task_run.id}")
    return Place(path=f"call/{uuid4()}" if flow is None else f"{what}/result")


def _calling_task(flow: FlowRunContext) -> TaskRunContext | None:
    """The task that is running here, if it is one of this flow run (and not the one that called this subflow)."""
    task = TaskRunContext.get()
    if task is None or flow.flow_run is None or task.task_run.flow_run_id != flow.flow_run.id:
        return None
    return task


def _name_of(caller: TaskRunContext, what: str, flow: FlowRunContext) -> str:
    """A task's name and number among those of its name that did such work, in order of their first call.

    Its retries find the number again. In another process nobody counts: there, it is known by its id.
    """
    if flow.detached:
        return str(caller.task_run.id)
    label = f"modelstore name of {caller.task_run.id} for {what}"
    if label not in flow.task_run_dynamic_keys:
        number = _count(flow, f"{caller.task.name}/{what}")
        flow.task_run_dynamic_keys[label] = f"{caller.task.name}-{number}"
    return str(flow.task_run_dynamic_keys[label])


def _count(flow: FlowRunContext, what: str) -> int:
    """The next number, from 0; a flow run that runs again counts anew."""
    counters = flow.task_run_dynamic_keys  # Prefect's own counters of calls: they live exactly as long as is right
    label = f"modelstore number of {what}"
    counters[label] = number = int(counters.get(label, -1)) + 1
    return number


def work_at(place: Place | str | None, verb: Verb, subject: str, detail: str = "") -> Work:
    """The piece of work that the code running here does, from the place that its call took.

    Args:
        place: What the call took; or the caller's own name, or None, if it was made without taking a place.
        verb: What is done.
        subject: To which model.
        detail: What else tells it from other work, if one call may do several.
    """
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    tries = 1 if task is None else task.task_run.run_count
    if flow is None or flow.flow_run is None:
        return Work(key=_key_outside_flows(place), attempt=tries - 1)
    if not isinstance(place, Place):
        place = take_place(verb, subject, place)
    way = _way_to(flow.flow_run)
    parts = [way.root, "key", place.path] if place.named else [way.root, *way.subflows, place.path]
    key = _shortened("/".join(["prefect", *parts, *([detail] if detail else [])]))
    return Work(key=key, attempt=_attempt([*way.attempts, *place.attempts, tries]))


def _key_outside_flows(place: Place | str | None) -> str | None:
    """The caller's own key as it is; else each call of a task is work of its own, that its retries share."""
    if not isinstance(place, Place):
        return place
    return place.path if place.named else f"prefect/{place.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """From the flow run that somebody started down to the one that runs here.

    Attributes:
        root: The id of the first.
        subflows: The names of the calls that lead down, each with its number.
        attempts: How often each flow run has run, and how often it was resumed since.
    """

    root: str
    subflows: tuple[str, ...]
    attempts: tuple[int, ...]


def _way_to(flow_run: FlowRun) -> _Way:
    """The way to the flow run; a subflow may get a new flow run each time, but its call keeps its name and number.

    A deployment that another flow run started is a root: it keeps its own flow run.
    """
    if flow_run.parent_task_run_id is None or flow_run.deployment_id is not None:
        return _Way(root=str(flow_run.id), subflows=(), attempts=_attempts_of(flow_run))
    with get_client(sync_client=True) as client:
        call = client.read_task_run(flow_run.parent_task_run_id)
        assert call.flow_run_id is not None  # what calls a flow and is no flow is no parent of it
        caller = client.read_flow_run(call.flow_run_id)
    way = _way_to(caller)
    attempts = (*way.attempts, *_attempts_of(flow_run))
    return _Way(root=way.root, subflows=(*way.subflows, call.name), attempts=attempts)


def _attempts_of(flow_run: FlowRun) -> tuple[int, int]:
    return flow_run.run_count, 1 + len(flow_run.empirical_policy.pause_keys or ())


def _attempt(counts: Sequence[int]) -> int:
    """One number that orders attempts as their counts do, the outermost first; each counts from 1."""
    attempt = 0
    for count in counts:
        attempt = attempt * _COUNTS + min(max(count, 1), _COUNTS) - 1
    return attempt


def _shortened(key: str) -> str:
    if len(key.encode()) <= _MOST_KEY_BYTES:
        return key
    return f"{key[:100]}~{hashlib.sha256(key.encode()).hexdigest()}"


def run_url() -> str | None:
    """The page of the flow run (outside of one, of the task run) that runs here, if there is a UI."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    if flow is not None and flow.flow_run is not None:
        return url_for("flow-run", obj_id=flow.flow_run.id)
    return None if task is None else url_for("task-run", obj_id=task.task_run.id)


def origin(said: Mapping[str, object] | None) -> dict[str, object]:
    """Where a version comes from, as its record keeps it: the run, and above it what the caller says."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    found: dict[str, object | None] = {}
    if flow is not None and flow.flow_run is not None:
        found |= {"run": flow.flow_run.name, "run_id": str(flow.flow_run.id)}
        found |= {"flow": None if flow.flow is None else flow.flow.name}
        if flow.flow_run.deployment_id is not None:
            found |= {"deployment": deployment.name, "deployment_id": str(flow.flow_run.deployment_id)}
    if task is not None:
        found |= {"task_run": task.task_run.name, "task_run_id": str(task.task_run.id)}
    if found:
        found |= {"platform": "prefect", "url": run_url()}
    return {key: value for key, value in found.items() if value is not None} | dict(said or {})
