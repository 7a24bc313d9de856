"""A reader of format 1, written from docs/format.md alone: the standard library, and nothing of the project."""

import gzip
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]
OTHERS = {"set_alias", "refuse_alias", "drop_alias", "condemn", "set_rules"}  # which change nothing of a version
OTHERS |= {"describe", "close", "reopen", "moved", "arrived"}
DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def folder_of(name: str) -> str:
    name = unicodedata.normalize("NFC", name)
    plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name) and not name.endswith(".") and "--" not in name
    if plain and name.split(".")[0] not in DEVICES:
        return name
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "model"
    return f"{slug}--{sha256(name.encode())[:16]}"


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def document(raw: bytes) -> Document:
    """A document of format 1; its sum is checked if it has one."""
    found: Document = json.loads(raw)
    assert found.get("format", 1) <= 1, "store too new"
    if "sum" in found:
        body, comma, tail = raw.rpartition(b',"sum":"')
        assert comma, "the sum is not the last key"
        assert tail == sha256(body).encode() + b'"}\n', "changed after it was written"
    return found


class Model:
    """One model: its log read from the first commit to the last, and what it adds up to."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root / "models" / folder_of(name)
        self.commits = list(self._log(name))
        self.sums = [sha256(path.read_bytes()) for path in sorted((self.root / "log").iterdir())]
        self.state: Document = self.commits[-1]["state"]
        self.versions: dict[int, Document] = {}
        for commit in self.commits:
            self._apply(commit["entry"])

    def _log(self, name: str) -> Iterator[Document]:
        seq, before = 1, None
        while (path := self.root / "log" / f"{seq:020}.json").exists():
            raw = path.read_bytes()
            commit = document(raw)
            assert (commit["model"], commit["entry"]["seq"], commit["prev"]) == (name, seq, before), f"log/{seq}"
            yield commit
            seq, before = seq + 1, sha256(raw)

    def _apply(self, entry: Document) -> None:
        op = entry["op"]
        match op["kind"]:
            case "add_version":
                self.versions[op["number"]] = {"record": entry, **op}
                if op["supersedes"] is not None:
                    self.versions[op["supersedes"]]["superseded_by"] = op["number"]
            case "annotate":
                said = {name: op.get(name) for name in ("metrics", "tags", "description", "checks", "reviews")}
                self.versions[op["number"]].update({"annotation": entry, **said})
            case "delete" | "restore":
                self.versions[op["number"]]["deleted"] = op["kind"] == "delete"
            case "purge":
                self.versions[op["number"]]["purged"] = True
            case kind:
                assert kind in OTHERS, "store too new"

    def live(self) -> list[int]:
        gone = ("deleted", "purged", "superseded_by")
        return [number for number, version in self.versions.items() if not any(version.get(why) for why in gone)]

    def number(self, selector: str) -> int:
        """What nothing (the newest), "3" (a number) or anything else (an alias) selects."""
        if not selector:
            assert self.state["newest"]["number"] == max(self.live())
            return int(self.state["newest"]["number"])
        return int(selector) if selector.isdigit() else int(self.state["aliases"][selector]["number"])

    def files(self, number: int) -> dict[str, bytes]:
        """The version's files, each compared with its record."""
        version = self.versions[number]
        found = {path: (self.root / "data" / version["data"] / path).read_bytes() for path, _, _ in version["files"]}
        for path, size, digest in version["files"]:
            assert (len(found[path]), sha256(found[path])) == (size, digest), path
        listed = json.dumps(sorted(version["files"]), ensure_ascii=False, separators=(",", ":"))
        assert version["digest"] == f"sha256:{sha256(listed.encode())}"
        return found

    def listing(self) -> dict[int, Document]:
        """The versions as the index and its segments have them; {} if there is no index of this log."""
        path = self.root / "segments" / "index.json.gz"
        if not path.exists():
            return {}
        index, newer = unpacked(path.read_bytes())
        at = self.commits[index["seq"] - 1]
        assert (at["entry"]["op_id"], self.sums[index["seq"] - 1]) == (index["op"], index["sha256"])
        rows: dict[int, Document] = {}
        for segment in index["segments"]:
            raw = (self.root / "segments" / f"{segment['name']}.json.gz").read_bytes()
            assert (len(raw), sha256(raw)) == (segment["size"], segment["name"])
            rows.update(unpacked(raw)[1])
        for number, change in index["changes"].items():
            rows[int(number)].update(change)
        return {**rows, **newer}

    def blocks(self) -> list[Document]:
        found = [document(path.read_bytes()) for path in sorted((self.root / "blocks").glob("*"))]
        return [entry for block in found for entry in block["entries"]]


def unpacked(packed: bytes) -> tuple[Document, dict[int, Document]]:
    """An index or segment, and its rows by number, with what they have in common put back."""
    first, *lines = gzip.decompress(packed).splitlines(keepends=True)
    head, rows = document(first), [json.loads(line) for line in lines]
    assert len(rows) == head["rows"]
    for row in rows:
        row["record"]["op"].update({name: head["common"][place] for name, place in row.pop("common", {}).items()})
    return head, dict(enumerate(rows, start=head["first"]))


class Store:
    """A store in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        assert document((root / "store.json").read_bytes())["features"] == []

    def models(self) -> list[str]:
        """The names of the models that are to be had: neither deleted, nor moved away, nor still on their way."""
        hints = [document(path.read_bytes()) for path in (self.root / "heads").iterdir()]
        states = {hint["model"]: Model(self.root, hint["model"]).state for hint in hints}
        come = {state["closed"]["to"] for state in states.values() if "closed" in state}
        return sorted(
            n for n, state in states.items() if "closed" not in state and ("moving" not in state or n in come)
        )

    def resolve(self, reference: str) -> tuple[Model, int]:
        name, _, selector = reference.rpartition("@") if "@" in reference else (reference, "", "")
        return (model := Model(self.root, name)), model.number(selector)


if __name__ == "__main__":
    found, chosen = Store(Path(sys.argv[1])).resolve(sys.argv[2])
    print(chosen, found.versions[chosen]["digest"], *found.files(chosen))
