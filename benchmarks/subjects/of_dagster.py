"""Dagster's own IO managers, called as a step calls them, without the step around it."""

import os

import dagster
from benchmarks.subjects.protocol import Place, Subject

__all__ = ["Managed", "pickles"]


class Managed(Subject):
    """Any IO manager."""

    def __init__(self, manager: dagster.IOManager) -> None:
        self._manager = manager
        self._outputs: dict[str, list[dagster.OutputContext]] = {}
        self._inputs: dict[str, list[dagster.InputContext]] = {}

    def prepare(self, name: str, times: int) -> None:
        """Make the contexts."""
        # A context is good for one call, and costs 100 ms outside of a step, which has its own.
        key = dagster.AssetKey([name])
        outputs = self._outputs[name] = [dagster.build_output_context(asset_key=key) for _ in range(times)]
        self._inputs[name] = [dagster.build_input_context(asset_key=key, upstream_output=output) for output in outputs]

    def save(self, model: object, name: str) -> object:
        """As a step's output."""
        return self._manager.handle_output(self._outputs[name].pop(), model)

    def load(self, name: str) -> object:
        """As a step's input."""
        return self._manager.load_input(self._inputs[name].pop())


def _manager(place: Place) -> dagster.IOManager:
    if not place.bucket:
        local = dagster.FilesystemIOManager(base_dir=str(place.folder))
        return local.create_io_manager(dagster.build_init_resource_context())
    from dagster_aws.s3 import S3PickleIOManager, S3Resource

    s3 = S3Resource(endpoint_url=place.endpoint, region_name=os.environ["AWS_REGION"])
    manager = S3PickleIOManager(s3_resource=s3, s3_bucket=place.bucket)
    found: dagster.IOManager = manager.create_io_manager(dagster.build_init_resource_context())
    return found


def pickles(place: Place) -> Subject:
    """`FilesystemIOManager` for a folder, `S3PickleIOManager` for a bucket."""
    return Managed(_manager(place))
