"""Names for what Dagster makes: asset keys to model names and back, and idempotency keys. Pure functions.

Asset keys may hold anything ("..", "", dots, slashes, case variants), and different keys must never share a model.
So each part is escaped by itself: ASCII letters, digits, "_" and "-" stay, as do other letters if the part is in
NFC; every other character becomes the percent escapes of its UTF-8 bytes, and the empty part a lone "%". The parts
are joined by dots, which no part has left. What is too long for a model name keeps its beginning and ends in "~" and
a hash; "~" comes from nowhere else, except between the parts of an op output's name.
"""

import hashlib
import re
import string
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

__all__ = ["asset_path", "escaped", "model_name", "op_model_name", "shortened", "work_key"]

_PLAIN = frozenset(string.ascii_letters + string.digits + "_-")
_MAX_NAME_BYTES = 200
_MAX_KEY_BYTES = 512
_HASH_DIGITS = 32
_MAPPING = re.compile(r"\[.*\]")


def model_name(path: Sequence[str]) -> str:
    """The model of the asset with this key: different keys give different names, on every file system."""
    return shortened(".".join(map(escaped, path)))


def asset_path(name: str) -> tuple[str, ...] | None:
    """The asset key whose model has this name; None if the name comes from no asset key, or is a shortened one."""
    try:
        path = tuple(map(_unescaped, name.split(".")))
    except UnicodeDecodeError:
        return None
    return path if model_name(path) == name else None


def op_model_name(job: str, step: str, output: str) -> str:
    """The model of an op's output, the same for all mapped copies of the op; never that of an asset."""
    return shortened("~".join(map(escaped, (job, _MAPPING.sub("", step), output))))


def work_key(run_id: str, kind: str, name: str, *parts: str) -> str:
    """The idempotency key of one piece of work in one run: different work has different keys.

    Args:
        run_id: The run.
        kind: What is done, a plain word.
        name: On what: a name that one of the functions here gave.
        parts: Further texts that tell it from other work, such as the partition.
    """
    start = f"dagster/{escaped(run_id)}"
    key = "/".join([start, kind, name, *map(escaped, parts)])
    return key if len(key.encode()) <= _MAX_KEY_BYTES else f"{start}/sha256/{hashlib.sha256(key.encode()).hexdigest()}"


def escaped(part: str) -> str:
    """The part in characters that a model name may have, no dot among them: different parts stay different."""
    if not part:
        return "%"
    # A letter that normalisation would change could make two keys one.
    letters = unicodedata.is_normalized("NFC", part)
    return "".join(c if c in _PLAIN or (letters and not c.isascii() and c.isalnum()) else _percent(c) for c in part)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _unescaped(part: str) -> str:
    if part == "%":
        return ""
    raw = unquote_to_bytes(part.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogatepass")


def shortened(name: str) -> str:
    """A name that the store takes: one that is too long keeps its beginning and ends in a hash of the whole."""
    if len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    kept = name.encode()[: _MAX_NAME_BYTES - _HASH_DIGITS - 1].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]}"
