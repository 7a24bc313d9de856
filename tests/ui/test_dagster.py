"""The example project in `dagster dev`, as a person uses it in the browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.dagster.servers import ROOT, DagsterDev, dagster_dev, until
from tests.ui.browser import Visit, visiting

from modelstore_core import ModelStore

pytestmark = [pytest.mark.ui, pytest.mark.timeout(1200)]

LOCATION = "progression.definitions"
SENSOR = "score_upon_promotion"
TICKS = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) { ... on Sensor {
  sensorState { ticks(limit: 50) { status runIds error { message } } } } } }"""
RUNS = """{ runsOrError(filter: {pipelineName: "score"}) { ... on Runs { results { status tags { key value } } } } }"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The servers, the store, and a browser."""

    server: DagsterDev
    store: ModelStore
    visit: Visit

    def train(self, kind: str) -> None:
        """Launch a training of the older patients' model, as the page's own request does."""
        config = f"ops: {{progression: {{config: {{model: {kind}}}}}}}"
        assert self.server.outcome(self.server.launch("train", config, dagster__partition="older")) == "SUCCESS"

    def finished(self) -> str:
        """The run that the page went to after the button was pressed, once it has ended well."""
        self.visit.page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
        run = self.visit.page.url.rpartition("/runs/")[2][:36]
        assert self.server.outcome(run) == "SUCCESS", self.server.log.read_text()[-3000:]
        return run

    def has_looked(self) -> bool:
        """Whether the sensor has had a tick, none of which may fail."""
        names = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION, "sensorName": SENSOR}
        ticks = self.server.ask(TICKS, selector=names)["sensorOrError"]["sensorState"]["ticks"]
        assert [tick["error"] for tick in ticks if tick["error"]] == []
        return any(tick["status"] == "SKIPPED" for tick in ticks)

    def scored(self) -> list[dict[str, str]]:
        """The tags of the runs of `score` that have succeeded."""
        runs = self.server.ask(RUNS)["runsOrError"]["results"]
        return [{t["key"]: t["value"] for t in run["tags"]} for run in runs if run["status"] == "SUCCESS"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("dagster")
    environment = {"MODELSTORE_URL": str(folder / "models"), "DAGSTER_DISABLE_TELEMETRY": "1"}
    project = ROOT / "examples/dagster_project"
    with (
        dagster_dev(project, folder / "home", environment, module=LOCATION) as server,
        visiting(browser, server.address) as visit,
    ):
        yield Stage(server=server, store=ModelStore(folder / "models"), visit=visit)


def test_a_person_trains_looks_promotes_and_sees_the_champion_at_work(stage: Stage) -> None:
    visit, page, store = stage.visit, stage.visit.page, stage.store
    until(stage.has_looked, "the sensor's first look", seconds=150)

    materialize_from_the_catalog(stage)
    assert [v.params["model"] for v in store.versions("progression")] == ["linear", "forest", "mean"]
    assert [bool(v.checks["gate"]) for v in store.versions("progression")] == [True, True, False]

    look_at_the_model(visit)

    visit.open(f"/locations/{LOCATION}/jobs/promote_model/playground")
    expect(page.locator(".CodeMirror-code").first).to_contain_text("champion-older")
    visit.see("No errors")
    visit.picture("dagster-launchpad")
    visit.press("Launch Run")
    stage.finished()
    assert store.get("progression@champion-older").number == 3
    visit.see("RUN_SUCCESS")

    until(lambda: bool(stage.scored()), "the scoring", seconds=240)
    (tags,) = stage.scored()
    assert (tags["dagster/partition"], tags["modelstore/ref"]) == ("older", "progression@3")
    assert tags["dagster/sensor_name"] == SENSOR
    look_at_what_it_led_to(visit)

    assert visit.elsewhere == []


def materialize_from_the_catalog(stage: Stage) -> None:
    """The patients, then the older ones' model, by three kinds of training; the last by hand."""
    visit = stage.visit
    visit.open("/assets/patients")
    visit.press("^Materialize$")
    visit.press("^View$")
    stage.finished()
    for kind in ("mean", "forest"):
        stage.train(kind)
    visit.open("/assets/progression")
    visit.press("^Materialize", holding="Shift")
    visit.page.get_by_placeholder("Partition").fill("older")
    visit.page.keyboard.press("Enter")
    visit.see("partition: older")
    visit.press("^Materialize$")
    stage.finished()


def look_at_the_model(visit: Visit) -> None:
    """Its numbers and card, its plots, and its check."""
    page = visit.page
    visit.open("/assets/progression?view=events")
    visit.see("progression@3")
    page.get_by_text("[Show Markdown]").first.click()
    expect(card(page)).to_contain_text("progression@3")
    expect(card(page)).to_contain_text("error=")
    visit.picture("dagster-card")

    visit.open("/assets/progression?view=overview")
    page.get_by_text("Plots", exact=True).first.click()
    page.locator("button").filter(has_text=re.compile("^Events$")).first.click()
    expect(page.locator("canvas")).to_have_count(5)
    visit.picture("dagster-plots")

    visit.open("/assets/progression?view=checks")
    visit.see("Passed")
    visit.picture("dagster-checks")


def look_at_what_it_led_to(visit: Visit) -> None:
    """The alias, the sensor, and the lineage of what was scored."""
    visit.open("/assets/progression/champion")
    visit.see("External Asset")
    visit.see("progression@3")
    visit.picture("dagster-alias")
    visit.open(f"/locations/{LOCATION}/sensors/{SENSOR}")
    visit.see("1 run requested")
    visit.picture("dagster-sensor")
    visit.open("/asset-groups")
    for asset in ("patients", "progression", "champion", "expected"):
        visit.see(asset)
    visit.picture("dagster-lineage")


def card(page: Page) -> Locator:
    """The dialog that shows Markdown."""
    return page.get_by_role("dialog").first
