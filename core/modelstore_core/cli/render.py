"""Records as people read them: tables that fit a terminal, and in a pipe are whole. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from modelstore_core.cli.output import Screen, Shown
from modelstore_core.model.collection import Collection
from modelstore_core.model.comparison import Change, Comparison, Section, shown
from modelstore_core.model.operations import Finding
from modelstore_core.model.records import Event, ModelSummary, ModelVersion
from modelstore_core.model.tables import Row, cell, fitting, printable, text_table, text_width
from modelstore_core.model.upkeep import Maintained

__all__ = [
    "amount",
    "collection",
    "comparison",
    "events",
    "line",
    "lines",
    "maintained",
    "model",
    "models",
    "size",
    "version",
    "versions",
    "weight",
]

_KIB = 1024
_METRICS_FIRST = 4
_BOLD, _DIM, _RED, _GREEN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_BAD = frozenset({"deleted", "purged", "promotion.refused", "version.deleted", "version.purged"})
_AS_IT_WAS = frozenset({"file", "folder"})  # what was saved is a path, and a path's class says nothing of the model
_SENTENCES = frozenset({"description", "reason", "evidence"})
_EVENT = ("time", "kind", "number", "alias", "previous", "actor", "reason", "evidence", "verb", "key")


def line(text: str) -> Callable[[Screen], Shown]:
    """One line that is the answer: a reference, a path."""
    return lambda _: Shown(text=printable(text))


def lines(texts: Iterable[str]) -> Callable[[Screen], Shown]:
    """A line each."""
    return lambda _: Shown(text="\n".join(map(printable, texts)))


def size(count: int) -> str:
    """A number of bytes as a person reads it, such as `8.3 KiB`."""
    if count < _KIB:
        return f"{count} B"
    value, unit = count / _KIB, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f} {unit}"


def weight(found: ModelVersion) -> str:
    """How much a version is, such as `3 files, 8.3 KiB`."""
    count = len(found.files)
    return f"{count} file{'' if count == 1 else 's'}, {size(found.size)}"


def models(found: Sequence[ModelSummary], screen: Screen) -> Shown:
    """All models, a line each; what nobody has said of any of them has no column."""
    rows = [_model_row(model, screen) for model in found]
    tags = dict.fromkeys(name for row in rows for name in row if name.startswith("tags."))
    said = [name for name in ("state", "owner", *tags, "description") if any(row.get(name) for row in rows)]
    return _table(rows, ("name", "newest", "versions", "aliases", "changed", *said), screen)


def model(found: ModelSummary, screen: Screen) -> Shown:
    """What is said of a model as a whole, a fact each line."""
    return _card(_model_row(found, screen).items(), screen)


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
    return _table(rows, list(dict.fromkeys(columns)), screen)


def version(found: ModelVersion, screen: Screen) -> Shown:
    """All that is recorded of a version, a fact each line, named as in JSON."""
    return _card(_facts(found), screen)


def _card(named: Iterable[tuple[str, object]], screen: Screen) -> Shown:
    facts = {name: _exact(value) for name, value in named if value not in (None, "", [], {})}
    widest = max(map(text_width, map(printable, facts)))
    lines = []
    for name, text in facts.items():
        shown = printable(name)
        gap = " " * (widest - text_width(shown))
        lines.append(f"{_painted(shown, _DIM, screen)}{gap}  {printable(text)}")
    return Shown(text="\n".join(lines))


def events(found: Sequence[Event], screen: Screen, *, of_all: bool = False) -> Shown:
    """What happened, a line each; `of_all` models or of one."""
    rows = [
        {
            "time": _time(event.time, screen),
            "model": event.model,
            "kind": event.kind,
            "number": event.number,
            "alias": event.alias,
            "previous": event.previous,
            "actor": event.actor,
            "reason": event.reason,
            "evidence": "; ".join(_evidence(finding, screen) for finding in event.evidence),
            "verb": f"{event.verb} (override)" if event.override else event.verb,
            "key": event.key,
        }
        for event in found
    ]
    return _table(rows, ("time", "model", *_EVENT[1:]) if of_all else _EVENT, screen)


def comparison(found: Comparison, screen: Screen) -> Shown:
    """All in which versions differ: on a terminal a table for each kind of difference, else a line each."""
    if screen.width is None:
        rows = [{column: _rounded(value) for column, value in row.items()} for row in found.rows()]
        return _table(rows, list(rows[0]) if rows else [], screen)
    parts = [_section(part, screen, screen.width) for part in found.sections()]
    left_out = dict.fromkeys(name for part in parts for name in part.left_out)
    return Shown(text="\n\n".join(part.text for part in parts), left_out=tuple(left_out))


def maintained(done: Sequence[Maintained], screen: Screen) -> Shown:
    """What was done to each model, a line each."""
    rows = [one.row() for one in done]
    return _table(rows, ("name", "commits", "versions", "blocks", "segments", "removed"), screen)


def collection(found: Collection, screen: Screen) -> Shown:
    """What was removed, a line each."""
    people = screen.width is not None
    rows = [
        {
            "model": one.model,
            "kind": one.kind,
            "number": one.number,
            "objects": one.objects,
            "size": _Size(one.bytes) if people else one.bytes,
            "age": _age(one.age) if people else one.age,
            "id": one.id,
        }
        for one in found.removed
    ]
    return _table(rows, ("model", "kind", "number", "objects", "size", "age", "id"), screen)


def amount(found: Collection) -> str:
    """How much was removed, or would be, in a sentence."""
    verb = "would remove" if found.dry_run else "removed"
    what = f"{verb} {found.objects} object{'' if found.objects == 1 else 's'}, {size(found.bytes)}"
    left = f"; without a commit yet, so left alone: {', '.join(found.uncommitted)}" if found.uncommitted else ""
    return f"{what if found.removed else 'nothing to remove'}{left}"


def _age(seconds: float) -> str:
    """A span of time as a person reads it, such as `3.5 d`."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


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
    text = text_table(part.rows, fit, width, show=shown, paint=_paint if screen.colour else None)
    return Shown(text=text, left_out=tuple(name for name in part.columns if name not in fit))


