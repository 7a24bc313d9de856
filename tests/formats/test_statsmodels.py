import copyreg
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.base.data import PandasData
from tests.formats.samples import FRAME, STATSMODELS, fitted

from modelstore_core.errors import Untrusted
from modelstore_core.formats import parse_trust, pickles, read, write
from modelstore_core.formats.trust import LISTED, SAFE


@pytest.mark.parametrize(
    "fit",
    [
        lambda: fitted("ols"),
        lambda: smf.ols("income ~ age + np.log1p(visits)", FRAME).fit(),
        lambda: sm.GLM(FRAME["visits"], FRAME[["age", "income"]], family=sm.families.Poisson()).fit(),
        lambda: sm.tsa.ARIMA(FRAME["visits"].to_numpy(), order=(1, 0, 0)).fit(),
    ],
    ids=["ols", "formula", "glm", "arima"],
)
def test_results_come_back_as_they_were(tmp_path: Path, fit: Any) -> None:
    model = fit()

    written = write(model, tmp_path)

    loaded: Any = read(tmp_path, format="statsmodels", loads=written.loads, trust=parse_trust("full"))
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.params, model.params)
    np.testing.assert_array_equal(loaded.predict(), model.predict())


def test_the_refusal_prints_the_names_that_allow_it(tmp_path: Path) -> None:
    written = write(fitted("ols"), tmp_path)

    for policy in (SAFE, LISTED):
        with pytest.raises(Untrusted):
            read(tmp_path, format="statsmodels", loads=written.loads, trust=policy)
    with pytest.raises(Untrusted, match=r"statsmodels\.base\.data\.ModelData") as caught:
        read(tmp_path, format="statsmodels", loads=written.loads, trust=LISTED)
    assert [*caught.value.names] == STATSMODELS


def test_a_formula_that_runs_code_when_unpickled_is_not_run(tmp_path: Path) -> None:
    """The reason why none of these names is on the shipped list."""
    canary = tmp_path / "canary"
    state = {"restore_model_spec": True, "frame": FRAME, "formula": f"age ~ open({str(canary)!r}, 'w').fileno()"}
    pickles.dump(_Bare(state), tmp_path / "model.statsmodels")

    with pytest.raises(Untrusted, match="PandasData"):
        read(tmp_path, format="statsmodels", loads=("model.statsmodels",), trust=LISTED)
    assert not canary.exists()


class _Bare:
    """Pickles to what a forger would write: the class that evaluates formulas, and a state with one."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg._reconstructor, (PandasData, object, None), self.state  # type: ignore[attr-defined]
