import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.formats.fresh import ROOT, run
from tests.formats.samples import fitted

from modelstore_core.errors import NotSerializable, UnknownFormat
from modelstore_core.formats import detect, format_names, read, write
from modelstore_core.formats.detect import choose
from modelstore_core.formats.trust import LISTED, SAFE


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("logistic", "sklearn"),
        ("search", "sklearn"),
        ("scaler", "sklearn"),
        ("xgb_classifier", "xgboost"),
        ("xgb_booster", "xgboost"),
        ("lgbm_classifier", "lightgbm"),
        ("catboost_classifier", "catboost"),
        ("onnx", "onnx"),
        ("ols", "statsmodels"),
        ("lgbm_booster", "lightgbm"),
        ("doubler", "pickle"),
    ],
)
def test_the_class_decides(kind: str, name: str) -> None:
    assert choose(fitted(kind), None).name == name


def test_a_name_decides_otherwise() -> None:
    assert choose(fitted("xgb_classifier"), "sklearn").name == "sklearn"
    assert choose(fitted("logistic"), "pickle").name == "pickle"


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    known = (
        "annoy, catboost, file, folder, joblib, keras, lightgbm, numpy, onnx, pandas, pickle, prophet, pytorch, "
        "sentence_transformers, several, sklearn, spacy, spark, state_dict, statsmodels, transformers, xgboost"
    )

    with pytest.raises(UnknownFormat, match=f"no format 'caffe'.* Known are {known}"):
        write({}, tmp_path, format="caffe")
    with pytest.raises(UnknownFormat, match=known):
        read(tmp_path, format="caffe", loads=(), trust=LISTED)
    assert ", ".join(format_names()) == known


def test_a_format_that_does_not_fit_names_the_one_that_does(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match=r"'xgboost' does not take a sklearn\..*Regression.*format='sklearn'"):
        write(fitted("logistic"), tmp_path, format="xgboost")


ODD = """
from modelstore_core.formats.protocol import Saved
class Reversed:
    name = "reversed"
    def accepts(self, model): return isinstance(model, str)
    def save(self, model, folder):
        (folder / "text").write_text(model[::-1])
        return Saved(loads=("text",))
    def load(self, folder, loads, trust): return (folder / loads[0]).read_text()[::-1]
class Shadow(Reversed):
    name = "pickle"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts a package with these entry points where Python finds it, until the test is over."""
    site = tmp_path / "site"

    def put(points: str) -> None:
        info = site / "odd-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[modelstore.formats]\n{points}\n")
        (site / "odd.py").write_text(ODD)
        monkeypatch.syspath_prepend(site)
        detect._third_party.cache_clear()

    yield put
    monkeypatch.undo()
    sys.modules.pop("odd", None)
    detect._third_party.cache_clear()


def test_a_package_brings_its_own_format(install: Callable[[str], None], tmp_path: Path) -> None:
    install("reversed = odd:Reversed")
    folder = tmp_path / "model"
    folder.mkdir()

    written = write("abc", folder)

    assert "reversed" in format_names()
    assert written.format == "reversed"
    assert (folder / "text").read_text() == "cba"
    assert read(folder, format="reversed", loads=written.loads, trust=SAFE) == "abc"
    with pytest.raises(UnknownFormat, match="pytorch, reversed, sentence_transformers, several"):
        read(folder, format="absent", loads=written.loads, trust=SAFE)


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        (
            "broken = nomodule:Format",
            "The format 'broken' of 'nomodule:Format' is left out: No module named 'nomodule'",
        ),
        ("broken = odd:Absent", "The format 'broken' of 'odd:Absent' is left out"),
        ("shadow = odd:Shadow", "'odd:Shadow' is left out: the format 'pickle' is shipped"),
    ],
)
def test_a_broken_package_does_not_stop_the_others(
    points: str, complaint: str, install: Callable[[str], None], tmp_path: Path
) -> None:
    install(points)
    (tmp_path / "model").mkdir()

    with pytest.warns(UserWarning, match=complaint):
        written = write("abc", tmp_path / "model")

    assert written.format == "pickle"
    assert not {"broken", "shadow"} & set(format_names())


def test_choosing_imports_no_framework() -> None:
    code = """
import sys
from modelstore_core import formats
from modelstore_core.formats.detect import choose
choose({"a": 1}, None), choose("text", None)
third = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(name for name in third if not name.startswith("_")))
"""
    assert run(code, cwd=ROOT).strip() == "['modelstore_core']"
    assert "modelstore_core" in sys.modules
