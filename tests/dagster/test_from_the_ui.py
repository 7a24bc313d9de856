"""The example in `dagster dev`, and what a person does in its launchpad, sent as the launchpad sends it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from tests.dagster.servers import ROOT, DagsterDev, dagster_dev

from modelstore_core import ModelStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MODEL = "clinic.tumour"
PROMOTE = """
ops:
  promote:
    config: {{version: {version}, rises: {{auc: 0.0}}, reason: from the launchpad}}
"""


@dataclass(frozen=True, kw_only=True)
class Story:
    """A retraining, then a worse and a better version, and a promotion of each."""

    server: DagsterDev
    store: ModelStore
    retrained: str
    worse: str
    better: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("ui")
    store = ModelStore(folder / "models")
    environment = {"MODELSTORE_URL": str(folder / "models"), "DAGSTER_DISABLE_TELEMETRY": "1"}
    with dagster_dev(ROOT / "examples/dagster_training.py", folder / "home", environment) as server:
        retrained = server.launch("retrain_and_promote", server.defaults("retrain_and_promote"))
        server.outcome(retrained)
        for weights, auc in (("worse", 0.95), ("better", 0.999)):
            store.save(weights, MODEL, metrics={"auc": auc})
        worse, better = (server.launch("promote_model", PROMOTE.format(version=version)) for version in (2, 3))
        yield Story(server=server, store=store, retrained=retrained, worse=worse, better=better)


def test_the_launchpad_opens_with_every_setting(story: Story) -> None:
    opened = yaml.safe_load(story.server.defaults("promote_model"))["ops"]["promote"]["config"]

    assert opened == {
        "model": MODEL,
        "version": 0,
        "from_alias": "",
        "alias": "champion",
        "at_least": {},
        "rises": {},
        "falls": {},
        "checks": [],
        "rules": [],
        "reason": "",
    }


def test_a_launched_retraining_trains_and_promotes(story: Story) -> None:
    assert story.server.outcome(story.retrained) == "SUCCESS"

    first = story.store.history(MODEL)[-2]
    assert (first.kind, first.alias, first.number) == ("alias.moved", "champion", 1)
    assert story.store.get(f"{MODEL}@1").lineage["run_id"] == story.retrained


def test_the_materialization_shows_the_version(story: Story) -> None:
    story.server.outcome(story.retrained)

    events = story.server.events(story.retrained, "MaterializationEvent")
    entries = next(e["metadataEntries"] for e in events if e["assetKey"]["path"] == ["clinic", "tumour"])
    said = {entry.pop("label"): next(iter(entry.values()), None) for entry in entries}
    assert said["modelstore/version"] == 1
    assert said["auc"] == story.store.get(f"{MODEL}@1").metrics["auc"]
    assert "| version | clinic.tumour@1 |" in str(said["modelstore/card"])


def test_a_launched_promotion_of_a_worse_version_is_refused_with_the_numbers_of_both(story: Story) -> None:
    assert story.server.outcome(story.worse) == "FAILURE"

    (event,) = story.server.events(story.worse, "ExecutionStepFailureEvent")
    assert f"{MODEL}@2 has auc = 0.95, {MODEL}@" in event["failureMetadata"]["description"]
    refused = [event for event in story.store.history(MODEL) if event.kind == "promotion.refused"]
    assert [(event.number, event.reason) for event in refused] == [(2, "from the launchpad")]


def test_a_launched_promotion_of_a_better_version_moves_the_alias(story: Story) -> None:
    assert story.server.outcome(story.better) == "SUCCESS"

    assert story.store.get(f"{MODEL}@champion").number == 3
