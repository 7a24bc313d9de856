"""Versioned models for Dagster, in a folder or a bucket, with no server."""

from dagster_shared.libraries import DagsterLibraryRegistry

from dagster_modelstore.io_manager import ModelStoreIOManager as ModelStoreIOManager
from dagster_modelstore.jobs import PromoteConfig as PromoteConfig
from dagster_modelstore.jobs import build_promote_job as build_promote_job
from dagster_modelstore.jobs import build_promotion_asset as build_promotion_asset
from dagster_modelstore.jobs import build_retrain_job as build_retrain_job
from dagster_modelstore.metadata import model_metadata as model_metadata
from dagster_modelstore.naming import asset_path as asset_path
from dagster_modelstore.naming import model_name as model_name
from dagster_modelstore.partitions import partition_alias as partition_alias
from dagster_modelstore.promotion import GateConfig as GateConfig
from dagster_modelstore.resource import ModelStoreResource as ModelStoreResource
from modelstore_core import __version__ as __version__

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
