"""Records as people read them. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from modelstore_core.cli.output import Screen, Shown
from modelstore_core.cli.shown import Size, card, counted, moment, painter, table
from modelstore_core.model.collection import Collection
from modelstore_core.model.comparison import Change, Comparison, Section, shown
from modelstore_core.model.imported import Imported
from modelstore_core.model.operations import Finding
from modelstore_core.model.records import Event, ModelSummary, ModelVersion
from modelstore_core.model.tables import cell, fitting, readable_size, text_table
from modelstore_core.model.upkeep import Maintained

__all__ = [
    "amount",
    "collection",
    "comparison",
    "events",
    "imported",
    "maintained",
    "model",
    "models",
    "version",
    "versions",
    "weight",
]

_KIB = 1024
_METRICS_FIRST = 4
_AS_IT_WAS = frozenset({"file", "folder"})  # what was saved is a path, and a path's class says nothing of the model
_VOTES = {"requested": "requested", "granted": "approved", "rejected": "rejected"}
_EVENT = ("what", "actor", "reason", "verb", "evidence", "key")
_EVENT_EXACTLY = ("kind", "number", "alias", "previous", "actor", "reason", "evidence", "verb", "key")


def weight(found: ModelVersion) -> str:
    """How much a version is, such as `3 files, 8.3 KiB`."""
    return f"{counted(found.files, 'file')}, {readable_size(found.size)}"


def models(found: Sequence[ModelSummary], screen: Screen) -> Shown:
    """All models, a line each; what nobody has said of any of them has no column."""
    rows = [_model_row(model, screen) for model in found]
    tags = dict.fromkeys(name for row in rows for name in row if name.startswith("tags."))
    said = [name for name in ("state", "owner", *tags, "description") if any(row.get(name) for row in rows)]
    return table(rows, ("name", "newest", "versions", "aliases", "changed", *said), screen)


def model(found: ModelSummary, screen: Screen) -> Shown:
    """What is said of a model as a whole, a fact each line."""
    return card(_model_row(found, screen).items(), screen)


def versions(found: Sequence[ModelVersion], screen: Screen, asked: str | None = None, *, named: bool = False) -> Shown:
    """Versions of one model, or `named`, a line each; on a terminal what matters most, and what was asked about."""
    rows = [{"name": one.name, **_version_row(one, screen)} for one in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    metrics, checks, tags, lineage, params = (
        [name for name in names if name.startswith(kind)]
        for kind in ("metrics.", "checks.", "tags.", "lineage.", "params.")
    )
    columns = [
        *(("name",) if named else ()),
        *("number", "state", "aliases"),
        *(name for name in (*metrics, *tags, *params) if name in (asked or "")),
        *metrics[:_METRICS_FIRST],
        *("created", "by", "size"),
        *metrics,
        *checks,
        *("description", "format", "key"),
        *(*tags, *lineage, *params),
        *("supersedes", "digest"),
    ]
    if screen.width is not None:
        columns.remove("digest")  # `show` has it
        if all(row["state"] == "live" for row in rows):
            columns.remove("state")
    return table(rows, list(dict.fromkeys(columns)), screen)


def version(found: ModelVersion, screen: Screen) -> Shown:
    """All that is recorded of a version, a fact each line, named as in JSON."""
    return card(_facts(found), screen)


def events(found: Sequence[Event], screen: Screen, *, of_all: bool = False) -> Shown:
    """What happened, a line each; `of_all` models or of one. To people a phrase says it, in a pipe a column each."""
    rows = [
        {
            "seq": event.seq,
            "time": moment(event.time, screen),
            "model": event.model,
            "what": _happened(event),
            "kind": event.kind,
            "number": event.number,
            "alias": event.alias,
            "previous": event.previous,
            "actor": event.actor,
            "reason": event.reason,
            "evidence": "; ".join(_evidence(finding, screen) for finding in event.evidence),
            "verb": _verb(event),
            "key": event.key,
        }
        for event in found
    ]
    first = ("time", "model") if of_all else ("seq", "time")
    return table(rows, (*first, *(_EVENT_EXACTLY if screen.width is None else _EVENT)), screen)


def comparison(found: Comparison, screen: Screen) -> Shown:
    """All in which versions differ: on a terminal a table for each kind of difference, else a line each."""
    if screen.width is None:
        rows = [{column: _rounded(value) for column, value in row.items()} for row in found.rows()]
        return table(rows, list(rows[0]) if rows else [], screen)
    parts = [_section(part, screen, screen.width) for part in found.sections()]
    left_out = dict.fromkeys(name for part in parts for name in part.left_out)
    return Shown(text="\n\n".join(part.text for part in parts), left_out=tuple(left_out))


def maintained(done: Sequence[Maintained], screen: Screen) -> Shown:
    """What was done to each model, a line each."""
    rows = [one.row() for one in done]
    return table(rows, ("name", "commits", "versions", "blocks", "segments", "removed"), screen)


def collection(found: Collection, screen: Screen) -> Shown:
    """What was removed, a line each."""
    people = screen.width is not None
    rows = [
        {
            "model": one.model,
            "kind": one.kind,
            "number": one.number,
            "objects": one.objects,
            "size": Size(one.bytes) if people else one.bytes,
            "age": _age(one.age) if people else one.age,
            "id": one.id,
        }
        for one in found.removed
    ]
    return table(rows, ("model", "kind", "number", "objects", "size", "age", "id"), screen)


def amount(found: Collection) -> str:
    """How much was removed, or would be, in a sentence."""
    verb = "would remove" if found.dry_run else "removed"
    what = f"{verb} {counted(found.objects, 'object')}, {readable_size(found.bytes)}"
    left = f"; without a commit yet, so left alone: {', '.join(found.uncommitted)}" if found.uncommitted else ""
    return f"{what if found.removed else 'nothing to remove'}{left}"


def imported(found: Imported, screen: Screen) -> Shown:
    """What became of each version that was found, a line each."""
    rows = found.versions.rows()
    return table(
        rows, [name for name in found.versions.columns() if any(row[name] not in ("", None) for row in rows)], screen
    )


def _age(seconds: float) -> str:
    """A span of time as a person reads it, such as `3.5 d`."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _happened(event: Event) -> str:
    """What happened in a phrase, such as `champion 2 → 3`."""
    group, _, word = event.kind.partition(".")
    arrow = f"{event.alias} {'' if event.previous is None else f'{event.previous} '}→"
    match event.kind:
        case "alias.moved":
            return f"{arrow} {event.number}"
        case "alias.dropped":
            return f"{arrow} none"
        case "promotion.refused":
            return f"{arrow} {event.number} refused"
        case "rules.changed":
            return f"{event.alias} rules changed"
        case "approval.requested" | "approval.granted" | "approval.rejected":
            return f"{event.alias} → {event.number} {_VOTES[word]}"
        case "check.recorded":
            return f"version {event.number} checked"
        case "model.moved" | "model.arrived":
            return f"model {'now' if word == 'moved' else 'once'} {event.other_name}"
        case _:
            of = "" if event.number is None else f"version {event.number} "
            return of + (word if group == "version" else f"{group} {word}")


