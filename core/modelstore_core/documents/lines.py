"""The container of what is derived: gzip (one member) over a JSON document and as many lines of JSON as it says.

Rows are entries of versions; what many have alike stands once in the document's `common` (`docs/format.md`, "Index").
"""

import zlib

from modelstore_core.documents.canonical import check_sum, encode, parse, seal
from modelstore_core.documents.commit import FORMAT
from modelstore_core.documents.reading import Reader
from modelstore_core.errors import Corrupt
from modelstore_core.model.json import Json, JsonObject

__all__ = ["LARGEST", "Lines", "compressed", "unpacked"]

LARGEST = 32 * 1024 * 1024
"""So many bytes of JSON a writer puts into one document, unless a single version has more."""

_MOST = 2 * LARGEST
_MOST_LINES = 1 << 16
_SHARED = ("environment", "signature", "globals", "lineage", "loads", "model_params", "model_type")
_WORTH_SHARING = 24
_GZIP = zlib.MAX_WBITS | 16


class Lines:
    """Lines on their way into one document, the common values of rows set aside."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.common: list[Json] = []
        self.size = 0
        self._places: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def say(self, line: JsonObject) -> None:
        """Take in a line as it is."""
        raw = encode(line)
        self.size += len(raw)
        self.lines.append(raw)

    def add(self, row: JsonObject) -> None:
        """Take in a version's row."""
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
        self.say(row)

    def _place(self, text: bytes, value: Json) -> int:
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.common)
            self.common.append(value)
            self.size += len(text)
        return place


def compressed(document: JsonObject, lines: Lines) -> tuple[bytes, int]:
    """The stored bytes of a document with its lines, and how many they were before."""
    whole = {**document, "format": FORMAT, "common": lines.common, "rows": len(lines)}
    body = seal(encode(whole)) + b"".join(lines.lines)
    packer = zlib.compressobj(wbits=_GZIP)
    return packer.compress(body) + packer.flush(), len(body)


def unpacked(raw: bytes, where: str, model: str | None = None) -> tuple[Reader, list[bytes]]:
    """A reader of the document in the first line, and the other lines.

    Raises:
        Corrupt: It is not such a document, not of this model, or has not as many lines as it says.
    """
    body = _expanded(raw, where)
    head = body[: body.find(b"\n") + 1]
    document = parse(head, where)
    check_sum(document, head, where)
    if document.get("format") != FORMAT or document.get("model") != model:
        raise Corrupt(f"{where} is of another format or model.", value=where, fix="")
    count = document.get("rows")
    if count != body.count(b"\n") - 1 or count > _MOST_LINES or not body.endswith(b"\n"):
        raise Corrupt(f"{where} has not as many rows as it says, or too many.", value=count, fix="")
    return Reader(document, where), body.split(b"\n")[1:-1]


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
