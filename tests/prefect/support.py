"""Running a flow run again from the top, as a retry, a resumption or a worker after a crash does; and looking at it."""

import json
from typing import Any
from uuid import UUID

from prefect import Flow, State, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.flow_engine import run_flow
from prefect.results import ResultStore
from prefect.states import AwaitingRetry
from tests.prefect.servers import poll_until

__all__ = ["artifacts_of", "events_about", "finished", "flow_run_of", "heard", "read_result", "run_again", "table_of"]


def finished(flow: Flow[..., Any], *args: Any, **kwargs: Any) -> State[Any]:
    """The state in which a new run of the flow ends, failed or not."""
    run: Any = flow  # whose overloads cannot be seen through `*args`
    state: State[Any] = run(*args, **kwargs, return_state=True)
    return state


def flow_run_of(state: State[Any]) -> FlowRun:
    assert isinstance(state.state_details.flow_run_id, UUID)
    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id)


def run_again(flow: Flow[..., Any], state: State[Any]) -> State[Any]:
    """The state in which the same flow run ends when it runs from the top once more, with the same arguments."""
    before = flow_run_of(state)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(before.id, AwaitingRetry(), force=True)
        flow_run = client.read_flow_run(before.id)
    ended: Any = run_flow(flow, flow_run=flow_run, parameters=before.parameters, return_type="state")
    assert flow_run_of(ended).run_count > before.run_count
    after: State[Any] = ended
    return after


def read_result(state: State[Any]) -> Any:
    """A persisted result, as a process reads it that has only the state: from the storage of results."""
    found: Any = state.data
    metadata = getattr(found, "metadata", found)
    store = ResultStore(serializer=metadata.serializer, cache_result_in_memory=False)
    return store.read(metadata.storage_key).result


def artifacts_of(state: State[Any], kind: str) -> list[Artifact]:
    """The run's artifacts of a kind, oldest first."""
    of_run = ArtifactFilterFlowRunId(any_=[flow_run_of(state).id])
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))
    return sorted((a for a in found if a.type == kind), key=lambda a: str(a.created))


def table_of(artifact: Artifact) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(str(artifact.data))
    return rows


def heard(model: str, count: int) -> list[dict[str, Any]]:
    """The model's events in the order in which they were sent, as soon as there are so many."""
    return events_about(f"modelstore.model.{model}", count)


def events_about(resource: str, count: int) -> list[dict[str, Any]]:
    """The events of what has an id that begins like this, oldest first, as soon as there are so many."""
    asked = {"filter": {"resource": {"id_prefix": [resource]}, "order": "ASC"}, "limit": 50}

    def look() -> list[dict[str, Any]] | None:
        with get_client(sync_client=True) as client:
            found: list[dict[str, Any]] = client.request("POST", "/events/filter", json=asked).json()["events"]
        return found if len(found) >= count else None

    return poll_until(look, f"{count} events of {resource}")
