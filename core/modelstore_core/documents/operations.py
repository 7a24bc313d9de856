"""Operations to JSON and back, exactly as `docs/format.md` says."""

import re
from collections.abc import Callable, Mapping
from typing import assert_never

from modelstore_core.documents import governing
from modelstore_core.documents.governing import read_checks, read_reviews, read_tags, write_check, write_review
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
    Finding,
    Move,
    Operation,
    Purge,
    RefuseAlias,
    Restore,
    SetAlias,
)

__all__ = ["is_safe_path", "read_operation", "write_operation"]

_DRIVE = re.compile(r"[A-Za-z]:")
_ID = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def is_safe_path(path: str) -> bool:
    """Whether a record's file path stays inside its folder on every file system."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and not _DRIVE.match(path)
    return plain and all(part not in ("", ".", "..") for part in parts)


def _write_move(move: Move) -> JsonObject:
    return {"previous": move.previous, "back": move.back}


def _write_moves(name: str, moves: tuple[Move, ...]) -> JsonObject:
    """A field with moves to versions of their own; none at all if there are none."""
    return {name: {move.alias: {"number": move.number, **_write_move(move)} for move in moves}} if moves else {}


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
        **({"model_params": op.model_params} if op.model_params else {}),
        **({} if op.proved is None else {"proved": op.proved}),
        "supersedes": op.supersedes,
        "aliases": {move.alias: _write_move(move) for move in op.aliases},
    }


def write_operation(op: Operation) -> JsonObject:
    """The operation as JSON."""
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
                **_if_so("override", op.override),
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
            return {
                "kind": "drop_alias",
                "alias": op.alias,
                "number": op.number,
                "reason": op.reason,
                **_if_so("override", op.override),
            }
        case Annotate():
            return _write_annotate(op)
        case Delete() | Restore() | Condemn() | Purge():
            return _write_deletion(op)
        case _:
            return governing.write_governing(op)


def _if_so(name: str, value: bool) -> JsonObject:  # noqa: FBT001 - the field's value
    return {name: True} if value else {}


def _write_annotate(op: Annotate) -> JsonObject:
    document: JsonObject = {
        "kind": "annotate",
        "number": op.number,
        "record": op.record,
        "delta": dict(op.delta),
        "metrics": write_metrics(op.metrics),
        "tags": dict(op.tags),
        "description": op.description,
    }
    if op.checks:
        document["checks"] = {name: write_check(check) for name, check in op.checks.items()}
    if op.reviews:
        document["reviews"] = [write_review(review) for review in op.reviews]
    return document


def _write_deletion(op: Delete | Restore | Condemn | Purge) -> JsonObject:
    match op:
        case Delete():
            return {
                "kind": "delete",
                "number": op.number,
                "record": op.record,
                "dropped": list(op.dropped),
                **_write_moves("returned", op.returned),
                "reason": op.reason,
            }
        case Restore():
            return {
                "kind": "restore",
                "number": op.number,
                "record": op.record,
                **_write_moves("aliases", op.aliases),
                "reason": op.reason,
            }
        case Condemn():
            return {"kind": "condemn", "ids": list(op.ids)}
        case Purge():
            dropped: JsonObject = {"dropped": list(op.dropped)} if op.dropped else {}
            return {"kind": "purge", "number": op.number, "record": op.record, **dropped}
        case _:
            assert_never(op)


def read_operation(reader: Reader) -> Operation:
    """The operation in a JSON object.

    Raises:
        StoreTooNew: It is of a kind that this release does not know.
    """
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


def _read_moves(reader: Reader, name: str) -> tuple[Move, ...]:
    moves = reader.object(name)
    inside = {alias: reader.within(f"{name}.{alias}", moves[alias]) for alias in sorted(moves)}
    return tuple(_read_move(one, alias, one.integer("number")) for alias, one in inside.items())


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
        tags=read_tags(reader),
        description=reader.text("description", ""),
        lineage=reader.object("lineage"),
        environment=reader.object("environment"),
        signature=reader.optional_object("signature"),
        globals=reader.texts("globals"),
        model_params=reader.object("model_params"),
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
        override=_said(reader, "override"),
    )


def _said(reader: Reader, name: str) -> bool:
    return name in reader.document and reader.boolean(name)


def _read_drop_alias(reader: Reader) -> DropAlias:
    return DropAlias(
        alias=reader.text("alias"),
        number=reader.integer("number"),
        reason=reader.text("reason", ""),
        override=_said(reader, "override"),
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
        tags=read_tags(reader),
        description=reader.text("description", ""),
        checks=read_checks(reader),
        reviews=read_reviews(reader),
    )


def _read_restore(reader: Reader) -> Restore:
    return Restore(
        number=reader.integer("number"),
        record=reader.integer("record"),
        aliases=_read_moves(reader, "aliases"),
        reason=reader.text("reason", ""),
    )


def _read_delete(reader: Reader) -> Delete:
    return Delete(
        number=reader.integer("number"),
        record=reader.integer("record"),
        dropped=reader.texts("dropped"),
        returned=_read_moves(reader, "returned"),
        reason=reader.text("reason", ""),
    )


_READERS: Mapping[str, Callable[[Reader], Operation]] = {
    "add_version": _read_version,
    "set_alias": _read_set_alias,
    "refuse_alias": _read_refuse_alias,
    "drop_alias": _read_drop_alias,
    "annotate": _read_annotate,
    "delete": _read_delete,
    "restore": _read_restore,
    "condemn": lambda r: Condemn(ids=r.texts("ids")),
    "purge": lambda r: Purge(number=r.integer("number"), record=r.integer("record"), dropped=r.texts("dropped")),
    **governing.READERS,
}
