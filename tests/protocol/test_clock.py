"""No clock decides anything: with clocks ten years apart, everything is as the log has it."""

from datetime import UTC, datetime

import pytest
from tests.protocol.support import save_by

from modelstore_core import AliasConflict, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.stores import StillClock, store_over

YEARS = (2036, 2016, 1970)


@pytest.fixture
def writers(memory: MemoryStorage) -> list[ModelStore]:
    """Three who write in turns, each in another decade."""
    clocks = [StillClock(date=datetime(year, 1, 1, tzinfo=UTC)) for year in YEARS]
    return [store_over(memory, ports=clock.ports()) for clock in clocks]


def test_order_is_the_logs_order(writers: list[ModelStore], memory: MemoryStorage) -> None:
    cursor = store_over(memory).changes().cursor
    for weight, writer in enumerate(writers):
        save_by(writer, weight)

    assert [v.number for v in writers[0].versions("m")] == [3, 2, 1]
    assert [v.created_at.year for v in writers[1].versions("m")] == [*reversed(YEARS)]
    assert [event.number for event in writers[2].history("m")] == [3, 2, 1]
    assert [event.number for event in store_over(memory).changes(cursor).events] == [1, 2, 3]
    assert store_over(memory).get("m").created_at.year == 1970


def test_decisions_are_the_logs(writers: list[ModelStore], memory: MemoryStorage) -> None:
    late, early, earliest = writers
    assert save_by(late, 1, key="k", attempt=1).number == 1
    assert save_by(earliest, 2, key="k", attempt=0).number == 1
    assert save_by(early, 2, key="k", attempt=1).number == 2
    late.promote("m@1", "c")
    earliest.promote("m@2", "c", expect=1)

    with pytest.raises(AliasConflict):
        late.promote("m@1", "c", expect=1)
    assert early.rollback("m", "c").number == 1
    assert audit(memory, "m").live == [2]


def test_a_clock_that_runs_backwards_changes_nothing(memory: MemoryStorage) -> None:
    clock = StillClock()
    store = store_over(memory, ports=clock.ports())
    for weight in range(5):
        clock.waited -= 86_400
        save_by(store, weight)

    assert [v.number for v in store.versions("m")] == [5, 4, 3, 2, 1]
    audit(memory, "m")
