"""ONNX models: one file of plain numbers, with no code and no way to other files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable, Untrusted
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["ONNX_PROVIDERS", "OnnxFormat", "check_no_other_files"]

_FILE: Final = "model.onnx"
ONNX_PROVIDERS: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""The execution providers that MLflow takes unless told otherwise; others can be told to load libraries."""


class OnnxFormat:
    """`model.onnx` with MLflow's `onnx` flavor, which predicts by onnxruntime."""

    name = "onnx"

    def accepts(self, model: object) -> bool:
        """Whether the object is an `onnx.ModelProto`."""
        return is_a(model, "onnx.onnx_ml_pb2.ModelProto", "onnx.ModelProto")

    def save(self, model: object, folder: Path) -> Saved:
        """Write `model.onnx`, the same bytes each time.

        Raises:
            NotSerializable: The model is larger than 2 GiB, ONNX's limit for one file, or parts of it lie in files.
        """
        proto: Any = model
        if _outside(proto):
            raise NotSerializable(
                "Tensors of the model lie in files of their own.",
                value=class_name(model),
                fix="Load it whole, with onnx.load(path), or save the folder that holds it and its files as a path.",
            )
        try:
            body = proto.SerializeToString(deterministic=True)
        except Exception as error:  # what protobuf raises differs between its implementations
            raise NotSerializable(
                f"The model cannot be written as one file: {error}.",
                value=class_name(model),
                fix="Above 2 GiB: onnx.save(…, save_as_external_data=True) into a folder, and save that folder.",
            ) from error
        (folder / _FILE).write_bytes(body)
        flavor: dict[str, object] = {
            "code": None,
            "data": _FILE,
            "onnx_version": version_of("onnx"),
            "providers": list(ONNX_PROVIDERS),
        }
        flavors = {"onnx": flavor, **python_function("mlflow.onnx", data=_FILE)}
        return Saved(loads=(_FILE,), flavors=flavors, packages=("onnx", "onnxruntime"))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model; a file that points to other files is refused.

        Raises:
            Untrusted: Tensors are said to lie in other files, which no version of this format has.
            MissingExtra: onnx is not installed.
            Corrupt: The file is none that onnx reads.
        """
        del trust
        return check_no_other_files(folder / loads[0])

    def model_params(self, model: object) -> Mapping[str, object]:
        """What the file says of itself: who made it, for which operators, with what in and out."""
        proto: Any = model
        return {
            "producer": " ".join(part for part in (proto.producer_name, proto.producer_version) if part),
            "ir_version": proto.ir_version,
            "opset": {one.domain or "ai.onnx": one.version for one in proto.opset_import},
            "nodes": len(proto.graph.node),
            "inputs": [one.name for one in proto.graph.input],
            "outputs": [one.name for one in proto.graph.output],
            "metadata": {one.key: one.value for one in proto.metadata_props},
        }


def check_no_other_files(path: Path) -> object:
    """The model in the file, unless it reaches beyond it.

    Raises:
        Untrusted, MissingExtra, Corrupt: As for `load`.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise missing_library("onnx", f"Loading {path.name!r}") from error
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except DecodeError as error:
        raise Corrupt(
            f"{path.name!r} is no model that onnx {onnx.__version__} reads: {error}.",
            value=path.name,
            fix="If it comes from a newer onnx, install that one.",
        ) from error
    if _outside(model):
        raise Untrusted(
            f"{path.name!r} has tensors that lie in other files.",
            value=path.name,
            fix="Models saved here never have: load the folder as a path, and look at it.",
        )
    return model


def _outside(message: Any) -> bool:
    """Whether any tensor in the message, however deep, says that its numbers lie in a file.

    onnx's own helpers look at initializers and attributes; runtimes open what sparse tensors and functions name too.
    """
    if message.DESCRIPTOR.name == "TensorProto" and message.data_location == message.EXTERNAL:
        return True
    parts = [value for field, value in message.ListFields() if field.message_type is not None]
    return any(_outside(one) for part in parts for one in ([part] if hasattr(part, "DESCRIPTOR") else part))
