"""Which store is meant: the command's word, the environment's, or the project's."""

import os
from pathlib import Path

from modelstore_core.errors import InvalidInput, InvalidLocation

__all__ = ["store_url"]

_VARIABLE = "MODELSTORE_URL"


def store_url(given: str | None, start: Path | None = None) -> str:
    """`--store`, else MODELSTORE_URL, else `[tool.modelstore] store` of the nearest pyproject.toml.

    A relative path in a pyproject.toml starts at that file's folder.

    Args:
        given: The value of `--store`, if any.
        start: Where to look for a pyproject.toml, upwards; the current folder if left out.

    Raises:
        InvalidLocation: None of the three names a store.
        InvalidInput: The pyproject.toml cannot be read, or holds no text there.
    """
    if given is not None:
        return given
    found = os.environ.get(_VARIABLE) or _of_project(start or Path.cwd())
    if found:
        return found
    raise InvalidLocation(
        "No store was named.",
        fix=f'Pass --store URL, or set {_VARIABLE}, or write store = "…" under [tool.modelstore] in pyproject.toml. '
        "A URL is a folder, such as ./models, or s3://bucket/prefix.",
    )


def _of_project(start: Path) -> str | None:
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _read(path)
    return None


def _read(path: Path) -> str | None:
    import tomllib

    try:
        found: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{str(path)!r} cannot be read for its store: {error}.",
            value=str(path),
            fix="Mend it, or pass --store URL.",
        ) from error
    for key in ("tool", "modelstore", "store"):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise InvalidInput(
            f"[tool.modelstore] store in {str(path)!r} is {found!r}.",
            value=found,
            fix='Write text: store = "./models".',
        )
    return found if "://" in found else str(path.parent / Path(found).expanduser())
