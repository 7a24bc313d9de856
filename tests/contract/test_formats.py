"""Every format we ship keeps every promise of the protocol."""

import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import xgboost
from tests.formats.plain import Doubler
from tests.formats.samples import FRAME, STATSMODELS, fitted

from modelstore_core.formats import Trust, parse_trust
from modelstore_core.formats.catboost import CatboostFormat
from modelstore_core.formats.detect import choose
from modelstore_core.formats.files import FileFormat, FolderFormat
from modelstore_core.formats.lightgbm import LightgbmFormat
from modelstore_core.formats.onnx import OnnxFormat
from modelstore_core.formats.pickled import PickleFormat
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.sklearn import SklearnFormat
from modelstore_core.formats.statsmodels import StatsmodelsFormat
from modelstore_core.formats.tables import NumpyFormat, PandasFormat
from modelstore_core.formats.xgboost import XgboostFormat
from modelstore_core.testing.format_contract import FormatContract


class Predicting(FormatContract):
    kind: ClassVar[str]
    example: ClassVar[object] = FRAME.head(3)

    def model(self, scratch: Path) -> object:
        return fitted(self.kind)

    def equal(self, left: Any, right: Any) -> bool:
        return np.array_equal(left.predict(FRAME), right.predict(FRAME))


class TestSklearn(Predicting):
    format = SklearnFormat()
    kind = "forest"


class TestSklearnPipeline(Predicting):
    format = SklearnFormat()
    kind = "pipeline"


class TestSklearnTransformer(Predicting):
    format = SklearnFormat()
    kind = "scaler"
    example = None

    def equal(self, left: Any, right: Any) -> bool:
        return np.array_equal(left.transform(FRAME), right.transform(FRAME))


class TestXgboost(Predicting):
    format = XgboostFormat()
    kind = "xgb_classifier"


class TestXgboostWithAnotherMissing(Predicting):
    format = XgboostFormat()
    kind = "xgb_missing"


class TestXgboostBooster(Predicting):
    format = XgboostFormat()
    kind = "xgb_booster"

    def equal(self, left: Any, right: Any) -> bool:
        rows = xgboost.DMatrix(FRAME)
        return np.array_equal(left.predict(rows), right.predict(rows))


class TestLightgbm(Predicting):
    format = LightgbmFormat()
    kind = "lgbm_classifier"


class TestLightgbmPickled(Predicting):
    format = LightgbmFormat()
    kind = "lgbm_pickled"


class TestLightgbmBooster(Predicting):
    format = LightgbmFormat()
    kind = "lgbm_booster"


class TestCatboost(Predicting):
    format = CatboostFormat()
    kind = "catboost_classifier"


class TestCatboostItself(Predicting):
    format = CatboostFormat()
    kind = "catboost"


class TestOnnx(FormatContract):
    format = OnnxFormat()

    def model(self, scratch: Path) -> object:
        return fitted("onnx")

    def equal(self, left: object, right: object) -> bool:
        return left == right


class TestStatsmodels(Predicting):
    format = StatsmodelsFormat()
    trust: ClassVar[Trust] = parse_trust(STATSMODELS)
    kind = "ols"


class TestNumpy(FormatContract):
    format = NumpyFormat()

    def model(self, scratch: Path) -> object:
        return np.arange(12.0).reshape(3, 4)

    def equal(self, left: Any, right: Any) -> bool:
        return np.array_equal(left, right)


class TestPandas(FormatContract):
    format = PandasFormat()

    def model(self, scratch: Path) -> object:
        return FRAME.assign(kind=pd.Categorical(["a", "b"] * 20)).set_index("age")

    def equal(self, left: Any, right: Any) -> bool:
        pd.testing.assert_frame_equal(left, right)
        return True


class TestSeveral(FormatContract):
    format = choose({"model": fitted("logistic")}, None)

    def model(self, scratch: Path) -> object:
        return {"model": fitted("xgb_classifier"), "scaler": fitted("scaler"), "rows": np.arange(3), "note": ("a", 1)}

    def equal(self, left: Any, right: Any) -> bool:
        assert [*left] == [*right]
        assert (left["note"], left["rows"].tolist()) == (right["note"], right["rows"].tolist())
        return np.array_equal(left["model"].predict(FRAME), right["model"].predict(FRAME))


class TestPickle(FormatContract):
    format = PickleFormat()

    def model(self, scratch: Path) -> object:
        return {"weights": [1.5, 2.5], "names": ("a", "b")}

    def equal(self, left: object, right: object) -> bool:
        return left == right


class TestPickleThatPredicts(Predicting):
    format = PickleFormat()
    trust: ClassVar[Trust] = parse_trust(["tests.formats.plain.Doubler"])
    kind = "doubler"


class _Stamped(PickleFormat):
    """Whose files are never the same."""

    def save(self, model: object, folder: Path) -> Saved:
        (folder / "stamp").write_text(str(next(_STAMPS)))
        return super().save(model, folder)


_STAMPS = itertools.count()


class TestStamped(TestPickle):
    format = _Stamped()
    repeatable = False


class TestFile(FormatContract):
    format = FileFormat()

    def model(self, scratch: Path) -> Path:
        (scratch / "weights.bin").write_bytes(bytes(range(256)))
        return scratch / "weights.bin"

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left.name == right.name and left.read_bytes() == right.read_bytes())


class TestFolder(FormatContract):
    format = FolderFormat()

    def model(self, scratch: Path) -> Path:
        (scratch / "deep").mkdir()
        (scratch / "deep" / "a").write_text("a")
        (scratch / "b").write_text("b")
        return scratch

    def equal(self, left: Any, right: Any) -> bool:
        return self._texts(left) == self._texts(right)

    def _texts(self, folder: Path) -> dict[str, str]:
        return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


class _Careless(PickleFormat):
    """Hides its pickle, and loads it without asking."""

    def save(self, model: object, folder: Path) -> Saved:
        return Saved(loads=super().save(model, folder).loads)

    def load(self, folder: Path, loads: Any, trust: Trust) -> object:
        return super().load(folder, loads, parse_trust("full"))


class Careless(FormatContract):
    format = _Careless()

    def model(self, scratch: Path) -> object:
        return Doubler()

    def equal(self, left: object, right: object) -> bool:
        return left == right


def test_a_careless_format_is_caught(tmp_path: Path) -> None:
    contract = Careless()
    for test in (
        contract.test_every_pickle_is_declared,
        contract.test_safe_trust_loads_it_only_without_pickles,
        contract.test_nothing_that_a_hostile_file_says_is_run,
    ):
        (tmp_path / test.__name__).mkdir()
        with pytest.raises(AssertionError):
            test(tmp_path / test.__name__)
