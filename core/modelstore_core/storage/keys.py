"""The grammar of keys, the same for every backend: what one storage takes, any other takes as well.

The rules are those of the strictest backend (a POSIX folder holding the parts as file names), so that a store can
be copied between backends key by key, and no key can leave the root it is used under.
"""

import re

from modelstore_core.errors import InvalidInput

__all__ = ["TEMPORARY", "check_key", "check_prefix", "is_key"]

TEMPORARY = ".tmp~"
"""How a file in the making is called until it is whole: listings leave such names out, so no key may use them."""

_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\\\\\ud800-\\udfff]")
_MOST_BYTES = 1024  # S3's limit
_MOST_BYTES_PART = 255  # every common file system's limit


def check_key(key: str) -> str:
    """Return the key unchanged; anything outside the grammar raises `InvalidInput` that says which rule it breaks."""
    problem = _problem(key)
    if problem:
        raise InvalidInput(
            f"{_shown(key)} is not a key: {problem}.",
            value=key,
            fix="A key is a relative path with forward slashes, such as 'models/risk/log/1.json'.",
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix unchanged: a key followed by "/", or "" for everything; else `InvalidInput`."""
    if prefix != "":
        if not isinstance(prefix, str) or not prefix.endswith("/"):
            raise InvalidInput(f"{_shown(prefix)} is not a prefix.", value=prefix, fix="End it with a slash.")
        check_key(prefix[:-1])
    return prefix


def is_key(key: str) -> bool:
    """Whether it is a key: what others put into a folder or bucket need not be one, and is left out of listings."""
    return not _problem(key)


def _problem(key: object) -> str:
    if not isinstance(key, str):
        return "it is not a string"
    if _FORBIDDEN.search(key):
        return "it has a control character, a lone surrogate or a backslash"
    if len(key.encode()) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes"
    return next(filter(None, map(_problem_of_part, key.split("/"))), "")


def _problem_of_part(part: str) -> str:
    if part in {"", ".", ".."}:
        return f"{part!r} is no part of a key"
    if part.startswith(TEMPORARY):
        return f"names that begin with {TEMPORARY!r} are for files in the making"
    return f"a part is longer than {_MOST_BYTES_PART} bytes" if len(part.encode()) > _MOST_BYTES_PART else ""


def _shown(key: object) -> str:
    shown = repr(key)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"  # noqa: PLR2004 -- a message, not a rule
