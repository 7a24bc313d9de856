"""Models and aliases as assets that nobody computes: Dagster is told of them when they change, by whoever changes them.

An alias that is an asset of its own gives its consumers true provenance: their data version is that of the version
they loaded, trainings leave them fresh, and promotions make them stale.
"""

from collections.abc import Sequence
from typing import TypeAlias

import dagster as dg

from dagster_modelstore.naming import asset_path, escaped, model_name
from dagster_modelstore.options import name_option
from dagster_modelstore.partitions import has_places, without_places
from dagster_modelstore.resource import resource_of
from modelstore_core import AliasNotFound, InvalidInput, ModelNotFound

__all__ = ["ModelLike", "alias_asset", "described", "model_asset", "model_key", "observable_alias_asset"]

ModelLike: TypeAlias = "str | dg.AssetKey | Sequence[str] | dg.AssetSpec | dg.AssetsDefinition"
"""A model: its name in the store; or its asset, or the key of its asset."""

_KINDS = {"modelstore"}
_UNSET = "unset"


def model_asset(
    model: str,
    *,
    key: dg.AssetKey | Sequence[str] | None = None,
    io_manager_key: str = "io_manager",
    partitions_def: dg.PartitionsDefinition[str] | None = None,
) -> dg.AssetSpec:
    """A model that something else makes (a Prefect flow, a notebook, another code location) as an asset to depend on.

    The sensor of `build_modelstore_sensor` materializes it for each new version; inputs get the newest.

    Args:
        model: The model's name in the store, such as `risk.churn`.
        key: The asset's key; the parts of the name if left out.
        io_manager_key: The key of the `ModelStoreIOManager` that loads it.
        partitions_def: Its partitions, if the lineage of its versions says which one each is of.
    """
    return dg.AssetSpec(
        key=dg.AssetKey.from_coercible(key) if key is not None else model_key(model),
        metadata={"modelstore/name": model},
        partitions_def=partitions_def,
        kinds=_KINDS,
        description=f"The model `{model}`, which is not made here.",
    ).with_io_manager_key(io_manager_key)


def alias_asset(
    model: ModelLike,
    alias: str = "champion",
    *,
    key: dg.AssetKey | Sequence[str] | None = None,
    io_manager_key: str | None = None,
    partitions_def: dg.PartitionsDefinition[str] | None = None,
) -> dg.AssetSpec:
    """What an alias of a model points to, as an asset: inputs that depend on it load that version.

    It is materialized by each promotion: of `build_promote_job` and `build_rollback_job`, of an asset that is saved
    with `modelstore/aliases`, and, made anywhere else, by the sensor of `build_modelstore_sensor`. Its data version is
    the version's digest. So what depends on it becomes stale with a promotion, and not with a training.

    Args:
        model: The model's name in the store, such as `risk.churn`; or its asset.
        alias: The alias. One with places, such as `champion-{partition}`, is one alias for each partition.
        key: The asset's key; that of the model, and then the alias, if left out.
        io_manager_key: The key of the `ModelStoreIOManager`; that of the model's asset, else `io_manager`.
        partitions_def: The partitions of an alias, or of a name, that has places; those of the model's asset if left
            out.

    Raises:
        InvalidInput: The asset holds several models.
    """
    of, manager, name, partitions = described(model)
    at = dg.AssetKey.from_coercible(key) if key is not None else dg.AssetKey([*of.path, without_places(alias)])
    spec = dg.AssetSpec(
        key=at,
        deps=[of],
        metadata={"modelstore/name": name, "modelstore/alias": alias},
        partitions_def=partitions_def or (partitions if has_places(f"{name}{alias}") else None),
        kinds=_KINDS,
        description=f"What `{alias}` of the model `{name}` points to.",
    )
    return spec.with_io_manager_key(io_manager_key or manager or "io_manager")


def observable_alias_asset(
    model: ModelLike,
    alias: str = "champion",
    *,
    key: dg.AssetKey | Sequence[str] | None = None,
    io_manager_key: str | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetKey] | None = None,
    store_key: str = "modelstore",
) -> dg.SourceAsset:
    """What an alias points to, as an asset that is looked at now and then, instead of being told.

    For code locations without the sensor: observing it asks the store, and a data version that is new makes what
    depends on it stale. Observing it again without a promotion in between changes nothing.

    Args:
        model: As for `alias_asset`.
        alias: The alias.
        key: As for `alias_asset`.
        io_manager_key: As for `alias_asset`.
        automation_condition: When it is looked at, such as `dg.AutomationCondition.on_cron("*/5 * * * *")`.
        store_key: The key of the `ModelStoreResource`.

    Raises:
        InvalidInput: The asset holds several models.
    """
    of, manager, name, _ = described(model)

    def observed(context: dg.OpExecutionContext) -> dg.DataVersion:
        store = resource_of(context.resources, store_key).get_store()
        try:
            return dg.DataVersion(store.get(f"{name}@{alias}").digest)
        except (AliasNotFound, ModelNotFound):
            return dg.DataVersion(_UNSET)

    decorate = dg.observable_source_asset(
        key=dg.AssetKey.from_coercible(key) if key is not None else dg.AssetKey([*of.path, alias]),
        metadata={"modelstore/name": name, "modelstore/alias": alias, "modelstore/observed": True},
        io_manager_key=io_manager_key or manager or "io_manager",
        required_resource_keys={store_key},
        automation_condition=automation_condition,
        description=f"What `{alias}` of the model `{name}` points to, looked at now and then.",
    )
    return decorate(observed)


def model_key(model: str) -> dg.AssetKey:
    """The asset key of a model of this name; one that no asset key gives is a key of one part."""
    return dg.AssetKey(asset_path(model) or [escaped(model)])


def described(
    model: ModelLike,
) -> tuple[dg.AssetKey, str | None, str, dg.PartitionsDefinition[str] | None]:
    """The model's asset key, its IO manager's key, its name in the store, and its partitions.

    Raises:
        InvalidInput: The definition holds several models.
    """
    if isinstance(model, str):
        return model_key(model), None, model, None
    if isinstance(model, dg.AssetSpec):
        manager = model.metadata.get("dagster/io_manager_key")
        name = name_option(model.metadata) or model_name(model.key.path)
        return model.key, manager if isinstance(manager, str) else None, name, model.partitions_def
    if not isinstance(model, dg.AssetsDefinition):
        key = dg.AssetKey.from_coercible(model)
        return key, None, model_name(key.path), None
    if len(model.keys) != 1:
        keys = sorted(key.to_user_string() for key in model.keys)
        raise InvalidInput(f"The assets {keys} are several models.", value=keys, fix="Pass the key of one of them.")
    name = name_option(model.metadata_by_key[model.key]) or model_name(model.key.path)
    return model.key, model.get_io_manager_key_for_asset_key(model.key), name, model.partitions_def
