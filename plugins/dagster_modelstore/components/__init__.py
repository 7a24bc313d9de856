"""Components: a store, and a model with its training, gates, alias and schedule, as YAML; `dg` finds them."""

from dagster_modelstore.components.registered_model import RegisteredModelComponent as RegisteredModelComponent
from dagster_modelstore.components.store import ModelStoreResourceComponent as ModelStoreResourceComponent

__all__ = ["ModelStoreResourceComponent", "RegisteredModelComponent"]
