import pickle
import sys
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
import yaml
from mlflow.pyfunc.model import PythonModel
from tests.formats.fresh import run
from tests.formats.hostile import calls, tricks
from tests.formats.plain import Doubler
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import InvalidInput, MissingExtra, Untrusted
from modelstore_core.formats import parse_trust, read_pyfunc, write
from modelstore_core.formats.trust import FULL, LISTED, SAFE


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    return path


def _change(folder: Path, *keys: str, to: object) -> None:
    path = folder / "MLmodel"
    document = yaml.safe_load(path.read_text())
    section = document
    for key in keys[:-1]:
        section = section[key]
    section[keys[-1]] = to
    path.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("kind", ["xgb_classifier", "xgb_booster", "lgbm_booster", "lgbm_classifier", "xgb_missing"])
def test_what_holds_no_pickle_is_safe(kind: str, folder: Path) -> None:
    write(fitted(kind), folder)

    assert len(read_pyfunc(folder, trust=SAFE).predict(FRAME)) == len(FRAME)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["logistic", "lgbm_pickled", "doubler"])
def test_what_holds_a_pickle_is_not(kind: str, folder: Path) -> None:
    write(fitted(kind), folder)

    with pytest.raises(Untrusted, match=r"'model\.pkl' is a pickle"):
        read_pyfunc(folder, trust=SAFE)


def test_a_class_of_ones_own_must_be_listed(folder: Path) -> None:
    write(Doubler(), folder)

    with pytest.raises(Untrusted) as refusal:
        read_pyfunc(folder, trust=LISTED)

    model: Any = read_pyfunc(folder, trust=parse_trust(refusal.value.names))
    assert model.predict(FRAME).tolist() == (FRAME["age"] * 2).tolist()


@pytest.mark.parametrize("kind", ["logistic", "lgbm_pickled"])
def test_no_hostile_pickle_reaches_mlflow(kind: str, folder: Path, tmp_path: Path) -> None:
    write(fitted(kind), folder)
    canary = tmp_path / "canary"
    files = [*tricks(canary).values(), *(pickle.dumps(value) for value in calls(canary).values())]
    for data in files:
        (folder / "model.pkl").write_bytes(data)

        with pytest.raises(Untrusted):
            read_pyfunc(folder, trust=LISTED)

        assert not canary.exists()


def test_full_trust_runs_it(folder: Path, tmp_path: Path) -> None:
    write(fitted("logistic"), folder)
    canary = tmp_path / "canary"
    (folder / "model.pkl").write_bytes(pickle.dumps(calls(canary)["posix.system"]))

    read_pyfunc(folder, trust=FULL)

    assert canary.exists()


HOSTILE: list[tuple[tuple[str, ...], object, str]] = [
    (("python_function", "loader_module"), "os", "its loader is 'os'"),
    (("python_function", "loader_module"), "mlflow.pyfunc.model", "its loader is"),
    (("python_function", "loader_module"), None, "its loader is"),
    (("python_function", "code"), "code", "has 'code'"),
    (("python_function", "config"), {"a": 1}, "has 'config'"),
    (("python_function", "model_code_path"), "model.py", "has 'model_code_path'"),
    (("python_function", "python_model"), "model.pkl", "has 'python_model'"),
    (("python_function", "predict_fn"), "__init__", "wants '__init__' called"),
    (("sklearn", "code"), "code", "brings its own code"),
    (("sklearn", "serialization_format"), "skops", "with a trust list of its own"),
    (("python_function", "model_path"), "../other.pkl", "no file of the folder"),
    (("python_function", "model_path"), "/etc/hostname", "no file of the folder"),
    (("python_function", "model_path"), "absent.pkl", "no file of the folder"),
    (("python_function", "model_path"), ["model.pkl"], "no file of the folder"),
    (("python_function", "data"), "..", "no file of the folder"),
    (("python_function", "data"), "sub/model.pkl", "in a folder of its own"),
]


@pytest.mark.parametrize(("keys", "value", "why"), HOSTILE)
def test_an_mlmodel_that_asks_for_more_is_refused(
    keys: tuple[str, ...], value: object, why: str, folder: Path, tmp_path: Path
) -> None:
    write(fitted("logistic"), folder)
    (folder / "sub").mkdir()
    (folder / "sub" / "model.pkl").write_bytes((folder / "model.pkl").read_bytes())
    (tmp_path / "other.pkl").write_bytes((folder / "model.pkl").read_bytes())
    _change(folder, "flavors", *keys, to=value)

    with pytest.raises(Untrusted, match=why):
        read_pyfunc(folder, trust=LISTED)


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    write(fitted("logistic"), folder)
    (folder / "model.pkl").rename(tmp_path / "outside.pkl")
    (folder / "model.pkl").symlink_to(tmp_path / "outside.pkl")

    with pytest.raises(Untrusted, match="no file of the folder"):
        read_pyfunc(folder, trust=LISTED)


@pytest.mark.parametrize("name", ["os.system", "collections.abc.Callable"])
def test_a_class_that_mlflow_would_import_must_be_listed(name: str, folder: Path) -> None:
    write(fitted("xgb_booster"), folder)
    _change(folder, "flavors", "xgboost", "model_class", to=name)

    with pytest.raises(Untrusted, match=name):
        read_pyfunc(folder, trust=SAFE)


