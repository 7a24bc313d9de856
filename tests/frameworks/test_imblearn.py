from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.linear_model import LogisticRegression
from tests.frameworks.support import answer_elsewhere, store, told, untrusted

from modelstore_core.formats import parse_trust, read

ROWS = np.random.default_rng(0).normal(size=(40, 3))
TARGET = np.array([1] * 10 + [0] * 30)
ANSWER = """
import numpy as np
print(json.dumps(model.predict(np.random.default_rng(0).normal(size=(40, 3))).tolist()))
"""


def pipeline() -> Any:
    return make_pipeline(SMOTE(random_state=0, k_neighbors=3), LogisticRegression()).fit(ROWS, TARGET)


def forest() -> Any:
    return BalancedRandomForestClassifier(n_estimators=3, random_state=0).fit(ROWS, TARGET)


@pytest.mark.parametrize("make", [pipeline, forest])
def test_an_estimator_comes_back(make: Any, tmp_path: Path) -> None:
    model = make()
    stored = store(model, tmp_path / "model")

    assert stored.written.format == "sklearn"
    assert answer_elsewhere(stored, ANSWER, pyfunc=True) == model.predict(ROWS).tolist()
    refusal = untrusted(lambda trust: read(stored.folder, format="sklearn", loads=stored.written.loads, trust=trust))
    assert all(name.startswith("imblearn.") for name in refusal.names)
    assert answer_elsewhere(stored, ANSWER, trust=refusal.names) == model.predict(ROWS).tolist()


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (store(forest(), tmp_path / name).folder / "model.pkl" for name in "ab")

    assert first.read_bytes() == second.read_bytes()
    assert read(first.parent, format="sklearn", loads=("model.pkl",), trust=parse_trust("full"))


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    assert told(store(forest(), tmp_path / "model"), "imbalanced-learn", "scikit-learn")["sampling_strategy"] == "all"
