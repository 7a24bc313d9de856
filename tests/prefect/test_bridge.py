"""`bridge`: what was committed outside of Prefect is heard there, at least once, under the ids that runs give too."""

from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from tests.prefect.support import finished, heard

from modelstore_core import ModelStore
from prefect_modelstore import ModelStoreCursor, bridge, save_model
from prefect_modelstore.events import event_id

pytestmark = pytest.mark.usefixtures("prefect_server")


class TestBlockStandards(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return ModelStoreCursor

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """None is published, so none is claimed."""
        assert block._logo_url is None


def told(events: list[dict[str, Any]]) -> list[tuple[str, UUID]]:
    return [(event["event"], UUID(event["id"])) for event in events]


def test_what_was_committed_elsewhere_is_heard_once(store: ModelStore) -> None:
    store.save({"a": 1}, "br.before")

    first = bridge(store.url)
    version = store.save({"a": 1}, "br.churn")
    store.promote(version.ref, "champion")
    store.request_approval(version.ref, "production")

    assert (first, bridge(store.url), bridge(store.url)) == (0, 3, 0)
    expected = [(f"modelstore.{one.kind}", event_id(one, store.url)) for one in reversed(store.history("br.churn"))]
    assert told(heard("br.churn", 3)) == expected
    assert heard("br.before", 0) == []


def test_the_first_run_tells_all_if_asked(store: ModelStore) -> None:
    for _ in range(2):
        store.save({"a": _}, "br.beginning")

    assert bridge(store.url, begin="beginning") == 2
    assert len(heard("br.beginning", 2)) == 2


def test_what_a_run_has_told_is_not_heard_again(store: ModelStore) -> None:
    @flow
    def training() -> None:
        save_model({"a": 1}, "br.run", store=store.url)

    bridge(store.url)
    training()
    bridge(store.url)
    store.save({"a": 2}, "br.run")
    bridge(store.url)

    assert [event["payload"]["number"] for event in heard("br.run", 2)] == [1, 2]


def test_a_run_that_lost_its_cursor_repeats_and_nobody_hears_it_twice(store: ModelStore) -> None:
    bridge(store.url, cursor="br-lost")
    before = ModelStoreCursor.load("br-lost")
    assert isinstance(before, ModelStoreCursor)
    store.save({"a": 1}, "br.lost")
    bridge(store.url, cursor="br-lost")
    before.save("br-lost", overwrite=True)
    store.save({"a": 2}, "br.lost")

    bridge(store.url, cursor="br-lost")

    assert [event["payload"]["number"] for event in heard("br.lost", 2)] == [1, 2]


def test_what_a_rename_repeats_is_not_told_again(store: ModelStore) -> None:
    bridge(store.url)
    store.save({"a": 1}, "br.old")
    bridge(store.url)
    store.rename("br.old", "br.new")

    assert bridge(store.url) == 2
    assert [event["event"] for event in heard("br.old", 2)] == ["modelstore.version.created", "modelstore.model.moved"]
    assert [event["event"] for event in heard("br.new", 1)] == ["modelstore.model.arrived"]


def test_a_cursor_of_another_store_is_refused(store: ModelStore) -> None:
    bridge(store.url, cursor="br-one")

    state = finished(bridge, f"{store.url}-other", cursor="br-one")

    assert "is that of" in str(state.message)
