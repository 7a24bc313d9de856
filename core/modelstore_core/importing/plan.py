"""What is to be imported: models, their versions in order, and how to get at the files of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from modelstore_core.model.imported import ImportKind, NotKept
from modelstore_core.model.json import JsonObject

__all__ = ["LeftOut", "Parcel", "Plan", "PlannedModel", "Taken", "Wanted"]


class LeftOut(Exception):
    """One version of the source cannot be had; the others can. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The files of one version, on this machine.

    Attributes:
        path: The model's file or folder.
        extra_files: What belongs to it besides, by name.
    """

    path: Path
    extra_files: Mapping[str, Path] = field(default_factory=dict)


class Parcel(Protocol):
    """The files of one version, wherever the source keeps them."""

    def taken(self, scratch: Path) -> Taken:
        """The files, checked; what has to be fetched or unpacked for it goes to the empty folder `scratch`.

        Raises:
            LeftOut: They are not there, or are not what can be kept.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One version of the source.

    Attributes:
        origin: What the source calls it.
        key: What it is for good: the same version of the same source has it again, wherever the source lies by then.
        parcel: Its files; or, as a text, why there are none.
        deleted: Whether the source has deleted it.
        metrics, params, tags, description, lineage: What is said of it.
    """

    origin: str
    key: str
    parcel: Parcel | str
    deleted: bool = False
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    params: JsonObject = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    lineage: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """One model of the source.

    Attributes:
        origin: What the source calls it.
        name: What it is called here.
        versions: In the order in which they were made.
        aliases: Alias → the key of the version that it points to.
        description, tags: What is said of the model as a whole.
    """

    origin: str
    name: str
    versions: tuple[Wanted, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a source has."""

    source: str
    kind: ImportKind
    models: tuple[PlannedModel, ...]
    not_kept: tuple[NotKept, ...] = ()
