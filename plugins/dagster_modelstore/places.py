"""How far a sensor has read: a cursor that stays small, however many models there are.

Dagster keeps a sensor's cursor with each of its ticks, and some of its databases take no more than 64 KiB. The store's
own cursor grows with the number of models (35 bytes for each, packed). So one that is long lies in the instance's
key-value table, and the sensor's cursor says only where, and what its sum is.

There are two slots. A tick reads one and writes the other, and Dagster keeps the new cursor only once it has kept all
that the tick asked for: a tick that is interrupted anywhere is made again from what the kept cursor names.
"""

import base64
import binascii
import hashlib
import json
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import dagster as dg

from modelstore_core import InvalidInput

__all__ = ["Place", "kept", "read"]

_INLINE = 1000
_PART = 32_768
_OTHER = {"a": "b", "b": "a"}


class _Shelf(Protocol):
    """The instance's key-value table."""

    def get_cursor_values(self, keys: set[str]) -> Mapping[str, str]:
        """The values of those keys that are there."""

    def set_cursor_values(self, pairs: Mapping[str, str]) -> None:
        """Keep these, in place of what was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a tick begins.

    Attributes:
        feed: The store's cursor; None: at the beginning.
        lost: Whether it begins there because what the sensor's cursor names is gone.
        shelf, slot: Where the cursor lies, if it is long: one name for each sensor, and "a" or "b".
    """

    feed: str | None
    lost: bool = False
    shelf: str = ""
    slot: str = "b"


def read(instance: dg.DagsterInstance, cursor: str | None) -> Place:
    """Where the tick begins that has this cursor.

    Raises:
        InvalidInput: It is no cursor of such a sensor.
    """
    if cursor is None:
        return Place(feed=None)
    try:
        document = json.loads(cursor)
        if "feed" in document:
            return Place(feed=_unpacked(document["feed"]))
        place = Place(feed=None, lost=True, shelf=str(document["shelf"]), slot=str(document["slot"]))
        keys, sha256 = _keys(place, int(document["parts"])), document["sha256"]
    except (ValueError, KeyError, TypeError, zlib.error, binascii.Error) as error:
        raise InvalidInput(
            f"{cursor[:100]!r} is no cursor of this sensor.", value=cursor[:100], fix="Reset the sensor's cursor."
        ) from error
    found = _shelf(instance).get_cursor_values(set(keys))
    text = "".join(found.get(key, "") for key in keys)
    if hashlib.sha256(text.encode()).hexdigest() != sha256:
        return place
    return Place(feed=_unpacked(text), shelf=place.shelf, slot=place.slot)


def kept(instance: dg.DagsterInstance, before: Place, feed: str) -> str:
    """Keep how far the tick has read; what the sensor's cursor is to be."""
    text = base64.b64encode(zlib.compress(base64.urlsafe_b64decode(feed), 6)).decode()
    if len(text) <= _INLINE:
        return json.dumps({"feed": text})
    parts = [text[start : start + _PART] for start in range(0, len(text), _PART)]
    at = Place(feed=feed, shelf=before.shelf or secrets.token_hex(8), slot=_OTHER.get(before.slot, "a"))
    for key, part in zip(_keys(at, len(parts)), parts, strict=True):
        # One by one: of several, of which some are there already, Dagster's SQLite keeps only those.
        _shelf(instance).set_cursor_values({key: part})
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"shelf": at.shelf, "slot": at.slot, "parts": len(parts), "sha256": sha256})


def _unpacked(text: str) -> str:
    return base64.urlsafe_b64encode(zlib.decompress(base64.b64decode(text, validate=True))).decode()


def _keys(place: Place, parts: int) -> list[str]:
    return [f"modelstore/{place.shelf}/{place.slot}/{part}" for part in range(parts)]  # MySQL tells 64 characters apart


def _shelf(instance: dg.DagsterInstance) -> _Shelf:
    shelf: _Shelf = instance.daemon_cursor_storage
    return shelf
