"""The index and segments: folded listings derived from the log, as gzip over lines of JSON (`docs/format.md`).

Whatever is not as the format says reads as None or raises `Corrupt`, and the log is read instead. Rows are read one by
one, when they are asked for: of 100,000 versions mostly the newest hundred are wanted.
"""

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelstore_core.documents.canonical import check_sum, encode, parse, seal
from modelstore_core.documents.commit import FORMAT
from modelstore_core.documents.operations import read_entry, write_entry
from modelstore_core.documents.reading import Reader
from modelstore_core.errors import Corrupt, ModelStoreError
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import AddVersion, Annotate, Entry

__all__ = [
    "LARGEST",
    "Index",
    "Row",
    "Rows",
    "Segment",
    "pack",
    "read_index",
    "read_segment",
    "write_index",
    "write_row",
]

LARGEST = 32 * 1024 * 1024
"""So many bytes of JSON a writer puts into one document, unless a single version has more."""

_MOST = 2 * LARGEST
_MOST_ROWS = 1 << 16
_NAME = re.compile(r"[0-9a-f]{64}")
_SHARED = ("environment", "signature", "globals", "lineage", "loads", "model_type")
_WORTH_SHARING = 24
_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version as of some commit: its record, its newest annotation, and whether it is to be had."""

    record: Entry
    annotation: Entry | None = None
    deleted: bool = False
    purged: bool = False
    superseded_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What an index says of a segment.

    Attributes:
        first, last: Its versions.
        name: sha256 of its stored bytes.
        size: Of its stored bytes.
        expanded: Of its JSON.
    """

    first: int
    last: int
    name: str
    size: int
    expanded: int

    @property
    def count(self) -> int:
        """How many versions it holds."""
        return self.last - self.first + 1


