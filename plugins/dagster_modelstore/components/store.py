"""`ModelStoreResourceComponent`: where the models are, for all that is defined beside it."""

from typing import Any

import dagster as dg
from pydantic import Field

from dagster_modelstore.io_manager import ModelStoreIOManager
from dagster_modelstore.resource import ModelStoreResource

__all__ = ["ModelStoreResourceComponent"]

_URL = "{{ env.MODELSTORE_URL }}"


class StoreScaffolder(dg.Scaffolder):
    """Writes a `defs.yaml` that takes the URL from the environment."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write it."""
        dg.scaffold_component(request, {"url": _URL})


@dg.scaffold_with(StoreScaffolder)
class ModelStoreResourceComponent(dg.Component, dg.Resolvable, dg.Model):
    """A `ModelStoreResource`, and the `ModelStoreIOManager` that keeps models in it."""

    url: str = Field(
        description="Where the models are: a folder, `s3://bucket/prefix`, `az://…` or `gs://…`.",
        examples=[_URL],
    )
    resource_key: str = Field(default="modelstore", description="The resource's key.")
    io_manager_key: str = Field(default="models", description="The IO manager's key.")
    options: dict[str, Any] = Field(
        default={}, description="Other fields of `ModelStoreResource`, such as `region`, `trust` or `cache`."
    )
    webserver: str | None = Field(default=None, description="The address of Dagster's web server.")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 -- of Dagster's protocol
        """The two resources."""
        store = ModelStoreResource(url=self.url, **self.options)
        manager = ModelStoreIOManager(store=store, webserver=self.webserver)
        return dg.Definitions(resources={self.resource_key: store, self.io_manager_key: manager})
