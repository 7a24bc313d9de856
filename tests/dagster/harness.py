"""A real Dagster instance and a real store, and the few things that most tests do with them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource
from modelstore_core import ModelStore, ModelStoreError


@dataclass(frozen=True, kw_only=True)
class Platform:
    """An instance, and the store that its assets are kept in."""

    url: str
    instance: dg.DagsterInstance

    @property
    def store(self) -> ModelStore:
        return ModelStore(self.url, trust="full")

    @property
    def resources(self) -> dict[str, Any]:
        resource = ModelStoreResource(url=self.url)
        return {"modelstore": resource, "io_manager": ModelStoreIOManager(store=resource)}

    def run(self, *assets: Any, **options: Any) -> dg.ExecuteInProcessResult:
        resources = {**self.resources, **options.pop("resources", {})}
        return dg.materialize(list(assets), instance=self.instance, resources=resources, **options)

    def job(self, job: dg.JobDefinition, config: Mapping[str, Any], **options: Any) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            run_config=dict(config), instance=self.instance, resources=self.resources, **options
        )

    def numbers(self, name: str) -> list[int]:
        """The numbers of the live versions, oldest first."""
        return sorted(version.number for version in self.store.versions(name))


def metadata_of(result: dg.ExecuteInProcessResult, key: str | Sequence[str]) -> dict[str, Any]:
    """The metadata on the one materialization of the asset."""
    (event,) = result.asset_materializations_for_node("__".join([key] if isinstance(key, str) else key))
    return {name: value.value for name, value in event.metadata.items()}


@contextmanager
def refused(error: type[ModelStoreError], says: str) -> Iterator[None]:
    """The run fails as Dagster shows it, for this reason, and no retry policy would try it again."""
    with pytest.raises(dg.Failure, match=says) as failure:
        yield
    assert isinstance(failure.value.__cause__, error)
    assert not failure.value.allow_retries
