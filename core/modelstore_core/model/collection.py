"""What a collection removed, as callers get to see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from modelstore_core.model.frames import Kind
from modelstore_core.model.listings import Records
from modelstore_core.model.tables import html_line, printable

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Collected", "CollectedKind", "Collection"]

CollectedKind: TypeAlias = Literal["condemned", "purged", "leftover", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One thing that was removed, or with `dry_run` would be.

    Attributes:
        model: Whose it was; "" for what belongs to none.
        kind: "condemned": files that no version ever had. "purged": those of a deleted or superseded version.
            "leftover": what an earlier collection or a self-test that was killed, or a save that came too late, had
            left. "upload": what was begun and never finished.
        number: The version whose files they were, if any.
        id: The data folder's id; of what lies in none, its key.
        objects, bytes: How many they were, and how much.
        age: Seconds since the youngest file was written, or since the version was deleted or superseded, by the
            store's clock.
    """

    model: str
    kind: CollectedKind
    number: int | None
    id: str
    objects: int
    bytes: int
    age: float

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "model": "text",
        "kind": "text",
        "number": "int",
        "objects": "int",
        "bytes": "int",
        "age": "float",
        "id": "text",
    }

    def row(self) -> dict[str, object]:
        """What was removed as one row of a table."""
        return {
            "model": self.model,
            "kind": self.kind,
            "number": self.number,
            "objects": self.objects,
            "bytes": self.bytes,
            "age": self.age,
            "id": self.id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What `collect` removed, or with `dry_run` would remove.

    Attributes:
        removed: Each data folder and each upload, model by model.
        uncommitted: Models that have a hint or files, but no commit yet: nothing was condemned there.
        objects, bytes: How many objects they were in all, and how much.
        dry_run: Whether nothing was written or removed.
    """

    removed: Records[Collected]
    uncommitted: tuple[str, ...]
    objects: int
    bytes: int
    dry_run: bool

    @classmethod
    def of(cls, removed: Iterable[Collected], uncommitted: Iterable[str], *, dry_run: bool) -> "Collection":
        """The collection of these, with its totals."""
        found = Records(sorted(removed, key=lambda one: (one.model, one.kind, one.number or 0, one.id)), Collected)
        return cls(
            removed=found,
            uncommitted=tuple(sorted(uncommitted)),
            objects=sum(one.objects for one in found),
            bytes=sum(one.bytes for one in found),
            dry_run=dry_run,
        )

    def summary(self) -> str:
        """One sentence for people."""
        verb = "would remove" if self.dry_run else "removed"
        much = f"{verb} {_counted(self.objects, 'object')} of {self.bytes:,} bytes"
        said = much if self.removed else "nothing to remove"
        if self.uncommitted:
            said += f"; without a commit yet, so left alone: {', '.join(self.uncommitted)}"
        return said

    def to_pandas(self) -> "DataFrame":
        """What was removed, as a data frame."""
        return self.removed.to_pandas()

    def __str__(self) -> str:
        said = printable(self.summary())
        return f"{self.removed!r}\n\n{said}" if self.removed else said

    def __repr__(self) -> str:
        return printable(f"Collection({self.summary()})")

    def _repr_html_(self) -> str:
        said = html_line(self.summary())
        return self.removed._repr_html_() + said if self.removed else said


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
