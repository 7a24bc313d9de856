"""From an input to a version: which one is meant, and in which shape it is wanted."""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, get_args, get_origin

import dagster as dg

from dagster_modelstore.lineage import Origin, origin_of, partition_of
from dagster_modelstore.naming import model_name
from dagster_modelstore.options import LoadOptions, load_options, name_option, observed_option
from dagster_modelstore.partitions import Partition, filled_alias, has_places
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an input asks for.

    Attributes:
        store: From where.
        context: The input's.
        origin: What made it.
        options: What its metadata say.
        is_observed: Whether the asset's data version is what was observed last. An observation of ours would hide it.
        annotation: What the consumer's parameter is annotated with.
    """

    store: "ModelStore"
    context: dg.InputContext
    origin: Origin
    options: LoadOptions
    is_observed: bool
    annotation: Any


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
    upstream = context.upstream_output
    of_upstream = {} if upstream is None else upstream.definition_metadata
    wish = Wish(
        store=store,
        context=context,
        origin=_origin(context),
        options=load_options(context.definition_metadata, of_upstream),
        is_observed=observed_option(of_upstream),
        annotation=_annotation(context),
    )
    if not context.has_asset_partitions or _is_one_for_all(wish):
        return _loaded(wish, _choose(wish, None), wish.annotation)
    keys = sorted(context.asset_partition_keys)
    if not keys:
        return None
    listings: dict[str, Listing] = {}
    partitions = [partition_of(context, key) for key in keys]
    choices = {partition.key: _choose(wish, partition, listings) for partition in partitions}
    if len(keys) == 1 and get_origin(wish.annotation) is not dict:
        return _loaded(wish, choices[partitions[0].key], wish.annotation)
    of_each = get_args(wish.annotation)[1] if get_args(wish.annotation) else Any
    loaded = {key: _loaded(wish, choice, of_each) for key, choice in choices.items()}
    return next(iter(loaded.values())) if _is_itself_a_mapping(context, loaded) else loaded


def _is_itself_a_mapping(context: dg.InputContext, loaded: Mapping[str, object]) -> bool:
    """Whether an input that is annotated as a mapping means the one model, and not the partitions.

    A consumer without partitions always spans all of them. One with partitions mostly gets its own, and then a model
    that is a mapping is what the annotation speaks of.
    """
    return len(loaded) == 1 and context.has_partition_key and isinstance(next(iter(loaded.values())), Mapping)


def _is_one_for_all(wish: Wish) -> bool:
    """Whether the input names one version, whatever its partitions are."""
    asked, name = wish.options, wish.origin.template
    return (asked.alias or asked.version) is not None and not has_places(asked.alias) and not has_places(name)


def _origin(context: dg.InputContext) -> Origin:
    """What made the input; of an asset that no step of this run makes, only the name is known."""
    if context.upstream_output is not None:
        return origin_of(context.upstream_output)
    if not context.has_asset_key:
        raise InvalidInput("The input comes from no output and no asset.", fix="Load it from an asset.")
    path = tuple(context.asset_key.path)
    name = name_option(context.definition_metadata) or model_name(path)
    return Origin(template=name, asset=path, run_id=None, job=None, step=None, output=None, mapping=None)


def _choose(wish: Wish, partition: Partition | None, listings: dict[str, Listing] | None = None) -> Choice:
    name, asked = wish.origin.name(partition), wish.options
    if asked.alias is not None:
        alias = filled_alias(asked.alias, partition)
        return Choice(version=wish.store.get(f"{name}@{alias}"), why=f"asked for {alias!r}")
    if asked.version is not None:
        return Choice(version=wish.store.get(f"{name}@{asked.version}"), why=f"asked for {asked.version}")
    if asked.is_search:
        return _found(wish, name, partition)
    listing = {} if listings is None else listings
    return _pinned_or_newest(wish, listing.setdefault(name, Listing(wish.store, name)), partition)


def _found(wish: Wish, name: str, partition: Partition | None) -> Choice:
    """The first of those for which `modelstore/where` holds, by `modelstore/order_by`, else by age."""
    asked = wish.options
    words = {"where": asked.where, "by": asked.order_by}
    said = " ".join(f"{word} {text!r}" for word, text in words.items() if text is not None)
    for version in wish.store.versions(name, where=asked.where, order_by=asked.order_by):
        if partition is None or version.lineage.get("partition") == partition.key:
            return Choice(version=version, why=f"asked for one {said}")
    of = "" if partition is None else f" of the partition {partition.key!r}"
    live = wish.store.versions(name, limit=_RECENT)
    there = ", ".join(str(version.number) for version in live) or "none"
    raise VersionNotFound(
        f"{name!r} has no version{of} {said}; its newest are: {there}.",
        value=asked.where,
        fix="Ask for less, or train one that has it.",
    )


def _pinned_or_newest(wish: Wish, listing: Listing, partition: Partition | None) -> Choice:
    origin, key = wish.origin, wish.origin.key(partition)
    if key is not None:
        # Deleted or not: if the run's own version is deleted, another run's is no substitute.
        made = listing.newest(lambda version: version.key == key)
        if made is not None:
            return Choice(version=made, why=f"made by run {origin.run_id}")
        wish.context.log.warning(
            "Run %s saved no version of %r for this input: the newest is loaded.", origin.run_id, listing.name
        )
    return Choice(version=_newest(listing, partition), why="newest")


def _newest(listing: Listing, partition: Partition | None) -> ModelVersion:
    if partition is None:
        return listing.store.get(listing.name)
    found = listing.newest(lambda version: _is_live(version) and version.lineage.get("partition") == partition.key)
    if found is not None:
        return found
    there = sorted({str(v.lineage["partition"]) for v in listing.every if _is_live(v) and "partition" in v.lineage})
    raise VersionNotFound(
        f"{listing.name!r} has no version of the partition {partition.key!r}; it has: {', '.join(there) or 'none'}.",
        value=partition.key,
        fix="Materialize that partition first.",
    )


def _is_live(version: ModelVersion) -> bool:
    return not version.deleted and version.superseded_by is None


def _loaded(wish: Wish, choice: Choice, annotation: Any) -> object:
    version, shape, context = choice.version, _shape(annotation), wish.context
    context.log.info("Loading %s (%s).", version.ref, choice.why)
    is_of_one = not context.has_asset_partitions or len(context.asset_partition_keys) == 1
    if is_of_one and not wish.is_observed:
        # Text, not a number: Dagster would draw a number into the plots of the model itself.
        context.add_input_metadata({"modelstore/loaded": version.ref, "modelstore/because": choice.why})
    return version if shape == "record" else wish.store.load(version.ref, as_=shape)


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
