"""A rename gives a model its new name with all that it has, and nobody loses anything on the way."""

from pathlib import Path

import pytest
from tests.maintenance.renames import entries
from tests.maintenance.support import fill
from tests.protocol.support import claim_of, save_by

from modelstore_core import (
    AtLeast,
    Corrupt,
    GateRefused,
    InvalidInput,
    ModelDeleted,
    ModelExists,
    ModelMoved,
    ModelNotFound,
    ModelStore,
    VersionPurged,
)
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage
from modelstore_core.testing.stores import store_over


@pytest.fixture(params=["memory", "local"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage."""
    return MemoryStorage(f"renaming-{tmp_path}") if request.param == "memory" else LocalStorage(tmp_path / "store")


def facts(store: ModelStore, model: str) -> list[dict[str, object]]:
    """All that is recorded of each version, but where it lies."""
    return [{**version.row(), "name": "", "files": version.files} for version in store.versions(model, deleted=True)]


def test_everything_is_there_under_the_new_name(place: Storage, tmp_path: Path) -> None:
    store = fill(place, tmp_path)
    store.describe("m", description="Churn", owner="ada")
    store.promote("m@5", "shadow")
    before, versions = entries(place, "m"), facts(store, "m")
    loads = {version.number: store.load(version.ref) for version in store.versions("m") if version.format == "pickle"}
    made = store.rename("m", "risk.churn", reason="one scheme for all")

    assert (made.name, made.description, made.owner) == ("risk.churn", "Churn", "ada")
    assert facts(store, "risk.churn") == versions
    assert {number: store.load(f"risk.churn@{number}") for number in loads} == loads
    assert store.get("risk.churn@shadow").number == 5
    assert entries(place, "risk.churn")[:-1] == before
    assert [e.kind for e in store.history("risk.churn", limit=1)] == ["model.arrived"]
    audit(place, "m")
    audit(place, "risk.churn")
    assert store.verify(read_data=True).ok


def test_the_old_name_says_where_it_went_for_good(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    warm = store_over(place)
    warm.get("m")
    store.rename("m", "n", reason="because")

    for someone in (warm, store_over(place)):
        for ask in (lambda s: s.load("m"), lambda s: save_by(s, 2), lambda s: s.restore_model("m")):
            with pytest.raises(ModelMoved, match="called 'n'") as refused:
                ask(someone)
            assert refused.value.to == "n"
    moved = store.history("m")[0]
    assert (moved.kind, moved.other_name, moved.reason) == ("model.moved", "n", "because")
    assert [model.name for model in store.models(deleted=True)] == ["n"]
    assert store.save({"w": 2}, "n", format="pickle").number == 2


def test_renaming_again_changes_nothing(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    store.rename("m", "n")
    store.save({"w": 2}, "n", format="pickle")
    before = (len(entries(place, "m")), len(entries(place, "n")))

    assert store_over(place).rename("m", "n").newest == 2
    assert (len(entries(place, "m")), len(entries(place, "n"))) == before


def test_a_model_can_be_renamed_twice_and_keeps_its_history(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1, key="k")
    store.rename("m", "n")
    store.promote("n@1", "champion")
    store.rename("n", "o")

    assert store.load("o@champion") == {"w": 1}
    assert [e.kind for e in store.history("o")] == ["model.arrived", "alias.moved", "model.arrived", "version.created"]
    assert store.save({"w": 1}, "o", format="pickle", key="k").number == 1
    for name in ("m", "n", "o"):
        audit(place, name)
    assert store.verify().ok
    with pytest.raises(ModelMoved) as refused:
        store.get("m")
    assert refused.value.to == "n"


def test_a_name_is_used_once(place: Storage) -> None:
    store = store_over(place)
    for name in ("m", "taken", "deleted", "moved"):
        store.save({"w": 1}, name, format="pickle")
    store.delete_model("deleted")
    store.rename("moved", "elsewhere")

    for name in ("taken", "deleted", "moved", "elsewhere"):
        with pytest.raises(ModelExists, match=f"'{name}'"):
            store.rename("m", name)
    with pytest.raises(InvalidInput, match="has that name"):
        store.rename("m", "m")
    assert store.load("m") == {"w": 1}
    assert len(entries(place, "m")) == 1


def test_a_deleted_model_cannot_be_renamed(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    store.delete_model("m")
    with pytest.raises(ModelDeleted):
        store.rename("m", "n")
    with pytest.raises(ModelNotFound):
        store.get("n")


def test_keys_find_their_commits_under_the_new_name(place: Storage) -> None:
    store = store_over(place)
    for weight in (1, 2, 3):
        save_by(store, weight, key=f"k{weight}")
    store.promote("m@1", "c", key="p")
    store.promote("m@2", "c")
    store.rename("m", "n")
    cold = store_over(place)

    assert cold.save({"w": 2}, "n", format="pickle", metrics={"auc": 0.2}, key="k2").number == 2
    assert cold.promote("n@1", "c", key="p").number == 1
    assert cold.get("n@c").number == 2
    assert cold.save({"w": 9}, "n", format="pickle", key="k3").supersedes == 3
    assert claim_of(place, "k2", "n") == claim_of(place, "k2", "m")


def test_protected_aliases_stay_protected(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    store.protect("m", "champion", [AtLeast("auc", 0.5)])
    store.request_approval("m@1", "champion")
    store.rename("m", "n")

    with pytest.raises(GateRefused):
        store.promote("n@1", "champion")
    assert [(one.name, one.number) for one in store.approvals("n", pending=True)] == [("n", 1)]
    assert store.verify().ok


def test_what_is_deleted_can_be_restored_afterwards_and_what_is_purged_cannot(place: Storage) -> None:
    store = store_over(place)
    for weight in (1, 2, 3):
        save_by(store, weight)
    store.delete("m@1")
    store.collect(older_than=0)
    store.delete("m@2")
    store.rename("m", "n")

    store.restore("n@2")
    assert store.load("n@2") == {"w": 2}
    with pytest.raises(VersionPurged):
        store.load("n@1")
    assert not audit(place, "n").strays


def test_the_old_files_are_collected_and_the_new_ones_stay(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    save_by(store, 2)
    store.rename("m", "n")

    assert store.collect().objects == 0
    assert {one.model for one in store.collect(older_than=0).removed} == {"m"}
    assert not [*place.list("models/m/data/")]
    assert store.load("n@1") == {"w": 1}
    assert store.verify(read_data=True).ok


def test_files_are_linked_and_not_copied_in_a_folder(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store", actor="ada")
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"x" * (2 << 20))
    store.save(weights, "m")
    store.rename("m", "n")
    old, new = (Path(next(iter((tmp_path / f"store/models/{n}/data").rglob("*.bin")))) for n in ("m", "n"))

    assert old.stat().st_ino == new.stat().st_ino or old.read_bytes() == new.read_bytes()
    assert store.collect(older_than=0).objects >= 1
    assert new.read_bytes() == weights.read_bytes()


def test_bytes_stay_in_the_service(place: Storage) -> None:
    save_by(store_over(place), 1)
    counting = CountingStorage(place)
    store_over(counting).rename("m", "n")

    assert counting.summary()["copy"] == 1
    assert not {"send", "fetch"} & set(counting.summary())


def test_a_long_history_is_whole_and_fast_to_list(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    for step in range(70):
        store.annotate("m@1", metrics={"step": step})
    store.rename("m", "n")

    assert [*place.list("models/n/segments/")]
    assert len([*place.list("models/n/blocks/")]) == 2
    audit(place, "n")
    assert store_over(place).get("n@1").metrics["step"] == 69
    assert store.verify().ok


def test_the_past_is_there_under_both_names(place: Storage) -> None:
    store = store_over(place)
    for weight in (1, 2):
        save_by(store, weight)
        store.promote(f"m@{weight}", "champion")
    store.rename("m", "n")

    assert store.at(2).get("n@champion").number == 1
    assert store.at(2).get("m@champion").number == 1


def test_a_renamed_model_can_be_copied_to_another_store(place: Storage, tmp_path: Path) -> None:
    store = store_over(place)
    save_by(store, 1)
    store.rename("m", "n")
    there = ModelStore(tmp_path / "there", trust="full")

    assert store.copy("n@1", there).name == "n"
    assert there.load("n") == {"w": 1}


def test_the_feed_tells_of_the_rename_and_not_of_what_it_repeated(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    first = store.changes()
    save_by(store, 2)
    store.rename("m", "n")
    store.save({"w": 3}, "n", format="pickle")

    told = [(e.model, e.kind, e.number, e.other_name) for e in store.changes(first.cursor).events]
    assert told == [
        ("m", "version.created", 2, None),
        ("m", "model.moved", None, "n"),
        ("n", "model.arrived", None, "m"),
        ("n", "version.created", 3, None),
    ]
    anew = [(e.model, e.kind) for e in store.changes().events]
    assert anew == [("m", "version.created"), *((model, kind) for model, kind, *_ in told)]


def test_a_file_that_is_damaged_ends_it_before_anything_has_changed(place: Storage) -> None:
    store = store_over(place)
    save_by(store, 1)
    save_by(store, 2)
    data = store.get("m@1").url.rsplit("/", 1)[1]
    key = next(info.key for info in place.list(f"models/m/data/{data}/"))
    whole = place.get(key) or b""
    place.delete([key])
    place.put(key, whole[::-1])
    with pytest.raises(Corrupt):
        store.rename("m", "n")

    assert store_over(place).load("m@2") == {"w": 2}
    assert [model.name for model in store.models()] == ["m"]
    store.delete("m@1")
    store.collect("m", older_than=0)
    assert store.rename("m", "n").versions == 1
    assert store.verify().ok


def test_a_service_that_cannot_copy_is_no_hindrance(place: Storage) -> None:
    save_by(store_over(place), 1)
    refusing = FaultyStorage(place, script=lambda verb, key, number: Fault("lie") if verb == "copy" else None)
    store_over(refusing).rename("m", "n")

    assert store_over(place).load("n") == {"w": 1}
    assert store_over(place).verify(read_data=True).ok
