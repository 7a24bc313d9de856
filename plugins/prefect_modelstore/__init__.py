"""Model versioning for Prefect flows, in a folder or a bucket and with no server.

The front door: each name is imported when it is first asked for, so that a flow which only saves does not wait for
what serves forms.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from modelstore_core import __version__

if TYPE_CHECKING:
    from prefect_modelstore.approving import approve_and_promote
    from prefect_modelstore.assets import model_asset
    from prefect_modelstore.blocks import ModelStoreBlock, ModelStoreCursor, StoreLike
    from prefect_modelstore.bridging import bridge
    from prefect_modelstore.credentials import ModelStoreCredentials
    from prefect_modelstore.flows import retrain_and_promote
    from prefect_modelstore.moving import collect, promote, rollback
    from prefect_modelstore.saving import saves_model
    from prefect_modelstore.serializer import ModelSerializer
    from prefect_modelstore.tasks import (
        load_model,
        load_model_async,
        promote_model,
        promote_model_async,
        save_model,
        save_model_async,
    )
    from prefect_modelstore.trained import Draft, Trained
    from prefect_modelstore.triggers import on_alias_moved, on_new_version
    from prefect_modelstore.verbs import (
        annotate_version,
        annotate_version_async,
        find_versions,
        find_versions_async,
        get_version,
        get_version_async,
        rollback_model,
        rollback_model_async,
    )
    from prefect_modelstore.versioning import version_model

_HOMES = {
    "approving": ("approve_and_promote",),
    "assets": ("model_asset",),
    "bridging": ("bridge",),
    "moving": ("collect", "promote", "rollback"),
    "triggers": ("on_alias_moved", "on_new_version"),
    "blocks": ("ModelStoreBlock", "ModelStoreCursor", "StoreLike"),
    "credentials": ("ModelStoreCredentials",),
    "flows": ("retrain_and_promote",),
    "saving": ("saves_model",),
    "serializer": ("ModelSerializer",),
    "tasks": (
        "load_model",
        "load_model_async",
        "promote_model",
        "promote_model_async",
        "save_model",
        "save_model_async",
    ),
    "trained": ("Draft", "Trained"),
    "verbs": (
        "annotate_version",
        "annotate_version_async",
        "find_versions",
        "find_versions_async",
        "get_version",
        "get_version_async",
        "rollback_model",
        "rollback_model_async",
    ),
    "versioning": ("version_model",),
}
_HOME = {name: f"prefect_modelstore.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    "Draft",
    "ModelSerializer",
    "ModelStoreBlock",
    "ModelStoreCredentials",
    "ModelStoreCursor",
    "StoreLike",
    "Trained",
    "__version__",
    "annotate_version",
    "annotate_version_async",
    "approve_and_promote",
    "bridge",
    "collect",
    "find_versions",
    "find_versions_async",
    "get_version",
    "get_version_async",
    "load_model",
    "load_model_async",
    "model_asset",
    "on_alias_moved",
    "on_new_version",
    "promote",
    "promote_model",
    "promote_model_async",
    "retrain_and_promote",
    "rollback",
    "rollback_model",
    "rollback_model_async",
    "save_model",
    "save_model_async",
    "saves_model",
    "version_model",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
