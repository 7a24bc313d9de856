"""Where the files of a version of MLflow's are, by a URI that some machine once wrote down.

Only what lies below the source itself, or below the places that the caller names, is read: a registry can say anything,
and what it names would be copied into the store. Below a place a path is found as it stands, or, since registries are
moved, by its end, if that holds the id of the run or of the logged model.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelstore_core.importing.mlflow_registry import RegisteredVersion, Registry
from modelstore_core.importing.places import Place, PlacedFiles
from modelstore_core.importing.plan import Parcel

__all__ = ["Artifacts"]

_DEEPEST = 5
_LOCAL = ("", "file")


class Artifacts:
    """The places where artifacts may lie.

    Args:
        registry: Where runs and logged models are known.
        places: The source first, then those that the caller names.
    """

    def __init__(self, registry: Registry, places: Sequence[Place]) -> None:
        self._registry = registry
        self._places = places

    def parcel(self, version: RegisteredVersion, others: Mapping[str, RegisteredVersion]) -> Parcel | str:
        """The version's files, or why they are not to be had.

        Args:
            version: Whose.
            others: All versions, as `name/number`: the source of a version may be another one.
        """
        anchors = {one for one in (version.run_id, version.model_id) if one}
        tried = []
        for uri in self._uris(version, others, 0):
            tried.append(uri)
            for place, key in self._keys(uri, anchors | _ids(uri)):
                if place.kind(key) is not None:
                    return PlacedFiles(place=place, key=key)
        if not tried:
            return "MLflow does not say where its files are"
        places = ", ".join(place.url for place in self._places)
        return f"its files were at {tried[0]}, and are not below {places}: name their folder or bucket by artifacts="

    def _uris(self, version: RegisteredVersion, others: Mapping[str, RegisteredVersion], depth: int) -> Iterator[str]:
        """What may say where the files are, without the schemes that stand for a look-up."""
        if version.model_id and (logged := self._registry.logged(version.model_id)) is not None and logged.location:
            yield logged.location
        if version.source.startswith("runs:/"):
            run_id, _, path = version.source.removeprefix("runs:/").partition("/")
            run = self._registry.run(run_id)
            if run is not None:
                yield f"{run.artifacts}/{path}"
        elif version.source.startswith("models:/"):
            other = others.get(version.source.removeprefix("models:/"))
            if other is not None and depth < _DEEPEST:
                yield from self._uris(other, others, depth + 1)
        elif version.source:
            yield version.source
        if version.location and ":/" not in version.location.partition("://")[0]:
            yield version.location

    def _keys(self, uri: str, anchors: set[str]) -> Iterator[tuple[Place, str]]:
        parts = urlsplit(uri)
        path = unquote(parts.path) if parts.scheme == "file" else parts.path
        for place in self._places:
            exact = _below(place, parts.scheme, uri, path)
            if exact:
                yield place, exact
        steps = [step for step in path.split("/") if step]
        for place in self._places:
            for start in range(len(steps)):
                if anchors & set(steps[start:]):
                    yield place, "/".join(steps[start:])


def _below(place: Place, scheme: str, uri: str, path: str) -> str:
    """The key of what the URI names as it stands, if it lies below the place."""
    if place.root is None:
        return uri.removeprefix(f"{place.url}/") if uri.startswith(f"{place.url}/") else ""
    if scheme not in _LOCAL or not path.startswith("/"):
        return ""
    try:
        return Path(os.path.normpath(path)).relative_to(place.root).as_posix()
    except ValueError:
        return ""


def _ids(uri: str) -> set[str]:
    """What looks like the id of a run or a logged model: 32 hexadecimal digits, for models behind `m-`."""
    steps = uri.replace("\\", "/").split("/")
    return {step for step in steps if len(step.removeprefix("m-")) == 32 and _is_hex(step.removeprefix("m-"))}  # noqa: PLR2004


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
