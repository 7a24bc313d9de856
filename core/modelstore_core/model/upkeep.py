"""What was done to keep a model fast."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from modelstore_core.model.frames import Kind

__all__ = ["Maintained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """What `maintain` did to one model.

    Attributes:
        name: The model's name.
        commits: The length of its log.
        versions: How many versions its listing holds, live or not.
        blocks: How many blocks were missing or damaged, and written.
        segments: How many segments were written.
        removed: How many old segments, which nothing names any more, were removed.
    """

    name: str
    commits: int
    versions: int
    blocks: int = 0
    segments: int = 0
    removed: int = 0

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "name": "text",
        "commits": "int",
        "versions": "int",
        "blocks": "int",
        "segments": "int",
        "removed": "int",
    }

    def row(self) -> dict[str, object]:
        """The model as one row of a table."""
        return asdict(self)
