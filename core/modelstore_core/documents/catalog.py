"""The catalog: of every model its state and, where they are few, its versions, as of a commit (`docs/format.md`).

Derived from the logs and decides nothing: what is not as the format says reads as None, and the logs are read instead.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from modelstore_core.documents.canonical import encode, parse
from modelstore_core.documents.commit import read_state, write_state
from modelstore_core.documents.entries import is_time
from modelstore_core.documents.lines import LARGEST, Lines, compressed, unpacked
from modelstore_core.documents.reading import Reader
from modelstore_core.documents.segments import Rows
from modelstore_core.errors import Corrupt, ModelStoreError
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.state import State

__all__ = ["MOST_VERSIONS", "Catalog", "Shard", "Snapshot", "kept_rows", "pack", "read_catalog", "write_catalog"]

MOST_VERSIONS = 1024
"""A model of more versions has them in its own index only."""

_MOST_BYTES = 1024 * 1024
_MOST_LINES = 60_000
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One model as of a commit that was its newest when its hint looked as it says here.

    Attributes:
        model: The model's name.
        etag, modified: The hint's, from a listing that was made before the log was read.
        seq, op_id, sha256: The commit; seq 0 where there was none.
        time: When it was made.
        state: What holds after it.
        rows: Its versions, all of them; None where they are many, or were not asked for.
    """

    model: str
    etag: str
    modified: float
    seq: int
    op_id: str
    sha256: str
    time: str
    state: State
    rows: Rows | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A document of the catalog beside its first: the sha256 of its stored bytes, and their number."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """One document of the catalog; the shards are those that its first document names."""

    snapshots: tuple[Snapshot, ...]
    shards: tuple[Shard, ...] = ()


def kept_rows(rows: Iterable[JsonObject]) -> Rows | None:
    """The rows of all versions of a model, first to last, as a snapshot has them; None if they are too large for it."""
    lines: list[bytes] = []
    size = 0
    for row in rows:
        lines.append(encode(row)[:-1])
        size += len(lines[-1])
        if size > _MOST_BYTES:
            return None
    return Rows(1, lines, (), "kept rows")


def pack(snapshots: Iterable[Snapshot]) -> Iterator[Lines]:
    """The snapshots in documents of bounded size, to be written by `write_catalog`."""
    group = Lines()
    for snapshot in snapshots:
        _add(group, snapshot)
        if group.size > LARGEST or len(group) > _MOST_LINES:
            yield group
            group = Lines()
    yield group


def write_catalog(group: Lines, shards: Sequence[Shard] = ()) -> bytes:
    """The bytes of one document of the catalog."""
    named: list[Json] = [{"name": shard.name, "size": shard.size} for shard in shards]
    return compressed({"shards": named}, group)[0]


def read_catalog(raw: bytes) -> Catalog | None:
    """One document of the catalog, or None if it is not a whole one; rows are not read yet."""
    try:
        reader, lines = unpacked(raw, "the catalog")
        common = reader.list("common")
        catalog = Catalog(snapshots=tuple(_snapshots(lines, common)), shards=reader.each("shards", _read_shard))
        reader.finish()
    except ModelStoreError:
        return None
    return catalog if all(_NAME.fullmatch(shard.name) for shard in catalog.shards) else None


def _add(group: Lines, snapshot: Snapshot) -> None:
    """Take in a snapshot: its own line, and one for each of its versions."""
    rows = snapshot.rows
    group.say(
        {
            "model": snapshot.model,
            "etag": snapshot.etag,
            "modified": snapshot.modified,
            "seq": snapshot.seq,
            "op": snapshot.op_id,
            "sha256": snapshot.sha256,
            "time": snapshot.time,
            "state": write_state(snapshot.state),
            "rows": None if rows is None else rows.last,
        }
    )
    if rows is not None:
        for number in range(1, rows.last + 1):
            group.add(rows.document(number))


def _snapshots(lines: Sequence[bytes], common: Sequence[Json]) -> Iterator[Snapshot]:
    at = 0
    while at < len(lines):
        reader = Reader(parse(lines[at], "a model in the catalog"), "a model in the catalog")
        snapshot, count = _read_snapshot(reader), reader.optional_integer("rows")
        reader.finish()
        at += 1
        if count is not None:
            if count != snapshot.state.next - 1 or at + count > len(lines):
                raise Corrupt("A model in the catalog has not as many rows as versions.", value=count, fix="")
            rows = Rows(1, lines[at : at + count], common, f"catalog of {snapshot.model!r}")
            snapshot, at = replace(snapshot, rows=rows), at + count
        yield snapshot


def _read_snapshot(reader: Reader) -> Snapshot:
    snapshot = Snapshot(
        model=reader.text("model"),
        etag=reader.text("etag"),
        modified=reader.number("modified") or 0.0,
        seq=reader.integer("seq"),
        op_id=reader.text("op"),
        sha256=reader.text("sha256"),
        time=reader.text("time"),
        state=read_state(reader.within("state", reader.document.get("state"))),
        rows=None,
    )
    if snapshot.seq and not is_time(snapshot.time):
        reader.complain("time", f"is no time: {snapshot.time!r}")
    return snapshot


def _read_shard(reader: Reader) -> Shard:
    return Shard(name=reader.text("name"), size=reader.integer("size"))
