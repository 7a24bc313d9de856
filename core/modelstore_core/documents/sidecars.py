"""The objects beside the log: hints, claims, blocks, and the store's own document."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modelstore_core.documents.canonical import check_sum, encode, parse, seal
from modelstore_core.documents.commit import FORMAT, check_format
from modelstore_core.documents.entries import read_entry, write_entry
from modelstore_core.documents.reading import Reader
from modelstore_core.errors import Corrupt, ModelStoreError, StoreTooNew
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import Entry

__all__ = [
    "Claim",
    "Hashed",
    "Mark",
    "StoreDocument",
    "read_block",
    "read_claim",
    "read_hint",
    "read_store",
    "write_block",
    "write_claim",
    "write_hint",
    "write_store",
]

_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A position in a log, and the op id of the commit there, which proves that the commit existed.

    Attributes:
        seq: 0 before the first commit.
        op_id: "" at seq 0.
    """

    seq: int
    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """From where on the log is to be looked through for a key, and where its first attempt was to send its files.

    Attributes:
        mark: No commit with the key has a position up to this one.
        data_id: Where finished files of an attempt that crashed may lie; "" if that is not known.
    """

    mark: Mark
    data_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """A complete entry, and the sha256 of the commit's stored bytes that it was read from."""

    entry: Entry
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDocument:
    """`store.json`: the store's identity, and where and when its self-test passed."""

    id: str
    created_at: str
    features: tuple[str, ...]
    self_test: JsonObject


def write_hint(model: str, mark: Mark, nonce: str) -> bytes:
    """A hint's bytes."""
    return seal(encode({"model": model, "seq": mark.seq, "op": mark.op_id, "nonce": nonce}))


def read_hint(raw: bytes | None) -> tuple[str, Mark] | None:
    """A hint's model name and mark, or None for anything that is not a hint: it is never an error."""
    return None if raw is None else _read_mark(raw, "model")


def write_claim(key: str, claim: Claim) -> bytes:
    """A claim's bytes."""
    data: JsonObject = {"data": claim.data_id} if claim.data_id else {}
    return seal(encode({"key": key, "seq": claim.mark.seq, "op": claim.mark.op_id, **data}))


def read_claim(raw: bytes) -> Claim | None:
    """A claim, or None if it is not one: then nothing is proven."""
    found = _read_mark(raw, "key")
    if found is None:
        return None
    data_id = parse(raw, "claim").get("data")
    known = isinstance(data_id, str) and _ID.fullmatch(data_id)
    return Claim(mark=found[1], data_id=str(data_id) if known else "")


def _read_mark(raw: bytes, subject: str) -> tuple[str, Mark] | None:
    try:
        document = parse(raw, subject)
        check_sum(document, raw, subject)
        reader = Reader(document, subject)
        name, mark = reader.text(subject), Mark(seq=reader.integer("seq"), op_id=reader.text("op"))
        reader.finish()
    except Corrupt:
        return None
    return name, mark


def write_block(model: str, entries: Sequence[Hashed]) -> bytes:
    """A block's bytes: the same for every writer."""
    rows: list[JsonObject] = [{**write_entry(row.entry), "sha256": row.sha256} for row in entries]
    return seal(encode({"format": FORMAT, "model": model, "entries": [*rows]}))


def read_block(raw: bytes, model: str, first: int, last: int) -> tuple[Hashed, ...] | None:
    """The entries of the block, or None if it is not a whole block of these commits: the log itself is read then."""
    where = f"block {first}-{last} of {model}"
    try:
        document = parse(raw, where)
        check_format(document, where)
        check_sum(document, raw, where)
        reader = Reader(document, where)
        rows = [row for row in reader.list("entries") if isinstance(row, dict)]
        entries = tuple(Hashed(entry=read_entry(row, where), sha256=str(row.get("sha256"))) for row in rows)
    except ModelStoreError:  # of a later format, too: then its commits say so, or it is the block that lies
        return None
    whole = [e.entry.seq for e in entries] == list(range(first, last + 1)) and not any(e.entry.cut for e in entries)
    return entries if whole and document.get("model") == model else None


def write_store(document: StoreDocument) -> bytes:
    """The bytes of `store.json`."""
    written: JsonObject = {
        "format": FORMAT,
        "features": list(document.features),
        "id": document.id,
        "created_at": document.created_at,
        "self_test": document.self_test,
    }
    return seal(encode(written))


def read_store(raw: bytes) -> StoreDocument:
    """The document in the bytes of `store.json`.

    Raises:
        StoreTooNew: The store is of a later format, or needs features that this release does not have.
        Corrupt: It is not such a document.
    """
    document = parse(raw, "store.json")
    check_format(document, "store.json")
    reader = Reader(document, "store.json")
    features = reader.texts("features")
    if features:
        raise StoreTooNew(
            f"The store needs {', '.join(features)}, which this release does not have.",
            value=features,
            fix="Upgrade modelstore-pipelines.",
        )
    check_sum(document, raw, "store.json")
    result = StoreDocument(
        id=reader.text("id"),
        created_at=reader.text("created_at"),
        features=features,
        self_test=reader.object("self_test"),
    )
    reader.finish()
    return result
