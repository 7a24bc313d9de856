"""A model as a whole: what is said of it, its deletion and return; what of that a listing, a feed and a search show."""

from collections.abc import Callable

import pytest

from modelstore_core import (
    AtLeast,
    InvalidInput,
    InvalidName,
    ModelDeleted,
    ModelNotFound,
    ModelStore,
    StoreReadOnly,
    TooLarge,
    VersionPurged,
)


@pytest.fixture
def store(url: str) -> ModelStore:
    """A store with one model `m` of two versions and an alias."""
    store = ModelStore(url, actor="ada", trust="full")
    store.save({"w": 1}, "m", format="pickle", key="k1")
    store.save({"w": 2}, "m", format="pickle", aliases=["champion"])
    return store


@pytest.fixture
def another(url: str, store: ModelStore) -> ModelStore:
    """A cold handle on it, of somebody else."""
    return ModelStore(url, actor="bob", trust="full")


def test_what_is_said_of_a_model_is_there_for_everybody(store: ModelStore, another: ModelStore) -> None:
    said = store.describe("m", description="Churn within 30 days", tags={"team": "risk"}, owner="ada@example.org")

    assert (said.description, dict(said.tags), said.owner) == (
        "Churn within 30 days",
        {"team": "risk"},
        "ada@example.org",
    )
    assert another.model("m") == said
    assert another.models()[0] == said
    assert said.newest == 2


def test_what_is_left_out_stays_and_a_tag_of_none_goes(store: ModelStore) -> None:
    store.describe("m", description="old", tags={"a": "1", "b": "2"}, owner="ada")

    said = store.describe("m", description="new", tags={"a": None, "c": "3"})
    assert (said.description, dict(said.tags), said.owner) == ("new", {"b": "2", "c": "3"}, "ada")
    assert store.describe("m", description="", owner="").description == ""


def test_saying_nothing_new_commits_nothing(store: ModelStore) -> None:
    store.describe("m", owner="ada")
    store.describe("m", owner="ada")
    store.describe("m")

    assert [event.kind for event in store.history("m")].count("model.described") == 1


def test_what_is_said_survives_what_happens_after_it(store: ModelStore, another: ModelStore) -> None:
    store.describe("m", tags={"team": "risk"})
    another.save({"w": 3}, "m", format="pickle")
    another.delete("m@1")

    assert dict(store.model("m").tags) == {"team": "risk"}


def test_a_retry_with_the_same_key_changes_nothing(store: ModelStore, another: ModelStore) -> None:
    store.describe("m", owner="ada", key="x")
    store.describe("m", owner="eve")

    assert another.describe("m", owner="ada", key="x").owner == "eve"


def test_models_are_found_by_what_is_said_of_them(store: ModelStore) -> None:
    store.save({"w": 1}, "other", format="pickle")
    store.describe("m", description="Churn", tags={"team": "risk"}, owner="ada")

    for where in ("tags.team = 'risk'", "owner = 'ada'", "description LIKE 'Ch%'"):
        assert [model.name for model in store.models(where)] == ["m"]


@pytest.mark.parametrize("size", [4500, 100_000])
def test_more_than_four_kibibytes_are_refused(store: ModelStore, size: int) -> None:
    store.describe("m", owner="ada")
    with pytest.raises(TooLarge, match="at most 4096"):
        store.describe("m", description="x" * size)

    assert store.model("m").description == ""


@pytest.mark.parametrize(
    "said", [{"description": 3}, {"owner": ["ada"]}, {"tags": {"a": object()}}, {"tags": {3: "a"}}]
)
def test_what_is_no_text_is_refused(store: ModelStore, said: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        store.describe("m", **said)  # type: ignore[arg-type]  # that is what is tried
    assert store.history("m", limit=1)[0].seq == 2


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.model("no"),
        lambda s: s.describe("no", owner="x"),
        lambda s: s.delete_model("no"),
        lambda s: s.restore_model("no"),
        lambda s: s.rename("no", "new"),
    ],
)
def test_what_is_not_there_leaves_nothing_behind(
    store: ModelStore, listing: Callable[[], dict[str, str]], ask: Callable[[ModelStore], object]
) -> None:
    before = listing()
    with pytest.raises(ModelNotFound):
        ask(store)

    assert listing() == before


