"""modelstore, the library by operatorai."""

import os
from pathlib import Path

import modelstore
from benchmarks.subjects.protocol import Place, Subject

__all__ = ["objects"]


class _Objects(Subject):
    def __init__(self, place: Place) -> None:
        modelstore.utils.log.logger.setLevel("ERROR")
        self._ids = Path(place.folder) / "ids"
        self._ids.mkdir(exist_ok=True)
        if place.bucket:
            self._store = modelstore.ModelStore.from_aws_s3(place.bucket, region=os.environ["AWS_REGION"])
        else:
            self._store = modelstore.ModelStore.from_file_system(root_directory=str(place.folder))

    def save(self, model: object, name: str) -> object:
        saved = self._store.upload(name, model=model)
        # `load` wants an id; noting it here spares it the listing that would find the newest.
        return (self._ids / name).write_text(saved["model"]["model_id"], encoding="utf-8")

    def load(self, name: str) -> object:
        return self._store.load(name, (self._ids / name).read_text(encoding="utf-8"))


def objects(place: Place) -> Subject:
    """Objects, uploaded and loaded by id."""
    return _Objects(place)
