import json
import pickle
from collections import OrderedDict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core import formats
from modelstore_core.formats.detect import choose
from modelstore_core.formats.parameters import REST, parameters

PACKAGES = {
    "forest": "scikit-learn",
    "pipeline": "scikit-learn",
    "search": "scikit-learn",
    "xgb_classifier": "xgboost-cpu",
    "xgb_booster": "xgboost-cpu",
    "lgbm_classifier": "lightgbm",
    "lgbm_booster": "lightgbm",
    "catboost_classifier": "catboost",
    "onnx": "onnx",
    "ols": "statsmodels",
}
SAID: dict[str, dict[str, object]] = {
    "forest": {"n_estimators": 3, "criterion": "gini", "max_depth": None, "bootstrap": True},
    "pipeline": {
        "logisticregression": "sklearn.linear_model._logistic.LogisticRegression",
        "logisticregression__C": 1.0,
        "standardscaler__with_mean": True,
    },
    "search": {"cv": 2, "estimator__solver": "lbfgs", "param_grid.C": [0.1, 1.0], "best_params_.C": 0.1},
    "xgb_classifier": {"n_estimators": 3, "objective": "binary:logistic", "missing": "NaN"},
    "xgb_booster": {"objective": "binary:logistic", "max_depth": "6"},
    "lgbm_classifier": {"n_estimators": 3, "num_leaves": 31},
    "lgbm_booster": {"objective": "binary", "min_data_in_leaf": 2, "num_iterations": 3},
    "catboost_classifier": {"iterations": 3, "random_seed": 0},
    "onnx": {"nodes": 1, "inputs": ["rows"], "outputs": ["doubled"]},
    "ols": {"params": pytest.approx([0.021, -0.021, -0.406], abs=0.001)},
}


def said(model: object) -> dict[str, Any]:
    return parameters(choose(model, None), model)


@pytest.mark.parametrize("kind", sorted(SAID))
def test_a_record_tells_parameters_type_and_the_librarys_version(kind: str, tmp_path: Path) -> None:
    model = fitted(kind)

    written = formats.write(model, tmp_path)

    assert {name: written.model_params.get(name) for name in SAID[kind]} == SAID[kind]
    assert written.model_type == f"{type(model).__module__}.{type(model).__qualname__}"
    pins: Any = written.environment["requirements"]
    assert f"{PACKAGES[kind]}=={version(PACKAGES[kind])}" in pins


def test_members_have_their_own(tmp_path: Path) -> None:
    model = {"model": fitted("forest"), "scaler": fitted("scaler")}

    written = formats.write(model, tmp_path)

    assert (written.model_params["model.n_estimators"], written.model_params["scaler.copy"]) == (3, True)


@pytest.mark.parametrize("model", [{"a": 1}, np.arange(3), Path(__file__), object()], ids=["dict", "array", "path", ""])
def test_what_has_no_parameters_says_none(model: object) -> None:
    assert said(model) == {}


class Holder(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    def __init__(self, value: object = None) -> None:
        self.value = value


class Untold:
    """Whoever asks it for a text fails."""

    def __repr__(self) -> str:
        raise AssertionError

    __str__ = __format__ = __repr__  # type: ignore[assignment]

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.str_("a"), "a"),
        (np.bool_(True), True),
        (float("nan"), "NaN"),
        (-np.inf, "-Infinity"),
        (1 << 63, 1 << 63),
        (10**5000, "an integer of 16610 bits"),
        ("x" * 300, "x" * 199 + "…"),
        ("half \ud800", "half ?"),
        ((1, [2, (3,)]), [1, [2, [3]]]),
        ({"b", "a"}, ["a", "b"]),
        ([*range(1000)], "list of 1000"),
        ([*["0123456789"] * 32], '["' + '0123456789", "' * 14 + "0…"),
        (np.arange(3), [0, 1, 2]),
        (np.arange(1000.0), "float64 array of shape (1000,)"),
        (np.array([None]), "object array of shape (1,)"),
        (np.float64, "numpy.float64"),
        (np.log1p, "numpy.log1p"),
        (np.longdouble(1), "numpy.longdouble"),
        (len, "builtins.len"),
        (said, "tests.formats.test_parameters.said"),
        (partial(len, "a"), "functools.partial"),
        (Untold(), "tests.formats.test_parameters.Untold"),
        ([Untold()], ["tests.formats.test_parameters.Untold"]),
        (dict.fromkeys(range(1000)), "dict of 1000"),
        (b"bytes", "builtins.bytes"),
    ],
    ids=range(27),
)
def test_values_become_plain(value: object, plain: object) -> None:
    assert said(Holder(value)) == {"value": plain}


def test_small_mappings_are_opened_and_their_keys_not_asked_for_texts() -> None:
    value = OrderedDict({"a": {1: 0.5}, "b": {}, Untold(): 2})

    assert said(Holder(value)) == {"value.a.1": 0.5, "value.tests.formats.test_parameters.Untold": 2}


def test_a_mapping_that_holds_itself_ends() -> None:
    value: dict[str, object] = {}
    value["again"] = value

    assert said(Holder(value)) == {"value.again.again.again.again": "dict of 1"}


@pytest.mark.parametrize("name", ["api_key", "openai_api_key", "password", "aws_secret_access_key", "key", "hf_token"])
def test_what_is_secret_by_its_name_is_not_told(name: str) -> None:
    class Client(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
        def get_params(self, deep: bool = True) -> dict[str, object]:
            return {name: "hunter2", f"step__{name}": "hunter2", "C": 1, "options": {name: "hunter2"}}

    assert said(Client()) == {"C": 1, name: "hidden", f"step__{name}": "hidden", f"options.{name}": "hidden"}


def test_a_pattern_of_tokens_is_no_secret() -> None:
    assert said(TfidfVectorizer())["token_pattern"] == r"(?u)\b\w\w+\b"


def test_there_is_room_for_the_outer_parameters_and_the_rest_is_counted() -> None:
    steps = [FunctionTransformer(kw_args={f"argument_{n}": "x" * 100 for n in range(30)}) for _ in range(9)]
    model = make_pipeline(*steps, LogisticRegression(C=0.5))

    told = said(model)

    assert len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()) <= 4096
    assert {"steps", "memory", "logisticregression"} <= told.keys()
    assert told["logisticregression__C"] == 0.5
    names = len(model.get_params()) - 9 + 9 * 30  # each mapping's values have names of their own
    assert told[REST] == f"{names - (len(told) - 1)} left out"


class Mute(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    def get_params(self, deep: bool = True) -> dict[str, object]:
        raise ZeroDivisionError


def test_a_model_that_cannot_say_is_saved_all_the_same(tmp_path: Path) -> None:
    written = formats.write(Mute(), tmp_path)

    assert written.model_params == {REST: "not to be had: ZeroDivisionError"}


@pytest.mark.parametrize(
    "kind", ["forest", "pipeline", "search", "ols", "lgbm_classifier", "xgb_classifier", "doubler"]
)
def test_asking_changes_nothing(kind: str) -> None:
    model = fitted(kind)
    before = pickle.dumps(model)

    said(model)

    assert pickle.dumps(model) == before


def test_what_a_fit_found_goes_by_the_frames_columns() -> None:
    told = said(statsmodels.api.OLS(TARGET, FRAME).fit())

    assert sorted(told) == ["age", "income", "visits"]