def _verb(event: Event) -> str:
    return event.verb + (" (override)" if event.override else "") + (f" {event.undoes}" if event.undoes else "")


def _evidence(finding: Finding, screen: Screen) -> str:
    if screen.width is None:
        return finding.message
    if not finding.metric:
        return f"{finding.rule}: {'passed' if finding.passed else 'refused'}"
    against = "" if finding.current is None else f" against {cell(finding.current)}"
    return (
        f"{finding.metric} {cell(finding.candidate) or 'missing'}{against} {'passed' if finding.passed else 'refused'}"
    )


def _section(part: Section, screen: Screen, width: int) -> Shown:
    fit = fitting(part.rows, part.columns, width, show=shown)
    text = text_table(part.rows, fit, width, show=shown, paint=painter(screen))
    return Shown(text=text, left_out=tuple(name for name in part.columns if name not in fit))


def _rounded(value: object) -> object:
    """A difference without the digits that binary fractions add: 0.95 - 0.93 is 0.02 to people."""
    return float(f"{value:.6g}") if isinstance(value, Change) else value


def _model_row(found: ModelSummary, screen: Screen) -> dict[str, object]:
    return {
        "name": found.name,
        "state": "deleted" if found.deleted else None,
        "newest": found.newest,
        "versions": found.versions,
        "aliases": ", ".join(f"{alias}={number}" for alias, number in sorted(found.aliases.items())),
        "changed": moment(found.changed_at, screen),
        "owner": found.owner,
        **_named("tags", found.tags),
        "description": found.description,
    }


def _version_row(found: ModelVersion, screen: Screen) -> dict[str, object]:
    return {
        "number": found.number,
        "state": _state(found) or "live",
        "aliases": ", ".join(found.aliases),
        **_named("metrics", found.metrics),
        **_named("checks", {name: "passed" if check else "failed" for name, check in found.checks.items()}),
        "created": moment(found.created_at, screen),
        "by": found.created_by,
        "size": found.size if screen.width is None else Size(found.size),
        "description": found.description,
        "format": found.format,
        "key": found.key,
        **_named("tags", found.tags),
        **_named("lineage", found.lineage),
        **_named("params", found.params),
        "supersedes": found.supersedes,
        "digest": found.digest,
    }


def _facts(found: ModelVersion) -> Iterable[tuple[str, object]]:
    yield "ref", found.ref
    yield "state", _state(found)
    yield "aliases", ", ".join(found.aliases)
    yield "description", found.description
    for kind, values in (("metrics", found.metrics), ("params", found.params), ("tags", found.tags)):
        yield from _named(kind, values).items()
    yield from _named("checks", {name: str(check) for name, check in found.checks.items()}).items()
    yield from _named("lineage", found.lineage).items()
    yield "format", found.format
    yield "model_type", None if found.format in _AS_IT_WAS else found.model_type
    yield "size", readable_size(found.size) + (f" ({found.size} bytes)" if found.size >= _KIB else "")
    yield "digest", found.digest
    for file in found.files:
        yield f"files.{file.path}", f"{readable_size(file.size)}  sha256:{file.sha256}"
    yield "created_at", found.created_at
    yield "created_by", found.created_by
    yield "key", found.key
    yield "attempt", found.attempt or None
    yield "supersedes", found.supersedes
    yield "superseded_by", found.superseded_by
    yield from _named("environment", found.environment).items()
    yield from _named("model_params", found.model_params).items()
    yield from _named("signature", found.signature or {}).items()
    yield "globals", ", ".join(found.globals)
    yield from _named("proved", found.proved or {}).items()
    yield "install", found.install
    yield "url", found.url


def _named(kind: str, values: Mapping[str, object]) -> dict[str, object]:
    return {f"{kind}.{name}": value for name, value in values.items()}


def _state(found: ModelVersion) -> str | None:
    if found.deleted or found.purged:
        return "purged" if found.purged else "deleted"
    return None if found.superseded_by is None else "superseded"
