from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from modelstore_core import Corrupt, InvalidInput, ModelStore, VersionNotFound


def _first_file(root: Path, name: str) -> Path:
    return next(path for path in sorted(root.rglob(name)))


@pytest.fixture
def local(tmp_path: Path, weights: Path) -> ModelStore:
    store = ModelStore(tmp_path / "store")
    store.save(weights, "m")
    return store


def test_load_gives_back_what_was_saved(store: ModelStore) -> None:
    store.save({"weights": [1, 2, 3]}, "m", format="pickle")

    assert store.load("m") == {"weights": [1, 2, 3]}


def test_a_file_and_a_folder_load_as_paths_that_last(store: ModelStore, weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a")
    store.save(weights, "file")
    store.save(folder, "folder")

    assert store.load("file").read_bytes() == b"weights"
    assert (store.load("folder") / "deep" / "a.txt").read_text() == "a"
    assert (store.load("file", as_="path") / "weights.bin").read_bytes() == b"weights"


def test_pull_puts_all_files_into_a_new_folder(store: ModelStore, weights: Path, tmp_path: Path) -> None:
    store.save(weights, "m")

    out = store.pull("m@1", tmp_path / "deep" / "out")

    assert [p.name for p in out.iterdir()] == ["weights.bin"]
    (out / "weights.bin").write_bytes(b"mine now")
    assert store.load("m").read_bytes() == b"weights"


def test_pull_writes_over_nothing(store: ModelStore, weights: Path, tmp_path: Path) -> None:
    store.save(weights, "m")

    with pytest.raises(InvalidInput, match="exists and is not an empty folder"):
        store.pull("m", tmp_path)


def test_a_flipped_bit_is_found_before_anything_reads_the_file(local: ModelStore, tmp_path: Path) -> None:
    path = _first_file(tmp_path / "store", "weights.bin")
    raw = bytearray(path.read_bytes())
    raw[3] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)

    for read in (local.load, lambda ref: local.load(ref, as_="path"), lambda ref: local.pull(ref, tmp_path / "out")):
        with pytest.raises(Corrupt, match=r"weights\.bin.*is not what was saved"):
            read("m")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["shorter", "longer", "missing", "symlink"])
def test_a_file_that_is_not_what_was_saved_is_named(local: ModelStore, tmp_path: Path, damage: str) -> None:
    path = _first_file(tmp_path / "store", "weights.bin")
    path.chmod(0o644)
    match damage:
        case "shorter":
            path.write_bytes(b"weight")
        case "longer":
            path.write_bytes(b"weights!")
        case "missing":
            path.unlink()
        case _:
            path.rename(tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Corrupt, match=r"weights\.bin"):
        local.load("m")


def test_versions_order_and_limit(store: ModelStore, weights: Path) -> None:
    for auc in (0.7, 0.9, None, 0.8):
        store.save(weights, "m", metrics={} if auc is None else {"auc": auc}, tags={"team": f"t{auc}"})

    assert [v.number for v in store.versions("m")] == [4, 3, 2, 1]
    assert [v.number for v in store.versions("m", order_by="metrics.auc DESC")] == [2, 4, 1, 3]
    assert [v.number for v in store.versions("m", order_by="metrics.auc", limit=2)] == [1, 4]
    assert [v.number for v in store.versions("m", order_by="digest, number asc")] == [1, 2, 3, 4]
    assert [v.number for v in store.versions("m", limit=3)] == [4, 3, 2]