class Rows:
    """The rows of consecutive versions, each read when it is asked for."""

    def __init__(self, first: int, lines: Sequence[bytes], common: Sequence[Json], where: str) -> None:
        self.first = first
        self.last = first + len(lines) - 1
        self._lines = lines
        self._common = common
        self._where = where

    def document(self, number: int, change: JsonObject | None = None) -> JsonObject:
        """A version's row as JSON, with what is common put back and `change` on top.

        Raises:
            Corrupt: It is not as the format says.
        """
        row = parse(self._lines[number - self.first], self._where)
        whole = self._whole(row, number) if "common" in row else row
        return {**whole, **change} if change else whole

    def row(self, number: int, change: JsonObject | None = None) -> Row:
        """A version's row, with `change` on top.

        Raises:
            Corrupt: It is not as the format says, or of another version.
            StoreTooNew: It holds what this release does not know.
        """
        document = self.document(number, change)
        reader = Reader(document, self._where)
        note = document.get("annotation")
        row = Row(
            record=read_entry(reader.object("record"), self._where),
            annotation=None if note is None else read_entry(reader.object("annotation"), self._where),
            deleted="deleted" in document and reader.boolean("deleted"),
            purged="purged" in document and reader.boolean("purged"),
            superseded_by=reader.optional_integer("superseded_by"),
        )
        reader.finish()
        if not _is_of(row.record, AddVersion, number) or not (
            row.annotation is None or _is_of(row.annotation, Annotate, number)
        ):
            raise self._corrupt(number)
        return row

    def _whole(self, row: JsonObject, number: int) -> JsonObject:
        """The row with what is common put back."""
        places, record = row["common"], row.get("record")
        operation = record.get("op") if isinstance(record, dict) else None
        if not isinstance(places, dict) or not isinstance(record, dict) or not isinstance(operation, dict):
            raise self._corrupt(number)
        shared: JsonObject = {}
        for name, place in places.items():
            if not isinstance(place, int) or not 0 <= place < len(self._common):
                raise self._corrupt(number)
            shared[name] = self._common[place]
        rest = {name: value for name, value in row.items() if name != "common"}
        return {**rest, "record": {**record, "op": {**operation, **shared}}}

    def _corrupt(self, number: int) -> Corrupt:
        return Corrupt(f"{self._where} has no row of version {number}.", value=number, fix="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A model's listing as of one commit.

    Attributes:
        seq, op_id, sha256: The commit: its position, its op id, and the sha256 of its stored bytes.
        segments: Of the older versions, from 1 on.
        changes: What happened to versions in segments after those were written: fields of their rows.
        rows: The newer versions.
    """

    seq: int
    op_id: str
    sha256: str
    segments: tuple[Segment, ...] = ()
    changes: Mapping[int, JsonObject] = field(default_factory=dict)
    rows: Rows


def write_row(row: Row) -> JsonObject:
    """The row as JSON, nothing shared."""
    document: JsonObject = {"record": write_entry(row.record)}
    if row.annotation is not None:
        document["annotation"] = write_entry(row.annotation)
    if row.deleted:
        document["deleted"] = True
    if row.purged:
        document["purged"] = True
    if row.superseded_by is not None:
        document["superseded_by"] = row.superseded_by
    return document


def pack(model: str, first: int, rows: Iterator[JsonObject], most: int) -> Iterator[tuple[Segment, bytes]]:
    """The rows (as `write_row` gives them) of consecutive versions from `first` on, in segments of up to `most`."""
    group = _Group()
    for row in rows:
        if group.rows and (len(group.rows) == most or group.size > LARGEST):
            yield _segment(model, first, group)
            first, group = first + len(group.rows), _Group()
        group.add(row)
    if group.rows:
        yield _segment(model, first, group)


def write_index(model: str, index: Index, rows: Iterator[JsonObject]) -> bytes:
    """An index's bytes; `rows` are what its `rows` are read from later."""
    group = _Group()
    for row in rows:
        group.add(row)
    segments: list[Json] = [
        {"first": s.first, "last": s.last, "name": s.name, "size": s.size, "expanded": s.expanded}
        for s in index.segments
    ]
    document: JsonObject = {
        "format": FORMAT,
        "model": model,
        "seq": index.seq,
        "op": index.op_id,
        "sha256": index.sha256,
        "segments": segments,
        "changes": {str(number): change for number, change in index.changes.items()},
        "first": index.rows.first,
        "common": group.common,
    }
    return _compressed(document, group)[0]


def read_index(raw: bytes, model: str) -> Index | None:
    """The index in `raw`, or None if it is not a whole index of this model; its rows are not read yet."""
    try:
        reader, lines = _unpacked(raw, model, f"index of {model!r}")
        index = Index(
            seq=reader.integer("seq"),
            op_id=reader.text("op"),
            sha256=reader.text("sha256"),
            segments=reader.each("segments", _read_segment),
            changes={int(number): _change(change) for number, change in reader.object("changes").items()},
            rows=_rows(reader, lines),
        )
        reader.finish()
    except (ModelStoreError, ValueError):
        return None
    ends = [0, *(segment.last for segment in index.segments)]
    starts = [*(segment.first for segment in index.segments), index.rows.first]
    whole = all(start == end + 1 for start, end in zip(starts, ends, strict=True)) and all(
        segment.count > 0 and _NAME.fullmatch(segment.name) for segment in index.segments
    )
    in_segments = all(0 < number < index.rows.first for number in index.changes)
    return index if whole and in_segments and index.seq > 0 else None


def read_segment(raw: bytes, segment: Segment, model: str) -> Rows | None:
    """The rows of the segment, or None if the bytes are not those that the index named."""
    if len(raw) != segment.size or hashlib.sha256(raw).hexdigest() != segment.name:
        return None
    try:
        reader, lines = _unpacked(raw, model, f"segment {segment.first}-{segment.last} of {model!r}")
        rows = _rows(reader, lines)
        reader.finish()
    except ModelStoreError:
        return None
    return rows if (rows.first, rows.last) == (segment.first, segment.last) else None


class _Group:
    """Rows on their way into one document, their common values set aside."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.common: list[Json] = []
        self.size = 0
        self._places: dict[bytes, int] = {}

    def add(self, row: JsonObject) -> None:
        """Take in a row."""
        record = row["record"]
        assert isinstance(record, dict)
        operation = record["op"]
        assert isinstance(operation, dict)
        places: JsonObject = {}
        for name in _SHARED:
            text = encode({"": operation.get(name)})
            if len(text) > _WORTH_SHARING:
                places[name] = self._place(text, operation[name])
        if places:
            kept = {name: value for name, value in operation.items() if name not in places}
            row = {**row, "record": {**record, "op": kept}, "common": places}
        raw = encode(row)
        self.size += len(raw)
        self.rows.append(raw)

    def _place(self, text: bytes, value: Json) -> int:
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.common)
            self.common.append(value)
            self.size += len(text)
        return place


def _segment(model: str, first: int, group: _Group) -> tuple[Segment, bytes]:
    last = first + len(group.rows) - 1
    document: JsonObject = {"format": FORMAT, "model": model, "first": first, "last": last, "common": group.common}
    raw, expanded = _compressed(document, group)
    name = hashlib.sha256(raw).hexdigest()
    return Segment(first=first, last=last, name=name, size=len(raw), expanded=expanded), raw


def _compressed(document: JsonObject, group: _Group) -> tuple[bytes, int]:
    """The stored bytes of a document with its rows, and how many they were before."""
    body = seal(encode({**document, "rows": len(group.rows)})) + b"".join(group.rows)
    packer = zlib.compressobj(wbits=_GZIP)
    return packer.compress(body) + packer.flush(), len(body)


def _expanded(raw: bytes, where: str) -> bytes:
    """What was compressed; never more than 64 MiB of it."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        body = unpacker.decompress(raw, _MOST)
    except zlib.error as error:
        raise Corrupt(f"{where} is not gzip: {error}.", value=where, fix="") from error
    if not unpacker.eof or unpacker.unused_data:
        raise Corrupt(f"{where} is torn, or of more than {_MOST} bytes.", value=where, fix="")
    return body


def _unpacked(raw: bytes, model: str, where: str) -> tuple[Reader, list[bytes]]:
    """A reader of the document in the first line, and the other lines."""
    body = _expanded(raw, where)
    head = body[: body.find(b"\n") + 1]
    document = parse(head, where)
    check_sum(document, head, where)
    if document.get("format") != FORMAT or document.get("model") != model:
        raise Corrupt(f"{where} is of another format or model.", value=where, fix="")
    count = document.get("rows")
    if count != body.count(b"\n") - 1 or count > _MOST_ROWS or not body.endswith(b"\n"):
        raise Corrupt(f"{where} has not as many rows as it says, or too many.", value=count, fix="")
    return Reader(document, where), body.split(b"\n")[1:-1]


def _rows(reader: Reader, lines: Sequence[bytes]) -> Rows:
    return Rows(reader.integer("first"), lines, reader.list("common"), reader.where)


def _read_segment(reader: Reader) -> Segment:
    return Segment(
        first=reader.integer("first"),
        last=reader.integer("last"),
        name=reader.text("name"),
        size=reader.integer("size"),
        expanded=reader.integer("expanded"),
    )


def _change(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise Corrupt(f"{value!r} is no change.", value=value, fix="")
    return value


def _is_of(entry: Entry, kind: type[AddVersion | Annotate], number: int) -> bool:
    return not entry.cut and isinstance(entry.op, kind) and entry.op.number == number
