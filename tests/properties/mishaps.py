"""The state machine, with what befalls stores: processes that die, networks that lie, copies taken meanwhile.

Whatever befalls a call, it is made again with the same key, and what the oracle says of one call must be the outcome.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypedDict

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.properties import machine
from tests.properties.machine import PAYLOADS, StoreMachine

from modelstore_core import CommitUncertain, ModelStore, ModelVersion, StorageUnavailable
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.facts import Facts, facts_of
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, SimulatedCrash
from modelstore_core.testing.oracle import Oracle
from modelstore_core.testing.stores import store_over

RATES: Mapping[FaultKind, float] = {"error": 0.1, "lost_reply": 0.1, "lie": 0.1, "delay": 0.1}


class Asked(TypedDict):
    """What any of the calls is about."""

    name: str
    selector: str
    alias: str
    payload: int
    team: str


Ask = Callable[[ModelStore, Asked, str], ModelVersion]
Judge = Callable[[Oracle, Asked, str, str], Facts]


def _meant(asked: Asked) -> str:
    return f"{asked['name']}{asked['selector']}"


CALLS: Mapping[str, tuple[Ask, Judge]] = {
    "save": (
        lambda s, a, key: s.save(PAYLOADS[a["payload"]], a["name"], format="pickle", aliases=[a["alias"]], key=key),
        lambda o, a, key, digest: o.save(a["name"], digest, aliases=[a["alias"]], key=key),
    ),
    "promote": (
        lambda s, a, key: s.promote(_meant(a), a["alias"], key=key),
        lambda o, a, key, digest: o.promote(_meant(a), a["alias"], key=key),
    ),
    "rollback": (
        lambda s, a, key: s.rollback(a["name"], a["alias"], key=key),
        lambda o, a, key, digest: o.rollback(a["name"], a["alias"], key=key),
    ),
    "annotate": (
        lambda s, a, key: s.annotate(_meant(a), tags={"team": a["team"]}, key=key),
        lambda o, a, key, digest: o.annotate(_meant(a), tags={"team": a["team"]}, key=key),
    ),
    "delete": (
        lambda s, a, key: s.delete(_meant(a), force=True, key=key),
        lambda o, a, key, digest: o.delete(_meant(a), force=True, key=key),
    ),
    "restore": (
        lambda s, a, key: s.restore(_meant(a), key=key),
        lambda o, a, key, digest: o.restore(_meant(a), key=key),
    ),
}
calls = st.sampled_from(sorted(CALLS))
asked: st.SearchStrategy[Asked] = st.fixed_dictionaries(
    {
        "name": machine.names,
        "selector": machine.selectors,
        "alias": machine.aliases,
        "payload": st.sampled_from(range(len(PAYLOADS))),
        "team": st.sampled_from(["risk", "ads"]),
    }
)  # type: ignore[assignment]  # a dict of those keys is what the type says


class MishapMachine(StoreMachine):
    """Every call takes place once, however often it had to be made."""

    def __init__(self) -> None:
        super().__init__()
        self._keys = 0
        self._copies: dict[str, str] = {}
        self._elsewhere = MemoryStorage(f"elsewhere-{next(machine.spaces)}")
        self._private = tempfile.TemporaryDirectory()  # what a dead process leaves goes with the machine
        self._tempdir, tempfile.tempdir = tempfile.tempdir, self._private.name

    def teardown(self) -> None:
        tempfile.tempdir = self._tempdir
        self._private.cleanup()
        super().teardown()

    def _again(self, h: int, call: str, asked: Asked, key: str) -> None:
        ask, judge = CALLS[call]
        self.both(
            lambda: facts_of(ask(self.stores[h], asked, key)),
            lambda: judge(self.oracle, asked, key, self.digests[asked["payload"]]),
        )

    def _key(self) -> str:
        self._keys += 1
        return f"mishap {self._keys}"

    @rule(h=machine.handles, call=calls, asked=asked, at=st.integers(1, 16), after=st.booleans())
    def die_and_come_back(self, h: int, call: str, asked: Asked, at: int, after: bool) -> None:
        """A process dies at one of the storage's operations, if it gets that far; another does its work."""
        key, death = self._key(), Fault("crash_after" if after else "crash")
        faulty = FaultyStorage(self.storage, script=lambda _, __, number: death if number == at else None)
        with suppress(SimulatedCrash):
            machine.outcome(lambda: CALLS[call][0](store_over(faulty), asked, key))
        self._again(h, call, asked, key)

    @rule(h=machine.handles, at=st.integers(1, 24), after=st.booleans())
    def die_while_collecting(self, h: int, at: int, after: bool) -> None:
        """The next one finishes."""
        death = Fault("crash_after" if after else "crash")
        faulty = FaultyStorage(self.storage, script=lambda _, __, number: death if number == at else None)

        def twice() -> None:
            with suppress(SimulatedCrash):
                store_over(faulty).collect(older_than=0)
            self.stores[h].collect(older_than=0)

        self.tidied(None, twice)

    @rule(h=machine.handles, call=calls, asked=asked, seed=st.integers(0, 2**32))
    def go_through_faults(self, h: int, call: str, asked: Asked, seed: int) -> None:
        """Errors, lost replies, lies and writes that land later, until there is an answer; and once more without."""
        key, faulty = self._key(), FaultyStorage(self.storage, seed, rates=RATES)
        store = store_over(faulty, patience=10**6)
        first = machine.outcome(lambda: _heard(lambda: facts_of(CALLS[call][0](store, asked, key))))
        faulty.land()
        self._again(h, call, asked, key)
        assert first == machine.outcome(lambda: facts_of(CALLS[call][0](self.stores[h], asked, key)))

    @rule(h=machine.handles, reference=machine.references)
    def copy_elsewhere(self, h: int, reference: str) -> None:
        """Each version once, and what was copied can be loaded."""
        there = store_over(self._elsewhere)
        digest = machine.outcome(lambda: self._loadable(reference))
        copied = machine.outcome(lambda: self.stores[h].copy(reference, there))
        if not isinstance(copied, ModelVersion):
            assert copied == digest
            return
        assert copied.digest == digest
        original = self.stores[h].get(reference).ref
        assert self._copies.setdefault(original, copied.ref) == copied.ref
        assert len(audit(self._elsewhere, copied.name).numbers) == len(
            [ref for ref in self._copies if ref.startswith(f"{copied.name}@")]
        )
        assert there.load(copied.ref) == PAYLOADS[self.digests.index(copied.digest)]

    @rule(h=machine.handles)
    def look_for_damage(self, h: int) -> None:
        """There is none, whatever has happened."""
        assert self.stores[h].verify(read_data=True).count("damage") == 0


def _heard(call: Callable[[], Facts]) -> Facts:
    """What somebody is told who asks again for as long as there is no telling."""
    while True:
        try:
            return call()
        except (StorageUnavailable, CommitUncertain):
            continue
