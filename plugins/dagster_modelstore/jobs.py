"""Jobs and assets that people launch from the launchpad: promote, and retrain and promote."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, create_model

from dagster_modelstore.naming import model_name, work_key
from dagster_modelstore.options import name_option
from dagster_modelstore.promotion import GateConfig, promote
from dagster_modelstore.resource import ModelStoreResource
from modelstore_core import Gate, InvalidInput, ModelVersion

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

__all__ = ["PromoteConfig", "build_promote_job", "build_promotion_asset", "build_retrain_job"]


class PromoteConfig(GateConfig):
    """Which version to promote to which alias, and what it must pass."""

    model: str = Field(description="The model, such as `risk.churn`.")
    version: int = Field(default=0, description="The version's number; 0 is the newest.")
    from_alias: str = Field(default="", description="Instead of a number: promote what this alias points to.")
    alias: str = Field(default="champion", description="The alias that is to point to it.")

    def reference(self) -> str:
        """The candidate.

        Raises:
            InvalidInput: Both a number and an alias are given, or the number is negative.
        """
        if self.version < 0 or (self.version and self.from_alias):
            raise InvalidInput(
                f"version={self.version!r} and from_alias={self.from_alias!r} name no one version.",
                value=self.version,
                fix="Give one of them; neither means the newest.",
            )
        return f"{self.model}@{self.from_alias or self.version or 'latest'}"


def build_promote_job(
    *,
    name: str = "promote_model",
    model: str | None = None,
    alias: str = "champion",
    gates: Sequence[Gate] = (),
    store_key: str = "modelstore",
) -> dg.JobDefinition:
    """A job that moves an alias, or fails with the numbers of both sides if a gate refuses.

    Its launchpad shows every setting with its default. It runs in the run's own process: a promotion takes less than
    a second, and a process for each step many times that.

    Args:
        name: The job's name.
        model: The launchpad's default model; if left out, whoever launches the job must name one.
        alias: The launchpad's default alias.
        gates: Rules that always hold; the launchpad can add to them but not remove them.
        store_key: The key of the `ModelStoreResource`.
    """

    @dg.op(
        name="promote",
        out=dg.Out(dg.Nothing),
        config_schema=_with_defaults(model, alias).to_fields_dict(),
        required_resource_keys={store_key},
        description="Point an alias to a version, if every gate passes.",
    )
    def promote_op(context: dg.OpExecutionContext) -> None:
        config = PromoteConfig(**context.op_config)
        done = promote(
            _resource(context.resources, store_key).get_store(),
            config.reference(),
            config.alias,
            config,
            rules=gates,
            key=work_key(context.run_id, "promote", config.alias),
        )
        context.log.info("%r points to %s.", config.alias, done.version.ref)
        context.add_output_metadata(done.metadata())

    @dg.job(name=name, executor_def=dg.in_process_executor, description="Promote a version of a model to an alias.")
    def promote_job() -> None:
        promote_op()

    return promote_job


def build_promotion_asset(
    model: dg.AssetsDefinition | dg.AssetKey | Sequence[str] | str,
    *,
    alias: str = "champion",
    gates: Sequence[Gate] = (),
    store_key: str = "modelstore",
    io_manager_key: str | None = None,
) -> dg.AssetsDefinition:
    """The alias of a model as an asset, `[*model key, alias]`: to materialize it is to promote.

    Its candidate is the version that the same run made, else the newest. If a gate refuses, it is not materialized and
    the run fails with the numbers of both sides. What depends on this asset loads the version that the alias points
    to; its data version is that version's digest, so that a training alone makes nothing downstream stale.

    Args:
        model: The model's asset; its key, if its definition holds other assets too.
        alias: The alias; the last part of the asset's key too.
        gates: Rules that always hold; the launchpad can add to them.
        store_key: The key of the `ModelStoreResource`.
        io_manager_key: The key of the `ModelStoreIOManager`; the one of the model's asset if left out.

    Raises:
        InvalidInput: The asset holds several models, or is partitioned: then one alias cannot stand for it.
    """
    key, manager, model_of = _described(model)

    @dg.asset(
        key=dg.AssetKey([*key.path, alias]),
        ins={"candidate": dg.AssetIn(key=key)},
        io_manager_key=io_manager_key or manager,
        metadata={"modelstore/name": model_of, "modelstore/alias": alias},
        required_resource_keys={store_key},
        kinds={"modelstore"},
        description=f"What `{alias}` of the model `{model_of}` points to. To materialize it is to promote.",
    )
    def promotion(
        context: dg.AssetExecutionContext, config: GateConfig, candidate: ModelVersion
    ) -> dg.MaterializeResult[None]:
        if candidate.name != model_of:
            raise InvalidInput(
                f"The asset {key.to_user_string()!r} is the model {candidate.name!r}, not {model_of!r}.",
                value=candidate.name,
                fix="Pass the asset itself to build_promotion_asset, not its key.",
            )
        done = promote(
            _resource(context.resources, store_key).get_store(),
            candidate.ref,
            alias,
            config,
            rules=gates,
            key=work_key(context.run.run_id, "promotion", model_name(context.asset_key.path)),
        )
        return dg.MaterializeResult(metadata=done.metadata(), data_version=dg.DataVersion(done.version.digest))

    return promotion


def build_retrain_job(
    selection: dg.AssetSelection | dg.AssetsDefinition | Sequence[dg.AssetsDefinition],
    *,
    promotion: dg.AssetsDefinition,
    name: str = "retrain_and_promote",
    executor: dg.ExecutorDefinition = dg.in_process_executor,
) -> "UnresolvedAssetJobDefinition":
    """A job that materializes the selection and then promotes what it made if the gates pass; else the run fails.

    Args:
        selection: What to materialize: the model's asset, and what it is made from if that is to be made anew.
        promotion: What `build_promotion_asset` gave; put it among the assets of the `Definitions` too.
        name: The job's name.
        executor: How the steps run: `dg.multiprocess_executor`, say, gives each training a process of its own.
    """
    if isinstance(selection, dg.AssetsDefinition):
        selection = [selection]
    chosen = selection if isinstance(selection, dg.AssetSelection) else dg.AssetSelection.assets(*selection)
    return dg.define_asset_job(
        name,
        selection=chosen | dg.AssetSelection.assets(promotion),
        executor_def=executor,
        description="Train anew, and promote what was trained if it passes the gates.",
    )


def _with_defaults(model: str | None, alias: str) -> type[PromoteConfig]:
    """The configuration whose defaults the launchpad shows."""
    fields = PromoteConfig.model_fields
    alias_field = (str, Field(default=alias, description=fields["alias"].description))
    if model is None:
        return create_model("PromoteConfig", __base__=PromoteConfig, alias=alias_field)
    model_field = (str, Field(default=model, description=fields["model"].description))
    return create_model("PromoteConfig", __base__=PromoteConfig, model=model_field, alias=alias_field)


def _resource(resources: object, key: str) -> ModelStoreResource:
    found = getattr(resources, key)
    if isinstance(found, ModelStoreResource):
        return found
    raise InvalidInput(
        f"The resource {key!r} is a {type(found).__name__}, not a ModelStoreResource.",
        value=key,
        fix="Pass the key of the ModelStoreResource as `store_key`.",
    )


def _described(model: dg.AssetsDefinition | dg.AssetKey | Sequence[str] | str) -> tuple[dg.AssetKey, str | None, str]:
    """The model's asset key, its IO manager's key, and the model's name in the store."""
    if not isinstance(model, dg.AssetsDefinition):
        key = dg.AssetKey.from_coercible(model)
        return key, None, model_name(key.path)
    if len(model.keys) != 1 or model.partitions_def is not None:
        keys = sorted(key.to_user_string() for key in model.keys)
        raise InvalidInput(
            f"One alias cannot stand for {keys}: there are several models, or several partitions.",
            value=keys,
            fix="Pass the key of one unpartitioned asset, or promote with `build_promote_job`.",
        )
    name = name_option(model.metadata_by_key[model.key]) or model_name(model.key.path)
    return model.key, model.get_io_manager_key_for_asset_key(model.key), name
