"""The deployments of the guide on a Prefect server, as a person uses them in the browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.prefect.servers import ENDED, Api, environment, free_port, poll, running
from tests.ui.browser import Visit, visiting

from modelstore_core import ModelStore

pytestmark = [pytest.mark.ui, pytest.mark.timeout(1200)]

# Prefect's page asks this one for settings, also with all analytics off. It is the only one.
TELEMETRY = "sr-client-cfg.amplitude.com"
COLUMNS = ["mean radius", "mean texture", "mean smoothness", "mean symmetry"]
TRAINING = f"""
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from prefect_modelstore import Trained


def fit(c: float = 1.0) -> Trained:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    features = features[{COLUMNS}]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c))
    scores = cross_validate(model, features, target, scoring=["accuracy", "roc_auc"])
    metrics = {{"accuracy": scores["test_accuracy"].mean(), "auc": scores["test_roc_auc"].mean()}}
    return Trained(model=model.fit(features, target), metrics=metrics, input_example=features.head(3))
"""
SERVING = """
from prefect import serve

from prefect_modelstore import approve_and_promote, retrain_and_promote

if __name__ == "__main__":
    risk = {"train": "risk_training:fit", "name": "risk.churn", "metric": "accuracy"}
    retrain = retrain_and_promote.to_deployment("retrain-risk", parameters=risk)
    serve(retrain, approve_and_promote.to_deployment("approve"))
"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The server, the store, and a browser."""

    api: Api
    store: ModelStore
    visit: Visit

    def open_form(self, deployment: str) -> None:
        """From the deployment's page to the form of its parameters."""
        self.visit.open(f"/v2/deployments/deployment/{self.api.deployment(deployment)['id']}")
        self.visit.page.get_by_role("button", name="Run", exact=True).click()
        self.visit.page.get_by_role("menuitem", name="Custom run").click()
        self.visit.see("Enforce Parameter Schema")

    def field(self, name: str) -> Locator:
        """Where the form takes a text or a number; optional ones say so."""
        return self.visit.page.get_by_label(re.compile(rf"^{name}( \(Optional\))?$"))

    def submit(self) -> str:
        """The run that the form's button has started, whose page is open now."""
        self.visit.press("^Submit$")
        self.visit.press("^View run$")
        self.visit.page.wait_for_url(re.compile(r"/runs/flow-run/[0-9a-f-]{36}"))
        return self.visit.page.url.partition("/flow-run/")[2][:36]

    def ended(self, run: str) -> dict[str, Any]:
        """The run, once the page shows that it is over."""
        found = self.api.reached(run, *ENDED)
        self.visit.see(found["state_name"], exact=True)
        return found

    def retrain(self, c: float, **fields: str) -> None:
        """Retrain, and promote, as the form of somebody else does it."""
        deployment = self.api.deployment("retrain-risk")
        form = deployment["parameters"] | {"parameters": {"c": c}} | fields
        answer = self.api.start(deployment["id"], form)
        assert self.api.reached(answer.json()["id"], *ENDED)["state_type"] == "COMPLETED", self.api.log.read_text()

    def open_feed(self, until: str) -> None:
        """The page of events, as soon as it shows one about this: it lags behind, and does not look again by itself."""

        def look() -> bool | None:
            self.visit.open("/v2/events")
            self.visit.see(re.compile("Show raw event|No events found"))
            return self.visit.page.get_by_text(until, exact=True).count() > 0 or None

        poll(look, f"an event about {until}", self.api.log)

    def ask(self, reference: str, comment: str) -> str:
        """A run that asks for approval and is suspended, whose page is open now."""
        self.open_form("approve")
        self.field("reference").fill(reference)
        self.field("comment").fill(comment)
        run = self.submit()
        self.visit.see("Suspended", exact=True)
        return run

    def answer(self, verdict: str, approver: str, comment: str, *, picture: str | None = None) -> None:
        """Resume the run whose page is open, with what its form asks for."""
        page = self.visit.page
        page.get_by_role("button", name="Open menu").click()
        page.get_by_role("menuitem", name="Resume").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Select Verdict").click()
        page.get_by_role("option", name=verdict).click()
        dialog.get_by_label("Approver").fill(approver)
        dialog.get_by_label("Comment (Optional)").fill(comment)
        if picture is not None:
            self.visit.picture(picture, height=1200)
        poll(lambda: self._resumed(dialog), "a server that is not too busy", self.api.log)
        expect(dialog).to_have_count(0)

    def _resumed(self, dialog: Locator) -> bool | None:
        """Press the button, and see what the server says: what it is too busy for is to be tried again."""
        with self.visit.page.expect_response(re.compile("/resume$")) as answer:
            dialog.get_by_role("button", name="Resume").click()
        if answer.value.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        assert answer.value.json()["status"] == "ACCEPT", answer.value.text()
        return True

    def open_artifact(self, run: str, key: str) -> None:
        """From the run's page to the newest artifact of this key."""
        self.visit.open(f"/v2/runs/flow-run/{run}?tab=Artifacts")
        self.visit.page.locator(f"a[href*='/artifacts/key/{key}']").first.click()
        self.visit.page.locator("a[href*='/artifacts/artifact/']").first.click()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("prefect")
    (folder / "risk_training.py").write_text(TRAINING)
    (folder / "serving.py").write_text(SERVING)
    with served(folder) as (api, pages), visiting(browser, pages) as visit:
        yield Stage(api=api, store=ModelStore(folder / "models"), visit=visit)
        assert {urlsplit(url).hostname for url in visit.elsewhere} == {TELEMETRY}


