"""PyTorch: whole modules, whose classes a pickle names, and state dicts, which are numbers.

A module is stored as `torch.save` stores it: its weights, and a pickle that names its classes. Loading it needs those
classes, and a reader who allows each of them. A state dict needs neither, and outlives changes of the code.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt
from modelstore_core.formats import torch_files
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import is_a, version_of
from modelstore_core.formats.parameters import module_facts
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["PytorchFormat", "StateDictFormat"]

_MODULE: Final = "torch.nn.modules.module.Module"
_TENSOR: Final = "torch.Tensor"
_DATA: Final = "data"
_FILE: Final = f"{_DATA}/model.pth"
_PICKLE_MODULE: Final = f"{_DATA}/pickle_module_info.txt"
_TENSORS: Final = "state_dict.safetensors"
_ZIP: Final = "state_dict.pth"
_NOTE: Final = "modelstore"
_PLAIN: Final = (int, float, str, bool, type(None))
_DEEPEST: Final = 32


class PytorchFormat:
    """`data/model.pth` with MLflow's `pytorch` flavor. Its code is pickled by name: a reader must trust each class."""

    name = "pytorch"

    def accepts(self, model: object) -> bool:
        """Whether the object is a `torch.nn.Module`, those of PyTorch Lightning included."""
        return is_a(model, _MODULE)

    def save(self, model: object, folder: Path) -> Saved:
        """Write the module as `torch.save` does.

        Raises:
            NotSerializable: It cannot be pickled, as a module with a hook that is a lambda without cloudpickle.
        """
        (folder / _DATA).mkdir()
        torch_files.dump(model, folder / _FILE)
        (folder / _PICKLE_MODULE).write_text("pickle", encoding="utf-8")
        flavor: dict[str, object] = {"code": None, "model_data": _DATA, "pytorch_version": version_of("torch")}
        return Saved(
            loads=(_FILE,),
            flavors={"pytorch": flavor, **python_function("mlflow.pytorch", data=_DATA)},
            pickles=(_FILE,),
            packages=("torch",),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the module under the policy; tensors of a GPU that is not there come to the CPU.

        Raises:
            Untrusted: The policy says no; nothing was constructed.
            MissingExtra: PyTorch, or a class of the module, is not installed.
            Corrupt: The file is none that PyTorch reads.
        """
        return torch_files.load(folder / loads[0], trust)

    def predict(self, model: object, example: object) -> object:
        """As MLflow's loader calls the module: in evaluation mode, with float32 rows."""
        torch = torch_files.import_torch("Predicting")
        module: Any = model
        frame = hasattr(example, "to_numpy")
        # MLflow hands over what cannot be written to, of which PyTorch warns
        rows = example.to_numpy(dtype="float32", copy=True) if frame else example  # type: ignore[attr-defined]
        training = module.training
        try:
            with torch.no_grad():
                answer = module.eval()(torch.from_numpy(rows)).numpy()
        finally:
            module.train(training)
        return import_module("pandas").DataFrame(answer) if frame else answer

    def model_params(self, model: object) -> Mapping[str, object]:
        """How large it is and of what it is made; with Lightning, its hyperparameters."""
        return module_facts(model)


class StateDictFormat:
    """Tensors by name in `state_dict.safetensors`; what holds more in `state_dict.pth`, read as weights only."""

    name = "state_dict"

    def accepts(self, model: object) -> bool:
        """Whether the object is a tensor, or a dict in which nothing but tensors and plain values lie, however deep."""
        return is_a(model, _TENSOR) or (type(model) in {dict, OrderedDict} and _has_tensors_only(model))

    def save(self, model: object, folder: Path) -> Saved:
        """Write the tensors.

        Raises:
            NotSerializable: They cannot be written.
        """
        writer = _safetensors() if _is_flat(model) else None
        if writer is None:
            torch_files.dump(model, folder / _ZIP, plain=True)
            return Saved(loads=(_ZIP,), pickles=(_ZIP,), packages=("torch",))
        assert isinstance(model, dict)
        writer.save_file(dict(model), folder / _TENSORS, metadata={_NOTE: json.dumps(_note(model))})
        return Saved(loads=(_TENSORS,), packages=("safetensors", "torch"))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the tensors; those of a GPU that is not there come to the CPU.

        Raises:
            Untrusted: The file is a pickle, and the policy does not allow what it names.
            MissingExtra: PyTorch or safetensors is not installed.
            Corrupt: The file is none that they read.
        """
        path = folder / loads[0]
        if path.name != _TENSORS:
            return torch_files.load_weights(path, trust)
        return _load_tensors(path)

    def model_params(self, model: object) -> Mapping[str, object]:
        """How many tensors and numbers there are."""
        tensors: list[Any] = [part for part in _leaves(model, 0) if is_a(part, _TENSOR)]
        return {"tensors": len(tensors), "parameters": sum(one.numel() for one in tensors)}


def _has_tensors_only(model: object) -> bool:
    parts = list(_leaves(model, 0))
    return any(is_a(part, _TENSOR) for part in parts) and all(
        is_a(part, _TENSOR) or type(part) in _PLAIN for part in parts
    )


def _leaves(value: object, depth: int) -> Iterator[object]:
    if type(value) in {dict, OrderedDict} and depth < _DEEPEST:
        assert isinstance(value, dict)
        for key, part in value.items():
            yield key if isinstance(key, str | int) else object()
            yield from _leaves(part, depth + 1)
    elif type(value) in {list, tuple} and depth < _DEEPEST:
        assert isinstance(value, list | tuple)
        for part in value:
            yield from _leaves(part, depth + 1)
    else:
        yield value


def _is_flat(model: object) -> bool:
    """Whether safetensors can hold it all: dense tensors by name, none of which is a part of another."""
    if not isinstance(model, dict) or not model:
        return False
    tensors: list[Any] = list(model.values())
    if not all(isinstance(key, str) for key in model) or not all(is_a(one, _TENSOR) for one in tensors):
        return False
    if not all(type(one).__name__ == "Tensor" and str(one.layout) == "torch.strided" for one in tensors):
        return False
    places = [one.untyped_storage().data_ptr() for one in tensors if one.numel()]
    return len(set(places)) == len(places) and all(one.is_contiguous() and not one.requires_grad for one in tensors)


def _note(model: Mapping[str, object]) -> dict[str, object]:
    """What safetensors does not keep: the kind of dict, its order, and the versions that modules give their parts."""
    versions = getattr(model, "_metadata", None)
    return {"kind": type(model).__name__, "order": list(model), "versions": versions}


def _load_tensors(path: Path) -> object:
    reader = _safetensors()
    if reader is None:
        raise missing_library("safetensors", f"Loading {path.name!r}")
    torch_files.import_torch(f"Loading {path.name!r}")
    try:
        with import_module("safetensors").safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {}).get(_NOTE, "{}"))
            found: dict[str, object] = {name: file.get_tensor(name) for name in note.get("order", file.keys())}
    except Exception as error:  # safetensors raises its own, and says what is wrong with the file
        raise Corrupt(f"{path.name!r} is no file that safetensors reads: {error}.", value=path.name) from error
    if note.get("kind") != OrderedDict.__name__:
        return found
    ordered: Any = OrderedDict(found)
    if note.get("versions") is not None:
        ordered._metadata = OrderedDict(note["versions"])  # noqa: SLF001 - where `Module.state_dict` keeps it
    return ordered


def _safetensors() -> Any:
    try:
        return import_module("safetensors.torch")
    except ModuleNotFoundError:
        return None
