"""Names, aliases, references and folders: parsed once at the border, carried as plain strings inside.

Names follow MLflow's rules (no `/`, no `:`) and exclude `@`, so that the last `@` of a reference is never
ambiguous. A model's folder is its name where that is safe on every file system, else a slug and a hash.
"""

import hashlib
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

from modelstore_core.errors import InvalidName, InvalidReference

__all__ = ["Reference", "check_alias", "check_key", "check_name", "folder_of", "is_folder", "parse_reference"]

MAX_NAME_BYTES = 200
MAX_ALIAS_LENGTH = 255
MAX_KEY_BYTES = 512

_PLAIN_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_ALIAS = re.compile(r"[A-Za-z0-9_-]+")
_RESERVED_ALIAS = re.compile(r"\d+|latest|v\d+", re.IGNORECASE)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A model's name and what of it is meant: a number, an alias, or (neither) its newest live version."""

    name: str
    number: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.number is not None:
            return f"{self.name}@{self.number}"
        return self.name if self.alias is None else f"{self.name}@{self.alias}"


def check_name(name: str) -> str:
    """Return the model name in NFC.

    Raises:
        InvalidName: It is empty, over 200 bytes, or has a character that names may not have.
    """
    fix = "Use 1 to 200 bytes without '/', ':', '@', control characters or outer blanks, such as 'risk.churn'."
    if not isinstance(name, str):
        raise InvalidName(f"A model name must be text, not {name!r}.", value=name, fix=fix)
    try:
        name = unicodedata.normalize("NFC", name)
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName(f"The model name {name!r} is not valid Unicode.", value=name, fix=fix) from None
    bad = sorted({c for c in name if c in "/:@" or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")})
    if bad:
        raise InvalidName(f"The model name {name!r} contains {', '.join(map(repr, bad))}.", value=name, fix=fix)
    if not 1 <= size <= MAX_NAME_BYTES or name != name.strip() or name in (".", ".."):
        raise InvalidName(
            f"The model name {name!r} is empty, too long, blank at an end, or a dot.", value=name, fix=fix
        )
    return name


def check_alias(alias: str) -> str:
    """Return the alias.

    Raises:
        InvalidName: It is not made of letters, digits, `_` and `-`, or reads like a version.
    """
    fix = "Use up to 255 letters, digits, '_' or '-', such as 'champion'."
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or len(alias) > MAX_ALIAS_LENGTH:
        raise InvalidName(f"{alias!r} is not an alias.", value=alias, fix=fix)
    if _RESERVED_ALIAS.fullmatch(alias):
        raise InvalidName(
            f"The alias {alias!r} would read like a version.",
            value=alias,
            fix="Aliases may not be 'latest', all digits, or 'v' and digits.",
        )
    return alias


def check_key(key: str) -> str:
    """Return the idempotency key.

    Raises:
        InvalidName: It is empty, over 512 bytes, or not text.
    """
    if isinstance(key, str):
        with suppress(UnicodeEncodeError):  # half a surrogate pair has no bytes
            if 1 <= len(key.encode()) <= MAX_KEY_BYTES:
                return key
    raise InvalidName(
        f"The idempotency key {key!r} must be text of 1 to {MAX_KEY_BYTES} bytes.",
        value=key,
        fix="Build it from what names this piece of work, such as f'{run_id}/train'.",
    )


def parse_reference(text: str) -> Reference:
    """Read `name`, `name@3`, `name@alias`, or MLflow's `models:/name/3`, `models:/name/latest`, `models:/name@alias`.

    Raises:
        InvalidReference: The text has none of these forms.
        InvalidName: The name or alias inside it is not one.
    """
    if not isinstance(text, str):
        raise InvalidReference(f"A reference must be text, not {text!r}.", value=text, fix=_REFERENCE_FIX)
    if text.startswith("models:/"):
        return _parse_mlflow(text)
    name, at, selector = text.rpartition("@")
    if not at:
        return Reference(name=check_name(text))
    return _select(check_name(name), selector, text)


_REFERENCE_FIX = "Write 'name', 'name@3' or 'name@alias'."


def _parse_mlflow(text: str) -> Reference:
    path = text.removeprefix("models:/").lstrip("/")
    name, slash, version = path.partition("/")
    if not slash:
        if "@" not in path:
            raise InvalidReference(
                f"{text!r} names no version.", value=text, fix="Write 'models:/name/3' or 'models:/name@alias'."
            )
        return parse_reference(path)
    if version.lower() == "latest":
        return Reference(name=check_name(name))
    if not _NUMBER.fullmatch(version):
        raise InvalidReference(
            f"{text!r} does not end in a version number.",
            value=text,
            fix="Stages are not supported: use an alias, as in 'models:/name@champion'.",
        )
    return Reference(name=check_name(name), number=int(version))


def _select(name: str, selector: str, text: str) -> Reference:
    if selector.isdigit():
        if not _NUMBER.fullmatch(selector):
            raise InvalidReference(
                f"{selector!r} in {text!r} is not a version number.", value=text, fix="Versions count from 1."
            )
        return Reference(name=name, number=int(selector))
    if selector == "latest":
        return Reference(name=name)
    try:
        return Reference(name=name, alias=check_alias(selector))
    except InvalidName as error:
        raise InvalidReference(
            f"{selector!r} in {text!r} is neither a version number nor an alias.", value=text, fix=_REFERENCE_FIX
        ) from error


def folder_of(name: str) -> str:
    """The folder of a (checked) model name: the name itself where every file system keeps it, else slug and hash."""
    plain = _PLAIN_FOLDER.fullmatch(name) and not name.endswith(".") and "--" not in name
    if plain and name.split(".", 1)[0] not in _DEVICES:
        return name
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "model"
    return f"{slug}--{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def is_folder(text: str) -> bool:
    """Whether `folder_of` could give this."""
    return _PLAIN_FOLDER.fullmatch(text) is not None
