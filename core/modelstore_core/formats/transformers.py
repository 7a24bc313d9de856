"""Transformers: models, pipelines, and models with their tokenizer, as `save_pretrained` writes them; adapters of PEFT.

Weights are safetensors and the rest is JSON: no pickles, and no code. Who made the folder is not asked whether code
from elsewhere may be run: it never is, unless the reader trusts everything.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_shape, refuse_unlisted

__all__ = ["TransformersFormat", "check_pretrained", "files_below", "items"]

_MODEL: Final = "transformers.modeling_utils.PreTrainedModel"
_PEFT: Final = "peft.peft_model.PeftModel"
_PIPELINE: Final = "transformers.pipelines.base.Pipeline"
_PART: Final = "transformers.utils.hub.PushToHubMixin"
_PARTS: Final = ("tokenizer", "processor", "image_processor", "feature_extractor")
_INDEX: Final = "transformers.json"
_ADAPTER: Final = "adapter_config.json"
_PLAIN: Final = (".json", ".jinja", ".md", ".model", ".safetensors", ".tiktoken", ".txt")
# Keys of configurations whose values lead to code or weights elsewhere.
_LEADING_AWAY: Final = ("auto_map", "custom_pipelines", "quantization_config")
_TASKS: Final = {
    "ForCausalLM": "text-generation",
    "ForMaskedLM": "fill-mask",
    "ForQuestionAnswering": "question-answering",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "LMHeadModel": "text-generation",
}


class TransformersFormat:
    """`model/` and `components/`, with MLflow's `transformers` flavor where a task is known; `peft/` for an adapter.

    Takes a model, a pipeline, or a dict such as `{"model": …, "tokenizer": …}`, and gives the same back.
    """

    name = "transformers"

    def accepts(self, model: object) -> bool:
        """Whether the object is one of these."""
        if type(model) is dict:
            parts = {key: part for key, part in model.items() if key != "model"}
            known = parts.keys() <= set(_PARTS) and all(is_a(part, _PART) for part in parts.values())
            return known and is_a(model.get("model"), _MODEL, _PEFT)
        return is_a(model, _MODEL, _PEFT, _PIPELINE)

    def save(self, model: object, folder: Path) -> Saved:
        """Write the model and its parts.

        Raises:
            NotSerializable: A part cannot be written.
        """
        parts = _parts(model)
        network: Any = parts.pop("model")
        adapted = is_a(network, _PEFT)
        try:
            if adapted:
                network.save_pretrained(folder / "peft", safe_serialization=True)
                _sort_sets(network.peft_config.values(), folder / "peft")
                network = deepcopy(network).unload()
            network.save_pretrained(folder / "model")
            for name, part in parts.items():
                part.save_pretrained(folder / "components" / name)
        except (ValueError, TypeError, RuntimeError, AttributeError, NotImplementedError) as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.",
                value=class_name(model),
                fix="It must be a model whose `save_pretrained` writes safetensors.",
            ) from error
        task = str(getattr(model, "task", "")) or (_task(network) if "tokenizer" in parts else None)
        index = {
            "kind": "pipeline" if is_a(model, _PIPELINE) else "dict" if type(model) is dict else "model",
            "task": task,
            "peft": adapted,
            "model": class_name(network),
            "parts": {name: class_name(part) for name, part in parts.items()},
        }
        (folder / _INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        return Saved(
            loads=tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())),
            flavors=_flavors(network, parts, task, adapted=adapted) if task and "processor" not in parts else {},
            packages=("transformers", "torch", "safetensors", *(["peft"] if adapted else [])),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model and its parts; nothing is looked for on a hub.

        Raises:
            Untrusted: A file may hold code or a pickle, or a class is neither Transformers' own nor listed.
            MissingExtra: Transformers, or a class's module, is not installed.
            Corrupt: The folder is none that Transformers reads.
        """
        self.check(folder, loads, trust)
        index = _read_index(folder)
        model = _class(index["model"], trust)
        parts = {name: _class(kind, trust) for name, kind in index["parts"].items()}
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            loaded = {"model": model.from_pretrained(folder / "model", use_safetensors=True, **local)}
            if index["peft"]:
                peft = _import("peft").PeftModel
                loaded["model"] = peft.from_pretrained(loaded["model"], folder / "peft", local_files_only=True)
            for name, part in parts.items():
                loaded[name] = part.from_pretrained(folder / "components" / name, **local)
        except Exception as error:  # safetensors and tokenizers raise their own, which derive from nothing else
            raise Corrupt(
                f"{str(folder)!r} is no model that Transformers reads: {error}.", value=str(folder)
            ) from error
        if index["kind"] == "pipeline":
            return _import("transformers").pipeline(index["task"], **loaded)
        return loaded if index["kind"] == "dict" else loaded["model"]

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """As `check_pretrained`; and each class must be Transformers' own, or be allowed by the policy.

        Raises:
            Untrusted: The policy says no.
            Corrupt: The folder has no index, or a file that is no JSON.
            MissingExtra: Transformers is not installed.
        """
        index = _read_index(folder)
        check_pretrained(folder, files_below(folder, loads, "model", "components", "peft"), trust)
        for name in (index["model"], *index["parts"].values()):
            if _own_class(name) is None:
                refuse_unlisted(trust, (name,), repr(_INDEX))

    def model_params(self, model: object) -> Mapping[str, object]:
        """The configuration, what differs from the defaults first; and those of adapters."""
        network: Any = _parts(model)["model"]
        config = network.config
        adapters = network.peft_config if is_a(network, _PEFT) else {}
        settings = ((name, key, value) for name, one in adapters.items() for key, value in one.to_dict().items())
        peft = {f"peft.{name}.{key}": value for name, key, value in settings}
        return {**config.to_diff_dict(), **config.to_dict(), **peft}


