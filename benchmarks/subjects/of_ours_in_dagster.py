"""Our IO manager for Dagster, called as a step calls it, without the step around it."""

from benchmarks.subjects.of_dagster import Managed
from benchmarks.subjects.protocol import Place, Subject

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource

__all__ = ["models"]


def models(place: Place) -> Subject:
    """Versions in the place's bucket, or else its folder."""
    if not place.bucket:
        return Managed(ModelStoreIOManager(store=ModelStoreResource(url=str(place.folder / "models"))))
    resource = ModelStoreResource(url=f"s3://{place.bucket}/models", endpoint=place.endpoint)
    return Managed(ModelStoreIOManager(store=resource))
