import sys
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pytest
from tests.formats.samples import FRAME, TARGET, fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import read, read_pyfunc, write
from modelstore_core.formats.catboost import CatboostFormat
from modelstore_core.formats.mlmodel import read_flavor
from modelstore_core.formats.trust import LISTED, SAFE


@pytest.mark.parametrize("kind", ["catboost", "catboost_classifier", "catboost_regressor"])
def test_a_model_comes_back_in_its_own_class_without_a_pickle(tmp_path: Path, kind: str) -> None:
    written = write(fitted(kind), tmp_path)

    assert (written.format, written.globals) == ("catboost", ())
    model: Any = read(tmp_path, format="catboost", loads=written.loads, trust=SAFE)
    assert type(model) is type(fitted(kind))
    np.testing.assert_array_equal(model.predict(FRAME), fitted(kind).predict(FRAME))


def test_two_trainings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(fitted("catboost_classifier"), tmp_path / name)

    one, two = ((tmp_path / name / "model.cb").read_bytes() for name in ("one", "two"))
    assert one == two


def test_categories_text_labels_and_parameters_survive(tmp_path: Path) -> None:
    rows = FRAME.assign(kind=np.tile(["a", "b"], 20))
    labels = np.where(TARGET, "yes", "no")
    model = catboost.CatBoostClassifier(iterations=4, verbose=False, allow_writing_files=False, cat_features=["kind"])
    model.fit(rows, labels)

    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="catboost", loads=written.loads, trust=SAFE)
    assert [*loaded.predict(rows)] == [*model.predict(rows)]
    assert [*loaded.classes_] == ["no", "yes"]
    assert loaded.get_params()["iterations"] == 4


def test_the_flavor_is_mlflow_s(tmp_path: Path) -> None:
    write(fitted("catboost_regressor"), tmp_path)

    assert read_flavor(tmp_path, "catboost") == {
        "catboost_version": catboost.__version__,
        "code": None,
        "data": "model.cb",
        "model_type": "CatBoostRegressor",
        "save_format": "cbm",
    }


def test_what_is_not_fitted_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match="Fit it first"):
        write(catboost.CatBoostClassifier(), tmp_path)


class Ours(catboost.CatBoostClassifier):  # type: ignore[misc]  # published without types
    pass


def test_a_class_of_one_s_own_is_not_flattened_to_catboost_s() -> None:
    assert not CatboostFormat().accepts(Ours())


def test_a_broken_file_is_corrupt(tmp_path: Path) -> None:
    written = write(fitted("catboost"), tmp_path)
    (tmp_path / "model.cb").write_bytes(b"CBM1 but no more")

    with pytest.raises(Corrupt, match=r"model\.cb"):
        read(tmp_path, format="catboost", loads=written.loads, trust=SAFE)


@pytest.mark.parametrize("name", ["os.system", "sum_models", "Pool", ""])
def test_a_class_that_is_none_of_catboost_s_models_is_refused(tmp_path: Path, name: str) -> None:
    written = write(fitted("catboost"), tmp_path)
    mlmodel = tmp_path / "MLmodel"
    mlmodel.write_text(mlmodel.read_text().replace('model_type: "CatBoost"', f'model_type: "{name}"'))

    with pytest.raises(Corrupt, match="names no class of CatBoost"):
        read(tmp_path, format="catboost", loads=written.loads, trust=LISTED)
    with pytest.raises(Untrusted, match="none of CatBoost's"):
        read_pyfunc(tmp_path, trust=LISTED)


def test_without_catboost_the_line_to_install_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write(fitted("catboost"), tmp_path)
    monkeypatch.setitem(sys.modules, "catboost", None)

    with pytest.raises(MissingExtra, match="pip install catboost"):
        read(tmp_path, format="catboost", loads=written.loads, trust=SAFE)
