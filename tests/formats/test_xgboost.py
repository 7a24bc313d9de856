import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.xgboost
import numpy as np
import pytest
import xgboost
from tests.formats.hostile import calls
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import parse_trust, read, read_pyfunc, write
from modelstore_core.formats.mlmodel import MLMODEL, read_flavor
from modelstore_core.formats.pickles import holds_pickle
from modelstore_core.formats.trust import FULL, LISTED, SAFE
from modelstore_core.formats.xgboost import XgboostFormat


class Mine(xgboost.XGBRegressor):
    """An estimator derived from XGBoost's."""


def _load(folder: Path, trust: Any = LISTED) -> Any:
    return read(folder, format="xgboost", loads=("MLmodel", "model.ubj"), trust=trust)


@pytest.mark.parametrize("kind", ["xgb_classifier", "xgb_regressor", "xgb_booster"])
def test_it_is_no_pickle_and_safe_loads_it(kind: str, tmp_path: Path) -> None:
    written = write(fitted(kind), tmp_path)

    assert written.globals == ()
    assert type(_load(tmp_path, SAFE)) is type(fitted(kind))


def test_the_parameters_come_back_too(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=np.int64(3), max_depth=2, learning_rate=0.5, random_state=7)
    write(model.fit(FRAME, TARGET), tmp_path)

    loaded = _load(tmp_path)

    assert np.isnan(loaded.missing)
    assert loaded.set_params(missing=0).get_params() == model.set_params(missing=0).get_params()


def test_what_json_cannot_say_is_left_out(tmp_path: Path) -> None:
    stop = xgboost.callback.EarlyStopping(rounds=2)
    model = xgboost.XGBClassifier(n_estimators=3, callbacks=[stop])
    model.fit(FRAME, TARGET, eval_set=[(FRAME, TARGET)], verbose=False)

    write(model, tmp_path)

    params = json.loads(str(read_flavor(tmp_path, "xgboost")["sklearn_params"]))
    assert set(model.get_params()) - set(params) == {"callbacks", "missing"}
    assert _load(tmp_path).best_iteration == model.best_iteration


def test_categories_predict_the_same(tmp_path: Path) -> None:
    rows = FRAME.assign(kind=np.tile(["a", "b"], 20)).astype({"kind": "category"})
    model = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(rows, TARGET)
    write(model, tmp_path)

    np.testing.assert_array_equal(_load(tmp_path).predict_proba(rows), model.predict_proba(rows))


HOLES = FRAME.assign(age=FRAME["age"].where(FRAME["age"] % 3 > 0, -1.0))
LETTERS = np.tile([0, 1, 2, 0], 10)
TREES: dict[str, Any] = {"n_estimators": 8, "max_depth": 2, "n_jobs": 1}


def _stopped(**more: Any) -> Any:
    model = xgboost.XGBClassifier(**TREES, early_stopping_rounds=1, **more)
    return model.fit(HOLES, LETTERS, eval_set=[(HOLES, LETTERS[::-1])], verbose=False)


def _of_categories(**more: Any) -> Any:
    rows = HOLES.assign(visits=HOLES["visits"].astype("category"))
    return xgboost.XGBRegressor(**TREES, enable_categorical=True, **more).fit(rows, FRAME["income"])


ESTIMATORS: dict[str, Callable[..., Any]] = {
    "binary": lambda **more: xgboost.XGBClassifier(**TREES, **more).fit(HOLES, TARGET),
    "softmax": lambda **more: xgboost.XGBClassifier(**TREES, objective="multi:softmax", **more).fit(HOLES, LETTERS),
    "stopped": _stopped,
    "labels": lambda **more: xgboost.XGBClassifier(**TREES, **more).fit(HOLES, np.stack([TARGET, 1 - TARGET], axis=1)),
    "regressor": lambda **more: xgboost.XGBRegressor(**TREES, base_score=0.3, **more).fit(HOLES, FRAME["income"]),
    "categories": _of_categories,
    "forest": lambda **more: xgboost.XGBRFRegressor(**TREES, **more).fit(HOLES, FRAME["income"]),
    "forest of classes": lambda **more: xgboost.XGBRFClassifier(**TREES, **more).fit(HOLES, LETTERS),
    "ranker": lambda **more: xgboost.XGBRanker(**TREES, **more).fit(HOLES, TARGET, qid=np.repeat([0, 1], 20)),
    "model": lambda **more: xgboost.XGBModel(**TREES, objective="reg:squarederror", **more).fit(HOLES, TARGET),
    "dart": lambda **more: xgboost.XGBRegressor(**TREES, booster="dart", rate_drop=0.5, **more).fit(HOLES, TARGET),
    "lines": lambda **more: xgboost.XGBRegressor(n_estimators=3, booster="gblinear", **more).fit(HOLES, TARGET),
}


