"""What goes around a model's own files: the input example, the caller's files, and MLmodel, which is written last."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.environment import Environment
from modelstore_core.formats.files import copy_path
from modelstore_core.formats.mlmodel import write_mlmodel
from modelstore_core.formats.paths import is_inside
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.signature import Example

__all__ = ["EXTRA_FILES", "add_files", "complete"]

EXTRA_FILES: Final = "extra_files"


def complete(folder: Path, saved: Saved, facts: Environment, example: Example | None = None) -> None:
    """Make the folder an MLflow model, if the format says that it is one."""
    if not saved.flavors:
        return
    for name, text in {} if example is None else example.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_mlmodel(
        folder,
        saved.flavors,
        requirements=facts["requirements"],
        signature=None if example is None else example.signature,
        example=None if example is None else example.info,
    )


def add_files(folder: Path, files: Mapping[str, str | os.PathLike[str]]) -> None:
    """Copy the caller's files and folders to `extra_files/`, each under its name.

    Raises:
        InvalidInput: A name leaves the folder, two of them collide, or a path is not of files that can be copied.
    """
    for name, source in files.items():
        if not isinstance(name, str) or not is_inside(name) or str(PurePosixPath(name)) != name:
            raise InvalidInput(
                f"{name!r} is no name for an extra file.", value=name, fix="Use a relative path such as 'report.html'."
            )
        try:
            copy_path(Path(os.fsdecode(source)), folder / EXTRA_FILES / name)
        except (FileExistsError, NotADirectoryError) as error:
            raise InvalidInput(
                f"Where the extra file {name!r} would lie, another one does.", value=name, fix="Give each its own name."
            ) from error
