"""What a check of a store found, as callers get to see it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from modelstore_core.model.frames import Kind
from modelstore_core.model.listings import Records
from modelstore_core.model.tables import html_line, printable

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Check", "CheckState", "Diagnosis", "Problem", "Severity", "Verification"]

Severity: TypeAlias = Literal["damage", "repairable", "note"]
"""How bad it is.

- `damage`: something that was stored is not there or not what it was; nothing in the store brings it back.
- `repairable`: something that follows from the log is missing or wrong. Readers do without it or look past it, and
  `repair` writes it anew.
- `note`: nothing is wrong; worth knowing.
"""

CheckState: TypeAlias = Literal["ok", "fail", "warn", "skip", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that `verify` found.

    Attributes:
        model: Whose it is; "" for the store's own.
        severity: "damage", "repairable" or "note".
        key: The object concerned, or the folder, which ends in a slash.
        what: One sentence: what is wrong with it.
        fix: What to do about it.
        repaired: Whether this call has put it right.
    """

    model: str
    severity: Severity
    key: str
    what: str
    fix: str
    repaired: bool = False

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "severity": "text",
        "model": "text",
        "key": "text",
        "what": "text",
        "fix": "text",
    }

    def row(self) -> dict[str, object]:
        """The problem as one row of a table."""
        return {
            "severity": "repaired" if self.repaired else self.severity,
            "model": self.model,
            "key": self.key,
            "what": self.what,
            "fix": self.fix,
        }

    def __str__(self) -> str:
        said = self.what if self.repaired else f"{self.what} {self.fix}".rstrip()
        return printable(f"{'repaired' if self.repaired else self.severity:<10}  {self.key or 'the store'}: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `verify` looked at, and what it found.

    Attributes:
        ok: Whether nothing but notes is left: no damage, and all that was repairable is repaired.
        problems: What was found, damage first.
        models, commits, versions, files: How many were looked at; versions and files only those that are to be had.
        files_read, bytes_read: How many files were read and compared with their sha256, and how many bytes that were.
        heads: Model → sha256 of its newest commit. Whoever keeps it can prove with `head=` that nothing before was
            rewritten.
    """

    ok: bool
    problems: Records[Problem]
    models: int
    commits: int
    versions: int
    files: int
    files_read: int
    bytes_read: int
    heads: Mapping[str, str]

    def count(self, severity: Severity) -> int:
        """How many problems of that severity are left."""
        return sum(problem.severity == severity and not problem.repaired for problem in self.problems)

    def summary(self) -> str:
        """One sentence for people."""
        looked = f"{_counted(self.models, 'model')}, {_counted(self.commits, 'commit')}, "
        looked += f"{_counted(self.versions, 'version')}, {_counted(self.files, 'file')}"
        if self.files_read:
            looked += f", {self.bytes_read:,} bytes of {_counted(self.files_read, 'file')} read"
        repaired = sum(problem.repaired for problem in self.problems)
        found = [(self.count("damage"), "damaged"), (self.count("repairable"), "repairable"), (repaired, "repaired")]
        said = ", ".join(f"{count:,} {word}" for count, word in found if count) or "sound"
        return f"{looked}: {said}"

    def to_pandas(self) -> "DataFrame":
        """The problems as a data frame."""
        return self.problems.to_pandas()

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), printable(self.summary())])

    def __repr__(self) -> str:
        return printable(f"Verification({self.summary()})")

    def _repr_html_(self) -> str:
        said = html_line(self.summary())
        return self.problems._repr_html_() + said if self.problems else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that `doctor` tried.

    Attributes:
        name: What was tried.
        state: "ok"; "fail": a store cannot be used like this; "warn": it can, but; "skip": it could not be tried;
            "info": nothing to judge.
        what: What came of it.
        fix: What to do about it.
    """

    name: str
    state: CheckState
    what: str
    fix: str = ""

    COLUMNS: ClassVar[Mapping[str, Kind]] = {"state": "text", "name": "text", "what": "text", "fix": "text"}

    def row(self) -> dict[str, object]:
        """The check as one row of a table."""
        return {"state": self.state, "name": self.name, "what": self.what, "fix": self.fix}

    def __str__(self) -> str:
        return printable(f"{self.state:<4}  {self.name}: {self.what} {self.fix}".rstrip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What `doctor` tried on a storage, and what came of it.

    Attributes:
        ok: Whether nothing failed.
        url: The store.
        checks: In the order in which they were tried.
    """

    ok: bool
    url: str
    checks: Records[Check]

    @classmethod
    def of(cls, url: str, checks: Iterable[Check]) -> "Diagnosis":
        """The diagnosis that these checks give."""
        found = Records(checks, Check)
        return cls(ok=all(check.state != "fail" for check in found), url=url, checks=found)

    def to_pandas(self) -> "DataFrame":
        """The checks as a data frame."""
        return self.checks.to_pandas()

    def __str__(self) -> str:
        return "\n".join(map(str, self.checks))

    def __repr__(self) -> str:
        failed = ", ".join(check.name for check in self.checks if check.state == "fail")
        return printable(f"Diagnosis({self.url}, {f'failed: {failed}' if failed else 'ok'})")

    def _repr_html_(self) -> str:
        return self.checks._repr_html_()


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
