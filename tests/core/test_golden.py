"""Stores that earlier releases wrote: every later one reads and extends them, and so does a reader of its own."""

import ast
import hashlib
import math
import shutil
import sys
from pathlib import Path

import pytest
from tests.golden import reader

from modelstore_core import Approved, AtLeast, CheckPassed, ModelMoved, ModelStore

GOLDEN = Path(__file__).parent.parent / "golden"
FOLDERS = ("format-1", "format-1-complete", "format-1-governed", "format-1-whole")
SUMS = {
    "format-1": "527811d4218b6963c9cf712ae3609923cac81aa7ab212b0c37123fcf289d54ea",
    "format-1-complete": "5cfa3b8666de5d3ab65544c06ddd86caccd79945b93845f8f03a2997a3798c90",
    "format-1-governed": "751bda16e762eaf8f811c7b7bb63b81cd0d79faed2c7246ea6cd7b319715af5d",
    "format-1-whole": "3821711c36f622b38be3b7a9d7e3a743b744998acdbd9de2684f1ac6b26b75f1",
}
"""sha256 over the paths and bytes of each: a golden store is never written again."""


@pytest.fixture
def golden(tmp_path: Path) -> ModelStore:
    shutil.copytree(GOLDEN / "format-1", tmp_path / "store")
    return ModelStore(tmp_path / "store", actor="eve")


def test_format_1_is_read(golden: ModelStore) -> None:
    versions = {v.number: v for v in golden.versions("risk.churn", deleted=True)}

    assert [m.name for m in golden.models()] == ["risk.churn", "Ünïcode name"]
    assert sorted(versions) == [1, 2, 3, 4]
    assert (versions[1].description, versions[1].params) == ("version 1", {"depth": 1, "layers": [1, 2]})
    assert (versions[2].metrics, versions[2].tags["note"]) == ({"auc": 0.8, "checks": 24}, "check 24")
    assert (versions[3].deleted, versions[3].superseded_by) == (True, 4)
    assert math.isnan(versions[4].metrics["auc"])
    assert [v.number for v in golden.versions("risk.churn")] == [4, 2, 1]
    assert {n: golden.load(f"risk.churn@{n}").read_text() for n in (1, 2, 4)} == {
        n: f"weights {n}\n" for n in (1, 2, 4)
    }


def test_the_history_of_format_1_is_read(golden: ModelStore) -> None:
    events = golden.history("risk.churn")
    refused = [e for e in events if e.kind == "promotion.refused"]

    assert (events[0].kind, events[0].alias, events[-1].kind) == ("alias.dropped", "champion", "version.created")
    assert [(e.number, e.evidence[0].candidate) for e in refused] == [(1, 0.7)]
    assert {e.actor for e in events} == {"ada"}


def test_format_1_is_extended(golden: ModelStore, weights: Path) -> None:
    assert golden.save(weights, "risk.churn").number == 5
    assert golden.save(weights, "risk.churn", key="run-1/train", attempt=1).supersedes == 1
    assert golden.promote("risk.churn@2", "champion", key="promote-2").number == 2
    assert "champion" not in golden.models()[0].aliases