def test_listings_become_typed_data_frames(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", metrics={"auc": 0.5}, params={"depth": 3}, tags={"team": "risk"})
    store.save(weights, "m", metrics={"auc": 1})

    frame = store.versions("m").to_pandas()

    assert list(frame["metrics.auc"]) == [1, 0.5]
    assert frame["metrics.auc"].dtype == float
    assert isinstance(frame["created_at"].dtype, pd.DatetimeTZDtype)
    assert [frame["params.depth"][1], frame["tags.team"][1]] == [3, "risk"]
    assert list(store.models().to_pandas()["name"]) == ["m"]
    assert list(store.history("m").to_pandas()["kind"]) == ["version.created"] * 2
    assert store.versions("m", deleted=True)[:0] == ()


def test_records_render_escaped(store: ModelStore, weights: Path) -> None:
    version = store.save(weights, "m", tags={"note": "<script>alert(1)</script>\x1b[31m"})

    assert "<script>" not in version._repr_html_()
    assert "<script>" not in store.versions("m")._repr_html_()
    assert "\x1b" not in str(version)
    assert "\x1b" not in repr(store.versions("m"))


def test_compare_names_all_that_differs(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", metrics={"auc": 0.5, "same": 1}, params={"depth": 3})
    weights.write_bytes(b"other")
    store.save(weights, "m", metrics={"auc": 0.75, "same": 1}, tags={"a": "b"})

    comparison = store.compare("m@1", "m@2")
    found: dict[str, object] = {d.field: (d.left, d.right, d.change) for d in comparison.differences}

    assert found["metrics.auc"] == (0.5, 0.75, 0.25)
    assert found["params.depth"] == (3, None, None)
    assert found["tags.a"] == (None, "b", None)
    assert found["size"] == (7, 5, -2)
    assert set(found) == {"metrics.auc", "params.depth", "tags.a", "size", "files.weights.bin"}
    assert "+0.25" in str(comparison)


def test_changes_gives_each_event_once_along_a_chain_of_cursors(store: ModelStore, weights: Path, url: str) -> None:
    other = ModelStore(url)
    store.save(weights, "a", aliases=["x"])
    first = store.changes()
    other.save(weights, "b")
    other.promote("a@1", "champion")
    second = store.changes(first.cursor)

    assert [e.id for e in first.events] == ["a:1", "a:1:1"]
    assert sorted(e.id for e in second.events) == ["a:2", "b:1"]
    assert store.changes(second.cursor).events == ()
    assert len(store.changes().events) == 4


def test_a_moved_store_opens(local: ModelStore, tmp_path: Path, weights: Path) -> None:
    local.promote("m@1", "champion")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    moved = ModelStore(tmp_path / "elsewhere")

    assert moved.load("m@champion").read_bytes() == b"weights"
    assert moved.save(weights, "m").number == 2


def test_mlflow_uris_are_understood(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m", aliases=["champion"])
    store.save(weights, "m")

    assert store.get("models:/m/1").number == 1
    assert store.get("models:/m@champion").number == 1
    assert store.get("models:/m/latest").number == 2
    assert store.get("m@latest").number == 2


def test_reading_writes_nothing(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none")

    assert store.models() == ()
    assert store.changes().events == ()
    for read in (store.get, store.history, store.versions, store.load):
        with pytest.raises(LookupError, match="no model 'm'"):
            read("m")
    assert not (tmp_path / "none").exists()


def test_a_model_without_live_versions_says_so(store: ModelStore, weights: Path) -> None:
    store.save(weights, "m")
    store.delete("m@1")

    assert store.versions("m") == ()
    with pytest.raises(VersionNotFound, match="all of them are deleted"):
        store.load("m")


def test_a_hint_that_lies_costs_time_and_nothing_else(
    store: ModelStore, weights: Path, url: str, listing: Callable[[], dict[str, str]]
) -> None:
    for _ in range(3):
        store.save(weights, "m")
    for lie in (
        b"",
        b"{}",
        b'{"model":"m","seq":9,"op":"x","nonce":"n"}',
        b'{"model":"other","seq":1,"op":"","nonce":""}',
    ):
        store.storage.put("heads/m.json", lie)
        cold = ModelStore(url)
        assert cold.get("m").number == 3
        assert [m.name for m in cold.models()] == ["m"]
    assert "heads/m.json" in listing()
