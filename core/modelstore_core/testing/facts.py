"""What a store and an oracle can be compared by: the common form of their versions, events and models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelstore_core.model.records import Event, EventKind, ModelSummary, ModelVersion

__all__ = ["Facts", "Happening", "Said", "Summary", "facts_of", "happening_of", "said_of", "summary_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an oracle knows of a version; the digest is whatever it was told."""

    number: int
    digest: str
    metrics: Mapping[str, float | int]
    tags: Mapping[str, str]
    description: str
    checks: Mapping[str, bool]
    aliases: tuple[str, ...]
    key: str | None
    attempt: int
    supersedes: int | None
    superseded_by: int | None
    deleted: bool
    purged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an oracle knows of an event."""

    seq: int
    kind: EventKind
    number: int | None
    alias: str | None = None
    previous: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an oracle knows of what is said of a model as a whole."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an oracle knows of a model as a whole."""

    newest: int | None
    versions: int
    aliases: Mapping[str, int]


def facts_of(version: ModelVersion) -> Facts:
    """A store's record, as far as an oracle can judge it."""
    return Facts(
        number=version.number,
        digest=version.digest,
        metrics=dict(version.metrics),
        tags=dict(version.tags),
        description=version.description,
        checks={name: check.passed for name, check in version.checks.items()},
        aliases=version.aliases,
        key=version.key,
        attempt=version.attempt,
        supersedes=version.supersedes,
        superseded_by=version.superseded_by,
        deleted=version.deleted,
        purged=version.purged,
    )


def happening_of(event: Event) -> Happening:
    """A store's event, as far as an oracle can judge it."""
    return Happening(seq=event.seq, kind=event.kind, number=event.number, alias=event.alias, previous=event.previous)


def said_of(summary: ModelSummary) -> Said:
    """What a store says of a model as a whole."""
    return Said(description=summary.description, tags=dict(summary.tags), owner=summary.owner)


def summary_of(summary: ModelSummary) -> Summary:
    """A store's line on a model, as far as an oracle can judge it."""
    return Summary(newest=summary.newest, versions=summary.versions, aliases=dict(summary.aliases))
