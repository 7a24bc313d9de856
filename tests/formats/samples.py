"""Small fitted models of each kind."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.formats.plain import Doubler

__all__ = ["FRAME", "TARGET", "fitted"]

FRAME = pd.DataFrame({"age": np.arange(40.0), "visits": np.arange(40) % 7, "income": np.linspace(-1.0, 1.0, 40)})
TARGET = np.tile([0, 1], 20)

_TREES: dict[str, Any] = {"n_estimators": 3, "random_state": 0, "n_jobs": 1}


def fitted(kind: str) -> Any:
    """A new model of that kind, fitted to the same rows."""
    return _MAKERS[kind]()


def _booster() -> Any:
    return xgboost.train({"objective": "binary:logistic", "seed": 0, "nthread": 1}, xgboost.DMatrix(FRAME, TARGET), 3)


def _lightgbm_booster() -> Any:
    params = {"objective": "binary", "verbose": -1, "seed": 0, "num_threads": 1, "min_data_in_leaf": 2}
    return lightgbm.train(params, lightgbm.Dataset(FRAME, TARGET), 3)


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
    "xgb_booster": _booster,
    "lgbm_classifier": lambda: lightgbm.LGBMClassifier(**_TREES, verbose=-1, min_child_samples=2).fit(FRAME, TARGET),
    "lgbm_booster": _lightgbm_booster,
    "doubler": lambda: Doubler(factor=3.0),
}
