"""Files that belong to a version beside the model."""

from pathlib import Path
from typing import Any

import pytest

from modelstore_core import InvalidInput, ModelStore
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A report, and a folder of pictures."""
    folder = tmp_path / "made"
    (folder / "pictures/deep").mkdir(parents=True)
    (folder / "report.html").write_text("<b>good</b>")
    (folder / "pictures/deep/roc.png").write_bytes(b"png")
    return folder


def save(extra_files: Any) -> tuple[ModelStore, list[str]]:
    store = store_over(MemoryStorage(f"extra-{id(extra_files)}"))
    version = store.save({"weights": [1.0]}, "m", extra_files=extra_files)
    return store, [file.path for file in version.files]


def test_paths_come_under_their_own_names_and_names_as_given(files: Path, tmp_path: Path) -> None:
    store, paths = save([files / "report.html", files / "pictures"])
    _, named = save({"docs/card.html": files / "report.html"})

    assert paths == ["extra_files/pictures/deep/roc.png", "extra_files/report.html", "model.pkl"]
    assert named == ["extra_files/docs/card.html", "model.pkl"]
    assert store.load("m") == {"weights": [1.0]}
    pulled = store.pull("m", tmp_path / "pulled")
    assert (pulled / "extra_files/report.html").read_text() == "<b>good</b>"


def test_other_extra_files_are_another_digest(files: Path) -> None:
    store, _ = save([files / "report.html"])
    (files / "report.html").write_text("<b>better</b>")

    again = store.save({"weights": [1.0]}, "m", extra_files=[files / "report.html"])

    assert again.digest != store.get("m@1").digest


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../b", "", ".", "a\\b", "a\nb", "a//b"], ids=repr)
def test_a_name_that_leaves_the_folder_is_refused(files: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        save({name: files / "report.html"})


def test_what_is_no_list_of_files_is_refused_and_nothing_is_saved(files: Path, tmp_path: Path) -> None:
    (files / "link").symlink_to(files / "report.html")
    (files / "other").mkdir()
    (files / "other/report.html").write_text("")
    (files / "empty").mkdir()
    for bad in (
        files / "report.html",
        str(files),
        [files / "absent"],
        [files / "link"],
        [files / "empty"],
        [files / "report.html", files / "other/report.html"],
        {"a": files / "report.html", "a/b": files / "report.html"},
        {1: files / "report.html"},
    ):
        store = store_over(MemoryStorage(f"bad-{bad}"))
        with pytest.raises(InvalidInput):
            store.save({"weights": [1.0]}, "m", extra_files=bad)  # type: ignore[arg-type]
        assert not store.models()
