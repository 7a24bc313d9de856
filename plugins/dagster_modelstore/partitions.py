"""Partitions in names: `{partition}` in a model's name or an alias, filled with the key of each partition.

A model's name with a place for the partition gives each partition a model of its own; without one, all partitions are
versions of one model. A place in an alias gives each partition an alias of its own. With several dimensions,
`{partition}` is the whole key, and `{region}` the key in the dimension `region`.

Partition keys may hold anything, and different ones must never give one name. So keys are escaped: in a model's name
as parts of asset keys are, in an alias, which has fewer characters, to letters, digits and `_`. Between two places
must stand a character that no escaped key has: a dot in a name, "-" in an alias.
"""

import hashlib
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from dagster_modelstore.naming import escaped, shortened
from modelstore_core import InvalidInput

__all__ = ["Partition", "filled_alias", "filled_name", "has_places", "partition_alias", "without_places"]

_PLACE = re.compile(r"\{([^{}]*)\}")
_WHOLE = "partition"
_ALIAS_LETTERS = frozenset(string.ascii_letters + string.digits)
_MAX_ALIAS_PART = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition: its key, and its key in each dimension if it has several."""

    key: str
    dimensions: Mapping[str, str]

    def at(self, place: str) -> str | None:
        """The key that belongs in a place of this name."""
        return self.dimensions.get(place, self.key if place == _WHOLE else None)


def has_places(template: str | None) -> bool:
    """Whether each partition gives another text."""
    return template is not None and _PLACE.search(template) is not None


def without_places(template: str) -> str:
    """The text before and after its places, as the last part of an asset key: `champion` of `champion-{partition}`."""
    return _PLACE.sub("", template).strip("-._") or "alias"


def filled_name(template: str, partition: Partition | None) -> str:
    """The model's name for a partition: different keys give different names.

    Raises:
        InvalidInput: The template has a place that nothing fills, or two that no dot keeps apart.
    """
    if not has_places(template):
        return template
    return shortened(_filled(template, partition, escaped, ".", "modelstore/name"))


def filled_alias(template: str, partition: Partition | None) -> str:
    """The alias for a partition: different keys give different aliases.

    Raises:
        InvalidInput: The template has a place that nothing fills, or two that no "-" keeps apart.
    """
    return _filled(template, partition, _for_alias, "-", "modelstore/alias")


def partition_alias(alias: str, partition: str, **dimensions: str) -> str:
    """The alias that `{partition}` stands for: what to promote to, and to load by, outside of Dagster.

    Args:
        alias: Such as `champion-{partition}`, as the assets have it.
        partition: The partition's key, such as `eu`.
        dimensions: Its key in each dimension, if the alias names dimensions.

    Raises:
        InvalidInput: The alias has a place that nothing fills, or two that no "-" keeps apart.
    """
    return filled_alias(alias, Partition(key=partition, dimensions=dimensions))


def _filled(template: str, partition: Partition | None, escape: Callable[[str], str], between: str, option: str) -> str:
    places = list(_PLACE.finditer(template))
    for left, right in pairwise(places):
        if between not in template[left.end() : right.start()]:
            raise InvalidInput(
                f"In the {option!r} {template!r}, two partitions could give one name.",
                value=template,
                fix=f"Put a {between!r} between {left[0]} and {right[0]}.",
            )

    def key_at(place: re.Match[str]) -> str:
        key = None if partition is None else partition.at(place[1])
        if key is None:
            raise InvalidInput(
                f"Nothing fills {place[0]} in the {option!r} {template!r}: {_there(partition)}.",
                value=template,
                fix="Leave it out, or name what is there.",
            )
        return escape(key)

    return _PLACE.sub(key_at, template)


def _there(partition: Partition | None) -> str:
    if partition is None:
        return "there is no partition"
    return f"there is {', '.join(f'{{{place}}}' for place in (_WHOLE, *partition.dimensions))}"


def _for_alias(key: str) -> str:
    if not key:
        return "_"
    text = "".join(c if c in _ALIAS_LETTERS else _as_hex(c) for c in key)
    if len(text) <= _MAX_ALIAS_PART:
        return text
    # "__" comes from nowhere else: after "_" stand two hexadecimal digits
    return f"{text[:32].rstrip('_')}__{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _as_hex(character: str) -> str:
    return "".join(f"_{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
