"""What readers ask: records, listings, comparison, and how far the feed of changes was read."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelstore_core.documents.commit import Commit
from modelstore_core.errors import InvalidInput
from modelstore_core.model.json import Json
from modelstore_core.model.records import Comparison, Difference, ModelSummary, ModelVersion, Records
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.view import View

__all__ = [
    "compare",
    "parse_cursor",
    "record_of",
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
        created_at=_time(entry.time),
        created_by=entry.actor,
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
    state = head.state
    return ModelSummary(
        name=head.model,
        newest=None if state.newest is None else state.newest.number,
        versions=state.live,
        aliases={alias: target.target.number for alias, target in state.aliases.items()},
        changed_at=_time(head.entry.time),
    )


def compare(left: ModelVersion, right: ModelVersion) -> Comparison:
    """All in which two versions differ: metrics, params, tags, environment, signature, files."""
    a, b = _comparable(left), _comparable(right)
    fields = [*a, *(field for field in b if field not in a)]
    differences = [
        Difference(field=field, left=a.get(field), right=b.get(field), change=_change(a.get(field), b.get(field)))
        for field in fields
        if a.get(field) != b.get(field)
    ]
    return Comparison(left=left, right=right, differences=Records(differences))


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


def _comparable(version: ModelVersion) -> dict[str, Json]:
    flat: dict[str, Json] = {f"metrics.{k}": v for k, v in version.metrics.items()}
    flat |= {f"params.{k}": v for k, v in version.params.items()}
    flat |= {f"model_params.{k}": v for k, v in version.model_params.items()}
    flat |= {f"tags.{k}": v for k, v in version.tags.items()}
    flat |= {"description": version.description, "format": version.format, "model_type": version.model_type}
    flat |= {"python": version.environment.get("python"), "git": version.environment.get("git")}
    flat |= _requirements(version.environment.get("requirements"))
    flat |= {f"signature.{k}": v for k, v in (version.signature or {}).items()}
    flat |= {f"files.{file.path}": f"{file.size:,} bytes {file.sha256[:12]}" for file in version.files}
    return flat


def _requirements(pins: Json) -> dict[str, Json]:
    texts = [pin for pin in pins if isinstance(pin, str)] if isinstance(pins, list) else []
    return {f"requirements.{name}": version for name, _, version in (pin.partition("==") for pin in texts)}


def _change(left: Json, right: Json) -> float | None:
    numbers = (int, float)
    if isinstance(left, numbers) and isinstance(right, numbers) and not isinstance(left, bool | str):
        return right - left
    return None
