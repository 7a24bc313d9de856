"""`ModelSerializer`: results that are models go to the store, and Prefect keeps where they are.

Prefect's own serializers pickle a result in memory, and encode the pickle as text in a JSON document: several times the
model. This one saves the model as any save does, file by file, and what Prefect writes is a line.
"""

import json
from typing import Any

from prefect.serializers import Serializer
from pydantic import Field

from modelstore_core import Corrupt
from prefect_modelstore.blocks import open_store
from prefect_modelstore.lineage import origin, result_place, work_at

__all__ = ["ModelSerializer"]


class ModelSerializer(Serializer):
    """For tasks that return their model: `@task(persist_result=True, result_serializer=ModelSerializer(name="churn"))`.

    Each result is a version of the model; a retry of the task or of its flow run finds or supersedes it, as a save
    does. Who reads the result loads that version, checked, by their own store's policy of trust.

    Prefect does not fail a run whose result cannot be written, it warns: where the version must be there, let the task
    save it (`save_model`, `saves_model`).
    """

    type: str = Field(default="modelstore", frozen=True)
    name: str = Field(description="The model's name.")
    store: str | None = Field(
        default=None, description="A URL, a path or `model-store/NAME`; MODELSTORE_URL, of who reads too, if left out."
    )

    def dumps(self, obj: Any) -> bytes:
        """Save the model, and say where it is."""
        work = work_at(result_place(self.name), "save", self.name)
        version = open_store(self.store).save(obj, self.name, key=work.key, attempt=work.attempt, lineage=origin(None))
        return json.dumps({"reference": version.ref, "digest": version.digest}).encode()

    def loads(self, blob: bytes) -> Any:
        """Load the model.

        Raises:
            Corrupt: The version of that number is another model: not the store that the result was saved to.
            ModelStoreError: As for `load`.
        """
        said, store = json.loads(blob), open_store(self.store)
        found = store.get(said["reference"])
        if found.digest != said["digest"]:
            raise Corrupt(
                f"{found.ref} of {store.url!r} is not the result that was saved.",
                value=found.digest,
                fix="Read the result with the store that it was saved to.",
            )
        return store.load(found.ref)