def tree_sum(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_store_is_as_it_was_written(folder: str) -> None:
    assert tree_sum(GOLDEN / folder) == SUMS[folder]


def opened(folder: str, target: Path) -> ModelStore:
    shutil.copytree(GOLDEN / folder, target / "store")
    return ModelStore(target / "store", actor="eve")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_golden_store_is_sound_and_stays_so(folder: str, tmp_path: Path, weights: Path) -> None:
    store = opened(folder, tmp_path)
    done = store.verify(read_data=True)
    assert (done.ok, {problem.severity for problem in done.problems} <= {"note"}) == (True, True)

    store.save(weights, "risk.churn", key="run-1/train", attempt=1)
    store.collect(older_than=0)
    store.maintain()

    assert store.verify(read_data=True, head=done.heads["risk.churn"], name="risk.churn").ok


def test_the_complete_store_is_read(tmp_path: Path) -> None:
    store = opened("format-1-complete", tmp_path)
    versions = {v.number: v for v in store.versions("risk.churn", deleted=True)}

    assert [m.name for m in store.models()] == ["risk.churn", "risk.copy", "Ünïcode name"]
    assert sorted(versions) == [1, 2, 3, 4, 5]
    assert versions[1].tags == {"team": "risk", "after": "the index"}
    assert (versions[3].deleted, versions[3].purged, versions[3].superseded_by) == (True, True, 4)
    assert store.load("risk.churn@champion").read_text() == store.load("risk.copy@copied").read_text() == "weights 5\n"
    assert store.get("risk.copy").lineage["copied_from"]
    assert "version.purged" in {event.kind for event in store.history("risk.churn")}


def test_the_governed_store_is_read_and_goes_on(tmp_path: Path) -> None:
    store = opened("format-1-governed", tmp_path)
    [waiting] = store.approvals()
    overridden, *_ = [event for event in store.history("risk.churn") if event.kind == "alias.moved"]
    refused = [event for event in store.history("risk.churn") if event.kind == "promotion.refused"]

    assert store.gates("risk.churn") == {"champion": (AtLeast("auc", 0.75), CheckPassed("drift"), Approved())}
    assert (waiting.ref, waiting.alias, waiting.comment) == ("risk.churn@2", "champion", "please")
    assert {name: str(check) for name, check in store.get("risk.churn@3").checks.items()} == {
        "drift": "passed (on March)",
        "schema": "passed (as before)",
    }
    assert (overridden.override, [one.passed for one in overridden.evidence]) == (True, [False, False, False])
    assert [len(event.evidence) for event in refused] == [9]
    assert store.promote("risk.churn@3", "champion").aliases == ("champion",)


def test_models_that_were_deleted_and_renamed_are_read_and_their_renames_finished(tmp_path: Path) -> None:
    store = opened("format-1-whole", tmp_path)

    assert [m.name for m in store.models(deleted=True)] == ["collected", "gone", "half", "risk.churn", "risk.late"]
    assert (store.model("risk.churn").owner, store.get("risk.churn@champion").number) == ("ada", 1)
    assert [v.purged for v in store.versions("collected", deleted=True)] == [True, True]
    for old, new in (("churn", "risk.churn"), ("late", "risk.late"), ("half", "risk.half")):
        assert store.rename(old, new).aliases == {"champion": 1 if old == "churn" else 2}
        assert store.load(f"{new}@2").read_text() == f"weights 2 of {old}\n"
        with pytest.raises(ModelMoved, match=f"'{new}'"):
            store.get(old)
    store.restore_model("gone")
    assert store.load("gone@1").read_text() == "weights 1 of gone\n"
    assert store.verify(read_data=True).ok


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_reader_of_its_own_reads_the_same(folder: str, tmp_path: Path) -> None:
    ours, theirs = opened(folder, tmp_path), reader.Store(tmp_path / "store")

    assert theirs.models() == sorted(model.name for model in ours.models())
    for summary in ours.models():
        model = reader.Model(tmp_path / "store", summary.name)
        listed = ours.versions(summary.name, deleted=True)
        live = [v.number for v in listed if not (v.deleted or v.purged or v.superseded_by)]
        assert model.live() == sorted(live)
        assert {name: model.number(name) for name in summary.aliases} == dict(summary.aliases)
        assert summary.newest is None or model.number("") == summary.newest
        assert [entry["seq"] for entry in model.blocks()] == [*range(1, len(model.blocks()) + 1)]
        for version in listed:
            read = model.versions[version.number]
            assert (read["tags"], read["description"]) == (version.tags, version.description)
            checks = {name: check["passed"] for name, check in (read.get("checks") or {}).items()}
            assert checks == {name: check.passed for name, check in version.checks.items()}
            assert {name: float(value) for name, value in read["metrics"].items()} == pytest.approx(
                version.metrics, nan_ok=True
            )
            assert read["digest"] == version.digest
            if not version.purged:
                assert sorted(model.files(version.number)) == [file.path for file in version.files]


def test_a_reader_of_its_own_resolves_references() -> None:
    store = reader.Store(GOLDEN / "format-1-complete")
    said = [store.resolve(reference)[1] for reference in ("risk.churn", "risk.churn@2", "risk.churn@champion")]

    assert said == [5, 2, 5]


def test_a_reader_of_its_own_reads_the_listing() -> None:
    model, _ = reader.Store(GOLDEN / "format-1-complete").resolve("risk.churn")
    listing = model.listing()

    assert sorted(listing) == [1, 2, 3, 4, 5]
    assert all(row["record"] == model.versions[number]["record"] for number, row in listing.items())
    assert (listing[3]["deleted"], listing[3]["purged"], listing[3]["superseded_by"]) == (True, True, 4)
    assert listing[2]["annotation"] == model.versions[2]["annotation"]


@pytest.mark.parametrize(("path", "change"), [("log", b'"auc":0.8'), ("blocks", b'"auc":0.8'), ("data", b"weights")])
def test_a_reader_of_its_own_notices_what_was_changed(path: str, change: bytes, tmp_path: Path) -> None:
    opened("format-1-complete", tmp_path)
    spoiled = next(
        p
        for p in sorted((tmp_path / "store/models/risk.churn" / path).rglob("*"))
        if p.is_file() and change in p.read_bytes()
    )
    spoiled.chmod(0o644)
    spoiled.write_bytes(spoiled.read_bytes().replace(change, change[:-1] + b"9", 1))

    with pytest.raises(AssertionError):
        read_all(tmp_path / "store")


def read_all(root: Path) -> None:
    model, _ = reader.Store(root).resolve("risk.churn")
    model.blocks()
    for number in model.live():
        model.files(number)


def test_the_reader_of_its_own_is_short_and_knows_nothing_of_the_project() -> None:
    source = Path(reader.__file__).read_text(encoding="utf-8")
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else name.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert len(source.splitlines()) <= 160
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
