import pytest
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.events.schemas.events import Resource, ResourceSpecification

from modelstore_core import ModelStore
from prefect_modelstore import on_alias_moved, on_new_version
from prefect_modelstore.events import labels


@pytest.mark.parametrize(
    ("trigger", "hears"),
    [
        (on_new_version("risk.churn"), ["risk.churn@1"]),
        (on_new_version(), ["risk.churn@1", "risk.fraud@1"]),
        (on_new_version(store="s3://elsewhere"), []),
        (on_alias_moved("risk.churn"), ["risk.churn@1"]),
        (on_alias_moved("risk.churn", "production"), []),
        (on_alias_moved(), ["risk.churn@1", "risk.fraud@1"]),
    ],
)
def test_a_trigger_hears_what_it_is_for(store: ModelStore, trigger: DeploymentEventTrigger, hears: list[str]) -> None:
    for name in ("risk.churn", "risk.fraud"):
        store.promote(store.save({"a": 1}, name).ref, "champion")

    assert isinstance(trigger.match, ResourceSpecification)
    found = [
        f"{event.model}@{event.number}"
        for event in store.changes().events
        if f"modelstore.{event.kind}" in trigger.expect and trigger.match.matches(Resource(labels(event, store.url)))
    ]

    assert found == hears


def test_parameters_are_the_versions_reference_unless_others_are_given() -> None:
    said = {"number": "{{ event.payload.number }}"}

    assert on_new_version("risk.churn").parameters == {"reference": "{{ event.payload.ref }}"}
    assert on_alias_moved("risk.churn", parameters=said).parameters == said
