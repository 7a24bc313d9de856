"""Models as Prefect's assets: what `@materialize` makes, and what its events say of the version.

Prefect's open-source server keeps these events, and their lineage, and has no page for assets.
"""

from collections.abc import Sequence
from urllib.parse import quote

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext

from modelstore_core import ModelVersion

__all__ = ["describe_asset", "model_asset"]


def model_asset(
    name: str, *, description: str | None = None, url: str | None = None, owners: Sequence[str] | None = None
) -> Asset:
    """The asset that stands for a model, for `@materialize` and `asset_deps`.

    Under `@saves_model`, `@materialize(model_asset("risk.churn"))` says in its event which version it has made.

    Args:
        name: The model's name, such as `risk.churn`.
        description: What it is.
        url: A page about it.
        owners: Whose it is.
    """
    said = {"name": name, "description": description, "url": url, "owners": None if owners is None else list(owners)}
    given = {field: value for field, value in said.items() if value is not None}
    return Asset(key=_key(name), properties=AssetProperties.model_validate(given))


def describe_asset(version: ModelVersion) -> None:
    """If the task that runs here materializes the version's model, let its event say which version it is."""
    context = AssetContext.get()
    key = _key(version.name)
    if context is None or key not in {asset.key for asset in context.downstream_assets}:
        return
    context.add_asset_metadata(
        key,
        {
            "version": version.ref,
            "number": version.number,
            "digest": version.digest,
            "size": version.size,
            "metrics": dict(version.metrics),
            "url": version.url,
        },
    )


def _key(name: str) -> str:
    # A key may have no `%`.
    return f"modelstore://{quote(name, safe='').replace('~', '~7E').replace('%', '~')}"
