from pathlib import Path
from typing import Any

import numpy as np
import skorch
from tests.frameworks.networks import Blend
from tests.frameworks.support import answer_elsewhere, differing, store, told, untrusted

from modelstore_core.formats import parse_trust, read

ROWS = np.arange(12, dtype="float32").reshape(4, 3)
ANSWER = "import numpy as np; print(json.dumps(model.predict(np.arange(12, dtype='f').reshape(4, 3)).tolist()))"


def fitted() -> Any:
    model = skorch.NeuralNetRegressor(Blend, max_epochs=1, train_split=None, verbose=0, iterator_train__shuffle=False)
    return model.fit(ROWS, np.ones((4, 1), dtype="float32"))


def test_a_net_comes_back_as_an_estimator(tmp_path: Path) -> None:
    model = fitted()
    stored = store(model, tmp_path / "model")

    assert stored.written.format == "sklearn"
    assert answer_elsewhere(stored, ANSWER) == model.predict(ROWS).tolist()
    assert answer_elsewhere(stored, ANSWER, pyfunc=True) == model.predict(ROWS).tolist()


def test_its_classes_are_not_trusted_by_themselves(tmp_path: Path) -> None:
    stored = store(fitted(), tmp_path / "model")

    for level in ("safe", "listed"):
        untrusted(lambda trust: read(stored.folder, format="sklearn", loads=stored.written.loads, trust=trust), level)
    assert read(stored.folder, format="sklearn", loads=stored.written.loads, trust=parse_trust("full"))


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(fitted(), tmp_path / "model"), "skorch", "torch")

    assert (said["max_epochs"], said["module"]) == (1, "tests.frameworks.networks.Blend")


def test_a_net_keeps_how_long_its_training_took(tmp_path: Path) -> None:
    assert "model.pkl" in differing(fitted, tmp_path)
