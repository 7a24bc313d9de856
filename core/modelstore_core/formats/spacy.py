"""spaCy pipelines as spaCy's own folder: no pickle, but a configuration that names functions to build them with.

spaCy looks these up in its registries, where any installed package may have put any. So the configuration is judged
first: it may name what spaCy itself brings for building pipelines, and nothing else unless everything is trusted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser, Error
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_shape

__all__ = ["SpacyFormat", "check_spacy"]

_DATA: Final = "model.spacy"
_CONFIG: Final = "config.cfg"
_CATEGORIZERS: Final = ("textcat", "textcat_multilabel")
# Functions of the caller's, and other models to copy from.
_EMPTY: Final = ("after_creation", "after_pipeline_creation", "before_creation", "source")
_LANGUAGE: Final = re.compile("[a-z]{2,3}")
_SHIPPED: Final = frozenset(Path(__file__).with_name("spacy_names.txt").read_text(encoding="utf-8").splitlines()[1:])


class SpacyFormat:
    """`model.spacy/` with MLflow's `spacy` flavor, and `python_function` too if the pipeline categorises texts."""

    name = "spacy"

    def accepts(self, model: object) -> bool:
        """Whether the object is a pipeline of spaCy."""
        return is_a(model, "spacy.language.Language")

    def save(self, model: object, folder: Path) -> Saved:
        """Write the pipeline.

        Raises:
            NotSerializable: A component cannot be written.
        """
        pipeline: Any = model
        try:
            pipeline.to_disk(folder / _DATA)
        except (ValueError, TypeError, AttributeError, NotImplementedError) as error:
            raise NotSerializable(
                f"The {class_name(model)} cannot be written: {error}.",
                value=class_name(model),
                fix="Initialise it first, and register each function of your own under a name.",
            ) from error
        flavors: dict[str, dict[str, object]] = {
            "spacy": {"code": None, "data": _DATA, "spacy_version": version_of("spacy")}
        }
        if set(pipeline.pipe_names) & set(_CATEGORIZERS):
            flavors |= python_function("mlflow.spacy", data=_DATA)
        files = (path for path in (folder / _DATA).rglob("*") if path.is_file())
        return Saved(
            loads=tuple(sorted(path.relative_to(folder).as_posix() for path in files)),
            flavors=flavors,
            packages=("spacy",),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the pipeline.

        Raises:
            Untrusted: The configuration names what spaCy itself does not bring.
            MissingExtra: spaCy is not installed.
            Corrupt: The folder is none that spaCy reads.
        """
        self.check(folder, loads, trust)
        try:
            spacy = import_module("spacy")
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "spacy", f"Loading {_DATA!r}") from error
        try:
            return spacy.load(folder / _DATA)
        except Exception as error:  # what its components raise over broken files has nothing in common
            raise Corrupt(f"{_DATA!r} is no pipeline that spaCy reads: {error}.", value=_DATA) from error

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """As `check_spacy`."""
        del loads
        check_spacy(folder / _DATA, trust)

    def predict(self, model: object, example: object) -> object:
        """As MLflow's loader calls the pipeline: a frame of one column of texts in, their categories out."""
        pipeline: Any = model
        frame: Any = example
        texts = frame.iloc[:, 0]
        return import_module("pandas").DataFrame({"predictions": texts.apply(lambda text: pipeline(text).cats)})

    def model_params(self, model: object) -> Mapping[str, object]:
        """What spaCy keeps of a pipeline: its language, components and their labels."""
        pipeline: Any = model
        return {name: value for name, value in pipeline.meta.items() if value and name != "spacy_git_version"}


def check_spacy(folder: Path, trust: Trust) -> None:
    """Return only if the pipeline's configuration names nothing but what spaCy brings; or if everything is trusted.

    Raises:
        Untrusted: It does.
        Corrupt: There is no configuration that can be read.
    """
    if trust.level == "full":
        return
    config = ConfigParser(interpolation=None)  # as spaCy's own, so that both see the same
    config.optionxform = str  # type: ignore[assignment, method-assign] # names keep their case
    try:
        config.read_string((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, Error) as error:
        raise Corrupt(f"{_CONFIG!r} cannot be read: {error}.", value=_CONFIG) from error
    if config.defaults():
        refuse_shape(repr(_CONFIG), "it has settings for all sections")
    for section in config.sections():
        for key, text in config.items(section):
            for name, value in _settings(key, text):
                _check(f"{section}.{name}", name, value)


def _settings(key: str, text: str) -> Iterator[tuple[str, object]]:
    """The setting, and those within it: values are JSON, or refer to settings elsewhere, which are judged there."""
    try:
        value: object = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        if text.startswith(("{", "[")):  # spaCy's reader of JSON takes more than this one
            refuse_shape(repr(_CONFIG), f"its {key!r} is no plain JSON")
        value = text
    yield key, value
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield from part.items()
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        refuse_shape(repr(_CONFIG), "it says two things under one name")
    return dict(pairs)


def _check(where: str, name: str, value: object) -> None:
    if name.startswith("@") and value not in _SHIPPED:
        refuse_shape(repr(_CONFIG), f"its {where} asks for {value!r}, which is none of spaCy's own")
    if name == "factory" and value not in _SHIPPED:
        refuse_shape(repr(_CONFIG), f"its {where} is {value!r}, which is none of spaCy's own")
    if name in _EMPTY and value is not None:
        refuse_shape(repr(_CONFIG), f"its {where} is {value!r}")
    if where == "nlp.lang" and not (isinstance(value, str) and _LANGUAGE.fullmatch(value)):
        refuse_shape(repr(_CONFIG), f"its {where} is {value!r}, which is no language's code")
