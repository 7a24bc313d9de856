"""Versioned models for Dagster, in a folder or a bucket, with no server.

The front door: each name is imported when it is first asked for, so that a step's process, which pays for every import
anew, does not wait for what builds jobs, and a training process that reports by Dagster Pipes needs no Dagster.
"""

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from modelstore_core import __version__

if TYPE_CHECKING:
    from dagster_modelstore.aliases import alias_asset, model_asset, observable_alias_asset
    from dagster_modelstore.gates import model_gate
    from dagster_modelstore.io_manager import ModelStoreIOManager
    from dagster_modelstore.jobs import (
        CollectConfig,
        PromoteConfig,
        RollbackConfig,
        build_collect_job,
        build_promote_job,
        build_retrain_job,
        build_rollback_job,
    )
    from dagster_modelstore.metadata import model_metadata
    from dagster_modelstore.naming import asset_path, model_name
    from dagster_modelstore.partitions import partition_alias
    from dagster_modelstore.pipes import save_from_pipes
    from dagster_modelstore.promoting import build_promotion_asset
    from dagster_modelstore.promotion import GateConfig
    from dagster_modelstore.resource import ModelStoreResource
    from dagster_modelstore.sensor import build_modelstore_sensor

_HOMES = {
    "aliases": ("alias_asset", "model_asset", "observable_alias_asset"),
    "gates": ("model_gate",),
    "io_manager": ("ModelStoreIOManager",),
    "jobs": (
        "CollectConfig",
        "PromoteConfig",
        "RollbackConfig",
        "build_collect_job",
        "build_promote_job",
        "build_retrain_job",
        "build_rollback_job",
    ),
    "metadata": ("model_metadata",),
    "naming": ("asset_path", "model_name"),
    "partitions": ("partition_alias",),
    "pipes": ("save_from_pipes",),
    "promoting": ("build_promotion_asset",),
    "promotion": ("GateConfig",),
    "resource": ("ModelStoreResource",),
    "sensor": ("build_modelstore_sensor",),
}
_HOME = {name: f"dagster_modelstore.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    "CollectConfig",
    "GateConfig",
    "ModelStoreIOManager",
    "ModelStoreResource",
    "PromoteConfig",
    "RollbackConfig",
    "__version__",
    "alias_asset",
    "asset_path",
    "build_collect_job",
    "build_modelstore_sensor",
    "build_promote_job",
    "build_promotion_asset",
    "build_retrain_job",
    "build_rollback_job",
    "model_asset",
    "model_gate",
    "model_metadata",
    "model_name",
    "observable_alias_asset",
    "partition_alias",
    "save_from_pipes",
]

with suppress(ImportError):  # without Dagster, its Pipes are all that is used
    from dagster_shared.libraries import DagsterLibraryRegistry

    DagsterLibraryRegistry.register("dagster-modelstore", __version__, is_dagster_package=False)


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
