"""A store and the oracle, asked the same through several handles in any order."""

import itertools
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelstore_core import (
    ANY,
    Approved,
    AtLeast,
    CheckPassed,
    Collection,
    Gate,
    HasTag,
    Improves,
    ModelStore,
    ModelStoreError,
    VersionDeleted,
    VersionPurged,
)
from modelstore_core.model.names import folder_of
from modelstore_core.model.operations import Verdict
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.facts import Facts, Happening, Summary, facts_of, happening_of, summary_of
from modelstore_core.testing.oracle import Oracle
from modelstore_core.testing.stores import store_over

NAMES = ("m", "Ünusual name")
PAYLOADS = ({"weight": 0}, {"weight": 1}, {"weight": [1, 2]})

names = st.sampled_from([NAMES[0], NAMES[0], NAMES[0], NAMES[1]])  # one of them is to get a long log
handles = st.integers(0, 2)
aliases = st.sampled_from(["champion", "candidate"])
keys = st.sampled_from([None, None, None, "run-1/train", "run-2/Träin ✓"])
numbers = st.integers(1, 4)
selectors = st.one_of(st.just(""), numbers.map(lambda n: f"@{n}"), aliases.map(lambda a: f"@{a}"))
references = st.builds(lambda name, selector: f"{name}{selector}", names, selectors)
scores = st.dictionaries(st.sampled_from(["auc", "loss"]), st.integers(0, 4), max_size=2)
gates: st.SearchStrategy[list[Gate]] = st.sampled_from(
    [[], [Improves("auc")], [AtLeast("auc", 2)], [AtLeast("loss", 1), Improves("loss", by=2, direction="min")]]
)
rules: st.SearchStrategy[list[Gate]] = st.sampled_from(
    [
        [AtLeast("auc", 1)],
        [Improves("auc")],
        [CheckPassed("drift")],
        [Approved(2)],
        [HasTag("team", "risk"), Approved()],
    ]
)
expectations = st.sampled_from([ANY, ANY, None, 1, 2])

spaces = itertools.count()
ACTORS = ("tester", "bo", "cy")


class Save(TypedDict):
    """What a save is asked besides model and name."""

    metrics: dict[str, int]
    aliases: list[str]
    key: str | None
    attempt: int


saves: st.SearchStrategy[Save] = st.fixed_dictionaries(
    {
        "metrics": scores,
        "aliases": st.lists(aliases, max_size=2, unique=True),
        "key": keys,
        "attempt": st.integers(0, 2),
    }
)  # type: ignore[assignment]  # a dict of those keys is what the type says


