"""Files that lie in the store already, from which equal ones are copied instead of being sent again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelstore_core.model.digest import FileEntry

__all__ = ["WORTH_IT_HERE", "WORTH_IT_THERE", "Earlier", "version_files"]

WORTH_IT_THERE = 8 << 20
"""The size from which a file is looked for in a remote store: sending it takes longer than one more round."""

WORTH_IT_HERE = 1 << 20
"""The size from which a file of a store on this machine shares the bytes of an equal one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One folder of files that may be equal to those on their way.

    Nothing of it is believed: a copy counts only once the storage has proven its sha256.

    Attributes:
        data_id: Its id.
        files: What lies there, by path; None if only asking the storage can tell, as of an attempt that crashed.
    """

    data_id: str
    files: Mapping[str, FileEntry] | None

    def may_have(self, path: str, size: int) -> bool:
        """Whether an equal file may lie there, as far as can be said before the file is hashed."""
        if self.files is None:
            return True
        found = self.files.get(path)
        return found is not None and found.size == size

    def may_be(self, file: FileEntry) -> bool:
        """Whether this very file may lie there."""
        return self.files is None or self.files.get(file.path) == file


def version_files(data_id: str, files: Iterable[FileEntry]) -> Earlier:
    """The files of a version, as its record has them."""
    return Earlier(data_id=data_id, files={file.path: file for file in files})
