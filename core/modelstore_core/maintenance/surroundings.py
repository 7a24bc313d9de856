"""What a store stands on beside its storage: installed packages, and the file system of a folder."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

__all__ = ["file_system", "packages", "untouched"]

_PACKAGES = ("modelstore-pipelines", "obstore", "boto3", "mlflow-skinny", "pandas", "prefect", "dagster")


def packages() -> str:
    """The interpreter and the packages that storages, formats and plugins use, with their versions."""
    found = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join(found)


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that the path lies (or would lie) on, such as "ext4"; "" if nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    real = path.resolve()
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if dash and len(fields) > 4 and after:  # noqa: PLR2004 -- the fifth field is the mount point
            point = fields[4].replace("\\040", " ")
            if real.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, after.split()[0]
    return kind


@contextmanager
def untouched(root: Path | None) -> Iterator[None]:
    """Remove, at the end, the folders up to the root that were made inside, as far as they are empty."""
    missing = [] if root is None else [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
