import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import mlflow.lightgbm
import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import parse_trust, read, read_pyfunc, write
from modelstore_core.formats.lightgbm import LightgbmFormat
from modelstore_core.formats.mlmodel import read_flavor
from modelstore_core.formats.pickles import holds_pickle
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


TREES: dict[str, Any] = {"n_estimators": 12, "verbose": -1, "min_child_samples": 2, "n_jobs": 1}
WITH_CATEGORIES = FRAME.assign(kind=np.tile(["a", "b"], 20)).astype({"kind": "category"})
LETTERS = np.tile(["x", "y", "z", "x"], 10)


class Mine(lightgbm.LGBMRegressor):
    """An estimator derived from LightGBM's."""


class Particular(lightgbm.LGBMRegressor):
    """One with its own way to be pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return lightgbm.LGBMRegressor, ()


def _of_letters(labels: Any, **more: Any) -> Any:
    """Stopped early: fewer trees predict than there are."""
    stop = lightgbm.early_stopping(1, verbose=False)
    model = lightgbm.LGBMClassifier(**TREES, **more)
    with warnings.catch_warnings():
        # `eval_set` is deprecated, but its successor does not take labels for what they are
        warnings.simplefilter("ignore")
        return model.fit(WITH_CATEGORIES, labels, eval_set=[(WITH_CATEGORIES, labels[::-1])], callbacks=[stop])


def _ranker() -> Any:
    groups: dict[str, Any] = {"group": [20, 20], "eval_X": FRAME, "eval_y": TARGET, "eval_group": [[20, 20]]}
    return lightgbm.LGBMRanker(**TREES).fit(FRAME, TARGET, eval_at=(1, 3), **groups)


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "binary": lambda: lightgbm.LGBMClassifier(**TREES).fit(WITH_CATEGORIES, TARGET),
    "truths": lambda: lightgbm.LGBMClassifier(**TREES, class_weight="balanced").fit(FRAME, TARGET == 1),
    "arrays": lambda: lightgbm.LGBMClassifier(**TREES).fit(FRAME.to_numpy(), LETTERS),
    "texts": lambda: _of_letters(pd.Series(LETTERS), class_weight={"x": 1.0, "y": 2, "z": np.float32(0.5)}),
    "objects": lambda: _of_letters(LETTERS.astype(object)),
    "regressor": lambda: lightgbm.LGBMRegressor(**TREES, monotone_constraints=[1, 0, 0]).fit(FRAME, FRAME["age"]),
    "dart": lambda: lightgbm.LGBMRegressor(**TREES, boosting_type="dart").fit(FRAME, FRAME["age"]),
    "forest": lambda: lightgbm.LGBMRegressor(**TREES, boosting_type="rf", subsample=0.5, subsample_freq=1).fit(
        FRAME, FRAME["age"]
    ),
    "lines": lambda: lightgbm.LGBMRegressor(**TREES, linear_tree=True).fit(FRAME, FRAME["age"]),
    "ranker": _ranker,
    "model": lambda: lightgbm.LGBMModel(**TREES, objective="regression").fit(FRAME, TARGET),
}


def _rows(model: Any) -> Any:
    return WITH_CATEGORIES[FRAME.columns if model.n_features_ == 3 else WITH_CATEGORIES.columns]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_comes_back_whole_without_a_pickle(kind: str, tmp_path: Path) -> None:
    model = ESTIMATORS[kind]()

    written = write(model, tmp_path)

    assert (written.loads, written.globals) == (("estimator.json", "model.lgb"), ())
    assert not any(holds_pickle(path) for path in tmp_path.iterdir())
    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)
    assert type(loaded) is type(model)
    assert (loaded.get_params(), loaded.n_iter_, loaded.best_iteration_) == (
        model.get_params(),
        model.n_iter_,
        model.best_iteration_,
    )
    assert {name: repr(value) for name, value in vars(loaded).items() if name != "_Booster"} == {
        name: repr(value) for name, value in vars(model).items() if name != "_Booster"
    }
    assert loaded.booster_.params == model.booster_.params


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_predicts_as_before_with_us_and_with_mlflow(kind: str, tmp_path: Path) -> None:
    model = ESTIMATORS[kind]()
    rows = _rows(model)
    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)
    ours: Any = read_pyfunc(tmp_path, trust=SAFE)
    vanilla = mlflow.pyfunc.load_model(str(tmp_path))

    for one in (loaded, ours, vanilla):
        answer = one.predict(rows)
        np.testing.assert_array_equal(answer, model.predict(rows))
        assert answer.dtype == model.predict(rows).dtype
    for trees in (None, -1, 2):
        np.testing.assert_array_equal(
            loaded.predict(rows, num_iteration=trees), model.predict(rows, num_iteration=trees)
        )
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


def test_probabilities_come_back_for_the_labels_in_their_order(tmp_path: Path) -> None:
    model = ESTIMATORS["texts"]()
    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)

    assert loaded.classes_.tolist() == ["x", "y", "z"]
    assert loaded.best_iteration_ == model.best_iteration_ > 0
    assert loaded.evals_result_ == model.evals_result_
    assert loaded.best_score_ == model.best_score_
    np.testing.assert_array_equal(loaded.predict_proba(WITH_CATEGORIES), model.predict_proba(WITH_CATEGORIES))
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)
    more = lightgbm.LGBMClassifier(**TREES).fit(WITH_CATEGORIES, LETTERS, init_model=loaded)
    assert more.n_iter_ > loaded.n_iter_


def test_trees_beyond_the_best_iteration_are_kept_and_do_not_predict(tmp_path: Path) -> None:
    model = lightgbm.LGBMRegressor(**TREES).fit(FRAME, FRAME["age"])
    every = model.predict(FRAME)
    model.booster_.best_iteration = 2
    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)

    assert loaded.n_iter_ == 12
    np.testing.assert_array_equal(loaded.predict(FRAME, num_iteration=-1), every)
    models: list[Any] = [loaded, read_pyfunc(tmp_path, trust=SAFE), mlflow.pyfunc.load_model(str(tmp_path))]
    for one in models:
        np.testing.assert_array_equal(one.predict(FRAME), model.predict(FRAME))
        assert not np.array_equal(one.predict(FRAME), every)


@pytest.mark.parametrize("kind", ["texts", "ranker", "lines"])
def test_the_same_training_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        write(ESTIMATORS[kind](), folder)

    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second


def test_a_derived_estimator_comes_back_if_it_is_listed(tmp_path: Path) -> None:
    model = Mine(**TREES).fit(FRAME, FRAME["age"])
    written = write(model, tmp_path)
    name = f"{__name__}.Mine"

    with pytest.raises(Untrusted) as refusal:
        read(tmp_path, format="lightgbm", loads=written.loads, trust=LISTED)

    assert refusal.value.names == (name,)
    loaded: Any = read(tmp_path, format="lightgbm", loads=written.loads, trust=parse_trust([name]))
    assert type(loaded) is Mine
    np.testing.assert_array_equal(loaded.predict(FRAME), model.predict(FRAME))


def _squares(labels: Any, predicted: Any) -> Any:
    return predicted - labels, np.ones_like(predicted)


PICKLED: dict[str, Callable[[], Any]] = {
    "a function of one's own": lambda: lightgbm.LGBMRegressor(**TREES, objective=_squares).fit(FRAME, FRAME["age"]),
    "bytes": lambda: fitted("lgbm_pickled"),
    "a generator": lambda: lightgbm.LGBMRegressor(**TREES, random_state=np.random.RandomState(0)).fit(FRAME, TARGET),
    "not fitted": lambda: lightgbm.LGBMRegressor(**TREES),
    "its own way to be pickled": lambda: Particular(**TREES).fit(FRAME, FRAME["age"]),
    "labels of dates": lambda: lightgbm.LGBMClassifier(**TREES).fit(FRAME, TARGET.astype("datetime64[s]")),
    "large labels": lambda: lightgbm.LGBMClassifier(**TREES).fit(FRAME, np.array(["a", "b" * (9 << 20)])[TARGET]),
}


@pytest.mark.parametrize("kind", PICKLED)
def test_what_json_cannot_say_exactly_is_left_to_the_pickle(kind: str, tmp_path: Path) -> None:
    written = write(PICKLED[kind](), tmp_path)

    assert written.loads == ("model.pkl",)
    with pytest.raises(Untrusted, match="safe"):
        read(tmp_path, format="lightgbm", loads=written.loads, trust=SAFE)


def test_the_flavor_is_mlflow_s(tmp_path: Path) -> None:
    write(fitted("lgbm_pickled"), tmp_path)

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


def test_mlflow_s_own_flavor_does_not_make_a_bare_booster_of_an_estimator(tmp_path: Path) -> None:
    write(fitted("lgbm_classifier"), tmp_path)

    with pytest.raises(mlflow.exceptions.MlflowException, match='does not have the "lightgbm" flavor'):
        mlflow.lightgbm.load_model(str(tmp_path))


def test_a_broken_text_is_corrupt(tmp_path: Path) -> None:
    write(fitted("lgbm_classifier"), tmp_path)
    (tmp_path / "model.lgb").write_text("tree\nversion=v4\n")

    for loads in (("model.lgb",), ("estimator.json", "model.lgb")):
        with pytest.raises(Corrupt, match=r"model\.lgb"):
            read(tmp_path, format="lightgbm", loads=loads, trust=SAFE)


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
