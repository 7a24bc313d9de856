"""Operations and entries to JSON and back, exactly as `docs/format.md` says."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import assert_never, get_args

from modelstore_core.documents.canonical import encode
from modelstore_core.documents.reading import Reader, read_metrics, write_metrics, write_number
from modelstore_core.errors import StoreTooNew
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import (
    AddVersion,
    Annotate,
    Condemn,
    Delete,
    DropAlias,
    Entry,
    Finding,
    Move,
    Operation,
    Purge,
    RefuseAlias,
    Restore,
    SetAlias,
    Verb,
)

__all__ = ["MAX_SUMMARY", "is_safe_path", "read_entry", "summarize", "write_entry"]

MAX_SUMMARY = 1024

_DRIVE = re.compile(r"[A-Za-z]:")
_ID = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What loading needs comes first, then what listings show; the rest is fetched when asked for.
_KEPT_FIRST = ("files", "loads", "metrics", "tags", "description", "aliases", "params", "lineage", "evidence", "reason")
_NEVER_CUT = frozenset({"kind", "number", "data", "digest", "size", "format", "supersedes", "alias", "record"})


def is_safe_path(path: str) -> bool:
    """Whether a record's file path stays inside its folder on every file system."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and not _DRIVE.match(path)
    return plain and all(part not in ("", ".", "..") for part in parts)


def write_entry(entry: Entry) -> JsonObject:
    """The entry as JSON."""
    document: JsonObject = {
        "seq": entry.seq,
        "op_id": entry.op_id,
        "verb": entry.verb,
        "actor": entry.actor,
        "time": entry.time,
        "key": entry.key,
        "attempt": entry.attempt,
        "op": {name: value for name, value in _write_operation(entry.op).items() if name not in entry.cut},
    }
    if entry.cut:
        document["cut"] = [*sorted(entry.cut)]
    return document


def summarize(document: JsonObject) -> JsonObject:
    """An entry's JSON shortened to at most 1 KiB, as `recent` carries it."""
    if len(encode(document)) <= MAX_SUMMARY:
        return document
    operation = document["op"]
    assert isinstance(operation, dict)
    kept = {name: value for name, value in operation.items() if name in _NEVER_CUT}
    cut = {name for name in operation if name not in kept}
    summary: JsonObject = {**document, "op": kept, "cut": [*sorted(cut)]}
    for name in (name for name in _KEPT_FIRST if name in cut):
        trial: JsonObject = {**document, "op": {**kept, name: operation[name]}, "cut": [*sorted(cut - {name})]}
        if len(encode(trial)) <= MAX_SUMMARY:
            summary, kept, cut = trial, {**kept, name: operation[name]}, cut - {name}
    return summary


def read_entry(document: JsonObject, where: str) -> Entry:
    """The entry in a JSON object.

    Raises:
        Corrupt: It is not as the format says; all problems are named.
        StoreTooNew: It holds an operation that this release does not know.
    """
    reader = Reader(document, where, path="entry.")
    cut = frozenset(reader.texts("cut"))
    verb = reader.text("verb")
    entry = Entry(
        seq=reader.integer("seq"),
        op_id=reader.text("op_id"),
        verb=_verb(verb, where),
        actor=reader.text("actor"),
        time=reader.text("time"),
        key=reader.optional_text("key"),
        attempt=reader.integer("attempt", 0),
        op=_read_operation(reader.within("op", document.get("op"))),
        cut=cut,
    )
    if not _is_time(entry.time):
        reader.complain("time", f"is not a moment in ISO 8601 with its zone: {entry.time!r}")
    reader.finish()
    return entry


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _verb(verb: str, where: str) -> Verb:
    for known in get_args(Verb):
        if verb == known:
            return known  # type: ignore[no-any-return]  # a Literal's arguments are typed as Any
    raise StoreTooNew(f"{where} has the unknown verb {verb!r}.", value=verb, fix="Upgrade modelstore-pipelines.")


def _write_move(move: Move) -> JsonObject:
    return {"previous": move.previous, "back": move.back}


def _write_finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule,
        "metric": finding.metric,
        "candidate": write_number(finding.candidate),
        "current": write_number(finding.current),
        "passed": finding.passed,
        "message": finding.message,
    }


def _write_version(op: AddVersion) -> JsonObject:
    return {
        "kind": "add_version",
        "number": op.number,
        "data": op.data,
        "digest": op.digest,
        "size": op.size,
        "format": op.format,
        "files": [[f.path, f.size, f.sha256] for f in op.files],
        "loads": list(op.loads),
        "model_type": op.model_type,
        "metrics": write_metrics(op.metrics),
        "params": op.params,
        "tags": dict(op.tags),
        "description": op.description,
        "lineage": op.lineage,
        "environment": op.environment,
        "signature": op.signature,
        "globals": list(op.globals),
        **({} if op.proved is None else {"proved": op.proved}),
        "supersedes": op.supersedes,
        "aliases": {move.alias: _write_move(move) for move in op.aliases},
    }


def _write_operation(op: Operation) -> JsonObject:
    match op:
        case AddVersion():
            return _write_version(op)
        case SetAlias(move=move):
            return {
                "kind": "set_alias",
                "alias": move.alias,
                "number": move.number,
                "record": op.record,
                **_write_move(move),
                "reason": op.reason,
                "evidence": [_write_finding(f) for f in op.evidence],
            }
        case RefuseAlias():
            return {
                "kind": "refuse_alias",
                "alias": op.alias,
                "number": op.number,
                "current": op.current,
                "reason": op.reason,
                "evidence": [_write_finding(f) for f in op.evidence],
            }
        case DropAlias():
            return {"kind": "drop_alias", "alias": op.alias, "number": op.number, "reason": op.reason}
        case Annotate():
            return {
                "kind": "annotate",
                "number": op.number,
                "record": op.record,
                "delta": dict(op.delta),
                "metrics": write_metrics(op.metrics),
                "tags": dict(op.tags),
                "description": op.description,
            }
        case _:
            return _write_deletion(op)


