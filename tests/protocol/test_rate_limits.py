"""Where one object takes few writes a second, a hint may be another's: of a later commit that is in the log."""

import json
from collections.abc import Callable
from functools import partial

import pytest
from tests.protocol.support import write_hint

from modelstore_core import CommitUncertain, ModelStore
from modelstore_core.storage.gcs import GCSOptions, GCSStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.contract_kit import at_once
from modelstore_core.testing.faults import Fault, FaultyStorage, FaultyVerb
from modelstore_core.testing.gcs_server import GCSServer
from modelstore_core.testing.stores import MeanwhileStorage, store_over

HINT = "heads/m.json"


def _refusing(verb: FaultyVerb, key: str, number: int) -> Fault | None:
    return Fault("error") if verb == "put" and key == HINT else None


def _hint(memory: MemoryStorage) -> dict[str, object]:
    found: dict[str, object] = json.loads(memory.get(HINT) or b"")
    return found


def _promote(memory: MemoryStorage, meanwhile: Callable[[], object]) -> None:
    """By a writer whose hints are all refused; somebody acts between its commit and its first hint."""
    refused = FaultyStorage(memory, script=_refusing)
    store_over(MeanwhileStorage(refused, meanwhile, verb="put", key=HINT)).promote("m@1", "champion")


def test_the_hint_of_a_later_commit_will_do(store: ModelStore, memory: MemoryStorage) -> None:
    _promote(memory, lambda: store_over(memory).promote("m@2", "challenger"))

    assert [entry["verb"] for entry in audit(memory, "m").entries] == ["save", "save", "promote", "promote"]
    assert _hint(memory)["seq"] == 4


def test_whoever_watches_hears_of_a_change_that_another_has_announced(store: ModelStore, memory: MemoryStorage) -> None:
    watching = store_over(memory)
    before = watching.changes().cursor

    _promote(memory, lambda: store_over(memory).promote("m@2", "challenger"))

    assert [event.alias for event in watching.changes(before).events] == ["champion", "challenger"]


@pytest.mark.parametrize("seq", [2, 3, 5, 99])
def test_a_hint_that_is_not_of_a_later_commit_will_not_do(store: ModelStore, memory: MemoryStorage, seq: int) -> None:
    """Of an earlier one, of the same place, ahead of the log: none of them says that the change was announced."""
    with pytest.raises(CommitUncertain, match="stands at log/3, but could not be announced"):
        _promote(memory, lambda: write_hint(memory, seq, "0" * 32))

    assert store_over(memory).get("m@champion").number == 1


def test_a_later_commit_that_the_hint_does_not_prove_will_not_do(store: ModelStore, memory: MemoryStorage) -> None:
    def commit_and_lie() -> None:
        store_over(memory).promote("m@2", "challenger")
        write_hint(memory, 4, "0" * 32)

    with pytest.raises(CommitUncertain):
        _promote(memory, commit_and_lie)


def test_a_later_commit_that_cannot_be_read_will_not_do(store: ModelStore, memory: MemoryStorage) -> None:
    def commit_and_damage() -> None:
        store_over(memory).promote("m@2", "challenger")
        memory.put(f"models/m/log/{4:020}.json", b"torn")

    with pytest.raises(CommitUncertain):
        _promote(memory, commit_and_damage)


def test_writers_of_one_model_pass_where_most_hints_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes every fifth hint and says 429 to the others: all commits stand, each once."""
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "any")
    hints = iter(range(10_000))
    with GCSServer(["models"]) as server:
        storage = GCSStorage("models", "", GCSOptions(endpoint=server.endpoint))
        store_over(storage).save({"w": 1}, "m", format="pickle")
        server.script = lambda asked, key, _: "429" if (asked, key) == ("PutObject", HINT) and next(hints) % 5 else None

        at_once([partial(store_over(storage).promote, "m@1", f"alias-{number}") for number in range(6)])

        server.script = None
        aliases = [entry["op"]["alias"] for entry in audit(storage, "m").entries[1:]]
        refused = [request for request in server.requests if request.status == 429]
    assert sorted(aliases) == [f"alias-{number}" for number in range(6)]
    assert refused
