"""Small fitted models of each kind."""

from typing import Any

import catboost
import lightgbm
import numpy as np
import onnx
import pandas as pd
import statsmodels.api
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.formats.plain import Doubler

__all__ = ["FRAME", "STATSMODELS", "TARGET", "fitted"]

FRAME = pd.DataFrame({"age": np.arange(40.0), "visits": np.arange(40) % 7, "income": np.linspace(-1.0, 1.0, 40)})
TARGET = np.tile([0, 1], 20)

STATSMODELS = [
    "statsmodels.base.data.ModelData",
    "statsmodels.regression.linear_model.OLS",
    "statsmodels.regression.linear_model.OLSResults",
    "statsmodels.regression.linear_model.RegressionResultsWrapper",
]
"""What a reader lists to load the results of a linear regression."""

_CATS: dict[str, Any] = {
    "iterations": 3,
    "random_seed": 0,
    "thread_count": 1,
    "verbose": False,
    "allow_writing_files": False,
}
_TREES: dict[str, Any] = {"n_estimators": 3, "random_state": 0, "n_jobs": 1}


def fitted(kind: str) -> Any:
    """A new model of that kind, fitted to the same rows."""
    return _MAKERS[kind]()


def _booster() -> Any:
    return xgboost.train({"objective": "binary:logistic", "seed": 0, "nthread": 1}, xgboost.DMatrix(FRAME, TARGET), 3)


def _lightgbm_booster() -> Any:
    params = {"objective": "binary", "verbose": -1, "seed": 0, "num_threads": 1, "min_data_in_leaf": 2}
    return lightgbm.train(params, lightgbm.Dataset(FRAME, TARGET), 3)


def _with_bytes() -> lightgbm.LGBMClassifier:
    """What only a pickle can say."""
    model = lightgbm.LGBMClassifier(**_TREES, verbose=-1, min_child_samples=2)
    model.trained_by = b"ada"
    return model


def _doubling_graph() -> onnx.ModelProto:
    two = onnx.helper.make_tensor("two", onnx.TensorProto.FLOAT, [1], [2.0])
    rows = onnx.helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, [None, 3])
    doubled = onnx.helper.make_tensor_value_info("doubled", onnx.TensorProto.FLOAT, [None, 3])
    node = onnx.helper.make_node("Mul", ["rows", "two"], ["doubled"])
    graph = onnx.helper.make_graph([node], "doubling", [rows], [doubled], [two])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)


def _search() -> Any:
    return GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(FRAME, TARGET)


_MAKERS: dict[str, Any] = {
    "logistic": lambda: LogisticRegression().fit(FRAME, TARGET),
    "linear": lambda: LinearRegression().fit(FRAME, TARGET),
    "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, TARGET),
    "forest": lambda: RandomForestClassifier(**_TREES).fit(FRAME, TARGET),
    "search": _search,
    "scaler": lambda: StandardScaler().fit(FRAME),
    "xgb_classifier": lambda: xgboost.XGBClassifier(**_TREES).fit(FRAME, TARGET),
    "xgb_regressor": lambda: xgboost.XGBRFRegressor(**_TREES).fit(FRAME, TARGET),
    "xgb_missing": lambda: xgboost.XGBClassifier(**_TREES, missing=6).fit(FRAME, TARGET),
    "xgb_booster": _booster,
    "catboost": lambda: catboost.CatBoost({**_CATS, "loss_function": "Logloss"}).fit(FRAME, TARGET),
    "catboost_classifier": lambda: catboost.CatBoostClassifier(**_CATS).fit(FRAME, TARGET),
    "catboost_regressor": lambda: catboost.CatBoostRegressor(**_CATS).fit(FRAME, TARGET),
    "onnx": _doubling_graph,
    "ols": lambda: statsmodels.api.OLS(FRAME["income"].to_numpy() ** 2, FRAME.to_numpy()).fit(),
    "lgbm_classifier": lambda: lightgbm.LGBMClassifier(**_TREES, verbose=-1, min_child_samples=2).fit(FRAME, TARGET),
    "lgbm_pickled": lambda: _with_bytes().fit(FRAME, TARGET),
    "lgbm_booster": _lightgbm_booster,
    "doubler": lambda: Doubler(factor=3.0),
}
