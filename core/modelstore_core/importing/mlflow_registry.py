"""What a registry of MLflow knows, whether it keeps it in YAML files or in SQLite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["LoggedModel", "Registered", "RegisteredVersion", "Registry", "Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """One version of a registered model.

    Attributes:
        number: MLflow's.
        created: Milliseconds since the epoch; 0 if unknown.
        stage: "None", "Staging", "Production", "Archived"; "Deleted_Internal" of a deleted one.
        source: Where its files were when it was registered: a URI of one of many forms.
        location: Where MLflow found them to be; "" if it did not look.
    """

    number: int
    created: int
    description: str
    user: str
    stage: str
    status: str
    source: str
    location: str
    run_id: str
    model_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A registered model.

    Attributes:
        aliases: Alias → MLflow's number.
    """

    name: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: Sequence[RegisteredVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The run that a version comes from: its last metrics, its params and tags."""

    id: str
    name: str
    user: str
    experiment_id: str
    experiment: str
    artifacts: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """A model that MLflow 3 logged, which a version may be made of."""

    id: str
    run_id: str
    location: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]


class Registry(Protocol):
    """How either kind of store is asked."""

    def models(self) -> Sequence[Registered]:
        """All registered models, by name.

        Raises:
            InvalidInput: What is there is no registry, or is damaged.
        """

    def run(self, run_id: str) -> Run | None:
        """A run, or None if there is nothing of it."""

    def logged(self, model_id: str) -> LoggedModel | None:
        """A logged model, or None."""
