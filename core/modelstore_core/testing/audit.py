"""The audit of one model's log by its stored bytes alone: nothing of the code that wrote it is asked.

`audit` reads every commit, block and file with a JSON parser and sha256, and holds them to `docs/format.md`. It is
what tests of concurrency and of crashes end with: whatever happened, the log must be one that a single careful writer
could have written.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from modelstore_core.model.names import folder_of
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.governed import Governed

__all__ = ["Audit", "audit"]

_Document: TypeAlias = dict[str, Any]
_BLOCK = 32
_MOST_SUMMARY = 1024


@dataclass(slots=True)
class _Version:
    record: int
    op: _Document
    key: str | None
    annotated: int | None = None
    superseded_by: int | None = None
    deleted: bool = False
    purged: bool = False

    @property
    def live(self) -> bool:
        return not (self.deleted or self.purged or self.superseded_by)

    def pointer(self) -> _Document:
        return {
            "number": self.op["number"],
            "record": self.record,
            "annotated": self.annotated,
            "superseded_by": self.superseded_by,
        }


@dataclass(slots=True)
class _Alias:
    """An alias's target, the commit that set it, and the move to which a rollback would return."""

    number: int
    set: int
    back: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What a log was found to hold.

    Attributes:
        entries: Every commit's entry, in order, as JSON.
        numbers: All versions' numbers, 1, 2, 3 … .
        live: Those that are live.
        aliases: What each alias points to.
        strays: The data folders with objects that belong to no version, or to a purged one.
    """

    entries: Sequence[_Document]
    numbers: Sequence[int]
    live: Sequence[int]
    aliases: dict[str, int]
    strays: frozenset[str]


@dataclass(slots=True)
class _Ledger:
    """The fold of the log so far, told commit by commit."""

    versions: dict[int, _Version] = field(default_factory=dict)
    aliases: dict[str, _Alias] = field(default_factory=dict)
    moves: dict[tuple[int, str], _Alias] = field(default_factory=dict)
    condemned: set[str] = field(default_factory=set)
    whole: _Document = field(default_factory=dict)
    governed: Governed = field(default_factory=Governed)

    def apply(self, entry: _Document) -> None:
        op, seq = entry["op"], entry["seq"]
        self.governed.apply(entry)
        match op["kind"]:
            case "add_version":
                self._add(op, entry)
            case "set_alias":
                version = self.versions[op["number"]]
                assert not version.deleted, entry
                assert not version.purged, entry
                assert op["record"] == version.record, entry
                self._move(seq, entry["verb"], op["alias"], op["number"], op)
            case "drop_alias":
                assert self.aliases.pop(op["alias"]).number == op["number"], entry
            case "refuse_alias":
                current = self.aliases.get(op["alias"])
                assert op["current"] == (None if current is None else current.number), entry
            case "annotate":
                assert not self.versions[op["number"]].purged, entry
                self.versions[op["number"]].annotated = seq
            case "condemn":
                self._condemn(op, seq)
            case "describe" | "close" | "reopen" | "moved" | "arrived" | "set_rules":
                self._of_whole(op, seq)
            case _:
                self._remove_or_restore(op, seq)

    def state(self) -> _Document:
        live = [number for number, version in self.versions.items() if version.live]
        return {
            "next": len(self.versions) + 1,
            "live": len(live),
            "newest": self.versions[max(live)].pointer() if live else None,
            "aliases": {
                name: {**self.versions[alias.number].pointer(), "set": alias.set}
                for name, alias in self.aliases.items()
            },
            **self.governed.state(),
            **self.whole,
        }

    def _of_whole(self, op: _Document, seq: int) -> None:
        closed = self.whole.get("closed")
        match op["kind"]:
            case "set_rules":
                pass  # has been taken in
            case "describe":
                about = {name: op[name] for name in ("description", "tags", "owner")}
                assert about != self.whole.get("about"), op
                self.whole["about"] = about
            case "reopen":
                assert closed, op
                assert closed["to"] is None, op
                del self.whole["closed"]
            case "arrived":
                assert "moving" in self.whole, op
                if op["from"] == self.whole["moving"]:
                    del self.whole["moving"]
            case kind:
                given_up = kind == "moved" and "moving" in self.whole and (not closed or closed["to"] is None)
                assert given_up or not closed, op
                self.whole["closed"] = {"seq": seq, "to": op.get("to")}

    def _add(self, op: _Document, entry: _Document) -> None:
        number, seq = op["number"], entry["seq"]
        assert number == len(self.versions) + 1, f"version {number} comes after {len(self.versions)} others"
        of_key = [n for n, version in self.versions.items() if entry["key"] is not None and version.key == entry["key"]]
        taken = {version.op["data"] for version in self.versions.values()} | self.condemned
        assert op["data"] not in taken, f"version {number} is published under an id that is condemned or another's"
        assert op["supersedes"] == (of_key[-1] if of_key else None), entry
        if of_key:
            self.versions[of_key[-1]].superseded_by = number
        self.versions[number] = _Version(record=seq, op=op, key=entry["key"])
        for alias, move in op["aliases"].items():
            self._move(seq, "save", alias, number, move)

    def _move(self, seq: int, verb: str, alias: str, number: int, move: _Document) -> None:
        current = self.aliases.get(alias)
        assert move["previous"] == (None if current is None else current.number), (alias, move, current)
        if verb == "undo":
            earlier = [m for (_, name), m in self.moves.items() if name == alias and m.number == number]
            assert move["back"] in {m.back for m in earlier}, (alias, move, earlier)
        elif verb == "rollback":
            assert current is not None
            trail = self._trail(alias, current)
            assert [t for t in trail if t.number == number and t.back == move["back"]], (alias, move, trail)
        else:
            assert move["back"] == (None if current is None else current.set), (alias, move, current)
        self.aliases[alias] = self.moves[seq, alias] = _Alias(number=number, set=seq, back=move["back"])

    def _trail(self, alias: str, current: _Alias) -> list[_Alias]:
        trail: list[_Alias] = []
        back = current.back
        while back is not None:
            trail.append(self.moves[back, alias])
            back = trail[-1].back
        return trail

    def _condemn(self, op: _Document, seq: int) -> None:
        ids = set(op["ids"])
        assert seq > 1, f"condemned in an empty log: {op}"
        assert ids, "a condemnation of nothing"
        assert len(ids) == len(op["ids"]), f"an id twice: {op}"
        assert not ids & self.condemned, f"condemned a second time: {ids & self.condemned}"
        assert not ids & {version.op["data"] for version in self.versions.values()}, f"condemned a version's id: {op}"
        self.condemned |= ids

    def _remove_or_restore(self, op: _Document, seq: int) -> None:
        version = self.versions[op["number"]]
        assert op["record"] == version.record, op
        assert not version.purged, f"{op['kind']} after the purge of version {op['number']}"
        match op["kind"]:
            case "delete":
                assert not version.deleted, op
                version.deleted = True
                gone = sorted([*op["dropped"], *op.get("returned", {})])
                assert gone == sorted(n for n, a in self.aliases.items() if a.number == op["number"]), op
                for alias, move in op.get("returned", {}).items():
                    self._move(seq, "undo", alias, move["number"], move)
                for alias in op["dropped"]:
                    del self.aliases[alias]
            case "restore":
                assert version.deleted, op
                version.deleted = False
                for alias, move in op.get("aliases", {}).items():
                    assert move["number"] == op["number"], op
                    self._move(seq, "undo", alias, move["number"], move)
            case kind:
                assert kind == "purge", op
                kept = sorted(name for name, alias in self.aliases.items() if alias.number == op["number"])
                assert op.get("dropped", []) == kept, op
                assert "closed" in self.whole or not (version.live or kept), op
                for alias in kept:
                    del self.aliases[alias]
                version.purged = True


def audit(storage: Storage, model: str, *, files: bool = True) -> Audit:
    """Hold a model's log, blocks and (unless told not to) files to the format; what they say, if they keep to it.

    Raises:
        AssertionError: Something is not as the format says.
    """
    root = f"models/{folder_of(model)}"
    raws = _log(storage, root)
    commits: list[_Document] = [json.loads(raw) for raw in raws]
    entries = [commit["entry"] for commit in commits]
    assert len({entry["op_id"] for entry in entries}) == len(entries), "an op id occurs twice"
    ledger = _Ledger()
    if commits and "moving" in commits[0]["state"]:  # only the first commit says whose log is repeated there
        ledger.whole["moving"] = commits[0]["state"]["moving"]
    for index, commit in enumerate(commits):
        assert (commit["model"], commit["format"], commit["entry"]["seq"]) == (model, 1, index + 1), commit
        assert commit["prev"] == (hashlib.sha256(raws[index - 1]).hexdigest() if index else None), f"chain at {index}"
        _check_recent(commit, entries)
        ledger.apply(commit["entry"])
        assert commit["state"] == ledger.state(), f"state of log/{index + 1}: {commit['state']} != {ledger.state()}"
    _check_blocks(storage, root, raws, entries)
    live = [number for number, version in ledger.versions.items() if version.live]
    keys = [ledger.versions[number].key for number in live if ledger.versions[number].key is not None]
    assert len(set(keys)) == len(keys), f"two live versions of one key: {sorted(map(str, keys))}"
    if files:
        for version in ledger.versions.values():
            _check_files(storage, root, version)
    kept = {version.op["data"] for version in ledger.versions.values() if not version.purged}
    there = {info.key.removeprefix(f"{root}/data/").partition("/")[0] for info in storage.list(f"{root}/data/")}
    aliases = {name: alias.number for name, alias in ledger.aliases.items()}
    return Audit(
        entries=entries, numbers=[*ledger.versions], live=live, aliases=aliases, strays=frozenset(there - kept)
    )


def _log(storage: Storage, root: str) -> list[bytes]:
    keys = sorted(info.key for info in storage.list(f"{root}/log/"))
    assert keys == [f"{root}/log/{seq:020}.json" for seq in range(1, len(keys) + 1)], f"the log has a hole: {keys}"
    return [_read(storage, key) for key in keys]


def _read(storage: Storage, key: str) -> bytes:
    raw = storage.get(key)
    assert raw is not None, f"{key} is listed, and is not there"
    return raw


def _check_recent(commit: _Document, entries: list[_Document]) -> None:
    seq = commit["entry"]["seq"]
    before = entries[(seq - 1) // _BLOCK * _BLOCK : seq - 1]
    assert len(commit["recent"]) == len(before), f"recent of log/{seq}"
    for short, whole in zip(commit["recent"], before, strict=True):
        cut = set(short.get("cut", ()))
        kept = {name: value for name, value in whole["op"].items() if name not in cut}
        assert {**short, "op": kept} == {**whole, "op": kept, **({"cut": sorted(cut)} if cut else {})}, short
        assert short["op"] == kept, short
        size = len(json.dumps(short, ensure_ascii=False, separators=(",", ":")).encode()) + 1
        assert size <= _MOST_SUMMARY or set(short["op"]) <= _NEVER_CUT, f"{size} bytes in recent of log/{seq}"


_NEVER_CUT = {"kind", "number", "data", "digest", "size", "format", "supersedes", "alias", "record"}


def _check_blocks(storage: Storage, root: str, raws: list[bytes], entries: list[_Document]) -> None:
    expected = {}
    for first in range(1, len(raws) - _BLOCK + 1, _BLOCK):
        rows = [
            {**entries[seq - 1], "sha256": hashlib.sha256(raws[seq - 1]).hexdigest()}
            for seq in range(first, first + _BLOCK)
        ]
        expected[f"{root}/blocks/{first:020}-{first + _BLOCK - 1:020}.json"] = rows
    found = {info.key for info in storage.list(f"{root}/blocks/")}
    # The block may have been written by one who then crashed, so that the commit after it is not there.
    assert set(expected) <= found, f"no block {sorted(set(expected) - found)}"
    for key, rows in expected.items():
        assert json.loads(_read(storage, key))["entries"] == rows, f"{key} is not what the log says"


def _check_files(storage: Storage, root: str, version: _Version) -> None:
    if version.purged:
        return
    for path, size, sha256 in version.op["files"]:
        body = _read(storage, f"{root}/data/{version.op['data']}/{path}")
        assert (len(body), hashlib.sha256(body).hexdigest()) == (size, sha256), f"bytes of {path}"
