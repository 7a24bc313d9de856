"""The floor: joblib, a copy, and the raw clients of S3, with nothing of a registry about them."""

import hashlib
import os
import shutil
from pathlib import Path

from benchmarks.subjects.protocol import Place, Subject

__all__ = ["boto3_joblib", "cp", "joblib_hashed", "joblib_plain", "obstore_raw"]


class _Joblib(Subject):
    def __init__(self, place: Place, *, hashed: bool) -> None:
        import joblib

        self._joblib = joblib
        self._folder = place.folder
        self._hashed = hashed

    def save(self, model: object, name: str) -> object:
        path = self._folder / name
        self._joblib.dump(model, path)
        return _sha256(path) if self._hashed else path

    def load(self, name: str) -> object:
        path = self._folder / name
        if self._hashed:
            _sha256(path)
        return self._joblib.load(path)


class _Boto3(Subject):
    def __init__(self, place: Place) -> None:
        import boto3

        self._joblib = _Joblib(place, hashed=False)
        self._place = place
        self._client = boto3.client("s3", endpoint_url=place.endpoint)

    def save(self, model: object, name: str) -> object:
        self._joblib.save(model, name)
        self._client.upload_file(str(self._place.folder / name), self._place.bucket, name)
        return name

    def load(self, name: str) -> object:
        self._client.download_file(self._place.bucket, name, str(self._place.folder / name))
        return self._joblib.load(name)


class _Cp(Subject):
    def __init__(self, place: Place) -> None:
        self._folder = place.folder

    def save(self, model: object, name: str) -> object:
        return shutil.copyfile(_path(model), self._folder / name)

    def load(self, name: str) -> object:
        return shutil.copyfile(self._folder / name, self._folder / f"{name}.copy")


class _Obstore(Subject):
    def __init__(self, place: Place) -> None:
        import obstore

        self._obstore = obstore
        self._folder = place.folder
        self._store = obstore.store.S3Store(
            place.bucket,
            endpoint=place.endpoint,
            region=os.environ["AWS_REGION"],
            client_options={"allow_http": True, "timeout": "10m"},
        )

    def save(self, model: object, name: str) -> object:
        return self._obstore.put(self._store, name, _path(model))

    def load(self, name: str) -> object:
        target = self._folder / f"{name}.copy"
        with target.open("wb") as file:
            for piece in self._obstore.get(self._store, name).stream(min_chunk_size=8 << 20):
                file.write(piece)
        return target


def joblib_plain(place: Place) -> Subject:
    """What everybody knows."""
    return _Joblib(place, hashed=False)


def joblib_hashed(place: Place) -> Subject:
    """What the budgets are in units of: the dump, and one reading of it to know its hash."""
    return _Joblib(place, hashed=True)


def boto3_joblib(place: Place) -> Subject:
    """What people write themselves."""
    return _Boto3(place)


def cp(place: Place) -> Subject:
    """A copy of a file, neither hashed nor synced."""
    return _Cp(place)


def obstore_raw(place: Place) -> Subject:
    """The client that our S3 storage stands on, used as its own documentation does."""
    return _Obstore(place)


def _path(model: object) -> Path:
    assert isinstance(model, Path), "for files only"
    return model


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
