"""Jobs that people launch from the launchpad: promote, roll back, retrain and promote, collect.

Their launchpads open with every setting and its default. Those that only ask the store run in the run's own process:
they take less than a second, and a process for each step many times that.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from pydantic import Field, create_model

from dagster_modelstore.cards import records_table
from dagster_modelstore.naming import work_key
from dagster_modelstore.promotion import GateConfig, announce, promote, roll_back
from dagster_modelstore.resource import resource_of
from modelstore_core import Gate, InvalidInput

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

__all__ = [
    "CollectConfig",
    "PromoteConfig",
    "RollbackConfig",
    "build_collect_job",
    "build_promote_job",
    "build_retrain_job",
    "build_rollback_job",
]

C = TypeVar("C", bound=dg.Config)


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


class RollbackConfig(dg.Config):
    """Which alias goes back, and how far."""

    model: str = Field(description="The model, such as `risk.churn`.")
    alias: str = Field(default="champion", description="The alias that goes back to what it was.")
    steps: int = Field(default=1, description="How many promotions back.")
    reason: str = Field(default="", description="Why, as the model's history will show it.")


class CollectConfig(dg.Config):
    """What is deleted, and what becomes of the files of deleted versions."""

    model: str = Field(default="", description="The model, such as `risk.churn`; empty: all of them.")
    keep: int = Field(
        default=0,
        description="First delete live versions that are older than the newest so many and have no alias; 0: none.",
    )
    older_than_hours: float = Field(
        default=24.0,
        description="Remove files of deleted versions and ended saves that are older, by the store's clock.",
    )
    dry_run: bool = Field(default=False, description="Only say what would be done.")
    reason: str = Field(default="", description="Why, as the models' histories will show it.")


def build_promote_job(
    *,
    name: str = "promote_model",
    model: str | None = None,
    alias: str = "champion",
    gates: Sequence[Gate] = (),
    store_key: str = "modelstore",
) -> dg.JobDefinition:
    """A job that moves an alias, or fails with the numbers of both sides if a gate refuses.

    If an asset stands for the alias (`alias_asset`), the job materializes it.

    Args:
        name: The job's name.
        model: The launchpad's default model; if left out, whoever launches the job must name one.
        alias: The launchpad's default alias.
        gates: Rules that always hold; the launchpad can add to them but not remove them.
        store_key: The key of the `ModelStoreResource`.
    """
    schema = _with_defaults(PromoteConfig, model, alias)

    @_op("promote", schema, store_key, "Point an alias to a version, if every gate passes.")
    def promote_op(context: dg.OpExecutionContext) -> None:
        config = PromoteConfig(**context.op_config)
        done = promote(
            resource_of(context.resources, store_key).get_store(),
            config.reference(),
            config.alias,
            config,
            rules=gates,
            key=work_key(context.run_id, "promote", config.alias),
        )
        context.log.info("%r points to %s.", config.alias, done.version.ref)
        announce(context, done)
        context.add_output_metadata(done.metadata())

    @dg.job(name=name, executor_def=dg.in_process_executor, description="Promote a version of a model to an alias.")
    def promote_job() -> None:
        promote_op()

    return promote_job


def build_rollback_job(
    *,
    name: str = "rollback_model",
    model: str | None = None,
    alias: str = "champion",
    store_key: str = "modelstore",
) -> dg.JobDefinition:
    """A job that points an alias to what it was before its last promotion, passing over deleted versions.

    No rules are asked: what it goes back to was promoted under the rules of its day. If an asset stands for the alias
    (`alias_asset`), the job materializes it.

    Args:
        name: The job's name.
        model: The launchpad's default model; if left out, whoever launches the job must name one.
        alias: The launchpad's default alias.
        store_key: The key of the `ModelStoreResource`.
    """
    schema = _with_defaults(RollbackConfig, model, alias)

    @_op("rollback", schema, store_key, "Point an alias to what it was before.")
    def rollback_op(context: dg.OpExecutionContext) -> None:
        config = RollbackConfig(**context.op_config)
        done = roll_back(
            resource_of(context.resources, store_key).get_store(),
            config.model,
            config.alias,
            steps=config.steps,
            reason=config.reason,
            key=work_key(context.run_id, "rollback", config.alias),
        )
        context.log.info("%r points to %s again.", config.alias, done.version.ref)
        announce(context, done)
        context.add_output_metadata(done.metadata())

    @dg.job(name=name, executor_def=dg.in_process_executor, description="Point an alias of a model to what it was.")
    def rollback_job() -> None:
        rollback_op()

    return rollback_job


def build_collect_job(
    *, name: str = "collect_models", keep: int = 0, store_key: str = "modelstore"
) -> dg.JobDefinition:
    """A job that deletes old versions if it is asked to, and removes the files that no version needs any more.

    What an alias points to is never touched. Put it on a schedule, or launch it with `dry_run` first.

    Args:
        name: The job's name.
        keep: The launchpad's default for how many of the newest versions stay; 0 deletes none.
        store_key: The key of the `ModelStoreResource`.
    """

    @_op("collect", _defaulting(CollectConfig, keep=keep), store_key, "Remove what no version needs.")
    def collect_op(context: dg.OpExecutionContext) -> None:
        config = CollectConfig(**context.op_config)
        store = resource_of(context.resources, store_key).get_store()
        model, dry = config.model or None, config.dry_run
        if config.keep:
            key = work_key(context.run_id, "prune", model or "")
            pruned = store.prune(model, keep=config.keep, dry_run=dry, reason=config.reason, key=key)
            context.add_output_metadata(
                {"modelstore/deleted": len(pruned), "modelstore/deleted_versions": records_table(pruned)}
            )
        found = store.collect(model, older_than=dt.timedelta(hours=config.older_than_hours), dry_run=dry)
        context.log.info(found.summary())
        context.add_output_metadata(
            {
                "modelstore/bytes": found.bytes,
                "modelstore/objects": found.objects,
                "modelstore/collected": records_table(found.removed),
                "modelstore/dry_run": dry,
            }
        )

    @dg.job(name=name, executor_def=dg.in_process_executor, description="Remove the files that no version needs.")
    def collect_job() -> None:
        collect_op()

    return collect_job


def build_retrain_job(
    selection: dg.AssetSelection | dg.AssetsDefinition | Sequence[dg.AssetsDefinition],
    *,
    promotion: dg.AssetsDefinition,
    name: str = "retrain_and_promote",
    executor: dg.ExecutorDefinition = dg.in_process_executor,
) -> "UnresolvedAssetJobDefinition":
    """A job that materializes the selection, runs its checks, and promotes what it made if it passes; else it fails.

    A blocking check that fails, such as `model_gate`, ends the run before the promotion.

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


def _op(
    name: str, config: type[dg.Config], store_key: str, description: str
) -> Callable[[Callable[..., None]], dg.OpDefinition]:
    """The decorator of a job's one op, whose launchpad shows the configuration."""
    return dg.op(
        name=name,
        out=dg.Out(dg.Nothing),
        config_schema=config.to_fields_dict(),
        required_resource_keys={store_key},
        description=description,
    )


def _with_defaults(config: type[C], model: str | None, alias: str) -> type[C]:
    """The configuration with the model and alias that the launchpad shows; without a model, one must be named."""
    return _defaulting(config, alias=alias, **({} if model is None else {"model": model}))


def _defaulting(config: type[C], **defaults: object) -> type[C]:
    fields: Mapping[str, Any] = config.model_fields
    anew: dict[str, Any] = {
        field: (type(default), Field(default=default, description=fields[field].description))
        for field, default in defaults.items()
    }
    made: type[C] = create_model(config.__name__, __base__=config, **anew)
    return made
