import sys
from pathlib import Path

import pytest
from tests.formats.fresh import ROOT, run
from tests.formats.samples import fitted

from modelstore_core.errors import NotSerializable, UnknownFormat
from modelstore_core.formats import format_names, read, write
from modelstore_core.formats.detect import choose
from modelstore_core.formats.trust import LISTED


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("logistic", "sklearn"),
        ("search", "sklearn"),
        ("scaler", "sklearn"),
        ("xgb_classifier", "xgboost"),
        ("xgb_booster", "xgboost"),
        ("lgbm_classifier", "lightgbm"),
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
    known = "file, folder, lightgbm, pickle, sklearn, xgboost"

    with pytest.raises(UnknownFormat, match=f"no format 'catboost'.* Known are {known}"):
        write({}, tmp_path, format="catboost")
    with pytest.raises(UnknownFormat, match=known):
        read(tmp_path, format="catboost", loads=(), trust=LISTED)
    assert ", ".join(format_names()) == known


def test_a_format_that_does_not_fit_names_the_one_that_does(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match=r"'xgboost' does not take a sklearn\..*Regression.*format='sklearn'"):
        write(fitted("logistic"), tmp_path, format="xgboost")


def _package(folder: Path, points: str) -> str:
    info = folder / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[modelstore.formats]\n{points}\n")
    (folder / "odd.py").write_text("""
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
""")
    return str(folder)


CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from modelstore_core.formats import format_names, parse_trust, read, write
print(format_names())
written = write("abc", Path(sys.argv[2]))
print(written.format, read(Path(sys.argv[2]), format=written.format, loads=written.loads, trust=parse_trust("safe")))
"""


def test_a_package_brings_its_own_format(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "model").mkdir()
    folder = _package(tmp_path / "package", "reversed = odd:Reversed")

    names, back = run(CODE, folder, str(tmp_path / "model")).splitlines()

    assert "'reversed'" in names
    assert back == "reversed abc"
    assert (tmp_path / "model" / "text").read_text() == "cba"


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        (
            "broken = nomodule:Format",
            "The format 'broken' of 'nomodule:Format' is left out: No module named 'nomodule'",
        ),
        ("shadow = odd:Shadow", "'odd:Shadow' is left out: the format 'pickle' is shipped"),
    ],
)
def test_a_broken_package_does_not_stop_the_others(points: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    folder = _package(tmp_path / "package", points)
    code = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
from modelstore_core.formats import format_names
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(format_names())
print(*[warning.message for warning in caught])
"""
    names, said = run(code, folder).splitlines()

    assert names == "('file', 'folder', 'lightgbm', 'pickle', 'sklearn', 'xgboost')"
    assert complaint in said


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
