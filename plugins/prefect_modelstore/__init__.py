"""Model versioning for Prefect flows, in a folder or a bucket and with no server."""

from modelstore_core import __version__
from prefect_modelstore.blocks import ModelStoreBlock, StoreLike
from prefect_modelstore.flows import Trained, retrain_and_promote
from prefect_modelstore.tasks import (
    load_model,
    load_model_async,
    promote_model,
    promote_model_async,
    save_model,
    save_model_async,
)

__all__ = [
    "ModelStoreBlock",
    "StoreLike",
    "Trained",
    "__version__",
    "load_model",
    "load_model_async",
    "promote_model",
    "promote_model_async",
    "retrain_and_promote",
    "save_model",
    "save_model_async",
]
