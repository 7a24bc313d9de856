from pathlib import Path
from typing import Any

import numpy as np
import pytest
from causalml.inference.meta import BaseSRegressor, BaseTRegressor
from sklearn.linear_model import LinearRegression
from tests.frameworks.support import answer_elsewhere, differing, store, told, untrusted

from modelstore_core.formats import read

ROWS = np.random.default_rng(0).normal(size=(60, 3))
TREATED = np.tile([0, 1], 30)
CODE = """
import numpy as np
print(json.dumps(model.predict(np.random.default_rng(0).normal(size=(60, 3))).tolist()))
"""


@pytest.mark.parametrize("kind", [BaseSRegressor, BaseTRegressor])
def test_a_learner_comes_back_by_the_names_that_the_refusal_says(kind: Any, tmp_path: Path) -> None:
    model = kind(LinearRegression())
    model.fit(ROWS, TREATED, ROWS[:, 0] + TREATED)
    stored = store(model, tmp_path / "model")
    expected = model.predict(ROWS).tolist()

    names = untrusted(
        lambda trust: read(stored.folder, format="sklearn", loads=stored.written.loads, trust=trust)
    ).names

    assert stored.written.format == "sklearn"
    assert all(name.startswith("causalml.") for name in names)
    assert answer_elsewhere(stored, CODE, trust=names) == expected
    assert answer_elsewhere(stored, CODE, pyfunc=True) == expected


def learner() -> Any:
    model = BaseSRegressor(LinearRegression())
    model.fit(ROWS, TREATED, ROWS[:, 0] + TREATED)
    return model


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(learner(), tmp_path / "model"), "causalml", "scikit-learn")

    assert said["learner"] == "sklearn.linear_model._base.LinearRegression"
    assert (said["ate_alpha"], said["learner__fit_intercept"]) == (0.05, True)


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(learner, tmp_path) == set()
