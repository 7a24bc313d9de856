"""The commit: one operation, the entries since the last block, and the state that holds after it."""

import hashlib
from dataclasses import dataclass

from modelstore_core.documents.canonical import check_sum, encode, parse, seal
from modelstore_core.documents.entries import read_entry, summarize, write_entry
from modelstore_core.documents.governing import read_about, write_about
from modelstore_core.documents.reading import Reader
from modelstore_core.errors import Corrupt, StoreTooNew, TooLarge
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import Entry
from modelstore_core.model.state import MAX_ABOUT, MAX_ALIASES, AliasState, Closed, Pointer, State

__all__ = ["BLOCK", "FORMAT", "Commit", "check_format", "read_commit", "read_state", "write_commit", "write_state"]

FORMAT = 1
BLOCK = 32
MAX_OPERATION = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit as it was read or written.

    Attributes:
        model: The model's full name.
        entry: What it did, complete.
        recent: The entries after the last block and before this one, possibly cut.
        state: What holds after it.
        prev: sha256 of the previous commit's stored bytes; None for the first.
        sha256: Of this commit's stored bytes.
    """

    model: str
    entry: Entry
    recent: tuple[Entry, ...]
    state: State
    prev: str | None
    sha256: str

    @property
    def seq(self) -> int:
        """The position in the log, from 1."""
        return self.entry.seq


def check_format(document: JsonObject, where: str) -> None:
    """Refuse a document of a later format.

    Raises:
        StoreTooNew: Its format number is above this release's.
        Corrupt: It has none.
    """
    number = document.get("format")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Corrupt(f"{where} has no format number.", value=where, fix="It was not written by modelstore-pipelines.")
    if number > FORMAT:
        raise StoreTooNew(
            f"{where} is of format {number}; this release reads up to {FORMAT}.",
            value=number,
            fix="Upgrade modelstore-pipelines.",
        )


def write_commit(model: str, base: Commit | None, entry: Entry, state: State) -> tuple[Commit, bytes]:
    """The commit after `base`, and its bytes.

    Raises:
        TooLarge: The operation is over 256 KiB, there are over 1,000 aliases, or over 4 KiB are said of the model.
    """
    _check_state(model, state)
    written = write_entry(entry)
    size = len(encode({"op": written["op"]}))
    if size > MAX_OPERATION:
        raise TooLarge(
            f"The record of this {entry.verb} has {size} bytes; one commit holds {MAX_OPERATION}.",
            value=size,
            fix="Keep large texts, tables and long parameter lists in a file of the model's folder.",
        )
    recent: list[Json] = []
    if base is not None and base.seq % BLOCK:
        recent = [*(write_entry(e) for e in base.recent), summarize(write_entry(base.entry))]
    document: JsonObject = {
        "format": FORMAT,
        "model": model,
        "prev": None if base is None else base.sha256,
        "entry": written,
        "recent": recent,
        "state": write_state(state),
    }
    raw = seal(encode(document))
    return read_commit(raw, f"log/{entry.seq}"), raw


def read_commit(raw: bytes, where: str) -> Commit:
    """The commit in `raw`.

    Raises:
        Corrupt: It is not as the format says; all problems are named.
        StoreTooNew: It is of a later format.
    """
    document = parse(raw, where)
    check_format(document, where)
    check_sum(document, raw, where)
    reader = Reader(document, where)
    entry = read_entry(reader.object("entry"), where)
    recent = tuple(read_entry(item, where) for item in reader.list("recent") if isinstance(item, dict))
    state = read_state(reader.within("state", document.get("state")))
    commit = Commit(
        model=reader.text("model"),
        entry=entry,
        recent=recent,
        state=state,
        prev=reader.optional_text("prev"),
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    expected = range(entry.seq - len(recent), entry.seq)
    if [e.seq for e in recent] != list(expected) or len(recent) != (entry.seq - 1) % BLOCK:
        reader.complain("recent", "does not hold the entries since the last block")
    reader.finish()
    return commit


def _check_state(model: str, state: State) -> None:
    for count, what in (
        (len(state.aliases), "aliases"),
        (len(state.rules), "protected aliases"),
        (len(state.pending), "requests for approval at once"),
    ):
        if count > MAX_ALIASES:
            raise TooLarge(
                f"The model {model!r} would have {count} {what}.", value=count, fix=f"At most {MAX_ALIASES}: end some."
            )
    size = 0 if state.about is None else len(encode(write_about(state.about)))
    if size > MAX_ABOUT:
        raise TooLarge(
            f"What is said of the model {model!r} would have {size} bytes; at most {MAX_ABOUT} stand in every commit.",
            value=size,
            fix="Put longer texts into a version's description or files, and a link here.",
        )


def _write_pointer(pointer: Pointer) -> JsonObject:
    return {
        "number": pointer.number,
        "record": pointer.record,
        "annotated": pointer.annotated,
        "superseded_by": pointer.superseded_by,
    }


def write_state(state: State) -> JsonObject:
    """The state as JSON."""
    document: JsonObject = {
        "next": state.next,
        "live": state.live,
        "newest": None if state.newest is None else _write_pointer(state.newest),
        "aliases": {name: {**_write_pointer(a.target), "set": a.set} for name, a in state.aliases.items()},
        "rules": dict(state.rules),
    }
    if state.pending:
        document["pending"] = [[number, alias] for number, alias in sorted(state.pending)]
    if state.about is not None:
        document["about"] = write_about(state.about)
    if state.closed is not None:
        document["closed"] = {"seq": state.closed.seq, "to": state.closed.to}
    if state.moving is not None:
        document["moving"] = state.moving
    return document


def _read_pointer(reader: Reader) -> Pointer:
    return Pointer(
        number=reader.integer("number"),
        record=reader.integer("record"),
        annotated=reader.optional_integer("annotated"),
        superseded_by=reader.optional_integer("superseded_by"),
    )


def read_state(reader: Reader) -> State:
    """The state in a JSON object."""
    newest = reader.document.get("newest")
    aliases = {}
    for name, value in reader.object("aliases").items():
        alias = reader.within(f"aliases.{name}", value)
        aliases[name] = AliasState(target=_read_pointer(alias), set=alias.integer("set"))
    return State(
        next=reader.integer("next"),
        live=reader.integer("live"),
        newest=None if newest is None else _read_pointer(reader.within("newest", newest)),
        aliases=aliases,
        rules=_read_rules(reader),
        pending=_read_pending(reader),
        about=read_about(reader.within("about", about)) if (about := reader.optional_object("about")) else None,
        closed=_read_closed(reader.within("closed", closed)) if (closed := reader.optional_object("closed")) else None,
        moving=reader.optional_text("moving"),
    )


def _read_rules(reader: Reader) -> dict[str, int]:
    rules = reader.within("rules", reader.object("rules"))
    return {alias: rules.integer(alias) for alias in rules.document}


def _read_pending(reader: Reader) -> frozenset[tuple[int, str]]:
    pairs = set()
    for index, value in enumerate(reader.list("pending")):
        match value:
            case [int(number), str(alias)] if number > 0:
                pairs.add((number, alias))
            case _:
                reader.complain(f"pending[{index}]", f"is not a version's number and an alias: {value!r}")
    return frozenset(pairs)


def _read_closed(reader: Reader) -> Closed:
    return Closed(seq=reader.integer("seq"), to=reader.optional_text("to"))
