"""Whether files that were fetched are kept on this machine, where, and how many."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from modelstore_core.errors import InvalidInput

if TYPE_CHECKING:
    from modelstore_core.artifacts.cache import Cache

__all__ = ["checked_cache"]

_LIMIT = 10 << 30
_OFF, _ON = {"", "0", "off", "false", "no"}, {"1", "on", "true", "yes"}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def checked_cache(*, cache: str | os.PathLike[str] | bool | None, size: int | str | None) -> "Cache | None":
    """The cache that is meant, None for none.

    Args:
        cache: A folder; True for the user's own; False for none; None for what MODELSTORE_CACHE says.
        size: Bytes, or text such as "10 GiB"; None for what MODELSTORE_CACHE_SIZE says.

    Raises:
        InvalidInput: One of them is not what it must be.
    """
    limit = _limit(os.environ.get("MODELSTORE_CACHE_SIZE") if size is None else size)
    if cache is None:
        cache = os.environ.get("MODELSTORE_CACHE", "")
    folder = (_of_user() if cache else None) if isinstance(cache, bool) else _folder(cache)
    if folder is None:
        return None
    from modelstore_core.artifacts.cache import Cache  # only some callers need it

    return Cache(path=folder, limit=limit)


def _folder(place: str | os.PathLike[str]) -> Path | None:
    if not isinstance(place, str | os.PathLike) or not isinstance(os.fspath(place), str):
        raise InvalidInput(f"cache={place!r} is no folder.", value=place, fix="Pass a path, True or False.")
    text = os.fspath(place)
    if text.lower() in _OFF:
        return None
    return _of_user() if text.lower() in _ON else Path(text).expanduser().absolute()


def _of_user() -> Path:
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules: what is not absolute is as good as not set.
    return (Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()) / "modelstore"


def _limit(size: int | str | None) -> int:
    if size is None or size == "":
        return _LIMIT
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    match = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if match is None or not float(match[1]):
        raise InvalidInput(f"cache_size={size!r} is no size.", value=size, fix="Pass bytes, or text such as '10 GiB'.")
    unit = 1000 if match[2] and not match[3] else 1024
    return max(int(float(match[1]) * unit ** _POWERS[match[2].lower()]), 1)
