import json
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
from mlflow.pyfunc.model import PythonModel
from tests.formats.fresh import run
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import NotSerializable, UnknownFormat, Untrusted
from modelstore_core.formats import parse_trust, read, read_pyfunc, write
from modelstore_core.formats.trust import FULL, LISTED, SAFE

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")  # MLflow's, of its own defaults


def answering(value: int) -> Any:
    # made without annotations, of which MLflow warns
    return type("Model", (PythonModel,), {"predict": lambda self, context, model_input, params=None: [value]})()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    return path


def test_a_python_model_is_known_by_its_class(folder: Path) -> None:
    written = write(answering(7), folder)

    loaded: Any = read(folder, format=written.format, loads=written.loads, trust=FULL)

    assert written.format == "mlflow:pyfunc"
    assert loaded.predict(None, [1]) == [7]
    assert isinstance(loaded, PythonModel)
    assert mlflow.pyfunc.load_model(str(folder)).predict(FRAME) == [7]
    assert any(name.startswith("cloudpickle.") for name in written.globals)


def test_another_flavor_is_used_by_its_name(folder: Path) -> None:
    written = write(fitted("xgb_classifier"), folder, format="mlflow:xgboost")

    loaded: Any = read(folder, format="mlflow:xgboost", loads=written.loads, trust=FULL)

    np.testing.assert_array_equal(loaded.predict(FRAME), fitted("xgb_classifier").predict(FRAME))
    assert len(read_pyfunc(folder, trust=SAFE).predict(FRAME)) == len(FRAME)  # type: ignore[attr-defined]


def test_a_fresh_process_reads_it(folder: Path) -> None:
    written = write(fitted("ols"), folder, format="mlflow:statsmodels")
    code = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from modelstore_core.formats import parse_trust, read
model = read(Path(sys.argv[1]), format="mlflow:statsmodels", loads=json.loads(sys.argv[2]), trust=parse_trust("full"))
from tests.formats.samples import FRAME
print(json.dumps(model.predict(FRAME).tolist()))
"""

    assert json.loads(run(code, str(folder), json.dumps(written.loads))) == fitted("ols").predict(FRAME).tolist()


def test_equal_models_are_equal_folders(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        write(fitted("xgb_booster"), tmp_path / name, format="mlflow:xgboost")

    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "ab")

    assert first == second


@pytest.mark.parametrize("trust", [SAFE, LISTED, parse_trust(["os.system"])])
def test_only_full_trust_loads_it(trust: Any, folder: Path) -> None:
    written = write(answering(7), folder)

    with pytest.raises(Untrusted, match="MLflow's own loader"):
        read(folder, format=written.format, loads=written.loads, trust=trust)


@pytest.mark.parametrize("name", ["mlflow:", "mlflow:nothing", "mlflow:models", "mlflow:../x", "mlflow:os.path"])
def test_what_is_no_flavor_is_said(name: str, folder: Path) -> None:
    with pytest.raises(UnknownFormat, match="MLflow has no flavor"):
        write(fitted("logistic"), folder, format=name)
    with pytest.raises(UnknownFormat, match="MLflow has no flavor"):
        read(folder, format=name, loads=(_file(folder),), trust=FULL)


def _file(folder: Path) -> str:
    (folder / "x").touch()
    return "x"


def test_a_model_that_the_flavor_does_not_take_is_said(folder: Path) -> None:
    with pytest.raises(NotSerializable, match="MLflow's xgboost flavor does not take"):
        write(fitted("scaler"), folder, format="mlflow:xgboost")
    with pytest.raises(NotSerializable, match="does not take"):
        write(fitted("scaler"), folder, format="mlflow:pyfunc")
