"""Versioned models for Dagster, in a folder or a bucket, with no server.

The front door: each name is imported when it is first asked for, so that a step's process, which pays for every import
anew, does not wait for what builds jobs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dagster_shared.libraries import DagsterLibraryRegistry

from modelstore_core import __version__

if TYPE_CHECKING:
    from dagster_modelstore.io_manager import ModelStoreIOManager
    from dagster_modelstore.jobs import PromoteConfig, build_promote_job, build_promotion_asset, build_retrain_job
    from dagster_modelstore.metadata import model_metadata
    from dagster_modelstore.naming import asset_path, model_name
    from dagster_modelstore.partitions import partition_alias
    from dagster_modelstore.promotion import GateConfig
    from dagster_modelstore.resource import ModelStoreResource

_HOMES = {
    "io_manager": ("ModelStoreIOManager",),
    "jobs": ("PromoteConfig", "build_promote_job", "build_promotion_asset", "build_retrain_job"),
    "metadata": ("model_metadata",),
    "naming": ("asset_path", "model_name"),
    "partitions": ("partition_alias",),
    "promotion": ("GateConfig",),
    "resource": ("ModelStoreResource",),
}
_HOME = {name: f"dagster_modelstore.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    "GateConfig",
    "ModelStoreIOManager",
    "ModelStoreResource",
    "PromoteConfig",
    "__version__",
    "asset_path",
    "build_promote_job",
    "build_promotion_asset",
    "build_retrain_job",
    "model_metadata",
    "model_name",
    "partition_alias",
]

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
