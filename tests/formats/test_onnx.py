import sys
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import onnx
import pytest
from tests.formats.samples import fitted

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import read, read_pyfunc, write
from modelstore_core.formats.trust import LISTED, SAFE

ROWS = np.arange(6, dtype="float32").reshape(2, 3)


def pointing(tensor: onnx.TensorProto, location: str) -> onnx.TensorProto:
    """The tensor, now said to lie in another file."""
    tensor.raw_data = np.ones(1, "float32").tobytes()
    tensor.ClearField("float_data")
    onnx.external_data_helper.set_external_data(tensor, location)
    return tensor


def test_a_model_comes_back_under_safe_and_mlflow_predicts_with_it(tmp_path: Path) -> None:
    written = write(fitted("onnx"), tmp_path, input_example=ROWS)

    assert (written.format, written.loads, written.globals) == ("onnx", ("model.onnx",), ())
    assert read(tmp_path, format="onnx", loads=written.loads, trust=SAFE) == fitted("onnx")
    for model in (read_pyfunc(tmp_path, trust=LISTED), mlflow.pyfunc.load_model(str(tmp_path))):
        predictor: Any = model
        np.testing.assert_array_equal(predictor.predict(ROWS)["doubled"], ROWS * 2)


def in_an_initializer(model: onnx.ModelProto, location: str) -> None:
    pointing(model.graph.initializer[0], location)


def in_a_constant(model: onnx.ModelProto, location: str) -> None:
    tensor = pointing(onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [1], [1.0]), location)
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=tensor))


def in_a_function(model: onnx.ModelProto, location: str) -> None:
    tensor = pointing(onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [1], [1.0]), location)
    node = onnx.helper.make_node("Constant", [], ["c"], value=tensor)
    model.functions.append(onnx.helper.make_function("ours", "f", [], ["c"], [node], model.opset_import))


def in_a_sparse_tensor(model: onnx.ModelProto, location: str) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(pointing(onnx.helper.make_tensor("c", onnx.TensorProto.FLOAT, [1], [1.0]), location))


@pytest.mark.parametrize("put", [in_an_initializer, in_a_constant, in_a_function, in_a_sparse_tensor])
@pytest.mark.parametrize("location", ["weights.bin", "../../secret", "/etc/hostname"])
def test_a_model_that_reaches_into_other_files_is_neither_saved_nor_loaded(
    tmp_path: Path, put: Any, location: str
) -> None:
    written = write(fitted("onnx"), tmp_path)
    hostile = fitted("onnx")
    put(hostile, location)
    (tmp_path / "model.onnx").write_bytes(hostile.SerializeToString())

    with pytest.raises(Untrusted, match="lie in other files"):
        read(tmp_path, format="onnx", loads=written.loads, trust=LISTED)
    with pytest.raises(Untrusted, match="lie in other files"):
        read_pyfunc(tmp_path, trust=LISTED)
    with pytest.raises(NotSerializable, match="files of their own"):
        write(hostile, tmp_path / "again")


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (
            'providers: ["CUDAExecutionProvider", "CPUExecutionProvider"]',
            'providers: [["X", {"library": "/tmp/x.so"}]]',
        ),
        ('providers: ["CUDAExecutionProvider", "CPUExecutionProvider"]', 'onnx_session_options: {"a": 1}'),
    ],
)
def test_an_mlmodel_that_configures_the_runtime_is_refused(tmp_path: Path, line: str, instead: str) -> None:
    write(fitted("onnx"), tmp_path)
    mlmodel = tmp_path / "MLmodel"
    assert line in mlmodel.read_text()
    mlmodel.write_text(mlmodel.read_text().replace(line, instead))

    with pytest.raises(Untrusted, match=instead.partition(":")[0]):
        read_pyfunc(tmp_path, trust=LISTED)


def test_a_broken_file_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\xff\xff not a graph")

    with pytest.raises(Corrupt, match=r"model\.onnx"):
        read(tmp_path, format="onnx", loads=("model.onnx",), trust=SAFE)


def test_without_onnx_the_line_to_install_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write(fitted("onnx"), tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(MissingExtra, match="pip install onnx"):
        read(tmp_path, format="onnx", loads=written.loads, trust=SAFE)
