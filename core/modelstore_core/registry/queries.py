"""What readers ask: records, listings, comparison, and how far the feed of changes was read."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelstore_core.documents.commit import Commit
from modelstore_core.errors import InvalidInput
from modelstore_core.model.operations import About
from modelstore_core.model.records import ModelSummary, ModelVersion
from modelstore_core.model.reviews import outcome_of
from modelstore_core.model.state import State
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.view import View

__all__ = [
    "parse_cursor",
    "record_of",
    "summary",
    "summary_of",
    "write_cursor",
]


def record_of(view: View, version: Folded, root_url: str) -> ModelVersion:
    """The public record of a version, as of the view."""
    entry, added = version.record, version.added
    return ModelVersion(
        name=view.model,
        number=version.number,
        digest=added.digest,
        size=added.size,
        format=added.format,
        model_type=added.model_type,
        metrics=version.metrics,
        params=added.params,
        tags=version.tags,
        description=version.description,
        files=added.files,
        aliases=view.aliases_of(version.number),
        lineage=added.lineage,
        environment=added.environment,
        signature=added.signature,
        globals=added.globals,
        proved=added.proved,
        model_params=added.model_params,
        checks={name: outcome_of(check) for name, check in version.checks.items()},
        created_at=_time(entry.time),
        created_by=entry.actor,
        changed_at=_time((version.annotation or entry).time),
        key=entry.key,
        attempt=entry.attempt,
        supersedes=added.supersedes,
        superseded_by=version.superseded_by,
        deleted=version.deleted,
        purged=version.purged,
        url=f"{root_url}/{view.journal.root}/data/{added.data}",
    )


def summary_of(head: Commit) -> ModelSummary:
    """One model's line in a listing of all."""
    return summary(head.model, head.state, head.entry.time)


def summary(model: str, state: State, time: str) -> ModelSummary:
    """One model's line in a listing of all, by what holds after its newest commit, and when that was made."""
    about = state.about or About()
    return ModelSummary(
        name=model,
        newest=None if state.newest is None else state.newest.number,
        versions=state.live,
        aliases={alias: target.target.number for alias, target in state.aliases.items()},
        changed_at=_time(time),
        description=about.description,
        tags=about.tags,
        owner=about.owner,
        deleted=state.closed is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far one model's log was read, and the etag that its hint had then."""

    etag: str
    seq: int


def write_cursor(seen: Mapping[str, Seen]) -> str:
    """The cursor that stands for what was seen."""
    document = {folder: [s.etag, s.seq] for folder, s in seen.items()}
    return base64.urlsafe_b64encode(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).decode()


def parse_cursor(cursor: str | None) -> dict[str, Seen]:
    """What a cursor stands for; None for nothing seen yet.

    Raises:
        InvalidInput: It is not a cursor that this project wrote.
    """
    if cursor is None:
        return {}
    try:
        document = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        return {str(f): Seen(etag=str(etag), seq=int(seq)) for f, (etag, seq) in document.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise InvalidInput(
            f"{cursor!r} is not a cursor.", value=cursor, fix="Pass one that `changes` returned, or None to start."
        ) from error


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
