"""`approve_and_promote`: a flow that waits until people have compared two versions, and said in a form what they think.

Their votes are the store's own approvals, so those from elsewhere count as well, and whether they are enough is judged
by the promotion, at its very commit. A run of a deployment is suspended meanwhile: no process waits, and it goes on
from the top, where each task finds what it has done before.
"""

from typing import Annotated, Literal

from prefect import suspend_flow_run
from prefect.cache_policies import NO_CACHE
from prefect.flow_runs import pause_flow_run
from prefect.flows import flow
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field

from modelstore_core import Approval, Approved, ModelStore, NotFound
from prefect_modelstore.artifacts import artifact, create, run_log
from prefect_modelstore.blocks import open_store
from prefect_modelstore.cards import artifact_key, comparison_card, markdown_card
from prefect_modelstore.forms import Alias, Reference
from prefect_modelstore.lineage import Place, work_at
from prefect_modelstore.placing import placed_task
from prefect_modelstore.tasks import may_go_better, promote_model

__all__ = ["Decision", "approve_and_promote"]

_SECONDS = 3600
_POLL = 5


class Decision(RunInput):
    """What the form of a run that waits asks for."""

    verdict: Literal["approve", "reject"] = Field(description="Whether the version may get the alias.")
    approver: str = Field(
        min_length=1, max_length=200, description="Your name, as history shows it. Nobody checks that it is yours."
    )
    comment: str = Field(default="", max_length=500, description="Why.")


@flow(name="approve-and-promote", flow_run_name="approve {reference} for {alias}")
def approve_and_promote(
    reference: Reference,
    *,
    alias: Alias = "champion",
    store: str | None = None,
    approvals: Annotated[int, Field(ge=1, le=10)] = 1,
    hours: Annotated[float, Field(gt=0, le=8760)] = 72.0,
    comment: str = "",
) -> str:
    """Ask people whether a version may get an alias, and promote it once enough of them approve.

    The run waits, and shows how the version differs from the one that has the alias. If somebody rejects, or the rules
    that guard the alias refuse, the run fails and the alias stays.

    Args:
        reference: The version, such as risk.churn@3; with the name alone, the newest.
        alias: The alias that it is to get: letters, digits, - and _.
        store: A URL, a path, or model-store/NAME of a saved block. If left out, MODELSTORE_URL of the worker.
        approvals: How many people have to approve.
        hours: How long to wait for each of them.
        comment: What those who decide should know.

    Returns:
        The version that the alias points to now, such as `risk.churn@3`.
    """
    asked = request_approval(reference, alias, store=store, comment=comment)
    text = _comparison(open_store(store), asked)
    create(artifact("markdown", artifact_key("approve", asked.name), text, f"{asked.ref} for {alias}"))
    # Each answer is recorded, also if by now others have decided: a run that goes on from the top reads all of them.
    while True:
        said = _wait(text, int(hours * _SECONDS))
        state = record_vote(asked.ref, alias, said.verdict, said.approver, store=store, comment=said.comment)
        if _is_settled(state, approvals):
            break
    gate, reason = Approved(approvals), "; ".join(map(str, state.votes))
    return promote_model(asked.ref, alias, store=store, gates=[gate], reason=reason).ref


@placed_task(
    "request",
    name="request_approval",
    task_run_name="ask for {reference} as {alias}",
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
def request_approval(
    reference: str, alias: str, *, store: str | None, comment: str, key: str | Place | None = None
) -> Approval:
    """Open a round of approval, once a flow run; what is returned says which version the reference meant then."""
    opened, work = open_store(store), work_at(key, "request", reference, alias)
    return opened.request_approval(reference, alias, comment=comment, key=work.key)


@placed_task(
    "vote",
    name="record_vote",
    task_run_name="{approver}: {verdict} {reference}",
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
def record_vote(  # noqa: PLR0913 - what the form says, and where
    reference: str,
    alias: str,
    verdict: Literal["approve", "reject"],
    approver: str,
    *,
    store: str | None,
    comment: str,
    key: str | Place | None = None,
) -> Approval:
    """Record what somebody said in the form, in their name."""
    opened, work = open_store(store, actor=approver), work_at(key, "vote", reference, alias)
    vote = opened.approve if verdict == "approve" else opened.reject
    state = vote(reference, alias, comment=comment, key=work.key)
    run_log().info("%s", state)
    return state


def _is_settled(state: Approval, approvals: int) -> bool:
    """Whether nobody else needs to be asked."""
    return any(not vote.approves for vote in state.votes) or len(state.votes) >= approvals


def _wait(text: str, timeout: int) -> Decision:
    form = Decision.with_initial_data(description=text)
    if deployment.id is not None:
        return suspend_flow_run(wait_for_input=form, timeout=timeout)
    return pause_flow_run(wait_for_input=form, timeout=timeout, poll_interval=_POLL)


def _comparison(store: ModelStore, asked: Approval) -> str:
    """How the version differs from the one that has the alias; if there is none, what it is."""
    candidate = store.get(asked.ref)
    try:
        current = store.get(f"{asked.name}@{asked.alias}")
    except NotFound:
        return markdown_card(candidate)
    return comparison_card(store.compare(current.ref, candidate.ref), asked)