class StoreMachine(RuleBasedStateMachine):
    """Every verb gives what the oracle gives, and the log is at every moment one that a careful writer wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.storage = self.fresh_storage()
        self.oracle = Oracle()
        self.stores = [store_over(self.storage, actor=actor) for actor in ACTORS]
        self.checked: dict[str, int] = {}
        self.cursors: list[str | None] = [None, None, None]
        self.heard: list[list[tuple[str, Happening]]] = [[], [], []]

    def fresh_storage(self) -> Storage:
        return MemoryStorage(f"machine-{next(spaces)}")

    def both(self, ask: Callable[[], object], judge: Callable[[], object]) -> None:
        assert outcome(ask) == outcome(judge)

    @initialize(versions=st.integers(0, 3), annotations=st.sampled_from([0, 0, 0, 29, 61]))
    def begin(self, versions: int, annotations: int) -> None:
        """With some versions, and now and then with a log that is about to fill a block."""
        scratch = store_over(MemoryStorage(f"scratch-{next(spaces)}"))
        self.digests = [scratch.save(payload, "m", format="pickle").digest for payload in PAYLOADS]
        assert len(set(self.digests)) == len(PAYLOADS)
        for payload in range(versions):
            self.save(0, "m", payload, {"metrics": {"auc": payload}, "aliases": [], "key": None, "attempt": 0})
        for step in range(annotations if versions else 0):
            self.annotate(0, "m@1", {"auc": step}, {}, None, None)

    @rule(h=handles, name=names, payload=st.sampled_from(range(len(PAYLOADS))), asked=saves)
    def save(self, h: int, name: str, payload: int, asked: Save) -> None:
        self.both(
            lambda: facts_of(self.stores[h].save(PAYLOADS[payload], name, format="pickle", **asked)),
            lambda: self.oracle.save(name, self.digests[payload], **asked),
        )

    @rule(h=handles, reference=references, alias=aliases, key=keys)
    def promote(self, h: int, reference: str, alias: str, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].promote(reference, alias, key=key)),
            lambda: self.oracle.promote(reference, alias, key=key),
        )

    @rule(
        h=handles,
        reference=references,
        alias=aliases,
        expect=expectations,
        gates=gates,
        override=st.sampled_from([False, False, True]),
    )
    def promote_if(self, h: int, reference: str, alias: str, expect: Any, gates: list[Gate], override: bool) -> None:
        asked: dict[str, Any] = {"expect": expect, "gates": gates, "override": override}
        self.both(
            lambda: facts_of(self.stores[h].promote(reference, alias, reason="because", **asked)),
            lambda: self.oracle.promote(reference, alias, **asked),
        )

    @rule(h=handles, name=names, alias=aliases, rules=rules)
    def protect(self, h: int, name: str, alias: str, rules: list[Gate]) -> None:
        self.both(
            lambda: [*self.stores[h].protect(name, alias, rules)],
            lambda: self.oracle.protect(name, alias, rules),
        )

    @rule(h=handles, name=names, alias=aliases)
    def unprotect(self, h: int, name: str, alias: str) -> None:
        self.both(
            partial(self.stores[h].unprotect, name, alias, reason="because"),
            lambda: self.oracle.protect(name, alias, []) or None,
        )

    @rule(
        h=handles, reference=references, alias=aliases, verdict=st.sampled_from(["requested", "approved", "rejected"])
    )
    def review(self, h: int, reference: str, alias: str, verdict: Verdict) -> None:
        store = self.stores[h]
        say = {"requested": store.request_approval, "approved": store.approve, "rejected": store.reject}[verdict]
        self.both(
            lambda: say(reference, alias).number,
            lambda: self.oracle.review(reference, alias, verdict, ACTORS[h]),
        )

    @rule(h=handles, reference=references, drift=st.booleans(), key=keys)
    def check(self, h: int, reference: str, drift: bool, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].annotate(reference, checks={"drift": drift}, key=key)),
            lambda: self.oracle.annotate(reference, checks={"drift": drift}, key=key),
        )

    @rule(h=handles, name=names, alias=aliases, key=keys)
    def rollback(self, h: int, name: str, alias: str, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].rollback(name, alias, key=key)),
            lambda: self.oracle.rollback(name, alias, key=key),
        )

    @rule(h=handles, name=names, alias=aliases, override=st.booleans(), key=keys)
    def unalias(self, h: int, name: str, alias: str, override: bool, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].unalias(name, alias, override=override, reason="because", key=key)),
            lambda: self.oracle.unalias(name, alias, override=override, key=key),
        )

    @rule(
        h=handles,
        reference=references,
        metrics=st.dictionaries(st.sampled_from(["auc", "f1"]), st.none() | st.integers(0, 4), max_size=2),
        tags=st.dictionaries(st.just("team"), st.none() | st.sampled_from(["risk", "ads"])),
        description=st.none() | st.sampled_from(["", "better"]),
        key=keys,
    )
    def annotate(
        self, h: int, reference: str, metrics: Any, tags: Any, description: str | None, key: str | None
    ) -> None:
        self.both(
            lambda: facts_of(
                self.stores[h].annotate(reference, metrics=metrics, tags=tags, description=description, key=key)
            ),
            lambda: self.oracle.annotate(reference, metrics=metrics, tags=tags, description=description, key=key),
        )

    @rule(h=handles, reference=references, force=st.booleans(), key=keys)
    def delete(self, h: int, reference: str, force: bool, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].delete(reference, force=force, key=key)),
            lambda: self.oracle.delete(reference, force=force, key=key),
        )

    @rule(h=handles, reference=references, key=keys)
    def restore(self, h: int, reference: str, key: str | None) -> None:
        self.both(
            lambda: facts_of(self.stores[h].restore(reference, key=key)),
            lambda: self.oracle.restore(reference, key=key),
        )

    @rule(h=handles, name=names, keep=st.integers(0, 3), key=keys)
    def prune(self, h: int, name: str, keep: int, key: str | None) -> None:
        self.both(
            lambda: [facts_of(version) for version in self.stores[h].prune(name, keep=keep, key=key)],
            lambda: self.oracle.prune(name, keep=keep, key=key),
        )

    @rule(h=handles, name=st.none() | names)
    def collect(self, h: int, name: str | None) -> None:
        """Whatever its age; a dry run before it told the same."""
        store = self.stores[h]
        if name is None or name in self.oracle.models():
            dry = store.collect(name, older_than=0, dry_run=True)
            self.tidied(name, lambda: self.same(dry, store.collect(name, older_than=0)))

    def same(self, dry: Collection, done: Collection) -> None:
        assert [(one.kind, one.model, one.id) for one in dry.removed] == [
            (one.kind, one.model, one.id) for one in done.removed
        ]

    def tidied(self, name: str | None, collect: Callable[[], object]) -> None:
        """Of all that is to be purged each is, once, and of the rest nothing is left over."""
        chosen = self.known() if name is None else [name]
        before = {one: len(audit(self.storage, one).entries) for one in chosen}
        collect()
        for one in chosen:
            found = audit(self.storage, one)
            verbs = [entry["verb"] for entry in found.entries[before[one] :]]
            assert verbs.count("purge") == len(self.oracle.collect(one, condemned=verbs.count("condemn")))
            assert not found.strays

    def known(self) -> list[str]:
        """The names of all logs that there are."""
        return [*self.oracle.models()]

    def told(self, name: str) -> list[Happening]:
        """What the feed of changes tells of a model, oldest first."""
        return self.oracle.history(name)[::-1]

    @rule(h=handles, pickled=st.booleans())
    def take_a_new_handle(self, h: int, pickled: bool) -> None:
        """Cold, as in another process."""
        self.stores[h] = (
            pickle.loads(pickle.dumps(self.stores[h])) if pickled else store_over(self.storage, actor=ACTORS[h])
        )

    @rule(name=names, lie=st.sampled_from([b"", b'{"model":', b'{"model":"m","nonce":"","op":"","seq":1}']))
    def damage_a_hint(self, name: str, lie: bytes) -> None:
        """It decides nothing, and is never an error."""
        if name in self.oracle.models():
            self.storage.put(f"heads/{folder_of(name)}.json", lie)
            self.checked.pop(name, None)

    @rule(h=handles, reference=references)
    def load(self, h: int, reference: str) -> None:
        digest = outcome(lambda: self._loadable(reference))
        expected = PAYLOADS[self.digests.index(digest)] if isinstance(digest, str) else digest

        assert outcome(lambda: self.stores[h].load(reference)) == expected

    def _loadable(self, reference: str) -> str:
        facts = self.oracle.get(reference)
        if facts.purged:
            raise VersionPurged(reference)
        if facts.deleted:
            raise VersionDeleted(reference)
        return facts.digest

    @rule(h=handles, name=names, limit=st.none() | st.integers(1, 4), deleted=st.booleans())
    def look_around(self, h: int, name: str, limit: int | None, deleted: bool) -> None:
        store, oracle = self.stores[h], self.oracle
        self.both(lambda: {m.name: summary_of(m) for m in store.models()}, oracle.models)
        self.both(
            lambda: [facts_of(v) for v in store.versions(name, limit=limit, deleted=deleted)],
            lambda: oracle.versions(name, limit=limit, deleted=deleted),
        )
        self.both(
            lambda: [v.number for v in store.versions(name, order_by="metrics.auc DESC, number", limit=limit)],
            lambda: _best_first(oracle.versions(name))[:limit],
        )
        self.both(lambda: {a: [*gates] for a, gates in store.gates(name).items()}, lambda: oracle.rules(name))
        self.both(lambda: [(a.name, a.number, a.alias) for a in store.approvals()], oracle.waiting)
        self.both(
            lambda: [happening_of(event) for event in store.history(name, limit=limit)],
            lambda: oracle.history(name)[:limit],
        )

    @rule(h=handles)
    def hear_of_changes(self, h: int) -> None:
        """Every one exactly once, along one chain of cursors, whatever handles it passes through."""
        feed = self.stores[h].changes(self.cursors[h])
        self.cursors[h] = feed.cursor
        self.heard[h] += [(event.model, happening_of(event)) for event in feed.events]
        for name in self.known():
            heard = [happening for model, happening in self.heard[h] if model == name]
            assert heard == self.told(name)

    @invariant()
    def the_log_is_in_order_and_all_ways_to_a_version_lead_to_the_same_record(self) -> None:
        for name, summary in self.oracle.models().items():
            seq = self.oracle.history(name)[0].seq
            if seq != self.checked.get(name):
                self._check(name, summary)
                self.checked[name] = seq

    def _check(self, name: str, summary: Summary) -> None:
        found = audit(self.storage, name)
        assert [*found.numbers] == [*range(1, len(found.numbers) + 1)]
        assert found.aliases == summary.aliases
        assert [*found.live] == [v.number for v in reversed(self.oracle.versions(name))]
        cold = store_over(self.storage)
        for way in (name, *(f"{name}@{way}" for way in (*summary.aliases, 1, 2, 3, 4, 5))):
            self.both(partial(_got, cold, way), partial(self.oracle.get, way))


class LocalMachine(StoreMachine):
    """The same over a folder."""

    def fresh_storage(self) -> Storage:
        self.root = TemporaryDirectory()
        return LocalStorage(Path(self.root.name) / "store")

    def teardown(self) -> None:
        super().teardown()
        self.root.cleanup()


def outcome(ask: Callable[[], object]) -> object:
    """What came of it: the answer, or the type of the error."""
    try:
        return ask()
    except ModelStoreError as error:
        return type(error)


def _got(store: ModelStore, reference: str) -> Facts:
    return facts_of(store.get(reference))


def _best_first(versions: list[Facts]) -> list[int]:
    have = sorted((v for v in versions if "auc" in v.metrics), key=lambda v: (-v.metrics["auc"], v.number))
    lack = [v.number for v in sorted(versions, key=lambda v: v.number) if "auc" not in v.metrics]
    return [*(v.number for v in have), *lack]
