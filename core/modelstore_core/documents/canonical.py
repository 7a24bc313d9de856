"""Canonical bytes of a document, and the reading of bytes that may be anything."""

import json
import math

from modelstore_core.errors import Corrupt, InvalidInput
from modelstore_core.model.json import JsonObject

__all__ = ["encode", "parse"]


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


def parse(raw: bytes, where: str) -> JsonObject:
    """The JSON object in `raw`.

    Raises:
        Corrupt: It is not one; the message says where.
    """
    try:
        document = json.loads(raw, parse_float=_finite, parse_constant=_finite)
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
