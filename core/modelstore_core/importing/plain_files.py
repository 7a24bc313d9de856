"""A folder of model files: `risk.churn/2024-01-01.joblib`, `model.pkl`, and MLflow's folders among them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from modelstore_core.formats.foreign import MODEL_SUFFIXES
from modelstore_core.importing.naming import import_key, names_for
from modelstore_core.importing.places import Place, PlacedFiles
from modelstore_core.importing.plan import Parcel, Plan, PlannedModel, Wanted
from modelstore_core.model.imported import NotKept
from modelstore_core.storage.protocol import ObjectInfo

__all__ = ["plan_files"]

_MLMODEL = "MLmodel"
_NAMED = 5
_TEXTS = (".txt", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One version: a file, or a folder of MLflow's."""

    key: str
    modified: float

    @property
    def model(self) -> str:
        """The folders above it, or for what lies at the top its own name without its ending."""
        above = PurePosixPath(self.key).parent.as_posix()
        return PurePosixPath(self.key).stem if above == "." else above


def plan_files(place: Place, prefix: str, only: str | None = None) -> Plan:
    """Each file with a known ending as one version, in the order of modification; models are named by their folders.

    Args:
        place: The folder.
        prefix: What the names of all models begin with.
        only: The one file that is meant, if the source is a file.

    Raises:
        InvalidInput: Two models would get one name.
    """
    infos = sorted(place.list(""), key=lambda info: info.key)
    if only is not None:
        infos = [info for info in infos if info.key == only]
    found, others = _sorted_out(place, infos)
    names = names_for(dict.fromkeys(one.model for one in found), prefix)
    models = [
        PlannedModel(
            origin=model, name=name, versions=tuple(_wanted(place, one) for one in found if one.model == model)
        )
        for model, name in names.items()
    ]
    return Plan(source=place.url, kind="files", models=tuple(models), not_kept=tuple(_remarks(others)))


def _sorted_out(place: Place, infos: list[ObjectInfo]) -> tuple[list[_Found], list[str]]:
    folders = {info.key.rpartition("/")[0] for info in infos if info.key.endswith(f"/{_MLMODEL}")}
    found: dict[str, _Found] = {}
    others: list[str] = []
    for info in infos:
        folder = next((str(one) for one in reversed(PurePosixPath(info.key).parents) if str(one) in folders), None)
        key = folder or info.key
        if folder is None and not _is_model(place, info):
            others.append(info.key)
            continue
        modified = max(_modified(place, info), found[key].modified if key in found else 0.0)
        found[key] = _Found(key=key, modified=modified)
    return sorted(found.values(), key=lambda one: (one.modified, one.key)), others


def _is_model(place: Place, info: ObjectInfo) -> bool:
    """Whether the ending is a model's; of endings that are those of notes as well, only if the beginning is too."""
    suffix = PurePosixPath(info.key).suffix.lower()
    judge = MODEL_SUFFIXES.get(suffix)
    if judge is None or suffix not in _TEXTS:
        return judge is not None
    local = place.storage.local_path(info.key)
    try:
        return local is None or judge(local) is not None
    except OSError:
        return False


def _modified(place: Place, info: ObjectInfo) -> float:
    # a storage of this machine tells when a file was last touched in any way, which a copy or a chmod changes
    local = place.storage.local_path(info.key)
    try:
        return info.modified if local is None else local.stat().st_mtime
    except OSError:
        return info.modified


def _wanted(place: Place, one: _Found) -> Wanted:
    when = datetime.fromtimestamp(one.modified, UTC).isoformat(timespec="microseconds")
    parcel: Parcel | str = PlacedFiles(place=place, key=one.key)
    try:
        identity = _identity(place, one)
    except OSError as error:
        identity, parcel = "", f"it cannot be read: {error.strerror}"
    return Wanted(
        origin=one.key,
        key=import_key("files", one.key, identity),
        parcel=parcel,
        lineage={"imported_from": "files", "origin": one.key, "origin_modified_at": when},
    )


def _identity(place: Place, one: _Found) -> str:
    """What the version is: its bytes; for files in a bucket, which would have to be fetched, their etags."""
    digest = hashlib.sha256()
    folder = place.kind(one.key) == "folder"
    keys = [info for info in place.list(f"{one.key}/" if folder else _above(one.key)) if folder or info.key == one.key]
    for info in sorted(keys, key=lambda info: info.key):
        local = place.storage.local_path(info.key)
        digest.update(info.key.encode() + b"\0")
        if local is None:
            digest.update(info.etag.encode())
        else:
            with local.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _above(key: str) -> str:
    above, slash, _ = key.rpartition("/")
    return above + slash


def _remarks(others: list[str]) -> Iterator[NotKept]:
    if others:
        shown = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
        yield NotKept(origin="", what=f"{len(others)} files", why=f"they are no model files by their endings: {shown}")
