"""Several models in one version, such as `{"model": …, "explainer": …}`: each in its own folder and format."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import environment, pickles
from modelstore_core.formats.around import complete
from modelstore_core.formats.objects import class_name
from modelstore_core.formats.parameters import parameters
from modelstore_core.formats.paths import is_file_inside
from modelstore_core.formats.protocol import Format, Saved
from modelstore_core.formats.trust import Trust

__all__ = ["INDEX", "SeveralFormat", "read_index"]

INDEX: Final = "several.json"
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_DATA: Final = frozenset({"pickle", "numpy", "pandas"})
"""Formats of members that alone make no dict of models: a dict of arrays is pickled as one object."""


class SeveralFormat:
    """`several.json`, and a folder for each member, which is an MLflow model by itself where its format makes one.

    Args:
        fitting: The format that takes an object.
        named: The format of a name.
    """

    name = "several"

    def __init__(self, fitting: Callable[[object], Format], named: Callable[[str], Format]) -> None:
        self._fitting = fitting
        self._named = named

    def accepts(self, model: object) -> bool:
        """Whether the object is a plain dict of named members, one of which at least is a model with a format."""
        return (
            type(model) is dict
            and all(isinstance(key, str) and _KEY.fullmatch(key) for key in model)
            and any(self._fitting(member).name not in _DATA for member in model.values())
        )

    def save(self, model: object, folder: Path) -> Saved:
        """Write each member as its own format does.

        Raises:
            NotSerializable: A member cannot be written.
        """
        assert isinstance(model, dict)
        parts = {key: self._save_member(member, folder / key) for key, member in model.items()}
        index = {key: {"format": name, "loads": saved.loads} for key, (name, saved) in parts.items()}
        (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        return Saved(
            loads=(INDEX, *(f"{key}/{file}" for key, (_, saved) in parts.items() for file in saved.loads)),
            pickles=tuple(f"{key}/{file}" for key, (_, saved) in parts.items() for file in saved.pickles),
            packages=tuple(sorted({package for _, saved in parts.values() for package in saved.packages})),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read each member under the policy, in the order in which they were saved.

        Raises:
            Untrusted, MissingExtra, UnknownFormat: As its own format says.
            Corrupt: The index is no such index, or names what is not there.
        """
        del loads
        return {key: self._load_member(folder / key, part, trust) for key, part in read_index(folder).items()}

    def model_params(self, model: object) -> Mapping[str, object]:
        """What each member's own format says."""
        assert isinstance(model, dict)
        return {key: parameters(self._fitting(member), member) for key, member in model.items()}

    def _save_member(self, member: object, folder: Path) -> tuple[str, Saved]:
        folder.mkdir()
        chosen = self._fitting(member)
        try:
            saved = chosen.save(member, folder)
        except NotSerializable as error:
            raise NotSerializable(f"Of {folder.name!r}: {error.what}", value=error.value, fix=error.fix) from error
        names = {name for file in saved.pickles for name in pickles.named(folder / file)}
        complete(folder, saved, environment.describe({*saved.packages, *names, class_name(member)}))
        return chosen.name, saved

    def _load_member(self, folder: Path, part: "tuple[str, list[str]]", trust: Trust) -> object:
        name, loads = part
        for file in loads:
            if not is_file_inside(folder, file):
                raise Corrupt(f"{INDEX!r} names {file!r}, which is no file of {folder.name!r}.", value=file)
        return self._named(name).load(folder, loads, trust)


def read_index(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """Each member's format and files, in the order in which they were saved.

    Raises:
        Corrupt: The folder has no such index, or one that names no members.
    """
    try:
        document = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        index = {key: (str(part["format"]), [str(file) for file in part["loads"]]) for key, part in document.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Corrupt(f"{INDEX!r} is no index of members: {error}.", value=INDEX) from error
    if not index or not all(_KEY.fullmatch(key) and loads for key, (_, loads) in index.items()):
        raise Corrupt(f"{INDEX!r} names no members that could be.", value=INDEX)
    return index
