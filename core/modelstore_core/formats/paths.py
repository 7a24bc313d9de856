"""Names that a record or an MLmodel gives: which of them are files of the folder, and of no other place."""

from pathlib import Path, PurePosixPath

__all__ = ["is_file_inside", "is_inside"]


def is_inside(name: str) -> bool:
    """Whether the name, as a relative path, cannot leave the folder it is joined to."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not {"\\", "\0"} & set(name)


def is_file_inside(folder: Path, name: str) -> bool:
    """Whether the name is that of a regular file in the folder, reached through no symlink."""
    if not is_inside(name):
        return False
    path = folder.joinpath(*PurePosixPath(name).parts)
    steps = (path, *(parent for parent in path.parents if parent != folder and parent.is_relative_to(folder)))
    return path.is_file() and not any(step.is_symlink() for step in steps)
