from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import NotSerializable, Untrusted
from modelstore_core.formats import parse_trust, read, write
from modelstore_core.formats.mlmodel import read_flavor
from modelstore_core.formats.sklearn import SklearnFormat
from modelstore_core.formats.trust import FULL, LISTED, SAFE


class Median(BaseEstimator):  # type: ignore[misc] # scikit-learn publishes no types
    """An estimator of one's own."""

    def fit(self, rows: Any, target: Any = None) -> "Median":
        self.median_ = np.median(target)
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.median_)


@pytest.mark.parametrize("kind", ["logistic", "pipeline", "search", "scaler", "xgb_classifier", "lgbm_classifier"])
def test_estimators_are_accepted(kind: str) -> None:
    assert SklearnFormat().accepts(fitted(kind))


@pytest.mark.parametrize("kind", ["xgb_booster", "lgbm_booster", "doubler"])
def test_others_are_not(kind: str) -> None:
    assert not SklearnFormat().accepts(fitted(kind))


def test_an_estimator_without_predict_has_no_pyfunc_flavor(tmp_path: Path) -> None:
    saved = SklearnFormat().save(fitted("scaler"), tmp_path)

    assert set(saved.flavors) == {"sklearn"}


def test_the_flavor_is_mlflow_s(tmp_path: Path) -> None:
    import sklearn

    write(fitted("logistic"), tmp_path)

    assert read_flavor(tmp_path, "sklearn") == {
        "code": None,
        "pickled_model": "model.pkl",
        "serialization_format": "pickle",
        "sklearn_version": sklearn.__version__,
    }


def test_an_estimator_of_ones_own_needs_its_name_listed(tmp_path: Path) -> None:
    written = write(Median().fit(FRAME, TARGET), tmp_path)

    with pytest.raises(Untrusted) as refusal:
        read(tmp_path, format="sklearn", loads=written.loads, trust=LISTED)
    assert refusal.value.names == (f"{__name__}.Median",)

    model: Any = read(tmp_path, format="sklearn", loads=written.loads, trust=parse_trust(refusal.value.names))
    assert model.predict(FRAME.head(2)).tolist() == [0.5, 0.5]


def test_a_pipeline_around_a_lambda_is_kept_by_cloudpickle(tmp_path: Path) -> None:
    pipeline = make_pipeline(FunctionTransformer(lambda rows: rows * 2), LogisticRegression()).fit(FRAME, TARGET)

    written = write(pipeline, tmp_path)

    assert read_flavor(tmp_path, "sklearn")["serialization_format"] == "cloudpickle"
    assert any(pin.startswith("cloudpickle==") for pin in written.environment["requirements"])  # type: ignore[attr-defined]
    model: Any = read(tmp_path, format="sklearn", loads=written.loads, trust=FULL)
    np.testing.assert_array_equal(model.predict(FRAME), pipeline.predict(FRAME))


def test_an_estimator_that_holds_a_lock_is_refused_by_its_path(tmp_path: Path) -> None:
    import threading

    model = fitted("pipeline")
    model.steps[0][1].lock = threading.Lock()

    with pytest.raises(NotSerializable, match=r"Pipeline\.steps\[0\]\[1\]\.lock cannot be pickled"):
        write(model, tmp_path)


def test_safe_loads_no_estimator(tmp_path: Path) -> None:
    written = write(fitted("logistic"), tmp_path)

    with pytest.raises(Untrusted, match="safe"):
        read(tmp_path, format="sklearn", loads=written.loads, trust=SAFE)
