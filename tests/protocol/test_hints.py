"""The hint decides nothing and is never an error; and after every acknowledged change it is another object."""

import json
from collections.abc import Mapping

import pytest

from modelstore_core import CommitUncertain, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.faults import Fault, FaultyStorage, Script, SimulatedCrash
from modelstore_core.testing.stores import MeanwhileStorage, StillClock, store_over

HINT = "heads/m.json"
LIES: Mapping[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "torn": b'{"model":"m","nonce":"0000","op":"12',
    "garbage": b"\xff\xfe\x00\x01 not json",
    "not an object": b"[1,2,3]",
    "nested beyond reason": b"[" * 100_000,
    "before the first commit": b'{"model":"m","nonce":"x","op":"","seq":0}',
    "behind, unproven": b'{"model":"m","nonce":"x","op":"","seq":1}',
    "at the head, unproven": b'{"model":"m","nonce":"x","op":"bogus","seq":3}',
    "one ahead": b'{"model":"m","nonce":"x","op":"bogus","seq":4}',
    "far ahead": b'{"model":"m","nonce":"x","op":"bogus","seq":99999}',
    "ahead of every key": b'{"model":"m","nonce":"x","op":"bogus","seq":1' + b"0" * 300 + b"}",
    "negative": b'{"model":"m","nonce":"x","op":"bogus","seq":-3}',
    "not a number": b'{"model":"m","nonce":"x","op":"bogus","seq":"3"}',
    "of another model": b'{"model":"other","nonce":"x","op":"bogus","seq":3}',
    "of no possible model": b'{"model":"../../etc","nonce":"x","op":"bogus","seq":3}',
    "of half a character": b'{"model":"\\ud800","nonce":"x","op":"bogus","seq":3}',
}


@pytest.fixture(params=LIES)
def lied(request: pytest.FixtureRequest, store: ModelStore, memory: MemoryStorage) -> MemoryStorage:
    """Three commits, and a hint that does not tell the truth about them."""
    store.promote("m@1", "champion")
    lie = LIES[request.param]
    memory.delete([HINT])
    if lie is not None:
        memory.put(HINT, lie)
    return memory


def test_readers_find_the_head_whatever_the_hint_says(lied: MemoryStorage) -> None:
    assert store_over(lied).get("m").number == 2
    assert store_over(lied).get("m@champion").number == 1
    assert len(store_over(lied).history("m")) == 3


def test_writers_find_the_head_whatever_the_hint_says(lied: MemoryStorage) -> None:
    store_over(lied).promote("m@2", "champion", expect=1, key="k")
    store_over(lied).save({"w": 3}, "m", format="pickle", key="k")

    assert len(audit(lied, "m").entries) == 5
    assert json.loads(lied.get(HINT) or b"")["seq"] == 5


def test_listings_show_a_model_whatever_its_hint_says(lied: MemoryStorage) -> None:
    listed = [model.name for model in store_over(lied).models()]
    heard = [event.seq for event in store_over(lied).changes().events]

    if HINT in {info.key for info in lied.list("heads/")}:
        assert (listed, heard) == (["m"], [1, 2, 3])
    else:
        assert (listed, heard) == ([], [])


def test_a_file_that_is_no_hint_is_no_model(store: ModelStore, memory: MemoryStorage) -> None:
    memory.put("heads/README.json", b"hello")
    memory.put("heads/copy-of-m.json", memory.get(HINT) or b"")

    assert [model.name for model in store.models()] == ["m"]


def test_a_first_save_that_crashed_is_found_by_listings(memory: MemoryStorage) -> None:
    crashing = FaultyStorage(memory, script=lambda verb, key, _: _crash_after_commit(verb, key))
    with pytest.raises(SimulatedCrash):
        store_over(crashing).save({"w": 1}, "m", format="pickle")

    assert [model.name for model in store_over(memory).models()] == ["m"]
    assert [event.kind for event in store_over(memory).changes().events] == ["version.created"]


def _crash_after_commit(verb: str, key: str) -> Fault | None:
    return Fault("crash_after") if verb == "create" and "/log/" in key else None


def test_a_hint_stands_before_the_first_commit_of_a_model(memory: MemoryStorage) -> None:
    seen: list[bytes | None] = []
    watched = MeanwhileStorage(memory, lambda: seen.append(memory.get(HINT)), verb="create", key="/log/")
    store_over(watched).save({"w": 1}, "m", format="pickle")

    assert [json.loads(raw or b"{}")["seq"] for raw in seen] == [0]


def test_every_try_to_put_a_hint_has_a_nonce_of_its_own(store: ModelStore, memory: MemoryStorage) -> None:
    nonces: list[str] = []

    def lose_three_replies(verb: str, key: str, number: int) -> Fault | None:
        if verb == "put" and key == HINT:
            nonces.append(_nonce(memory))
            return Fault("lost_reply") if len(nonces) <= 3 else None
        return None

    store_over(FaultyStorage(memory, script=lose_three_replies)).promote("m@1", "champion")

    assert len({*nonces, _nonce(memory)}) == 5


def _nonce(memory: MemoryStorage) -> str:
    return str(json.loads(memory.get(HINT) or b"")["nonce"])


@pytest.mark.parametrize("again", ["found by its key", "nothing to do"])
def test_an_answer_found_in_the_log_is_announced_too(store: ModelStore, memory: MemoryStorage, again: str) -> None:
    key = "k" if again == "found by its key" else None
    crashing = FaultyStorage(memory, script=lambda verb, name, _: _crash_after_commit(verb, name))
    with pytest.raises(SimulatedCrash):
        store_over(crashing).promote("m@1", "champion", key=key)
    before = _etag(memory)
    store_over(memory).promote("m@1", "champion", key=key)

    assert _etag(memory) != before
    assert json.loads(memory.get(HINT) or b"")["seq"] == 3
    assert len(audit(memory, "m").entries) == 3


def _etag(memory: MemoryStorage) -> str:
    (info,) = memory.list("heads/")
    return info.etag


def test_a_delayed_put_of_an_old_hint_hides_nothing(store: ModelStore, memory: MemoryStorage) -> None:
    late = FaultyStorage(memory, script=_delay_first_hint())
    store_over(late).promote("m@1", "champion")
    store_over(memory).promote("m@2", "champion")
    late.land()

    assert json.loads(memory.get(HINT) or b"")["seq"] == 3
    assert store_over(memory).get("m@champion").number == 2
    assert [event.seq for event in store_over(memory).changes().events] == [1, 2, 3, 4]


def _delay_first_hint() -> Script:
    pending = [Fault("delay", after=1000)]
    return lambda verb, key, number: pending.pop() if pending and verb == "put" and key == HINT else None


def test_a_change_that_cannot_be_announced_is_uncertain_and_a_retry_finds_it(
    store: ModelStore, memory: MemoryStorage
) -> None:
    silent = FaultyStorage(memory, script=lambda verb, key, _: Fault("error") if (verb, key) == ("put", HINT) else None)
    clock = StillClock()
    with pytest.raises(CommitUncertain) as raised:
        store_over(silent, patience=5.0, ports=clock.ports()).promote("m@1", "champion", key="k")
    store_over(memory).promote("m@1", "champion", key="k")

    assert raised.value.op_id == audit(memory, "m").entries[2]["op_id"]
    assert raised.value.seq == len(audit(memory, "m").entries) == 3
    assert 5.0 <= clock.waited < 8.0
