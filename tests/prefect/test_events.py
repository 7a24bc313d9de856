"""What Prefect hears of a store: events with ids that tell a repeat, and never an error for what was committed."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from prefect import flow, get_client
from tests.prefect.servers import poll_until
from tests.prefect.support import artifacts_of, finished, flow_run_of, heard, run_again

from modelstore_core import AtLeast, ModelStore
from prefect_modelstore import find_versions, promote_model, rollback_model, save_model
from prefect_modelstore.events import event_id, send


@flow
def training(store: str, name: str, auc: float) -> None:
    version = save_model({"auc": auc}, name, store=store, metrics={"auc": auc})
    promote_model(version, "champion", store=store, gates=[AtLeast("auc", 0.8)], reason="Nightly.")


def test_an_events_id_follows_from_store_model_commit_and_time(store: ModelStore) -> None:
    store.save({"a": 1}, "risk.churn")
    store.save({"a": 2}, "risk.churn", aliases=["champion"])
    events = store.changes().events
    ids = [event_id(event, store.url) for event in events]

    assert len(events) == len(set(ids)) == 3
    assert ids == [event_id(event, store.url) for event in reversed(store.history("risk.churn"))]
    assert event_id(events[0], "s3://elsewhere") not in ids


@pytest.mark.usefixtures("prefect_server")
class TestRuns:
    def test_a_save_and_a_promotion_are_events_of_their_run(self, store: ModelStore) -> None:
        state = finished(training, store.url, "ev.saved", 0.9)

        created, moved = heard("ev.saved", 2)
        history = list(reversed(store.history("ev.saved")))
        assert [created["event"], moved["event"]] == ["modelstore.version.created", "modelstore.alias.moved"]
        assert [UUID(created["id"]), UUID(moved["id"])] == [event_id(one, store.url) for one in history]
        assert moved["payload"] | {"ref": "ev.saved@1", "number": 1, "previous": None} == moved["payload"]
        assert (moved["payload"]["reason"], moved["payload"]["store"]) == ("Nightly.", store.url)
        labels = {"modelstore.model": "ev.saved", "modelstore.alias": "champion", "modelstore.store": store.url}
        assert moved["resource"] | labels == moved["resource"]
        names = [event["resource"]["prefect.resource.name"] for event in (created, moved)]
        assert names == ["ev.saved@1", "ev.saved@1 as champion"]
        assert created["related"][0]["prefect.resource.id"] == f"prefect.flow-run.{flow_run_of(state).id}"

    def test_a_run_that_is_tried_again_repeats_its_events_and_nobody_hears_them_twice(self, store: ModelStore) -> None:
        run_again(training, finished(training, store.url, "ev.again", 0.9))
        finished(training, store.url, "ev.again", 0.95)

        ids = [event["id"] for event in heard("ev.again", 4)]
        assert len(ids) == len(set(ids)) == 4

    def test_what_is_old_is_asked_about_before_it_is_sent(self, store: ModelStore) -> None:
        for number in range(60):  # more than one page
            store.save({"a": number}, "ev.old")
        old = [replace(event, time=event.time - timedelta(days=1)) for event in store.changes().events]

        with get_client(sync_client=True) as client:
            first = send(client, old[:-1], store.url)
            assert len(heard("ev.old", 50)) == 50  # a page of them
            poll_until(lambda: send(client, old[:-1], store.url) == 0 or None, "all of them, written down")
            again = send(client, old, store.url)

        assert (first, again) == (59, 1)

    def test_a_refusal_is_an_event_and_a_table_of_what_the_rules_found(self, store: ModelStore) -> None:
        state = finished(training, store.url, "ev.refused", 0.7)

        assert "auc" in str(state.message)
        refused = heard("ev.refused", 2)[1]
        assert refused["event"] == "modelstore.promotion.refused"
        assert "0.7" in refused["payload"]["evidence"][0]
        card = str(artifacts_of(state, "markdown")[-1].data)
        assert "is not champion" in card
        assert "0\\.7" in card or "0.7" in card
        assert "failed" in card

    def test_a_rollback_goes_back_as_many_promotions_as_asked(self, store: ModelStore) -> None:
        for auc in (0.8, 0.9, 0.95):
            store.promote(store.save({"auc": auc}, "ev.back").ref, "champion")

        @flow
        def back() -> int:
            return rollback_model("ev.back", "champion", store=store.url, steps=2, reason="It drifts.").number

        assert back() == 1
        (moved,) = heard("ev.back", 1)
        assert (moved["payload"]["verb"], moved["payload"]["previous"]) == ("rollback", 3)


def test_versions_are_found_over_all_models(store: ModelStore) -> None:
    store.save({"a": 1}, "risk.churn", metrics={"auc": 0.9})
    store.save({"a": 1}, "risk.fraud", metrics={"auc": 0.7})
    store.save({"a": 1}, "credit.loss", metrics={"auc": 0.8})

    assert [v.ref for v in find_versions.fn(store=store, where="metrics.auc > 0.75")] == [
        "credit.loss@1",
        "risk.churn@1",
    ]
    assert [v.ref for v in find_versions.fn(store=store, order_by="metrics.auc", limit=1)] == ["risk.fraud@1"]
