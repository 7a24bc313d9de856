"""Digests of files and of a version: sha256 over its sorted (path, size, sha256)."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileEntry", "digest_of", "hash_file"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FileEntry:
    """One file of a version.

    Attributes:
        path: Relative to the version's folder, with forward slashes.
        size: In bytes.
        sha256: Hexadecimal digest of the file's bytes.
    """

    path: str
    size: int
    sha256: str


def digest_of(files: Iterable[FileEntry]) -> str:
    """The digest of a version that has these files: `sha256:` and 64 hexadecimal digits.

    The hashed text is the JSON list of `[path, size, sha256]`, sorted by path, in canonical form (UTF-8, no blanks).
    """
    rows = [[f.path, f.size, f.sha256] for f in sorted(files)]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def hash_file(path: Path, passed: Callable[[int], object] | None = None) -> tuple[int, str]:
    """The size and sha256 of a file, read once in bounded memory; `passed` is told of each piece's size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if passed is not None:
                passed(len(chunk))
    return size, digest.hexdigest()
