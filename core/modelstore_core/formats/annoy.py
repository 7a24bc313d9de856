"""Annoy's indexes as Annoy's own file: no pickle. An index does not say its metric, so that is found out."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.annoy_files import METRICS, WIDEST, Shape
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.objects import class_name
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["AnnoyFormat"]

_FILE: Final = "model.ann"
_ABOUT: Final = "annoy.json"
_CLASS: Final = "annoy.Annoy"
_LOOKED_AT: Final = 100
_Vector = Sequence[float]


class AnnoyFormat:
    """`model.ann`, and `annoy.json` with the dimension and the metric, without which it cannot be read."""

    name = "annoy"

    def accepts(self, model: object) -> bool:
        """Whether the object is exactly an index of Annoy's; nothing else of a class survives in the file."""
        return class_name(model) == _CLASS

    def save(self, model: object, folder: Path) -> Saved:
        """Write the index. Annoy then has it in that file, no longer in memory.

        Raises:
            NotSerializable: It is not built, or was built on disk; or its items do not show which metric it has.
        """
        index: Any = model
        path = folder / _FILE
        if not index.get_n_trees():
            raise NotSerializable("The index is not built.", value=_CLASS, fix="Call `index.build(…)` first.")
        index.save(str(path))
        if not path.exists():
            raise NotSerializable(
                "Annoy does not write an index that was built on disk to another file.",
                value=_CLASS,
                fix="Save `AnnoyIndex(f, metric)` after its `load(…)` of that file.",
            )
        about = {"dimension": index.f, "metric": _metric_of(index, path)}
        (folder / _ABOUT).write_text(json.dumps(about, sort_keys=True), encoding="utf-8")
        return Saved(loads=(_ABOUT, _FILE), packages=("annoy",))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the index; the file holds no code, and is looked through first, so every policy allows it.

        Raises:
            MissingExtra: Annoy is not installed.
            Corrupt: The files are no index: Annoy itself would not notice, but read memory that is not the index's.
        """
        self.check(folder, loads, trust)
        shape = _shape(folder)
        try:
            annoy = import_module("annoy")
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "annoy", f"Loading {_FILE!r}") from error
        index = annoy.AnnoyIndex(shape.dimension, shape.metric)
        index.load(str(folder / _FILE))
        return index

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Return only if the files are an index in which nothing leads out of it.

        Raises:
            Corrupt: They are not.
        """
        del loads, trust
        shape = _shape(folder)
        problem = shape.problem(folder / _FILE)
        if problem is not None:
            told = f"{shape.metric} index of {shape.dimension} dimensions"
            raise Corrupt(f"{_FILE!r} is no {told}: {problem}.", value=_FILE)

    def model_params(self, model: object) -> Mapping[str, object]:
        """How many dimensions, items and trees there are."""
        index: Any = model
        return {"dimension": index.f, "items": index.get_n_items(), "trees": index.get_n_trees()}


def _shape(folder: Path) -> Shape:
    try:
        about: object = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Corrupt(f"{_ABOUT!r} cannot be read: {error}.", value=_ABOUT) from error
    match about:
        case {"dimension": int(dimension), "metric": str(metric)} if 0 < dimension <= WIDEST and metric in METRICS:
            return Shape(dimension, metric)
        case _:
            raise Corrupt(f"{_ABOUT!r} names no dimension and metric of an index: {about!r:.200}.", value=_ABOUT)


def _metric_of(index: Any, path: Path) -> str:
    """The only metric of which the file has the shape and under which the stored items have their distances.

    Raises:
        NotSerializable: There is none, or more than one.
    """
    found = [metric for metric in METRICS if 0 < index.f <= WIDEST and _fits(index, path, metric)]
    if index.f == 1 and found == ["euclidean", "manhattan"]:  # then they are one and the same
        return found[0]
    if len(found) == 1:
        return found[0]
    raise NotSerializable(
        f"The items of the index do not show which metric it has: they fit {' and '.join(found) or 'none'}.",
        value=_CLASS,
        fix="Save the file that `index.save(…)` writes, as a path, with its dimension and metric in `tags`.",
    )


def _fits(index: Any, path: Path, metric: str) -> bool:
    shape = Shape(index.f, metric)
    if shape.problem(path) is not None:
        return False
    added = shape.items(path)
    items = added[:: max(1, len(added) // _LOOKED_AT)]
    vectors = {item: index.get_item_vector(item) for item in items}
    if not all(shape.holds(path, item, vector) for item, vector in vectors.items()):
        return False
    agrees = _DISTANCES.get(metric)
    return agrees is None or all(
        agrees(index.get_distance(one, other), vectors[one], vectors[other]) for one, other in _pairs(items)
    )


def _pairs(items: Sequence[int]) -> Iterator[tuple[int, int]]:
    yield from pairwise(items)
    yield from ((item, item) for item in items)


def _is_dot(found: float, one: _Vector, other: _Vector) -> bool:
    expected = sum(a * b for a, b in zip(one, other, strict=True))
    return math.isclose(found, expected, rel_tol=1e-3, abs_tol=1e-3 * math.hypot(*one) * math.hypot(*other))


def _is_euclidean(found: float, one: _Vector, other: _Vector) -> bool:
    return math.isclose(found, math.dist(one, other), rel_tol=1e-3)


def _is_manhattan(found: float, one: _Vector, other: _Vector) -> bool:
    return math.isclose(found, sum(abs(a - b) for a, b in zip(one, other, strict=True)), rel_tol=1e-3)


# Those whose nodes are of one size; the others' files tell.
_DISTANCES: Final[dict[str, Callable[[float, _Vector, _Vector], bool]]] = {
    "dot": _is_dot,
    "euclidean": _is_euclidean,
    "manhattan": _is_manhattan,
}
