"""Names of other tools as names that can be had here: the same where they will do, and never two made one."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from modelstore_core.errors import InvalidInput, InvalidName
from modelstore_core.model.names import check_alias, check_name

__all__ = ["alias_for", "import_key", "names_for"]

_LONGEST = 150  # bytes of a changed name before its hash
_NOT_IN_ALIAS = re.compile(r"[^A-Za-z0-9_-]+")


def names_for(origins: Iterable[str], prefix: str) -> dict[str, str]:
    """A name for each model of the source: its own if it is one here, with `/` as a dot, else a slug and a hash of it.

    Raises:
        InvalidInput: Two models would get one name, or the prefix makes no names.
    """
    found = {origin: _name(origin, prefix) for origin in origins}
    for name, sharing in _shared(found):
        raise InvalidInput(
            f"{' and '.join(map(repr, sharing))} would both become the model {name!r}.",
            value=name,
            fix="Rename one of them at the source, or import them one by one, each with a prefix of its own.",
        )
    return found


def _name(origin: str, prefix: str) -> str:
    plain = prefix + origin.replace("/", ".")
    try:
        name = check_name(plain)
    except InvalidName:
        return check_name(prefix + _slug(origin))
    return name


def _slug(origin: str) -> str:
    kept = "".join(c if c.isprintable() and c not in "/:@" else "-" for c in unicodedata.normalize("NFC", origin))
    short = kept.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").strip(" .-") or "model"
    return f"{short}--{hashlib.sha256(origin.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _shared(names: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    by_name: dict[str, list[str]] = {}
    for origin, name in names.items():
        by_name.setdefault(name, []).append(origin)
    return ((name, sorted(origins)) for name, origins in by_name.items() if len(origins) > 1)


def alias_for(word: str) -> str:
    """The word as an alias: itself if it is one, else with a dash for what aliases may not have; "" if nothing is left.

    Two words may become one alias: whoever sets aliases sees that.
    """
    plain = _NOT_IN_ALIAS.sub("-", word).strip("-")[:200]
    for candidate in (word, plain, f"was-{plain}" if plain else ""):
        try:
            return check_alias(candidate)
        except InvalidName:
            continue
    return ""


def import_key(kind: str, *identity: object) -> str:
    """The idempotency key of a version: it depends on what the version is at its source, and not on where that lies."""
    said = "\0".join(str(part) for part in identity)
    return f"import/{kind}/{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
