"""Sentence Transformers as their own `save` writes them: safetensors and JSON, whose classes are the library's own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.parameters import module_facts
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.transformers import check_pretrained, files_below, items
from modelstore_core.formats.trust import Trust, refuse_unlisted

__all__ = ["SentenceTransformersFormat"]

_DATA: Final = "model.sentence_transformer"
_LIBRARY: Final = "sentence_transformers"
_CLASS: Final = f"{_LIBRARY}.sentence_transformer.model.SentenceTransformer"
# Keys of configurations whose values are imported and called.
_CALLED: Final = ("activation_fn", "activation_function", "tokenizer_class", "type", "types")
_BASE: Final = ("dense.Dense", "normalize.Normalize", "router.Router", "transformer.Transformer")
_MORE: Final = (
    "bow.BoW",
    "clip_model.CLIPModel",
    "cnn.CNN",
    "dropout.Dropout",
    "layer_norm.LayerNorm",
    "lstm.LSTM",
    "pooling.Pooling",
    "static_embedding.StaticEmbedding",
    "weighted_layer_pooling.WeightedLayerPooling",
    "word_embeddings.WordEmbeddings",
    "word_weights.WordWeights",
)
_SHIPPED: Final = frozenset(
    {
        *(f"{_LIBRARY}.base.modules.{name}" for name in _BASE),
        *(f"{_LIBRARY}.sentence_transformer.modules.{name}" for name in _MORE),
    }
)


class SentenceTransformersFormat:
    """`model.sentence_transformer/` with MLflow's `sentence_transformers` flavor."""

    name = "sentence_transformers"

    def accepts(self, model: object) -> bool:
        """Whether the object is a SentenceTransformer, of release 6 or later."""
        return is_a(model, _CLASS)

    def save(self, model: object, folder: Path) -> Saved:
        """Write the model, without a card.

        Raises:
            NotSerializable: A module of it is none of the library's own.
        """
        encoder: Any = model
        foreign = [class_name(part) for part in encoder if class_name(part) not in _SHIPPED]
        if foreign:
            raise NotSerializable(
                f"The module {foreign[0]} is none of {_LIBRARY}'s own.",
                value=foreign[0],
                fix="Pass format='pytorch': the whole model is pickled then, and its readers must trust its classes.",
            )
        encoder.save(str(folder / _DATA), create_model_card=False, safe_serialization=True)
        flavor: dict[str, object] = {"code": None, "sentence_transformers_version": version_of(_LIBRARY)}
        files = (path for path in (folder / _DATA).rglob("*") if path.is_file())
        return Saved(
            loads=tuple(sorted(path.relative_to(folder).as_posix() for path in files)),
            flavors={_LIBRARY: flavor, **python_function("mlflow.sentence_transformers", data=_DATA)},
            packages=(_LIBRARY, "transformers", "torch"),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the model; nothing is looked for on a hub.

        Raises:
            Untrusted: A file may hold code or a pickle, or a configuration names a class that is not allowed.
            MissingExtra: The library is not installed.
            Corrupt: The folder is none that it reads.
        """
        self.check(folder, loads, trust)
        try:
            library = import_module(_LIBRARY)
        except ModuleNotFoundError as error:
            raise missing_library(error.name or _LIBRARY, f"Loading {_DATA!r}") from error
        try:
            return library.SentenceTransformer(str(folder / _DATA), local_files_only=True, trust_remote_code=False)
        except Exception as error:  # safetensors and tokenizers raise their own, which derive from nothing else
            raise Corrupt(f"{_DATA!r} is no model that {_LIBRARY} reads: {error}.", value=_DATA) from error

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """As `check_pretrained`; and each class must be the library's own, or be allowed by the policy.

        Raises:
            Untrusted: The policy says no.
            Corrupt: A configuration is no JSON.
        """
        files = files_below(folder, loads, _DATA)
        check_pretrained(folder, files, trust)
        names = {name for file in files if file.endswith(".json") for name in _called(folder / file)}
        if trust.level != "full":
            refuse_unlisted(trust, names - _SHIPPED, repr(_DATA))

    def predict(self, model: object, example: object) -> object:
        """As MLflow's loader calls the model: texts, or a frame's first column of them, in, and vectors out."""
        encoder: Any = model
        rows: Any = example
        return encoder.encode(rows.iloc[:, 0].tolist() if hasattr(rows, "iloc") else rows)

    def model_params(self, model: object) -> Mapping[str, object]:
        """Its modules and how large they are, how texts are cut and vectors compared."""
        encoder: Any = model
        return {
            **module_facts(model),
            "pipeline": [type(part).__name__ for part in encoder],
            "max_seq_length": encoder.max_seq_length,
            "similarity": encoder.similarity_fn_name,
        }


def _called(path: Path) -> Iterator[str]:
    """The dotted names that a configuration would have imported."""
    if path.name == "tokenizer.json":
        return
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Corrupt(f"{path.name!r} is no JSON: {error}.", value=path.name) from error
    for key, value in items(document):
        if key in _CALLED:
            named = value.values() if isinstance(value, dict) else [value]
            yield from (name for name in named if isinstance(name, str) and "." in name)
