"""The front of the layer: writing, reading, what it costs and what it imports."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.fresh import run
from tests.formats.samples import FRAME, fitted

from modelstore_core import formats
from modelstore_core.errors import Corrupt, Untrusted
from modelstore_core.formats import parse_trust, read, write
from modelstore_core.formats.trust import FULL, LISTED


def test_importing_the_layer_imports_no_third_party() -> None:
    code = """
import sys
import modelstore_core.formats.folders, modelstore_core.formats.mlflow, modelstore_core.formats.signature
third = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(name for name in third if not name.startswith("_")))
"""
    assert run(code).strip() == "['modelstore_core']"


def test_saving_and_loading_imports_no_more_than_the_model_did(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from tests.formats.samples import FRAME, fitted
from modelstore_core.formats import parse_trust, read, write
model = fitted("forest")
before = {name.partition(".")[0] for name in sys.modules}
written = write(model, Path(sys.argv[1]), input_example=FRAME.head(2))
read(Path(sys.argv[1]), format="sklearn", loads=written.loads, trust=parse_trust("listed"))
after = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(after - before), "mlflow" in sys.modules)
"""
    assert run(code, str(tmp_path)).strip() == "[] False"


@pytest.mark.parametrize("name", ["../other", "/etc/hostname", "absent", "", ".", "a/../../b", "a\\b", "link"])
def test_a_record_reaches_no_file_outside_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "other")

    for format_name in ("file", "pickle", "lightgbm", "folder"):
        with pytest.raises(Corrupt, match="no file of the version"):
            read(folder, format=format_name, loads=(name,), trust=FULL)
        with pytest.raises(Corrupt, match="names no file to load"):
            read(folder, format=format_name, loads=(), trust=FULL)


def test_another_format_in_the_record_does_not_loosen_the_loader(tmp_path: Path) -> None:
    from tests.formats.plain import Doubler

    write(Doubler(), tmp_path)

    for format_name in ("sklearn", "lightgbm", "pickle"):
        with pytest.raises(Untrusted):
            read(tmp_path, format=format_name, loads=("model.pkl",), trust=LISTED)
    assert isinstance(read(tmp_path, format="folder", loads=("model.pkl",), trust=LISTED), Path)


def test_the_record_tells_what_was_written(tmp_path: Path) -> None:
    import sklearn

    written = write(fitted("forest"), tmp_path, input_example=FRAME.head(2))

    assert written.format == "sklearn"
    assert written.loads == ("model.pkl",)
    assert written.model_type == "sklearn.ensemble._forest.RandomForestClassifier"
    assert "sklearn.tree._tree.Tree" in written.globals
    assert f"scikit-learn=={sklearn.__version__}" in written.environment["requirements"]  # type: ignore[operator]
    assert set(written.signature or ()) == {"inputs", "outputs", "params"}


def test_names_that_are_not_there_are_said_so() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        formats.nothing  # noqa: B018 - asking is the point


MEMORY = """
import json, sys
from pathlib import Path
import numpy as np
from sklearn.base import BaseEstimator
from modelstore_core.formats import parse_trust, read, write
from tests.formats.memory import Holder

def status(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024

def peak(step):
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    result = step()
    return result, status("VmHWM") - before

folder, size = Path(sys.argv[1]), int(sys.argv[2])
for name in ("warm", "folder"):
    (folder / name).mkdir(parents=True)
write(Holder(np.ones(8)), folder / "warm")
folder = folder / "folder"
model = Holder(np.ones(size // 8))
written, saving = peak(lambda: write(model, folder))
del model
from modelstore_core.formats import pickles
trust = parse_trust(["tests.formats.memory.Holder"])
_, judging = peak(lambda: pickles.check(folder / "model.pkl", trust))
model, loading = peak(lambda: read(folder, format="sklearn", loads=written.loads, trust=trust))
assert model.weights.nbytes == size
print(json.dumps([saving / size, judging / size, loading / size]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="peaks are read from Linux's /proc")  # noqa: PTH110
@pytest.mark.parametrize("size", [128 << 20, pytest.param(512 << 20, marks=pytest.mark.slow)])
def test_large_models_are_streamed(size: int, tmp_path: Path) -> None:
    import json

    saving, judging, loading = json.loads(run(MEMORY, str(tmp_path / "folder"), str(size)))

    assert saving < 0.3
    assert judging < 0.1
    assert loading < 1.2


def test_a_hundred_thousand_words_are_judged_in_time(tmp_path: Path) -> None:
    import time

    words = {f"word{number}": number for number in range(100_000)}
    written = write(words, tmp_path)
    start = time.process_time()

    loaded: Any = read(tmp_path, format="pickle", loads=written.loads, trust=LISTED)

    assert loaded == words
    assert time.process_time() - start < 3


def test_arrays_come_back_whole_and_writable(tmp_path: Path) -> None:
    arrays = {"c": np.arange(12.0).reshape(3, 4), "f": np.asfortranarray(np.ones((3, 4))), "part": np.arange(20)[::3]}
    written = write(arrays, tmp_path)

    loaded: Any = read(tmp_path, format="pickle", loads=written.loads, trust=parse_trust("listed"))

    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        loaded[name][0] = 7
