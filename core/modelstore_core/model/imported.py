"""What an import did, or would do, as callers get to see it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from modelstore_core.model.frames import Kind
from modelstore_core.model.records import Records
from modelstore_core.model.tables import html_table, printable

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ImportKind", "ImportState", "Imported", "ImportedVersion", "NotKept"]

ImportKind: TypeAlias = Literal["modelstore", "mlflow", "files"]

ImportState: TypeAlias = Literal["imported", "present", "deleted", "left out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedVersion:
    """One version of the source, and what became of it, or with `dry_run` would.

    Attributes:
        origin: What the source calls it: `models:/risk.churn/3`, `risk.churn/v2`, `risk.churn/2024-01-01.joblib`.
        name: The model it belongs to here.
        number: Its number here; None if it is not here.
        state: "imported": saved by this call. "present": an earlier call has saved it, and nothing was done; whether it
            was deleted here since makes no difference. "deleted": the source itself had deleted it. "left out": it
            could not be read; `why` says so.
        format: How it loads; "file" and "folder" give its path.
        aliases: The aliases that this call gave it.
        why: For people.
    """

    origin: str
    name: str
    number: int | None
    state: ImportState
    format: str = ""
    aliases: tuple[str, ...] = ()
    why: str = ""

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "origin": "text",
        "state": "text",
        "name": "text",
        "number": "int",
        "aliases": "text",
        "format": "text",
        "why": "text",
    }

    def row(self) -> dict[str, object]:
        """The version as one row of a table."""
        return {
            "origin": self.origin,
            "state": self.state,
            "name": self.name,
            "number": self.number,
            "aliases": ", ".join(self.aliases),
            "format": self.format,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKept:
    """Something of the source that has no place here, or was kept in another form.

    Attributes:
        origin: The model or version that it was said of, as the source calls it; "" for the source as a whole.
        what: What it is: "alias champion", "name", "description" …
        why: What became of it, and why.
    """

    origin: str
    what: str
    why: str

    COLUMNS: ClassVar[Mapping[str, Kind]] = {"origin": "text", "what": "text", "why": "text"}

    def row(self) -> dict[str, object]:
        """It as one row of a table."""
        return {"origin": self.origin, "what": self.what, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What `import_from` did, or with `dry_run` would do.

    Attributes:
        source: Where it read.
        kind: "modelstore", "mlflow" or "files".
        dry_run: Whether nothing was written.
        versions: Every version that the source knows, model by model, in the order in which they were made.
        not_kept: What else of the source was not kept as it was.
    """

    source: str
    kind: ImportKind
    dry_run: bool
    versions: Records[ImportedVersion]
    not_kept: Records[NotKept]

    @property
    def ok(self) -> bool:
        """Whether no version that is to be had was left out."""
        return not self.count("left out")

    def count(self, state: ImportState) -> int:
        """How many versions ended so."""
        return Counter(one.state for one in self.versions)[state]

    def summary(self) -> str:
        """One sentence for people."""
        said = [(self.count("imported"), "would be imported" if self.dry_run else "imported")]
        said += [(self.count("present"), "here already"), (self.count("left out"), "left out")]
        said += [(self.count("deleted"), "deleted at the source"), (len(self.not_kept), "remarks")]
        found = ", ".join(f"{count:,} {word}" for count, word in said if count)
        return f"{self.kind}: {found}" if found else f"{self.kind}: nothing to import"

    def to_pandas(self) -> "DataFrame":
        """The versions as a data frame."""
        return self.versions.to_pandas()

    def __str__(self) -> str:
        tables = [repr(records) for records in _filled((self.versions, self.not_kept))]
        return "\n\n".join([*tables, printable(self.summary())])

    def _repr_html_(self) -> str:
        tables = (html_table(records.rows(), records.columns()) for records in _filled((self.versions, self.not_kept)))
        return "".join([*tables, html_table([{"": self.summary()}], [""])])


def _filled(
    tables: Iterable[Records[ImportedVersion] | Records[NotKept]],
) -> Iterable[Records[ImportedVersion] | Records[NotKept]]:
    return (records for records in tables if records)
