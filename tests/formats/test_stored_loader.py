"""The loader that estimators bring for MLflow: run by nobody but MLflow, and known by every byte."""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.formats.fresh import run
from tests.formats.samples import FRAME, fitted
from tests.formats.stored_estimators import KINDS, LOADS, load, store

from modelstore_core.errors import Untrusted
from modelstore_core.formats import estimators, read_pyfunc, write
from modelstore_core.formats import modelstore_estimators_1 as twin
from modelstore_core.formats.detect import choose
from modelstore_core.formats.foreign import format_of
from modelstore_core.formats.survey import survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE

LOADER = "modelstore_estimators_1.zip"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[str], Path]:
    return partial(store, folder=tmp_path)


def test_the_loader_of_this_release_is_the_one_whose_digest_is_known(stored: Callable[[str], Path]) -> None:
    """A loader that was released is never changed: a change takes a new name, and the old digest stays."""
    path = stored("lightgbm") / LOADER

    assert estimators.is_shipped_loader(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["modelstore_estimators_1.py"]
        assert archive.read("modelstore_estimators_1.py") == Path(twin.__file__).read_bytes()


def _with_code(path: Path, code: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("modelstore_estimators_1.py", code)
    path.write_bytes(made.getvalue())


def _conf(folder: Path, **changes: object) -> None:
    path = folder / "MLmodel"
    document = yaml.safe_load(path.read_text())
    document["flavors"]["python_function"].update(changes)
    path.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("library", KINDS)
def test_a_loader_that_was_tampered_with_is_refused_and_never_run(
    library: str, stored: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = stored(library)
    canary = tmp_path / "canary"
    _with_code(folder / LOADER, f"open({str(canary)!r}, 'w').close()")

    for trust in (SAFE, LISTED):
        with pytest.raises(Untrusted, match="brings its own code"):
            read_pyfunc(folder, trust=trust)
    assert len(load(folder).predict(FRAME)) == len(FRAME)
    assert not canary.exists()


def _moved(folder: Path) -> None:
    (folder / LOADER).rename(folder.parent / LOADER)
    (folder / LOADER).symlink_to(folder.parent / LOADER)


ELSEWHERE: dict[str, Callable[[Path], object]] = {
    "another archive": lambda folder: _conf(folder, code="other.zip"),
    "a folder": lambda folder: _conf(folder, code="."),
    "another loader": lambda folder: _conf(folder, loader_module="os"),
    "a loader that is no text": lambda folder: _conf(folder, loader_module=["modelstore_estimators_1"]),
    "no archive": lambda folder: (folder / LOADER).unlink(),
    "a link": _moved,
    "a large archive": lambda folder: (folder / LOADER).write_bytes(b"0" * ((1 << 20) + 1)),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_code_anywhere_else_is_refused(what: str, stored: Callable[[str], Path]) -> None:
    folder = stored("lightgbm")
    ELSEWHERE[what](folder)

    with pytest.raises(Untrusted):
        read_pyfunc(folder, trust=LISTED)


def test_pyfunc_runs_no_stored_code_under_any_trust(
    stored: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored("lightgbm")
    monkeypatch.delitem(sys.modules, "modelstore_estimators_1", raising=False)  # MLflow alone, in another test
    before = list(sys.path)

    models: list[Any] = [read_pyfunc(folder, trust=trust) for trust in (SAFE, LISTED, FULL)]

    assert "modelstore_estimators_1" not in sys.modules
    assert sys.path == before
    assert [type(model.get_raw_model()) for model in models] == [type(fitted("lgbm_classifier"))] * 3


def test_a_tampered_loader_does_run_under_full_trust(stored: Callable[[str], Path], tmp_path: Path) -> None:
    folder = stored("lightgbm")
    code = f"open({str(tmp_path / 'canary')!r}, 'w').close()\ndef _load_pyfunc(path): raise SystemExit"
    _with_code(folder / LOADER, code)
    script = """
import sys
from pathlib import Path
from modelstore_core.formats import parse_trust, read_pyfunc
read_pyfunc(Path(sys.argv[1]), trust=parse_trust("full"))
"""

    run(script, str(folder))

    assert (tmp_path / "canary").exists()


def test_mlflow_alone_loads_several_in_one_process_and_leaves_nothing_in_the_folder(
    stored: Callable[[str], Path],
) -> None:
    folders = [stored(library) for library in KINDS]
    before = [sorted(folder.rglob("*")) for folder in folders]
    code = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path[:] = [path for path in sys.path if not path.endswith("core")]
import mlflow.pyfunc
from tests.formats.samples import FRAME
for folder in sys.argv[1:]:
    print(json.dumps(mlflow.pyfunc.load_model(folder).predict(FRAME).tolist()))
assert "modelstore_core" not in sys.modules
"""

    answers = [json.loads(line) for line in run(code, *map(str, folders)).splitlines()]

    assert answers == [fitted(kind).predict(FRAME).tolist() for kind in KINDS.values()]
    assert [sorted(folder.rglob("*")) for folder in folders] == before


@pytest.mark.parametrize("library", KINDS)
def test_inspection_names_the_class_and_the_loader(library: str, stored: Callable[[str], Path]) -> None:
    folder = stored(library)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}

    found = survey(folder, format=library, loads=LOADS[library], sizes=sizes, trust=SAFE)

    files = {file.path: file for file in found.files}
    assert (found.refusal, found.risks) == (None, ())
    assert files["estimator.json"].globals == (
        f"{type(fitted(KINDS[library])).__module__}.{type(fitted(KINDS[library])).__name__}",
    )
    assert (files[LOADER].kind, files[LOADER].opened) == ("loader for MLflow", False)


def test_inspection_says_that_a_loader_is_not_ours(stored: Callable[[str], Path]) -> None:
    folder = stored("lightgbm")
    _with_code(folder / LOADER, "pass")
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}

    found = survey(folder, format="lightgbm", loads=LOADS["lightgbm"], sizes=sizes, trust=LISTED)

    assert {file.path: file.kind for file in found.files}[LOADER] == "zip"
    assert any("as_='pyfunc' is refused" in risk and "brings its own code" in risk for risk in found.risks)


@pytest.mark.parametrize("library", KINDS)
def test_a_folder_that_was_pulled_is_known_again(library: str, stored: Callable[[str], Path], tmp_path: Path) -> None:
    folder = stored(library)
    again = tmp_path / "again"
    again.mkdir()

    assert format_of(folder) == library
    written = write(folder, again, format=library)

    assert written.loads == LOADS[library]
    loaded: Any = choose(folder, library).load(again, written.loads, SAFE)
    np.testing.assert_array_equal(loaded.predict(FRAME), fitted(KINDS[library]).predict(FRAME))
