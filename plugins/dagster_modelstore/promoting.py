"""`build_promotion_asset`: an alias as an asset that is promoted by materializing it."""

from collections.abc import Sequence

import dagster as dg

from dagster_modelstore.aliases import ModelLike, described
from dagster_modelstore.naming import model_name, work_key
from dagster_modelstore.promotion import GateConfig, promote
from dagster_modelstore.resource import resource_of
from modelstore_core import Gate, InvalidInput, ModelVersion

__all__ = ["build_promotion_asset"]


def build_promotion_asset(
    model: ModelLike,
    *,
    alias: str = "champion",
    gates: Sequence[Gate] = (),
    store_key: str = "modelstore",
    io_manager_key: str | None = None,
) -> dg.AssetsDefinition:
    """The alias of a model as an asset, `[*model key, alias]`: to materialize it is to promote.

    Its candidate is the version that the same run made, else the newest. If a gate refuses, it is not materialized and
    the run fails with the numbers of both sides. What depends on this asset loads the version that the alias points
    to; its data version is that version's digest, so that a training alone makes nothing downstream stale. Promotions
    made elsewhere materialize it too, as they do what `alias_asset` gives.

    Args:
        model: The model's asset; or its name in the store, or its asset's key.
        alias: The alias; the last part of the asset's key too.
        gates: Rules that always hold; the launchpad can add to them.
        store_key: The key of the `ModelStoreResource`.
        io_manager_key: The key of the `ModelStoreIOManager`; the one of the model's asset if left out.

    Raises:
        InvalidInput: The asset holds several models, or is partitioned: then one alias cannot stand for it.
    """
    key, manager, name, partitions = described(model)
    if partitions is not None:
        raise InvalidInput(
            f"One alias cannot stand for all partitions of {key.to_user_string()!r}.",
            value=key.to_user_string(),
            fix="Promote with `build_promote_job`, and let consumers depend on an `alias_asset`.",
        )

    @dg.asset(
        key=dg.AssetKey([*key.path, alias]),
        ins={"candidate": dg.AssetIn(key=key)},
        io_manager_key=io_manager_key or manager,
        metadata={"modelstore/name": name, "modelstore/alias": alias},
        required_resource_keys={store_key},
        kinds={"modelstore"},
        description=f"What `{alias}` of the model `{name}` points to. To materialize it is to promote.",
    )
    def promotion(
        context: dg.AssetExecutionContext, config: GateConfig, candidate: ModelVersion
    ) -> dg.MaterializeResult[None]:
        if candidate.name != name:
            raise InvalidInput(
                f"The asset {key.to_user_string()!r} is the model {candidate.name!r}, not {name!r}.",
                value=candidate.name,
                fix="Pass the asset itself to build_promotion_asset, not its key.",
            )
        done = promote(
            resource_of(context.resources, store_key).get_store(),
            candidate.ref,
            alias,
            config,
            rules=gates,
            key=work_key(context.run.run_id, "promotion", model_name(context.asset_key.path)),
        )
        return dg.MaterializeResult(metadata=done.metadata(), data_version=dg.DataVersion(done.version.digest))

    return promotion
