"""Entries to JSON and back, whole or shortened, exactly as `docs/format.md` says."""

from datetime import datetime
from typing import get_args

from modelstore_core.documents.canonical import encode
from modelstore_core.documents.operations import read_operation, write_operation
from modelstore_core.documents.reading import Reader
from modelstore_core.errors import StoreTooNew
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import Entry, Verb

__all__ = ["MAX_SUMMARY", "is_time", "read_entry", "summarize", "write_entry"]

MAX_SUMMARY = 1024

# What loading needs comes first, then what listings show; the rest is fetched when asked for.
_KEPT_FIRST = ("files", "loads", "metrics", "tags", "description", "aliases", "params", "lineage", "evidence", "reason")
_NEVER_CUT = frozenset(
    {"kind", "number", "data", "digest", "size", "format", "supersedes", "alias", "record", "to", "from"}
)


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
        "op": {name: value for name, value in write_operation(entry.op).items() if name not in entry.cut},
        **({} if entry.undoes is None else {"undoes": entry.undoes}),
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
        op=read_operation(reader.within("op", document.get("op"))),
        undoes=reader.optional_integer("undoes"),
        cut=cut,
    )
    if not is_time(entry.time):
        reader.complain("time", f"is not a moment in ISO 8601 with its zone: {entry.time!r}")
    reader.finish()
    return entry


def is_time(text: str) -> bool:
    """Whether it is a moment in ISO 8601 with its zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _verb(verb: str, where: str) -> Verb:
    for known in get_args(Verb):
        if verb == known:
            return known  # type: ignore[no-any-return]  # a Literal's arguments are typed as Any
    raise StoreTooNew(f"{where} has the unknown verb {verb!r}.", value=verb, fix="Upgrade modelstore-pipelines.")
