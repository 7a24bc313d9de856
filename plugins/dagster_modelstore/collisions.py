"""Two assets that would be kept as one model: refused before anything is saved."""

import dagster as dg

from dagster_modelstore.lineage import Origin, known
from dagster_modelstore.naming import model_name
from dagster_modelstore.options import name_option
from modelstore_core import InvalidInput

__all__ = ["refuse_shared_names"]


def refuse_shared_names(context: dg.OutputContext, origin: Origin) -> None:
    """Fail if another asset of the job is kept under the same name by the same IO manager.

    Names made from asset keys never meet, so it takes a `modelstore/name` to get there. An asset that stands for an
    alias shares its model's name on purpose.

    Raises:
        InvalidInput: It is so.
    """
    others = [key for key in _kept_as(context, origin.template) if tuple(key.path) != origin.asset]
    if origin.asset is not None and others:
        both = sorted([key.to_user_string() for key in others] + [dg.AssetKey(origin.asset).to_user_string()])
        raise InvalidInput(
            f"The assets {', '.join(map(repr, both))} are all kept as the model {origin.template!r}.",
            value=both,
            fix="Give each another 'modelstore/name', or none.",
        )


def _kept_as(context: dg.OutputContext, name: str) -> list[dg.AssetKey]:
    """The assets of the job that are kept under this name; semi-internal to Dagster, and none where it is unknown."""
    job = getattr(known(lambda: context.step_context), "job_def", None)
    graph = getattr(getattr(job, "asset_layer", None), "asset_graph", None)
    if graph is None or not context.has_asset_key:
        return []
    manager = graph.get(context.asset_key).io_manager_key
    return [
        node.key
        for node in map(graph.get, graph.get_all_asset_keys())
        if node.io_manager_key == manager
        and "modelstore/alias" not in node.metadata
        and (name_option(node.metadata) or model_name(node.key.path)) == name
    ]
