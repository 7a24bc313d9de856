"""From an input to a version: which one is meant, and in which shape it is wanted."""

import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, get_args, get_origin

import dagster as dg

from dagster_modelstore.lineage import Origin, origin_of
from dagster_modelstore.naming import model_name
from dagster_modelstore.options import load_options, name_option
from modelstore_core import InvalidInput, ModelVersion, Records, VersionNotFound

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["load_input"]

Shape: TypeAlias = Literal["object", "path", "record"]

_RECENT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A version, and the reason why it is this one."""

    version: ModelVersion
    why: str


class Listing:
    """All versions of a model, newest first, deleted ones too; the old ones are read only if they are needed."""

    def __init__(self, store: "ModelStore", name: str) -> None:
        self.store = store
        self.name = name

    @cached_property
    def recent(self) -> Records[ModelVersion]:
        """The newest: a run mostly loads what it has just made."""
        return self.store.versions(self.name, limit=_RECENT, deleted=True)

    @cached_property
    def every(self) -> Records[ModelVersion]:
        """All of them."""
        return self.recent if len(self.recent) < _RECENT else self.store.versions(self.name, deleted=True)

    def newest(self, fits: Callable[[ModelVersion], bool]) -> ModelVersion | None:
        """The newest one that fits."""
        found = next(filter(fits, self.recent), None)
        return next(filter(fits, self.every), None) if found is None else found


def load_input(store: "ModelStore", context: dg.InputContext) -> object:
    """What the input asks for: the version it names, else the one its producing run made, else the newest.

    Several partitions give a dict, no partition (the first of a self-dependent asset) None.

    Raises:
        NotFound: There is no such model, alias, version or partition.
        ModelStoreError: The version is not to be had, or not to be trusted.
    """
    origin, annotation = _origin(context), _annotation(context)
    upstream = context.upstream_output
    asked = load_options(context.definition_metadata, {} if upstream is None else upstream.definition_metadata)
    if asked.selector is not None:
        version = store.get(f"{origin.name}@{asked.selector}")
        return _loaded(store, context, Choice(version=version, why=f"asked for {asked.selector!r}"), annotation)
    listing = Listing(store, origin.name)
    if not context.has_asset_partitions:
        return _loaded(store, context, _choose(listing, context, origin, None), annotation)
    partitions = sorted(context.asset_partition_keys)
    if not partitions:
        return None
    if len(partitions) == 1 and get_origin(annotation) is not dict:
        return _loaded(store, context, _choose(listing, context, origin, partitions[0]), annotation)
    choices = {partition: _choose(listing, context, origin, partition) for partition in partitions}
    of_each = get_args(annotation)[1] if get_args(annotation) else Any
    return {partition: _loaded(store, context, choice, of_each) for partition, choice in choices.items()}


def _origin(context: dg.InputContext) -> Origin:
    """What made the input; of an asset that no step of this run makes, only the name is known."""
    if context.upstream_output is not None:
        return origin_of(context.upstream_output)
    if not context.has_asset_key:
        raise InvalidInput("The input comes from no output and no asset.", fix="Load it from an asset.")
    path = tuple(context.asset_key.path)
    name = name_option(context.definition_metadata) or model_name(path)
    return Origin(name=name, asset=path, run_id=None, job=None, step=None, output=None, mapping=None)


def _choose(listing: Listing, context: dg.InputContext, origin: Origin, partition: str | None) -> Choice:
    key = origin.key(partition)
    if key is not None:
        # Deleted or not: if the run's own version is deleted, another run's is no substitute.
        made = listing.newest(lambda version: version.key == key)
        if made is not None:
            return Choice(version=made, why=f"made by run {origin.run_id}")
        context.log.warning(
            "Run %s saved no version of %r for this input: the newest is loaded.", origin.run_id, origin.name
        )
    return Choice(version=_newest(listing, partition), why="newest")


def _newest(listing: Listing, partition: str | None) -> ModelVersion:
    if partition is None:
        return listing.store.get(listing.name)
    found = listing.newest(lambda version: _is_live(version) and version.lineage.get("partition") == partition)
    if found is not None:
        return found
    there = sorted({str(v.lineage["partition"]) for v in listing.every if _is_live(v) and "partition" in v.lineage})
    raise VersionNotFound(
        f"{listing.name!r} has no version of the partition {partition!r}; it has: {', '.join(there) or 'none'}.",
        value=partition,
        fix="Materialize that partition first.",
    )


def _is_live(version: ModelVersion) -> bool:
    return not version.deleted and version.superseded_by is None


def _loaded(store: "ModelStore", context: dg.InputContext, choice: Choice, annotation: Any) -> object:
    version, shape = choice.version, _shape(annotation)
    context.log.info("Loading %s (%s).", version.ref, choice.why)
    if not context.has_asset_partitions or len(context.asset_partition_keys) == 1:
        # Text, not a number: Dagster would draw a number into the plots of the model itself.
        context.add_input_metadata({"modelstore/loaded": version.ref, "modelstore/because": choice.why})
    return version if shape == "record" else store.load(version.ref, as_=shape)


def _annotation(context: dg.InputContext) -> Any:
    """The consumer's annotation, without `| None`."""
    try:
        annotation = context.dagster_type.typing_type
    except dg.DagsterInvariantViolationError:  # a context that a test has built
        return Any
    if get_origin(annotation) in (Union, types.UnionType):
        others = [argument for argument in get_args(annotation) if argument is not type(None)]
        return others[0] if len(others) == 1 else Any
    return annotation


def _shape(annotation: Any) -> Shape:
    if annotation is ModelVersion:
        return "record"
    return "path" if isinstance(annotation, type) and issubclass(annotation, Path) else "object"
