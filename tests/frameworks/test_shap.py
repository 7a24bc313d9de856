from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shap
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from tests.frameworks.support import answer_elsewhere, differing, store, told, untrusted

from modelstore_core.formats import read

ROWS = np.random.default_rng(0).normal(size=(20, 3))
CODE = """
import numpy as np
rows = np.random.default_rng(0).normal(size=(20, 3))
print(json.dumps(np.asarray(model.shap_values(rows)).tolist()))
"""


def tree() -> Any:
    return shap.TreeExplainer(RandomForestClassifier(3, random_state=0).fit(ROWS, ROWS[:, 0] > 0))


def linear() -> Any:
    return shap.LinearExplainer(LinearRegression().fit(ROWS, ROWS[:, 0]), ROWS)


@pytest.mark.parametrize("make", [tree, linear])
def test_an_explainer_comes_back_beside_its_model(make: Any, tmp_path: Path) -> None:
    explainer = make()
    stored = store(explainer, tmp_path / "model")

    assert stored.written.format == "pickle"
    np.testing.assert_allclose(answer_elsewhere(stored, CODE), explainer.shap_values(ROWS))


@pytest.mark.parametrize("make", [tree, linear])
def test_it_is_not_trusted_by_itself(make: Any, tmp_path: Path) -> None:
    stored = store(make(), tmp_path / "model")

    for level in ("safe", "listed"):
        untrusted(lambda trust: read(stored.folder, format="pickle", loads=stored.written.loads, trust=trust), level)


def test_its_record_tells_what_made_it(tmp_path: Path) -> None:
    assert told(store(linear(), tmp_path / "model"), "shap") == {}


@pytest.mark.parametrize("make", [tree, linear])
def test_the_same_training_gives_the_same_bytes(make: Any, tmp_path: Path) -> None:
    assert differing(make, tmp_path) == set()
