from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.models import Model
from mlflow.utils.environment import _PythonEnv
from mlflow.utils.virtualenv import _get_python_env
from tests.formats.fresh import run
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import Corrupt
from modelstore_core.formats import write
from modelstore_core.formats.mlmodel import MLMODEL, _block, python_function, read_flavor, write_mlmodel

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
TREES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True), inner), max_leaves=20
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=st.dictionaries(st.sampled_from(["a", "bc", "d_e"]), TREES))
def test_yaml_reads_what_was_meant(document: dict[str, Any]) -> None:
    assert (yaml.safe_load(_block(document, "")) or {}) == document


@pytest.mark.parametrize(
    "text", ["\u2028", "\x85", "\ufeff", "\x7f", "\x00", "😀", "a: b # c", "- x", "\\", '"', "é" * 2000]
)
def test_yaml_reads_every_character(text: str) -> None:
    assert yaml.safe_load(_block({"a": {"b": text}}, "")) == {"a": {"b": text}}


def test_mlflow_reads_the_mlmodel(tmp_path: Path) -> None:
    written = write(fitted("logistic"), tmp_path, input_example=FRAME.head(3))

    model = Model.load(str(tmp_path))

    assert set(model.flavors) == {"python_function", "sklearn"}
    assert model.signature is not None
    assert model.signature.to_dict() == written.signature
    assert (model.run_id, model.model_id, model.utc_time_created) == (None, None, "1970-01-01 00:00:00.000000")
    assert len(str(model.model_uuid)) == 32


def test_what_mlflow_writes_back_is_the_same_model(tmp_path: Path) -> None:
    write(fitted("logistic"), tmp_path, input_example=FRAME.head(3))
    ours = yaml.safe_load((tmp_path / MLMODEL).read_text())

    theirs = Model.load(str(tmp_path)).to_dict()

    assert {key: value for key, value in theirs.items() if value is not None} == ours


def test_the_uuid_follows_the_other_files(tmp_path: Path) -> None:
    uuids = [_uuid(tmp_path / name, content) for name, content in (("1", b"a"), ("2", b"a"), ("3", b"b"))]

    assert uuids[0] == uuids[1] != uuids[2]


def test_the_uuid_follows_large_files_too(tmp_path: Path) -> None:
    size = (16 << 20) + 1
    uuids = [_uuid(tmp_path / str(byte), bytes(size - 1) + bytes([byte])) for byte in (0, 1)]

    assert uuids[0] != uuids[1]


def _uuid(folder: Path, content: bytes) -> object:
    folder.mkdir()
    (folder / "model.bin").write_bytes(content)
    write_mlmodel(folder, {"sklearn": {"pickled_model": "model.bin"}}, requirements=())
    return yaml.safe_load((folder / MLMODEL).read_text())["model_uuid"]


def test_requirements_are_pinned_and_name_the_light_mlflow(tmp_path: Path) -> None:
    import mlflow
    import numpy as np
    import pandas as pd
    import sklearn

    write(fitted("logistic"), tmp_path)

    assert (tmp_path / "requirements.txt").read_text().splitlines() == [
        f"mlflow-skinny=={mlflow.__version__}",
        f"numpy=={np.__version__}",
        f"pandas=={pd.__version__}",
        f"scikit-learn=={sklearn.__version__}",
    ]


def test_mlflow_can_rebuild_the_environment(tmp_path: Path) -> None:
    import platform

    write(fitted("xgb_booster"), tmp_path)

    environment: _PythonEnv = _get_python_env(tmp_path)  # type: ignore[no-untyped-call] # MLflow's own
    conda = yaml.safe_load((tmp_path / "conda.yaml").read_text())

    assert environment.python == platform.python_version()
    assert environment.dependencies == ["-r requirements.txt"]
    assert conda["dependencies"] == [f"python={platform.python_version()}", "pip", {"pip": ["-r requirements.txt"]}]


def test_without_pyfunc_there_is_no_environment(tmp_path: Path) -> None:
    write(fitted("scaler"), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [MLMODEL, "model.pkl"]


def test_without_mlflow_the_requirement_is_a_range(tmp_path: Path) -> None:
    code = """
import sys
import importlib.metadata as metadata
real = metadata.version
def version(name):
    if name == "mlflow-skinny":
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
from pathlib import Path
from modelstore_core.formats import write
from tests.formats.plain import Doubler
write(Doubler(), Path(sys.argv[1]))
"""
    run(code, str(tmp_path))

    assert "mlflow-skinny>=3.1,<4\n" in (tmp_path / "requirements.txt").read_text()


def test_a_flavor_is_read_back(tmp_path: Path) -> None:
    flavor = {"data": "a: b\n\u2028", "none": None, "number": 3, "list": ["x"]}
    write_mlmodel(tmp_path, {"mine": flavor, **python_function("mlflow.sklearn", model_path="x")}, requirements=())

    assert read_flavor(tmp_path, "mine") == flavor
    with pytest.raises(Corrupt, match="no readable 'other' section"):
        read_flavor(tmp_path, "other")
    assert read_flavor(tmp_path, "python_function")["model_path"] == "x"