@pytest.mark.parametrize("missing", [np.nan, -1.0, 0], ids=str)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_estimator_predicts_as_before_with_us_and_with_mlflow(kind: str, missing: float, tmp_path: Path) -> None:
    model = ESTIMATORS[kind](missing=missing, importance_type="weight")
    rows = HOLES.assign(visits=HOLES["visits"].astype("category")) if kind == "categories" else HOLES
    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="xgboost", loads=written.loads, trust=SAFE)

    assert type(loaded) is type(model)
    assert not any(holds_pickle(path) for path in tmp_path.iterdir())
    assert repr(loaded.get_params()) == repr(model.get_params())
    expected = model.predict(rows)
    models: list[Any] = [loaded, read_pyfunc(tmp_path, trust=SAFE), mlflow.pyfunc.load_model(str(tmp_path))]
    for one in models:
        np.testing.assert_array_equal(one.predict(rows), expected)
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)


def test_another_missing_value_matters_and_mlflow_s_own_flavor_would_forget_it(tmp_path: Path) -> None:
    model = ESTIMATORS["binary"](missing=-1.0)
    forgetful = model.predict_proba(HOLES.replace(-1.0, -2.0))
    assert not np.array_equal(forgetful, model.predict_proba(HOLES))

    write(model, tmp_path)

    with pytest.raises(mlflow.exceptions.MlflowException, match='does not have the "xgboost" flavor'):
        mlflow.xgboost.load_model(str(tmp_path))


def test_parameters_that_xgboost_has_no_name_for_come_back(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=2, eta=0.5).fit(FRAME, FRAME["income"])
    write(model, tmp_path)

    assert _load(tmp_path).get_params()["eta"] == 0.5


class Demanding(xgboost.XGBRegressor):
    """Which XGBoost itself could not make again."""

    def __init__(self, size: int) -> None:
        super().__init__(n_estimators=size)


@pytest.mark.parametrize("missing", [np.nan, -1.0])
def test_a_class_that_needs_an_argument_is_left_to_the_pickle(missing: float) -> None:
    model = Demanding(2)
    model.missing = missing

    assert not XgboostFormat().accepts(model)


def test_a_missing_value_that_is_no_number_is_left_to_the_pickle() -> None:
    assert not XgboostFormat().accepts(xgboost.XGBRegressor(missing=None))


def test_a_derived_class_comes_back_if_it_is_listed(tmp_path: Path) -> None:
    write(Mine(n_estimators=2).fit(FRAME, TARGET), tmp_path)
    name = f"{__name__}.Mine"

    with pytest.raises(Untrusted) as refusal:
        _load(tmp_path)

    assert refusal.value.names == (name,)
    assert type(_load(tmp_path, parse_trust([name]))) is Mine


def test_an_estimator_that_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match="Fit it first"):
        write(xgboost.XGBClassifier(), tmp_path)


@pytest.mark.parametrize("kind", ["logistic", "lgbm_classifier", "doubler"])
def test_others_are_not_accepted(kind: str) -> None:
    assert not XgboostFormat().accepts(fitted(kind))


def test_a_pickle_in_its_place_is_not_unpickled(tmp_path: Path) -> None:
    write(fitted("xgb_booster"), tmp_path)
    canary = tmp_path / "canary"
    (tmp_path / "model.ubj").write_bytes(pickle.dumps(calls(canary)["posix.system"]))

    with pytest.raises(Corrupt, match=r"model\.ubj"):
        _load(tmp_path)

    assert not canary.exists()


@pytest.mark.parametrize("name", ["os.system", "subprocess.Popen", "nodots"])
def test_a_class_from_the_mlmodel_is_not_imported_unless_trusted(name: str, tmp_path: Path) -> None:
    write(fitted("xgb_booster"), tmp_path)
    mlmodel = tmp_path / MLMODEL
    mlmodel.write_text(mlmodel.read_text().replace("xgboost.core.Booster", name))

    with pytest.raises((Untrusted, Corrupt), match=name):
        _load(tmp_path, SAFE)


def test_a_parameter_that_is_none_is_not_set(tmp_path: Path) -> None:
    write(fitted("xgb_classifier"), tmp_path)
    mlmodel = tmp_path / MLMODEL
    mlmodel.write_text(mlmodel.read_text().replace('\\"n_estimators\\"', '\\"load_model\\"'))

    assert callable(_load(tmp_path).load_model)


@pytest.mark.parametrize("text", [None, "", "flavors:\n  xgboost:\n    data: [", "flavors:\n  xgboost:\n    a: 1\n"])
def test_a_broken_mlmodel_is_corrupt(text: str | None, tmp_path: Path) -> None:
    write(fitted("xgb_booster"), tmp_path)
    (tmp_path / MLMODEL).write_text(text) if text is not None else (tmp_path / MLMODEL).unlink()

    with pytest.raises(Corrupt, match="MLmodel"):
        XgboostFormat().load(tmp_path, (MLMODEL, "model.ubj"), FULL)


def test_without_xgboost_the_line_to_install_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(fitted("xgb_classifier"), tmp_path)
    for name in ("xgboost", "xgboost.sklearn"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtra, match=r"pip install xgboost$"):
        _load(tmp_path)
