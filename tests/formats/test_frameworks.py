"""Every framework's models, through our own reader, through MLflow's loaders, and in processes that know nothing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
from tests.formats.fresh import run
from tests.formats.samples import FRAME, STATSMODELS, fitted

from modelstore_core.formats import Written, parse_trust, read, read_pyfunc, write

TRUST = parse_trust(["tests.formats.plain.Doubler", *STATSMODELS])
KINDS = {
    "logistic": "sklearn",
    "pipeline": "sklearn",
    "forest": "sklearn",
    "search": "sklearn",
    "xgb_classifier": "xgboost",
    "xgb_regressor": "xgboost",
    "xgb_missing": "xgboost",
    "xgb_booster": "xgboost",
    "lgbm_classifier": "lightgbm",
    "lgbm_pickled": "lightgbm",
    "lgbm_booster": "lightgbm",
    "catboost": "catboost",
    "catboost_classifier": "catboost",
    "ols": "statsmodels",
    "doubler": "pickle",
}


# whose library's file does not hold all, and for which MLflow has no loader
WITH_A_DOCUMENT = {"lgbm_classifier", "xgb_missing"}


@dataclass(frozen=True)
class Stored:
    folder: Path
    written: Written
    expected: Any


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stored]:
    root = tmp_path_factory.mktemp("models")
    return {kind: _store(kind, root / kind) for kind in KINDS}


def _store(kind: str, folder: Path) -> Stored:
    folder.mkdir()
    model = fitted(kind)
    written = write(model, folder, input_example=FRAME.head(3))
    return Stored(folder=folder, written=written, expected=_predict(model))


def _predict(model: Any) -> Any:
    if type(model).__module__ == "xgboost.core":
        import xgboost

        return model.predict(xgboost.DMatrix(FRAME))
    return model.predict(FRAME)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_as_it_was(kind: str, stored: dict[str, Stored], tmp_path: Path) -> None:
    one = stored[kind]
    only = tmp_path / "only"
    for name in one.written.loads:
        (only / name).parent.mkdir(parents=True, exist_ok=True)
        (only / name).write_bytes((one.folder / name).read_bytes())

    model = read(only, format=one.written.format, loads=one.written.loads, trust=TRUST)

    assert one.written.format == KINDS[kind]
    assert f"{type(model).__module__}.{type(model).__qualname__}" == one.written.model_type
    np.testing.assert_array_equal(_predict(model), one.expected)


@pytest.mark.parametrize("kind", KINDS)
def test_mlflow_predicts_the_same(kind: str, stored: dict[str, Stored]) -> None:
    one = stored[kind]

    ours: Any = read_pyfunc(one.folder, trust=TRUST)
    vanilla = mlflow.pyfunc.load_model(str(one.folder))

    np.testing.assert_array_equal(ours.predict(FRAME), one.expected)
    np.testing.assert_array_equal(vanilla.predict(FRAME), one.expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_holds_no_more_files_than_promised(kind: str, stored: dict[str, Stored]) -> None:
    more = 2 if kind in WITH_A_DOCUMENT else 0
    assert len(list(stored[kind].folder.rglob("*"))) == 7 + more


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", [None, FRAME.head(3)], ids=["plain", "with example"])
def test_saving_twice_gives_the_same_bytes(kind: str, example: Any, tmp_path: Path) -> None:
    model = fitted(kind)

    first = _bytes(tmp_path / "1", model, example)

    assert _bytes(tmp_path / "2", model, example) == first
    if kind != "search":  # which measures how long it takes
        assert _bytes(tmp_path / "3", fitted(kind), example) == first


def _bytes(folder: Path, model: object, example: object) -> dict[str, bytes]:
    folder.mkdir()
    write(model, folder, input_example=example)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_fresh_process_reads_them_all(stored: dict[str, Stored]) -> None:
    code = """
import json, sys
from pathlib import Path
from modelstore_core.formats import parse_trust, read
for folder, format, loads in json.loads(sys.argv[1]):
    model = read(Path(folder), format=format, loads=loads, trust=parse_trust("full"))
    assert not {"mlflow", "yaml"} & set(sys.modules), "imported MLflow"
    from tests.formats.samples import FRAME
    if type(model).__module__ == "xgboost.core":
        import xgboost
        print(json.dumps(model.predict(xgboost.DMatrix(FRAME)).tolist()))
    else:
        print(json.dumps(model.predict(FRAME).tolist()))
"""
    wanted = [(str(one.folder), one.written.format, one.written.loads) for one in stored.values()]

    answers = [json.loads(line) for line in run(code, json.dumps(wanted)).splitlines()]

    assert answers == [one.expected.tolist() for one in stored.values()]


def test_mlflow_alone_loads_them_in_a_fresh_process(stored: dict[str, Stored]) -> None:
    code = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow.pyfunc, mlflow.sklearn, mlflow.xgboost, mlflow.lightgbm
from tests.formats.samples import FRAME
for folder, flavor in json.loads(sys.argv[1]):
    model = mlflow.pyfunc.load_model(folder)
    if flavor:
        native = getattr(mlflow, flavor).load_model(folder)
        assert type(native) is type(model.get_raw_model())
    print(json.dumps(model.predict(FRAME).tolist()))
    print(json.dumps(model.predict(model.input_example).tolist()))
assert "modelstore_core" not in sys.modules
"""
    flavors = {**KINDS, "doubler": "sklearn"} | dict.fromkeys(WITH_A_DOCUMENT, "")
    wanted = [(str(one.folder), flavors[kind]) for kind, one in stored.items()]

    answers = [json.loads(line) for line in run(code, json.dumps(wanted)).splitlines()]

    assert answers[::2] == [one.expected.tolist() for one in stored.values()]
    assert answers[1::2] == [one.expected[:3].tolist() for one in stored.values()]