def files_below(folder: Path, loads: Sequence[str], *names: str) -> tuple[str, ...]:
    """The files that a loader of whole folders could find: those of the record, and any that lie beside them."""
    found = (path for name in names for path in (folder / name).rglob("*") if not path.is_dir() or path.is_symlink())
    return tuple(sorted({*loads, *(path.relative_to(folder).as_posix() for path in found)}))


def check_pretrained(folder: Path, names: Sequence[str], trust: Trust) -> None:
    """Return only if no file holds code or a pickle, and none leads to any elsewhere; or if everything is trusted.

    Raises:
        Untrusted: The policy says no.
    """
    if trust.level == "full":
        return
    for name in names:
        path = folder / name
        if path.suffix not in _PLAIN or path.is_symlink():
            refuse_shape(repr(name), "it is neither JSON, text nor safetensors")
        if path.name == _ADAPTER and path.parent.name != "peft":
            refuse_shape(repr(name), "it leads to weights elsewhere")
        if path.suffix == ".json":
            _check_configuration(path, name)


def _check_configuration(path: Path, name: str) -> None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{name!r} is no JSON: {error}.", value=name) from error
    if path.name == "tokenizer.json":  # data of the tokenizers library, with texts of all kinds
        return
    for key, value in items(document):
        if key in _LEADING_AWAY and value:
            refuse_shape(repr(name), f"its {key!r} leads to code or weights elsewhere")
        if key.endswith("implementation") and "/" in str(value):
            refuse_shape(repr(name), f"its {key!r} names code to fetch: {value!r}")


def items(document: object) -> Iterator[tuple[str, object]]:
    """Every key and value of a JSON document, however deep."""
    parts = [document]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield from part.items()
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _parts(model: Any) -> dict[str, Any]:
    if type(model) is dict:
        return dict(model)
    if not is_a(model, _PIPELINE):
        return {"model": model}
    found = {name: getattr(model, name, None) for name in ("model", *_PARTS)}
    return {name: part for name, part in found.items() if part is not None}


def _sort_sets(adapters: Iterable[Any], folder: Path) -> None:
    """PEFT writes its sets as they come, in another order from process to process."""
    unordered = {key for one in adapters for key, value in one.to_dict().items() if isinstance(value, set)}
    for path in folder.rglob(_ADAPTER):
        document = json.loads(path.read_text(encoding="utf-8"))
        ordered = {key: sorted(value) if key in unordered and value else value for key, value in document.items()}
        path.write_text(json.dumps(ordered, indent=2, sort_keys=True), encoding="utf-8")


def _task(network: object) -> str | None:
    return next((task for end, task in _TASKS.items() if type(network).__name__.endswith(end)), None)


def _flavors(network: Any, parts: Mapping[str, object], task: str, *, adapted: bool) -> dict[str, dict[str, object]]:
    made = import_module("transformers").pipelines.check_task(task)[1]["impl"]
    flavor: dict[str, object] = {
        "code": None,
        "components": sorted(parts),
        "instance_type": getattr(made, "__name__", made),
        "model_binary": "model",
        "pipeline_model_type": type(network).__name__,
        "source_model_name": "",
        "task": task,
        "torch_dtype": str(network.dtype),
        "transformers_version": version_of("transformers"),
        **({"peft_adaptor": "peft"} if adapted else {}),
        **{f"{name}_type": type(part).__name__ for name, part in parts.items()},
    }
    return {"transformers": flavor, **python_function("mlflow.transformers")}


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        names = [index["model"], *index["parts"].values(), index["kind"]]
        sound = all(isinstance(name, str) for name in names) and set(index["parts"]) <= set(_PARTS)
        sound = sound and isinstance(index["peft"], bool) and isinstance(index["task"], str | None)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Corrupt(f"{_INDEX!r} says nothing of a model: {error}.", value=_INDEX) from error
    if not sound:
        raise Corrupt(f"{_INDEX!r} says nothing of a model.", value=_INDEX)
    return index


def _own_class(name: str) -> Any:
    """The class of that name, if it is one that Transformers itself offers."""
    module, _, qualname = name.rpartition(".")
    if module.partition(".")[0] != "transformers":
        return None
    found = getattr(_import("transformers"), qualname, None)
    return found if is_class_of(found, _MODEL, _PART) else None


def _class(name: str, trust: Trust) -> Any:
    own = _own_class(name)
    if own is not None:
        return own
    refuse_unlisted(trust, (name,), repr(_INDEX))
    module, _, qualname = name.rpartition(".")
    found = getattr(_import(module), qualname, None)
    if not is_class_of(found, _MODEL, _PART):
        raise Corrupt(f"{_INDEX!r} names {name!r}, which is no class of a model or of a part of one.", value=name)
    return found


def is_class_of(found: object, *names: str) -> bool:
    """Whether this is a class that derives from one of these exact names."""
    return isinstance(found, type) and any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in found.__mro__)


def _import(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing_library(error.name or module, "Loading a model of Transformers") from error
