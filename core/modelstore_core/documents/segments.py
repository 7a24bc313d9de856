"""The index and segments: folded listings derived from the log, as gzip over lines of JSON (`docs/format.md`).

Whatever is not as the format says reads as None or raises `Corrupt`, and the log is read instead. Rows are read one by
one, when they are asked for: of 100,000 versions mostly the newest hundred are wanted.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelstore_core.documents.canonical import parse
from modelstore_core.documents.entries import read_entry, write_entry
from modelstore_core.documents.lines import LARGEST, Lines, compressed, unpacked
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

_NAME = re.compile(r"[0-9a-f]{64}")
_LINE = 48  # what Python needs for a line beside its bytes
_READ = 4096  # and for a row as it was read, about


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
        self._read: dict[int, Row] | None = None

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def size(self) -> int:
        """How many bytes of memory the rows take, about, once all that may be remembered is."""
        each = _LINE if self._read is None else _LINE + _READ
        return sum(map(len, self._lines)) + each * len(self._lines)

    def remember(self) -> None:
        """Keep rows as they were read, from now on: listing them again then takes a quarter of the time."""
        self._read = {} if self._read is None else self._read

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
        if change or self._read is None:
            return self._parsed(number, change)
        found = self._read.get(number)
        if found is None:
            found = self._read[number] = self._parsed(number, None)
        return found

    def _parsed(self, number: int, change: JsonObject | None) -> Row:
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
    group = Lines()
    for row in rows:
        if group.lines and (len(group) == most or group.size > LARGEST):
            yield _segment(model, first, group)
            first, group = first + len(group), Lines()
        group.add(row)
    if group.lines:
        yield _segment(model, first, group)


def write_index(model: str, index: Index, rows: Iterator[JsonObject]) -> bytes:
    """An index's bytes; `rows` are what its `rows` are read from later."""
    group = Lines()
    for row in rows:
        group.add(row)
    segments: list[Json] = [
        {"first": s.first, "last": s.last, "name": s.name, "size": s.size, "expanded": s.expanded}
        for s in index.segments
    ]
    document: JsonObject = {
        "model": model,
        "seq": index.seq,
        "op": index.op_id,
        "sha256": index.sha256,
        "segments": segments,
        "changes": {str(number): change for number, change in index.changes.items()},
        "first": index.rows.first,
    }
    return compressed(document, group)[0]


def read_index(raw: bytes, model: str) -> Index | None:
    """The index in `raw`, or None if it is not a whole index of this model; its rows are not read yet."""
    try:
        reader, lines = unpacked(raw, f"index of {model!r}", model)
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
        reader, lines = unpacked(raw, f"segment {segment.first}-{segment.last} of {model!r}", model)
        rows = _rows(reader, lines)
        reader.finish()
    except ModelStoreError:
        return None
    return rows if (rows.first, rows.last) == (segment.first, segment.last) else None


def _segment(model: str, first: int, group: Lines) -> tuple[Segment, bytes]:
    last = first + len(group) - 1
    raw, expanded = compressed({"model": model, "first": first, "last": last}, group)
    name = hashlib.sha256(raw).hexdigest()
    return Segment(first=first, last=last, name=name, size=len(raw), expanded=expanded), raw


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
