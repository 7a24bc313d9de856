"""`promote`, `rollback`, `collect` and `approve_and_promote`: the flows that are deployed."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from uuid import UUID

import pytest
from prefect import Flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.utilities.callables import parameter_schema
from tests.prefect.servers import poll_until
from tests.prefect.support import artifacts_of, finished, run_again, table_of

from modelstore_core import Approved, ModelStore
from prefect_modelstore import approve_and_promote, bridge, collect, promote, retrain_and_promote, rollback

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.mark.parametrize(
    "deployed",
    [retrain_and_promote, promote, rollback, approve_and_promote, collect, bridge],
    ids=lambda flow: flow.name,
)
def test_every_field_of_every_form_is_described(deployed: Flow[..., Any]) -> None:
    fields = parameter_schema(deployed.fn).properties

    assert [name for name, field in fields.items() if not field.get("description")] == []
    for name, choices in (("direction", ["max", "min"]), ("begin", ["now", "beginning"])):
        assert fields.get(name, {"enum": choices})["enum"] == choices
    for name in {"name", "alias", "reference", "train"} & set(fields):
        assert "pattern" in json.dumps(fields[name])
    assert {"store", "reference", "name"} & set(fields)


@pytest.fixture
def churn(store: ModelStore) -> ModelStore:
    """Three versions; the first is champion."""
    for auc in (0.8, 0.7, 0.9):
        store.save({"auc": auc}, "risk.churn", metrics={"auc": auc}, params={"c": auc})
    store.promote("risk.churn@1", "champion")
    return store


def test_a_promotion_by_the_form_is_judged_by_its_gates(churn: ModelStore) -> None:
    worse = finished(promote, "risk.churn@2", store=churn.url, metric="auc")
    better = finished(promote, "risk.churn", store=churn.url, metric="auc", reason="From the form.")

    assert "auc = 0.7" in str(worse.message)
    assert better.result() == "risk.churn@3"
    assert churn.history("risk.churn")[0].reason == "From the form."


def test_rules_are_overridden_with_a_reason(churn: ModelStore) -> None:
    churn.protect("risk.churn", "champion", [Approved()])

    refused = finished(promote, "risk.churn@3", store=churn.url)
    no_reason = finished(promote, "risk.churn@3", store=churn.url, override=True)
    overridden = finished(promote, "risk.churn@3", store=churn.url, override=True, reason="It burns.")

    assert refused.is_failed()
    assert "reason" in str(no_reason.message)
    assert overridden.result() == "risk.churn@3"
    assert churn.history("risk.churn")[0].override


def test_a_rollback_by_the_form_goes_back_as_far_as_asked_and_once(churn: ModelStore) -> None:
    for number in (2, 3):
        churn.promote(f"risk.churn@{number}", "champion")

    state = finished(rollback, "risk.churn", store=churn.url, steps=2, reason="It drifts.")
    again = run_again(rollback, state)

    assert (state.result(), again.result()) == ("risk.churn@1", "risk.churn@1")
    assert churn.get("risk.churn@champion").number == 1
    assert "steps" in str(finished(rollback, "risk.churn", store=churn.url, steps=0).message)


def test_a_collection_shows_what_it_removed(churn: ModelStore) -> None:
    churn.delete("risk.churn@2")

    tried = finished(collect, store=churn.url, older_than_hours=0, dry_run=True)
    done = finished(collect, "risk.churn", store=churn.url, older_than_hours=0)

    assert str(tried.result()).startswith("would remove")
    assert str(done.result()).startswith("removed")
    assert [row["number"] for row in table_of(artifacts_of(done, "table")[0])] == ["2"]


class Approver:
    """Somebody who answers each run that waits, in turn, and keeps what its form says."""

    def __init__(self, *answers: dict[str, str]) -> None:
        self.seen: list[str] = []
        self._answers = answers
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._done = self._pool.submit(self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._done.result()

    def _answer(self) -> None:
        with get_client(sync_client=True) as client:
            for answer in self._answers:
                run, text = poll_until(lambda: self._waiting(client), "a run that waits")
                self.seen.append(text)
                client.resume_flow_run(run, run_input=answer)

    @staticmethod
    def _waiting(client: SyncPrefectClient) -> tuple[UUID, str] | None:
        paused = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
        for run in client.read_flow_runs(flow_run_filter=paused):
            keys: Any = None if run.state is None else run.state.state_details.run_input_keyset
            asked = {"prefix": keys["description"], "limit": 1}
            path: Any = f"/flow_runs/{run.id}/input/filter"  # not among those that the client's types know
            for found in client.request("POST", path, json=asked).json():
                return run.id, str(found["value"])
        return None


def waited(reference: str, **fields: Any) -> Any:
    """The state in which a run ends that waits for two minutes at most."""
    return finished(approve_and_promote, reference, hours=0.03, **fields)


def approves(name: str, comment: str = "") -> dict[str, str]:
    return {"verdict": "approve", "approver": name, "comment": comment}


def test_an_approved_version_is_promoted_in_the_approvers_name(churn: ModelStore) -> None:
    with Approver(approves("ada", "Better on March.")) as approver:
        state = waited("risk.churn", store=churn.url, comment="Please look.")

    assert state.result() == "risk.churn@3"
    assert churn.get("risk.churn@champion").number == 3
    (approval,) = churn.approvals("risk.churn", pending=False)
    assert [(vote.actor, vote.comment) for vote in approval.votes] == [("ada", "Better on March.")]
    (form,) = approver.seen
    assert "metrics" in form
    assert "0.9" in form
    assert "Please look" in form


def test_as_many_people_are_asked_as_must_approve(churn: ModelStore) -> None:
    with Approver(approves("ada"), approves("ada"), approves("bob")):
        state = waited("risk.churn@3", store=churn.url, approvals=2)

    assert state.result() == "risk.churn@3"
    (approval,) = churn.approvals("risk.churn", pending=False)
    assert [vote.actor for vote in approval.votes] == ["ada", "bob"]


def test_a_rejection_fails_the_run_and_the_alias_stays(churn: ModelStore) -> None:
    with Approver({"verdict": "reject", "approver": "bob", "comment": "It drifts."}):
        state = waited("risk.churn@3", store=churn.url)

    assert "bob" in str(state.message)
    assert churn.get("risk.churn@champion").number == 1
    assert churn.history("risk.churn")[0].kind == "promotion.refused"


def test_who_has_the_alias_need_not_be_asked_for(churn: ModelStore) -> None:
    state = waited("risk.churn@1", store=churn.url)

    assert state.is_failed()
    assert "AliasConflict" in str(state.message) or "champion" in str(state.message)
