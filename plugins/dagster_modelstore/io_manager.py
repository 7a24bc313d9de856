"""`ModelStoreIOManager`: what assets return is saved as a version, and what they take is loaded from one."""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import ConfigDict

from dagster_modelstore.loading import load_input
from dagster_modelstore.resource import ModelStoreResource, fields_of, rebuilt
from dagster_modelstore.saving import save_output
from modelstore_core import log_progress

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["ModelStoreIOManager"]


class ModelStoreIOManager(dg.ConfigurableIOManager):
    """Saves each materialization as one live version of the asset's model, and loads versions as inputs.

    Saving is idempotent per run, output and partition: however often a step is retried, and wherever it crashed, one
    version is live in the end. Numbers among the output's metadata become the version's metrics, its digest becomes
    the asset's data version, and a card stands on the materialization.

    An input gets the version that it names (`AssetIn(metadata={"modelstore/alias": "champion"})`, or
    `modelstore/version`), else the version that the run which made it made (also when that run is the parent of a
    re-execution), else the newest. Its annotation says in which shape: `ModelVersion` (the record, no bytes),
    `pathlib.Path` (the folder), anything else the model itself.
    """

    model_config = ConfigDict(extra="forbid")

    store: dg.ResourceDependency[ModelStoreResource]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Save the object as a version of its model; of None, nothing is saved, with a warning."""
        save_output(self._store(context), context, obj)

    def load_input(self, context: dg.InputContext) -> object:
        """Load the version that the input means, in the shape that its annotation asks for."""
        return load_input(self._store(context), context)

    def _store(self, context: dg.InputContext | dg.OutputContext) -> "ModelStore":
        """The store; of what takes long, the run's log has a line from time to time."""
        return self.store.get_store(progress=log_progress(context.log.info))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuilt, (type(self), fields_of(self))