@contextmanager
def served(folder: Path) -> Iterator[tuple[Api, str]]:
    """A Prefect server, where its pages are, and a process that serves the deployments; all ends with the block."""
    port = free_port()
    env = environment(folder / "home", f"http://127.0.0.1:{port}/api", folder)
    env |= {"MODELSTORE_URL": str(folder / "models"), "MODELSTORE_ACTOR": "grace"}
    api = Api(env["PREFECT_API_URL"], folder / "serving.log")
    command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, env, folder / "server.log", folder):
        api.await_health()
        with running(["serving.py"], env, api.log, folder):
            api.deployment("approve")  # the last that is served
            yield api, f"http://127.0.0.1:{port}"
    api.close()


def test_a_person_retrains_by_the_form_and_sees_what_was_saved(stage: Stage) -> None:
    visit, page, store = stage.visit, stage.visit.page, stage.store
    for c in (0.0003, 0.003):
        stage.retrain(c)

    stage.open_form("retrain-risk")
    visit.see("By how much, at least.")
    page.get_by_role("button", name="Select direction").click()
    expect(page.get_by_role("option")).to_have_text(["max", "min"])
    page.keyboard.press("Escape")
    page.locator(".cm-content").fill('{"c": 0.03}')
    stage.field("reason").fill("A weaker penalty.")
    visit.picture("prefect-form", height=1760)
    run = stage.submit()

    assert stage.ended(run)["state_type"] == "COMPLETED", stage.api.log.read_text()
    champion = store.get("risk.churn@champion")
    assert (champion.number, champion.params, champion.lineage["run_id"]) == (3, {"c": 0.03}, run)
    assert store.history("risk.churn")[0].reason == "A weaker penalty."
    look_at_what_was_saved(stage, run)


def look_at_what_was_saved(stage: Stage, run: str) -> None:
    """The card, the table of versions, and the picture of their metrics."""
    visit, page = stage.visit, stage.visit.page
    stage.open_artifact(run, "model-risk--churn")
    expect(page.get_by_role("heading", level=1)).to_have_text("risk.churn@3")
    expect(page.get_by_role("row", name="accuracy")).to_be_visible()
    expect(page.get_by_role("link", name="The run that saved it")).to_have_attribute("href", re.compile(run))
    visit.picture("prefect-card")

    stage.open_artifact(run, "versions-risk--churn")
    expect(page.get_by_role("cell", name="champion")).to_have_count(1)
    expect(page.get_by_role("row")).to_have_count(4)
    visit.picture("prefect-versions")

    stage.open_artifact(run, "history-risk--churn")
    visit.see("champion is 3")
    expect(page.get_by_alt_text("The metrics, version by version")).not_to_have_js_property("naturalWidth", 0)
    visit.picture("prefect-history")


def test_the_form_says_what_is_wrong_with_a_value(stage: Stage) -> None:
    before = stage.store.changes().cursor
    stage.open_form("retrain-risk")

    stage.field("alias").fill("best of all")
    stage.visit.press("^Submit$")
    stage.visit.see("'best of all' does not match")
    stage.visit.see("letters, digits, - and _")
    stage.field("improve_by").fill("-1")
    stage.visit.press("^Submit$")
    refused = stage.field("improve_by").evaluate("field => field.validationMessage")

    assert refused == "Value must be greater than or equal to 0."
    assert stage.store.changes().cursor == before


def test_an_approver_compares_two_versions_and_the_alias_moves(stage: Stage) -> None:
    store = stage.store
    two_versions(store, "risk.fraud")

    run = stage.ask("risk.fraud@2", "More trees: please look at the precision.")
    stage.answer("approve", "ada", "Better on March, too.", picture="prefect-approval")

    assert stage.ended(run)["state_type"] == "COMPLETED", stage.api.log.read_text()
    assert store.get("risk.fraud@champion").number == 2
    moved, granted, requested = store.history("risk.fraud", limit=3)
    assert [moved.kind, granted.kind, requested.kind] == ["alias.moved", "approval.granted", "approval.requested"]
    assert (moved.reason, granted.actor) == ("approved by ada (Better on March, too.)", "ada")
    assert requested.actor == "grace"


def test_a_rejection_leaves_the_alias_where_it_was(stage: Stage) -> None:
    store = stage.store
    two_versions(store, "risk.loss")

    run = stage.ask("risk.loss", "The newest.")
    stage.answer("reject", "bob", "It drifts.")

    assert stage.ended(run)["state_type"] == "FAILED"
    stage.visit.open(f"/v2/runs/flow-run/{run}?tab=Details")
    stage.visit.see("is rejected by bob")
    assert store.get("risk.loss@champion").number == 1
    assert store.history("risk.loss")[0].kind == "promotion.refused"


def two_versions(store: ModelStore, name: str) -> None:
    """The first is champion."""
    for trees, auc, precision in ((100, 0.912, 0.803), (400, 0.934, 0.797)):
        metrics, params = {"auc": auc, "precision": precision}, {"trees": trees}
        store.save({"trees": trees}, name, metrics=metrics, params=params, lineage={"commit": f"{trees:07x}"})
    store.promote(f"{name}@1", "champion")


def test_the_feed_tells_versions_and_promotions(stage: Stage) -> None:
    visit, page = stage.visit, stage.visit.page
    stage.retrain(1.0, name="risk.lapse")

    stage.open_feed("risk.lapse@1 as champion")
    visit.press("All event types")
    page.get_by_role("option").filter(has_text=re.compile(r"^modelstore\.\*$")).click()
    page.keyboard.press("Escape")

    visit.see("risk.lapse@1", exact=True)
    visit.see("modelstore.version.created", exact=True)
    visit.see("modelstore.alias.moved", exact=True)
    expect(page.get_by_text("prefect.task-run")).to_have_count(0)
    visit.picture("prefect-events")
