from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
from tests.formats.samples import FRAME, fitted

from modelstore_core.errors import Corrupt, NotSerializable, Untrusted
from modelstore_core.formats import read, write
from modelstore_core.formats.detect import choose
from modelstore_core.formats.trust import LISTED, SAFE


def test_each_member_is_kept_in_its_own_format_and_is_an_mlflow_model_by_itself(tmp_path: Path) -> None:
    model, scaler = fitted("xgb_classifier"), fitted("scaler")

    written = write({"model": model, "scaler": scaler}, tmp_path)

    assert written.format == "several"
    assert {"several.json", "model/model.ubj", "scaler/model.pkl"} <= set(written.loads)
    loaded: Any = read(tmp_path, format="several", loads=written.loads, trust=LISTED)
    assert [*loaded] == ["model", "scaler"]
    vanilla = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(vanilla.predict(FRAME), model.predict(FRAME))


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"a": 1, "b": [2]},
        {"rows": np.arange(3)},
        {1: fitted("logistic")},
        {"a/b": fitted("logistic")},
        {"..": fitted("logistic")},
    ],
)
def test_other_dicts_are_pickled(plain: object) -> None:
    assert choose(plain, None).name == "pickle"


def test_what_one_member_needs_decides_for_all(tmp_path: Path) -> None:
    written = write({"numbers": np.arange(3), "model": fitted("logistic")}, tmp_path)

    assert "sklearn.linear_model._logistic.LogisticRegression" in written.globals
    with pytest.raises(Untrusted, match="safe"):
        read(tmp_path, format="several", loads=written.loads, trust=SAFE)


def test_a_member_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as file,
        pytest.raises(NotSerializable, match=r"Of 'hooks': builtins.dict\['file'\]"),
    ):
        write({"model": fitted("logistic"), "hooks": {"file": file}}, tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[]",
        "{}",
        '{"model": {"format": "numpy", "loads": ["../model.pkl"]}}',
        '{"model": {"format": "numpy", "loads": ["/etc/hostname"]}}',
        '{"../model": {"format": "numpy", "loads": ["array.npy"]}}',
        '{"model": {"format": "numpy", "loads": []}}',
        '{"model": {"loads": ["array.npy"]}}',
    ],
)
def test_an_index_that_lies_is_corrupt(tmp_path: Path, index: str) -> None:
    written = write({"model": fitted("logistic")}, tmp_path)
    (tmp_path / "several.json").write_text(index)

    with pytest.raises(Corrupt, match=r"several\.json"):
        read(tmp_path, format="several", loads=written.loads, trust=LISTED)
