"""What every commit carries besides its own operation."""

import pytest

from modelstore_core import ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import store_over


@pytest.fixture
def annotated(memory: MemoryStorage) -> ModelStore:
    store = store_over(memory)
    store.save({"w": 1}, "m", format="pickle", aliases=["old"])
    store.annotate("m@1", metrics={"auc": 0.9})
    return store


def test_an_alias_set_on_an_annotated_version_shows_its_annotations(
    annotated: ModelStore, memory: MemoryStorage
) -> None:
    annotated.promote("m@1", "new")

    assert annotated.get("m@new").metrics == {"auc": 0.9}
    audit(memory, "m")


def test_a_rollback_to_an_annotated_version_shows_its_annotations(annotated: ModelStore, memory: MemoryStorage) -> None:
    annotated.save({"w": 2}, "m", format="pickle", aliases=["old"])
    annotated.rollback("m", "old")

    assert annotated.get("m@old").metrics == {"auc": 0.9}
    audit(memory, "m")


def test_what_becomes_newest_by_a_deletion_shows_its_annotations(annotated: ModelStore, memory: MemoryStorage) -> None:
    annotated.save({"w": 2}, "m", format="pickle")
    annotated.delete("m@2")

    assert annotated.get("m").metrics == {"auc": 0.9}
    audit(memory, "m")
