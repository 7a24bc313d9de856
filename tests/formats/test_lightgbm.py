import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import read, write
from modelstore_core.formats.lightgbm import LightgbmFormat
from modelstore_core.formats.mlmodel import read_flavor
from modelstore_core.formats.trust import LISTED, SAFE

QUIET: dict[str, Any] = {"verbose": -1, "min_data_in_leaf": 2, "objective": "binary"}


def test_a_booster_is_text_and_safe_loads_it(tmp_path: Path) -> None:
    written = write(fitted("lgbm_booster"), tmp_path)

    assert written.loads == ("model.lgb",)
    assert written.globals == ()
    model: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)
    np.testing.assert_array_equal(model.predict(FRAME), fitted("lgbm_booster").predict(FRAME))


def test_a_stopped_booster_predicts_as_before(tmp_path: Path) -> None:
    data = lightgbm.Dataset(FRAME, TARGET)
    stop = lightgbm.early_stopping(1, verbose=False)
    model = lightgbm.train(QUIET, data, 30, valid_sets=[lightgbm.Dataset(FRAME, 1 - TARGET)], callbacks=[stop])

    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)
    np.testing.assert_array_equal(loaded.predict(FRAME), model.predict(FRAME))


def test_an_estimator_is_a_pickle(tmp_path: Path) -> None:
    written = write(fitted("lgbm_classifier"), tmp_path)

    assert written.loads == ("model.pkl",)
    assert "lightgbm.sklearn.LGBMClassifier" in written.globals
    with pytest.raises(Untrusted, match="safe"):
        read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)


def test_categories_predict_the_same(tmp_path: Path) -> None:
    rows = FRAME.assign(kind=np.tile(["a", "b"], 20)).astype({"kind": "category"})
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, min_child_samples=2).fit(rows, TARGET)

    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=LISTED)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_the_flavor_is_mlflow_s(tmp_path: Path) -> None:
    write(fitted("lgbm_classifier"), tmp_path)

    assert read_flavor(tmp_path, "lightgbm") == {
        "code": None,
        "data": "model.pkl",
        "lgb_version": lightgbm.__version__,
        "model_class": "lightgbm.sklearn.LGBMClassifier",
        "serialization_format": "pickle",
    }


@pytest.mark.parametrize("kind", ["logistic", "xgb_classifier", "doubler"])
def test_others_are_not_accepted(kind: str) -> None:
    assert not LightgbmFormat().accepts(fitted(kind))


def test_a_broken_text_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "model.lgb").write_text("tree\nversion=v4\n")

    with pytest.raises(Corrupt, match=r"model\.lgb"):
        read(tmp_path, format="lightgbm", loads=("model.lgb",), trust=SAFE)


def test_a_booster_that_is_gone_is_refused(tmp_path: Path) -> None:
    booster: Any = lightgbm.Booster(QUIET, lightgbm.Dataset(FRAME, TARGET))
    booster.save_model = None

    with pytest.raises(NotSerializable, match="The booster cannot be written"):
        write(booster, tmp_path)


def test_without_lightgbm_the_line_to_install_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write(fitted("lgbm_booster"), tmp_path)
    monkeypatch.setitem(sys.modules, "lightgbm", None)

    with pytest.raises(MissingExtra, match=r"pip install lightgbm$"):
        read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)
