"""Canonical bytes of a document, its sum, and the reading of bytes that may be anything."""

import hashlib
import json
import math

from modelstore_core.errors import Corrupt, InvalidInput
from modelstore_core.model.json import JsonObject

__all__ = ["check_sum", "encode", "parse", "seal", "unsealed"]

_SUM = "sum"
_TAIL = len(b',"sum":""}\n') + hashlib.sha256().digest_size * 2


def encode(document: JsonObject) -> bytes:
    """UTF-8 JSON with sorted keys, no blanks between tokens and a newline at the end; the same bytes every time.

    Raises:
        InvalidInput: A text in it has half a surrogate pair, and so no bytes.
    """
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError as error:
        found = text[max(error.start - 20, 0) : error.end + 20]
        raise InvalidInput(
            f"No Unicode text: {found!r}.", value=found, fix="Decode it with errors='replace'."
        ) from None


def seal(raw: bytes) -> bytes:
    """The encoded document with its sum: a last key that holds the sha256 of all bytes before it.

    No key of ours sorts after "sum", so the bytes stay canonical, and checking them needs no second encoding.
    """
    body = raw.removesuffix(b"}\n")
    return body + _tail(body)


def unsealed(raw: bytes) -> bytes:
    """The document's bytes without the sum: what `seal` was given."""
    return raw[:-_TAIL] + b"}\n"


def check_sum(document: JsonObject, raw: bytes, where: str) -> None:
    """Refuse a document that was changed after it was written; one without a sum, as the first writers', is let pass.

    Raises:
        Corrupt: Its bytes are not those that the sum is of.
    """
    if _SUM in document and raw[-_TAIL:] != _tail(raw[:-_TAIL]):
        raise Corrupt(
            f"{where} was changed after it was written: its sum is of other bytes.",
            value=where,
            fix="`verify` (`mstore verify`) says what is damaged, and what can be mended.",
        )


def _tail(body: bytes) -> bytes:
    return f',"{_SUM}":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode()


def parse(raw: bytes, where: str) -> JsonObject:
    """The JSON object in `raw`.

    Raises:
        Corrupt: It is not one; the message says where.
    """
    try:
        document = _DECODER.decode(raw.decode())
        if b"\\ud" in raw or b"\\uD" in raw:  # perhaps half a surrogate pair: text that nothing could write again
            encode({"": document})
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{where} is not JSON: {error}.", value=where, fix="Run a check of the storage.") from error
    if not isinstance(document, dict):
        raise Corrupt(f"{where} is not a JSON object.", value=where, fix="Run a check of the storage.")
    return document


def _finite(text: str) -> float:
    """What JSON cannot say is no number: `NaN` and the like, and `1e999`, which nothing could write again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