VERBS: dict[str, Callable[[ModelStore], object]] = {
    "load": lambda s: s.load("m"),
    "load by number": lambda s: s.load("m@1"),
    "get by alias": lambda s: s.get("m@champion"),
    "versions": lambda s: s.versions("m"),
    "versions where": lambda s: s.versions("m", where="number > 1"),
    "model": lambda s: s.model("m"),
    "compare": lambda s: s.compare("m@1", "m@2"),
    "save": lambda s: s.save({"w": 3}, "m", format="pickle"),
    "save again": lambda s: s.save({"w": 1}, "m", format="pickle", key="k1"),
    "promote": lambda s: s.promote("m@1", "champion"),
    "rollback": lambda s: s.rollback("m", "champion"),
    "unalias": lambda s: s.unalias("m", "champion"),
    "annotate": lambda s: s.annotate("m@1", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@1"),
    "restore": lambda s: s.restore("m@1"),
    "prune": lambda s: s.prune("m", keep=1),
    "prune nothing": lambda s: s.prune("m", keep=9),
    "gates": lambda s: s.gates("m"),
    "approvals": lambda s: s.approvals("m"),
    "inspect": lambda s: s.inspect("m@1"),
    "best": lambda s: s.best("m", "number"),
    "protect": lambda s: s.protect("m", "champion", [AtLeast("auc", 0.5)]),
    "request_approval": lambda s: s.request_approval("m@1", "champion"),
    "describe": lambda s: s.describe("m", owner="x"),
    "rename": lambda s: s.rename("m", "new"),
    "copy": lambda s: s.copy("m", s, name="copied"),
}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_deleted_model_is_not_to_be_had(store: ModelStore, another: ModelStore, verb: str, warm: bool) -> None:
    if warm:
        another.get("m@1")
    store.delete_model("m", reason="a trial")
    with pytest.raises(ModelDeleted, match="restore_model"):
        VERBS[verb](another)

    assert store.history("m")[0].kind == "model.deleted"
    assert store.history("m")[0].reason == "a trial"
    assert len([*store.storage.list("models/m/data/")]) == 2


def test_a_deleted_model_is_in_no_listing_unless_asked_for(store: ModelStore, another: ModelStore) -> None:
    store.save({"w": 1}, "other", format="pickle")
    assert store.delete_model("m").deleted

    assert [model.name for model in another.models()] == ["other"]
    assert [model.name for model in another.models(deleted=True)] == ["m", "other"]
    assert [version.name for version in another.search()] == ["other"]


def test_those_who_look_back_still_see_it(store: ModelStore) -> None:
    store.delete_model("m")

    assert next(iter(store.history("m"))).kind == "model.deleted"
    assert store.at(2).get("m@champion").number == 2
    assert store.verify("m").ok
    assert store.maintain("m")[0].versions == 2


def test_a_restored_model_is_what_it_was(store: ModelStore, another: ModelStore) -> None:
    before = another.versions("m")
    store.delete_model("m")
    store.delete_model("m")
    assert not another.restore_model("m").deleted
    another.restore_model("m")

    assert store.versions("m") == before
    assert store.load("m@champion") == {"w": 2}
    assert store.save({"w": 3}, "m", format="pickle").number == 3
    assert [event.kind for event in store.changes().events][3:5] == ["model.deleted", "model.restored"]


def test_deleting_a_model_is_taken_back_by_undo(store: ModelStore) -> None:
    store.delete_model("m")
    store.undo("m")

    assert store.load("m") == {"w": 2}


def test_what_is_done_to_all_models_passes_over_deleted_ones(store: ModelStore) -> None:
    store.save({"w": 1}, "other", format="pickle")
    store.request_approval("m@1", "shadow")
    store.delete_model("m")

    assert [version.name for version in store.prune(keep=0)] == ["other"]
    assert not store.approvals()
    assert [done.name for done in store.maintain()] == ["m", "other"]


def test_what_was_collected_meanwhile_is_purged_afterwards_and_its_aliases_are_gone(store: ModelStore) -> None:
    store.delete_model("m")
    assert store.collect().objects == 0  # younger than a day, by the commit that deleted it
    assert [(one.kind, one.number) for one in store.collect(older_than=0).removed] == [("purged", 1), ("purged", 2)]
    back = store.restore_model("m")

    assert (back.versions, back.newest, dict(back.aliases)) == (0, None, {})
    with pytest.raises(VersionPurged):
        store.load("m@2")
    assert store.save({"w": 3}, "m", format="pickle").number == 3
    assert [e.kind for e in store.history("m") if e.number == 2][:2] == ["alias.dropped", "version.purged"]
    assert store.verify().ok


def test_a_model_that_is_open_keeps_its_files(store: ModelStore) -> None:
    store.delete_model("m")
    store.restore_model("m")

    assert store.collect(older_than=0).objects == 0
    assert store.load("m") == {"w": 2}


def test_a_reader_is_refused_before_anything_is_asked(store: ModelStore, url: str) -> None:
    reader = ModelStore(url, read_only=True)
    for verb in (reader.describe, reader.delete_model, reader.restore_model):
        with pytest.raises(StoreReadOnly):
            verb("m")
    with pytest.raises(StoreReadOnly):
        reader.rename("m", "n")


@pytest.mark.parametrize("name", ["", "a/b", "a@b", 3])
def test_a_name_that_is_none_is_refused(store: ModelStore, name: str) -> None:
    for verb in (store.model, store.describe, store.delete_model, store.restore_model):
        with pytest.raises(InvalidName):
            verb(name)
    with pytest.raises(InvalidName):
        store.rename("m", name)