def _write_deletion(op: Delete | Restore | Condemn | Purge) -> JsonObject:
    match op:
        case Delete():
            return {
                "kind": "delete",
                "number": op.number,
                "record": op.record,
                "dropped": list(op.dropped),
                "reason": op.reason,
            }
        case Restore():
            return {"kind": "restore", "number": op.number, "record": op.record, "reason": op.reason}
        case Condemn():
            return {"kind": "condemn", "ids": list(op.ids)}
        case Purge():
            return {"kind": "purge", "number": op.number, "record": op.record}
        case _:
            assert_never(op)


def _read_operation(reader: Reader) -> Operation:
    kind = reader.text("kind")
    read = _READERS.get(kind)
    if read is None:
        raise StoreTooNew(
            f"{reader.where} holds an operation of the unknown kind {kind!r}.",
            value=kind,
            fix="Upgrade modelstore-pipelines.",
        )
    return read(reader)


def _read_file(reader: Reader, value: Json, index: int) -> FileEntry:
    match value:
        case [str(path), int(size), str(sha256)] if is_safe_path(path) and size >= 0 and _HEX.fullmatch(sha256):
            return FileEntry(path=path, size=size, sha256=sha256)
        case _:
            reader.complain(f"files[{index}]", f"is not a safe path, a size and a sha256: {value!r}")
            return FileEntry(path="", size=0, sha256="")


def _read_finding(reader: Reader) -> Finding:
    return Finding(
        rule=reader.text("rule"),
        metric=reader.text("metric"),
        candidate=reader.number("candidate"),
        current=reader.number("current"),
        passed=reader.boolean("passed"),
        message=reader.text("message"),
    )


def _read_move(reader: Reader, alias: str, number: int) -> Move:
    previous, back = reader.optional_integer("previous"), reader.optional_integer("back")
    return Move(alias=alias, number=number, previous=previous, back=back)


def _read_texts(reader: Reader, name: str) -> Mapping[str, str]:
    values = reader.object(name)
    for key, value in values.items():
        if not isinstance(value, str):
            reader.complain(f"{name}.{key}", "is not text")
    return {key: str(value) for key, value in values.items()}


def _read_version(reader: Reader) -> AddVersion:
    number, data, digest = reader.integer("number"), reader.text("data"), reader.text("digest")
    if not _ID.fullmatch(data):
        reader.complain("data", f"is not an id: {data!r}")
    if not _DIGEST.fullmatch(digest):
        reader.complain("digest", f"is not a sha256 digest: {digest!r}")
    files = tuple(_read_file(reader, value, i) for i, value in enumerate(reader.list("files")))
    if len({f.path.casefold() for f in files}) != len(files):
        reader.complain("files", "has one path twice")
    loads = reader.texts("loads")
    if files and not set(loads) <= {f.path for f in files}:
        reader.complain("loads", "names a file that the version does not have")
    aliases = reader.object("aliases")
    return AddVersion(
        number=number,
        data=data,
        digest=digest,
        size=reader.integer("size"),
        format=reader.text("format"),
        files=files,
        loads=loads,
        model_type=reader.text("model_type", ""),
        metrics=read_metrics(reader),
        params=reader.object("params"),
        tags=_read_texts(reader, "tags"),
        description=reader.text("description", ""),
        lineage=reader.object("lineage"),
        environment=reader.object("environment"),
        signature=reader.optional_object("signature"),
        globals=reader.texts("globals"),
        proved=reader.optional_object("proved"),
        supersedes=reader.optional_integer("supersedes"),
        aliases=tuple(_read_move(reader.within(f"aliases.{a}", aliases[a]), a, number) for a in sorted(aliases)),
    )


def _read_set_alias(reader: Reader) -> SetAlias:
    return SetAlias(
        move=_read_move(reader, reader.text("alias"), reader.integer("number")),
        record=reader.integer("record"),
        reason=reader.text("reason", ""),
        evidence=reader.each("evidence", _read_finding),
    )


def _read_refuse_alias(reader: Reader) -> RefuseAlias:
    return RefuseAlias(
        alias=reader.text("alias"),
        number=reader.integer("number"),
        current=reader.optional_integer("current"),
        reason=reader.text("reason", ""),
        evidence=reader.each("evidence", _read_finding),
    )


def _read_annotate(reader: Reader) -> Annotate:
    return Annotate(
        number=reader.integer("number"),
        record=reader.integer("record"),
        delta=reader.object("delta"),
        metrics=read_metrics(reader),
        tags=_read_texts(reader, "tags"),
        description=reader.text("description", ""),
    )


def _read_delete(reader: Reader) -> Delete:
    return Delete(
        number=reader.integer("number"),
        record=reader.integer("record"),
        dropped=reader.texts("dropped"),
        reason=reader.text("reason", ""),
    )


_READERS: Mapping[str, Callable[[Reader], Operation]] = {
    "add_version": _read_version,
    "set_alias": _read_set_alias,
    "refuse_alias": _read_refuse_alias,
    "drop_alias": lambda r: DropAlias(alias=r.text("alias"), number=r.integer("number"), reason=r.text("reason", "")),
    "annotate": _read_annotate,
    "delete": _read_delete,
    "restore": lambda r: Restore(number=r.integer("number"), record=r.integer("record"), reason=r.text("reason", "")),
    "condemn": lambda r: Condemn(ids=r.texts("ids")),
    "purge": lambda r: Purge(number=r.integer("number"), record=r.integer("record")),
}
