"""`ModelStoreIOManager`: what assets return is saved as a version, and what they take is loaded from one."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import ConfigDict, Field

from dagster_modelstore.engines import refuse_what_dask_leaves_out, warn_of_other_machines
from dagster_modelstore.failures import shown
from dagster_modelstore.loading import load_input
from dagster_modelstore.resource import ModelStoreResource, fields_of, rebuilt, resolved
from dagster_modelstore.saving import save_output
from modelstore_core import NotFound, log_progress

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["ModelStoreIOManager"]


class ModelStoreIOManager(dg.ConfigurableIOManager):
    """Saves each materialization as one live version of the asset's model, and loads versions as inputs.

    Saving is idempotent per run, output and partition: however often a step is retried, and wherever it crashed, one
    version is live in the end. Numbers among the output's metadata become the version's metrics, its digest becomes
    the asset's data version, and a card stands on the materialization.

    An input gets the version that it asks for (by `modelstore/alias`, `modelstore/version` or `modelstore/where` in
    the metadata of its `AssetIn`), else the version that the run which made it made (also when that run is the parent
    of a re-execution), else the newest, of its partition if it has one. Its annotation says in which shape:
    `ModelVersion` (the record, no bytes), `pathlib.Path` (the folder), anything else the model itself.
    """

    model_config = ConfigDict(extra="forbid")

    store: dg.ResourceDependency[ModelStoreResource]
    webserver: str | None = Field(
        default=None,
        description="The address of Dagster's web server, such as https://dagster.example.com: then records say where "
        "their run can be looked at.",
    )
    shared_folder: bool = Field(
        default=False, description="The store's folder is one that all machines mount: do not warn of it."
    )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuse what the executor would leave out."""
        refuse_what_dask_leaves_out(context)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Save the object as a version of its model; of None, nothing is saved, with a warning.

        Raises:
            Failure: The store refused it, and why; outside of a step, the store's own error. Nothing was published.
        """
        with shown(context):
            store = self._store(context)
            self._warn(store, context)
            save_output(store, context, obj, webserver=resolved(self.webserver, "webserver"))

    def load_input(self, context: dg.InputContext) -> object:
        """Load the version that the input means, in the shape that its annotation asks for.

        Raises:
            Failure: There is no such version, or it must not be loaded, and why; outside of a step, the store's own
                error.
        """
        with shown(context):
            store = self._store(context)
            try:
                return load_input(store, context)
            except NotFound:
                self._warn(store, context)
                raise

    def _warn(self, store: "ModelStore", context: dg.InputContext | dg.OutputContext) -> None:
        if not self.shared_folder:
            warn_of_other_machines(store, context)

    def _store(self, context: dg.InputContext | dg.OutputContext) -> "ModelStore":
        """The store; of what takes long, the run's log has a line from time to time."""
        return self.store.get_store(progress=log_progress(context.log.info))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuilt, (type(self), fields_of(self))