def _rounded(value: object) -> object:
    """A difference without the digits that binary fractions add: 0.95 - 0.93 is 0.02 to people."""
    return float(f"{value:.6g}") if isinstance(value, Change) else value


def _table(rows: Sequence[Row], columns: Sequence[str], screen: Screen) -> Shown:
    if screen.width is None:
        sentences_last = sorted(columns, key=_SENTENCES.__contains__)
        return Shown(text=text_table(rows, sentences_last, longest=None, show=_exact))
    known = [name for name in columns if any(cell(row.get(name)) for row in rows)]
    fit = fitting(rows, known, screen.width)
    text = text_table(rows, fit, screen.width, paint=_paint if screen.colour else None)
    return Shown(text=text, left_out=tuple(name for name in known if name not in fit))


def _model_row(found: ModelSummary, screen: Screen) -> dict[str, object]:
    return {
        "name": found.name,
        "state": "deleted" if found.deleted else None,
        "newest": found.newest,
        "versions": found.versions,
        "aliases": ", ".join(f"{alias}={number}" for alias, number in sorted(found.aliases.items())),
        "changed": _time(found.changed_at, screen),
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
        "created": _time(found.created_at, screen),
        "by": found.created_by,
        "size": found.size if screen.width is None else _Size(found.size),
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
    yield "size", size(found.size) if found.size < _KIB else f"{size(found.size)} ({found.size} bytes)"
    yield "digest", found.digest
    for file in found.files:
        yield f"files.{file.path}", f"{size(file.size)}  sha256:{file.sha256}"
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


class _Size(int):
    """A number of bytes that shows itself for people, and still counts as a number."""

    def __str__(self) -> str:
        return size(int(self))


def _time(moment: datetime, screen: Screen) -> str:
    precision = "seconds" if screen.width is None else "minutes"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _exact(value: object) -> str:
    """The value as text from which nothing was taken away."""
    match value:
        case None | str():
            return value or ""
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case _:
            return json.dumps(value, ensure_ascii=False)


def _paint(column: str, row: Row | None, text: str) -> str:
    if row is None:
        return f"{_DIM}{text}{_PLAIN}"
    if column in ("number", "name"):
        return f"{_BOLD}{text}{_PLAIN}"
    if column == "aliases":
        return f"{_GREEN}{text}{_PLAIN}"
    return f"{_RED}{text}{_PLAIN}" if text in _BAD else text


def _painted(text: str, colour: str, screen: Screen) -> str:
    return f"{colour}{text}{_PLAIN}" if screen.colour else text
