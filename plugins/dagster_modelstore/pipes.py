"""Saving from a process that Dagster has started by its Pipes: there, `dagster_pipes` is all of Dagster that is needed.

The version is keyed as an IO manager would key it. So a step that is tried again has one live version in the end, and
what depends on the asset loads the version that its own run has made.
"""

import re
from typing import TYPE_CHECKING, Any

from dagster_modelstore.markdown import markdown_card
from dagster_modelstore.naming import model_name, work_key
from modelstore_core import ModelStore, ModelVersion

if TYPE_CHECKING:
    from dagster_pipes import PipesContext

__all__ = ["save_from_pipes"]

_BETWEEN_PARTS = re.compile(r"(?<!\\)/")


def save_from_pipes(
    pipes: "PipesContext",
    store: ModelStore,
    model: object,
    name: str | None = None,
    *,
    asset_key: str | None = None,
    **options: Any,
) -> ModelVersion:
    """Save the model as a version, and report it as the asset's materialization: numbers, card, digest.

    Args:
        pipes: What `open_dagster_pipes` gave.
        store: Where to.
        model: What `ModelStore.save` takes: an object, or the `pathlib.Path` of a file or folder.
        name: The model's name, if the asset has the metadata `modelstore/name`; else it is made from the asset's key.
        asset_key: Which asset, as Pipes writes its key (`a/b`), if the step has several.
        options: As `ModelStore.save` takes them: `metrics`, `params`, `tags`, `aliases`, `input_example` and so on.

    Raises:
        ModelStoreError: The store cannot save it; nothing is published and nothing reported then.
    """
    at = asset_key if asset_key is not None else pipes.asset_key
    path = [part.replace("\\/", "/") for part in _BETWEEN_PARTS.split(at)]
    partition = pipes.partition_key if pipes.is_partition_step else None
    of_asset = model_name(path)
    lineage = {
        "platform": "dagster",
        "run_id": pipes.run_id,
        "job": pipes.job_name,
        "asset": path,
        "partition": partition,
        "code_version": pipes.code_version_by_asset_key.get(at),
        **(options.pop("lineage", None) or {}),
    }
    tags = {**({} if partition is None else {"dagster/partition": partition}), **(options.pop("tags", None) or {})}
    version = store.save(
        model,
        name or of_asset,
        key=work_key(pipes.run_id, "asset", of_asset, *([] if partition is None else [partition])),
        attempt=pipes.retry_number,
        lineage={key: value for key, value in lineage.items() if value is not None},
        tags=tags,
        **options,
    )
    pipes.report_asset_materialization(metadata=_metadata(version), data_version=version.digest, asset_key=at)
    return version


def _metadata(version: ModelVersion) -> dict[str, Any]:
    """What an IO manager puts on a materialization, as Pipes write it."""
    return {
        **version.metrics,
        "modelstore/card": {"raw_value": markdown_card(version), "type": "md"},
        "modelstore/ref": {"raw_value": version.ref, "type": "text"},
        "modelstore/version": {"raw_value": version.number, "type": "int"},
        "modelstore/size": {"raw_value": version.size, "type": "int"},
        "modelstore/digest": {"raw_value": version.digest, "type": "text"},
        "modelstore/url": {"raw_value": version.url, "type": "text"},
    }
