import json
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import mlflow.prophet
import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import Trust, parse_trust, read, read_pyfunc
from modelstore_core.formats.prophet import ProphetFormat
from modelstore_core.testing.format_contract import FormatContract

DAYS = pd.DataFrame(
    {"ds": pd.date_range("2024-01-01", periods=60), "y": np.sin(np.arange(60) / 7) + np.arange(60) / 50}
)
NEXT = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=5)})
ANSWER = """
import pandas as pd
print(json.dumps(model.predict(pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=5)}))["yhat"].tolist()))
"""
logging.getLogger("cmdstanpy").disabled = True


@cache
def fitted() -> Any:
    return Prophet(weekly_seasonality=True, uncertainty_samples=0).fit(DAYS)


class TestProphet(FormatContract):
    format = ProphetFormat()
    example: ClassVar[object] = NEXT

    def model(self, scratch: Path) -> object:
        return fitted()

    def equal(self, left: Any, right: Any) -> bool:
        return np.allclose(left.predict(NEXT)["yhat"], right.predict(NEXT)["yhat"], rtol=1e-12)


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="prophet", loads=stored.written.loads, trust=trust)


def test_a_fresh_process_and_mlflow_answer_the_same(tmp_path: Path) -> None:
    stored = store(fitted(), tmp_path / "model")
    expected = pytest.approx(fitted().predict(NEXT)["yhat"].tolist(), rel=1e-12)

    assert answer_elsewhere(stored, ANSWER, trust="safe") == expected
    assert answer_elsewhere(stored, ANSWER, pyfunc=True) == expected
    assert mlflow.prophet.load_model(str(stored.folder)).predict(NEXT)["yhat"].tolist() == expected
    assert flavors(stored)["prophet"]["model_type"] == "Prophet"


def test_what_mlflow_wrote_itself_loads(tmp_path: Path) -> None:
    mlflow.prophet.save_model(fitted(), str(tmp_path / "m"), pip_requirements=["x"])

    model: Any = read_pyfunc(tmp_path / "m", trust=parse_trust("safe"))

    assert len(model.predict(NEXT)) == len(NEXT)


@pytest.mark.parametrize("text", ["", "{", "[]", '"{}"', json.dumps(json.dumps({"growth": "linear"}))])
def test_a_broken_file_is_corrupt(text: str, tmp_path: Path) -> None:
    stored = store(fitted(), tmp_path / "model")
    (stored.folder / "model.pr").write_text(text)

    with pytest.raises(Corrupt, match=r"model\.pr"):
        load(stored)(parse_trust("listed"))


def test_a_model_that_is_not_fitted_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match="Fit it first"):
        store(Prophet(), tmp_path / "m").folder.joinpath("x").touch()


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(fitted(), tmp_path / "model"), "prophet")

    assert (said["growth"], said["weekly_seasonality"]) == ("linear", True)
    assert {"k", "m", "sigma_obs", "delta", "beta", "trend"} <= said.keys()
    assert isinstance(said["k"], float)


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(fitted.__wrapped__, tmp_path) == set()