def test_a_booster_that_is_a_pickle_is_judged_as_one(folder: Path) -> None:
    write(fitted("lgbm_booster"), folder)
    _change(folder, "flavors", "lightgbm", "model_class", to="lightgbm.sklearn.LGBMClassifier")

    with pytest.raises(Untrusted, match=r"model\.lgb"):
        read_pyfunc(folder, trust=LISTED)


@pytest.mark.parametrize("kind", ["logistic", "xgb_classifier", "lgbm_classifier"])
def test_what_mlflow_wrote_itself_loads(kind: str, folder: Path) -> None:
    flavor: Any = {"x": mlflow.xgboost, "l": mlflow.lightgbm}.get(kind[0], mlflow.sklearn)
    flavor = mlflow.sklearn if kind == "logistic" else flavor
    more = {} if kind[0] == "x" else {"serialization_format": "cloudpickle"}
    flavor.save_model(fitted(kind), str(folder), pip_requirements=["x"], **more)

    model: Any = read_pyfunc(folder, trust=LISTED)

    np.testing.assert_array_equal(model.predict(FRAME), fitted(kind).predict(FRAME))


def test_a_python_model_needs_full_trust(folder: Path) -> None:
    # made without annotations, of which MLflow warns
    body = {"predict": lambda self, context, model_input, params=None: [1]}
    model = type("Model", (PythonModel,), body)()
    mlflow.pyfunc.save_model(str(folder), python_model=model, pip_requirements=["x"])

    with pytest.raises(Untrusted, match=r"its loader is|python_function section has"):
        read_pyfunc(folder, trust=LISTED)
    assert read_pyfunc(folder, trust=FULL).predict(FRAME) == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", [None, "", "[1, 2]", "flavors: 3", "flavors: {sklearn: {}}", "a: [", "\x00", "é\ud800"]
)
def test_what_is_no_model_is_said(text: str | None, folder: Path) -> None:
    if text is not None:
        (folder / "MLmodel").write_bytes(text.encode("utf-8", "surrogatepass"))

    for trust in (LISTED, FULL):
        with pytest.raises(InvalidInput, match="MLmodel"):
            read_pyfunc(folder, trust=trust)


def test_yaml_tags_construct_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "MLmodel").write_text(f"flavors: !!python/object/apply:os.system ['touch {tmp_path / 'canary'}']\n")

    with pytest.raises(InvalidInput, match="no YAML"):
        read_pyfunc(folder, trust=LISTED)

    assert not (tmp_path / "canary").exists()


def test_a_model_without_predict_says_so(folder: Path) -> None:
    write(fitted("scaler"), folder)

    with pytest.raises(InvalidInput, match="no `python_function` flavor"):
        read_pyfunc(folder, trust=LISTED)


@pytest.mark.parametrize("name", ["with blank", "ü", "a?b", "a%b", "a;b"])
def test_any_folder_name_will_do(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    write(fitted("logistic"), tmp_path / name)

    assert read_pyfunc(Path(name), trust=LISTED)


def test_what_mlflow_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    write(fitted("logistic"), tmp_path / "a#b")

    with pytest.raises(InvalidInput, match="MLflow takes no path with '#'"):
        read_pyfunc(tmp_path / "a#b", trust=LISTED)


CODE = """
import logging, os, sys, warnings
from pathlib import Path
warnings.simplefilter("error")
mine = logging.StreamHandler()
logging.getLogger("mlflow").addHandler(mine)
from modelstore_core.formats import parse_trust, read_pyfunc
read_pyfunc(Path(sys.argv[1]), trust=parse_trust("listed"))
logger = logging.getLogger("mlflow")
print(logger.handlers == [mine], logger.propagate, logger.level)
from mlflow.telemetry.utils import is_telemetry_disabled
print(is_telemetry_disabled())
print(sorted(name for name in os.listdir(".") if name.startswith("ml")))
"""


def test_mlflow_is_left_silent_and_its_logger_as_it_was(folder: Path, tmp_path: Path) -> None:
    write(fitted("logistic"), folder)
    (tmp_path / "cwd").mkdir()
    home = {"HOME": str(tmp_path / "home"), "CI": "", "DO_NOT_TRACK": ""}

    logger, telemetry, made = run(CODE, str(folder), cwd=tmp_path / "cwd", env=home).splitlines()

    assert logger == "True True 0"
    assert telemetry == "True"
    assert made == "[]"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("module", ["mlflow", "yaml"])
def test_without_mlflow_the_line_to_install_it_is_given(
    module: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(fitted("logistic"), folder)
    for name in (module, f"{module}.exceptions", f"{module}.pyfunc"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtra, match=r'pip install "modelstore-pipelines\[mlflow\]"$'):
        read_pyfunc(folder, trust=LISTED)


def test_a_library_that_the_model_needs_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(fitted("xgb_booster"), folder)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.setitem(sys.modules, "xgboost.core", None)

    with pytest.raises(MissingExtra, match=r"pip install xgboost$"):
        read_pyfunc(folder, trust=LISTED)


def test_empty_entries_ask_for_nothing(folder: Path) -> None:
    write(fitted("logistic"), folder)
    _change(folder, "flavors", "python_function", "config", to={})

    assert read_pyfunc(folder, trust=LISTED)
