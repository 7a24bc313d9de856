from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.formats.samples import FRAME

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import read, write
from modelstore_core.formats.detect import choose
from modelstore_core.formats.trust import SAFE


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 3)), np.array(3.5), np.array(["a", "bc"]), np.asfortranarray(np.eye(3)), np.array([1, 2], "M8[D]")],
    ids=str,
)
def test_an_array_comes_back_with_its_type_and_shape(tmp_path: Path, array: Any) -> None:
    written = write(array, tmp_path)

    loaded: Any = read(tmp_path, format=written.format, loads=written.loads, trust=SAFE)
    assert (written.format, loaded.dtype, loaded.shape) == ("numpy", array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)


def test_an_array_of_objects_is_left_to_pickle() -> None:
    assert choose(np.array([object()]), None).name == "pickle"
    assert choose(np.zeros(2, dtype=[("a", "O")]), None).name == "pickle"
    assert choose(np.ma.masked_array([1, 2], [True, False]), None).name == "pickle"


def test_a_pickle_under_an_array_s_name_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)

    with pytest.raises(Corrupt, match=r"array\.npy"):
        read(tmp_path, format="numpy", loads=("array.npy",), trust=SAFE)


def test_a_frame_comes_back_with_its_types_and_index(tmp_path: Path) -> None:
    frame = FRAME.assign(
        name=pd.Series(["x", None] * 20, dtype="string"),
        kind=pd.Categorical(["b", "a"] * 20, categories=["a", "b"], ordered=True),
        count=pd.Series([1, None] * 20, dtype="Int64"),
        at=pd.date_range("2026-03-01", periods=40, tz="Europe/Paris"),
    ).set_index(["kind", "age"])

    written = write(frame, tmp_path)

    loaded = read(tmp_path, format="pandas", loads=written.loads, trust=SAFE)
    assert isinstance(loaded, pd.DataFrame)
    pd.testing.assert_frame_equal(loaded, frame)


def test_a_column_that_parquet_has_no_type_for_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match='format="pickle"'):
        write(pd.DataFrame({"a": [object()]}), tmp_path)


def test_a_broken_frame_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "frame.parquet").write_bytes(b"PAR1 but no more")

    with pytest.raises(Corrupt, match=r"frame\.parquet"):
        read(tmp_path, format="pandas", loads=("frame.parquet",), trust=SAFE)
