import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from tests.formats.hostile import calls
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import parse_trust, read, write
from modelstore_core.formats.mlmodel import MLMODEL, read_flavor
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


def test_a_missing_value_that_xgboost_forgets_is_left_to_the_pickle(tmp_path: Path) -> None:
    rows = FRAME.assign(age=FRAME["age"].where(FRAME["age"] % 3 > 0, -1.0))
    model = xgboost.XGBClassifier(n_estimators=3, missing=-1.0).fit(rows, TARGET)

    written = write(model, tmp_path)

    assert written.format == "sklearn"
    loaded: Any = read(tmp_path, format="sklearn", loads=written.loads, trust=LISTED)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


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
