"""The fold of a log: what each version is after a run of entries. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from modelstore_core.model.operations import AddVersion, Annotate, CheckResult, Delete, Entry, Purge, Restore, Review
from modelstore_core.model.state import Pointer

__all__ = ["Folded", "changes_of", "fold", "step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One version as of some commit: its record, its newest annotation, and whether it is to be had.

    `annotated` is the seq of the newest annotation; `annotation` is that entry, where it was asked for.
    """

    record: Entry
    annotated: int | None = None
    annotation: Entry | None = None
    deleted: bool = False
    purged: bool = False
    superseded_by: int | None = None

    @property
    def added(self) -> AddVersion:
        """The operation that made the version."""
        assert isinstance(self.record.op, AddVersion)
        return self.record.op

    @property
    def number(self) -> int:
        """The version's number."""
        return self.added.number

    @property
    def live(self) -> bool:
        """Neither deleted, purged nor superseded."""
        return not (self.deleted or self.purged or self.superseded_by is not None)

    @property
    def pointer(self) -> Pointer:
        """Where the version stands in the log."""
        return Pointer(
            number=self.number,
            record=self.record.seq,
            annotated=self.annotated,
            superseded_by=self.superseded_by,
        )

    @property
    def metrics(self) -> Mapping[str, float | int]:
        """The metrics, all annotations included."""
        return self._annotated.metrics

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags, all annotations included."""
        return self._annotated.tags

    @property
    def description(self) -> str:
        """The description, all annotations included."""
        return self._annotated.description

    @property
    def checks(self) -> Mapping[str, CheckResult]:
        """The newest outcome of each check that was made of it."""
        return self._annotated.checks if isinstance(self._annotated, Annotate) else {}

    @property
    def reviews(self) -> tuple[Review, ...]:
        """What was said to its getting an alias, oldest first."""
        return self._annotated.reviews if isinstance(self._annotated, Annotate) else ()

    @property
    def _annotated(self) -> AddVersion | Annotate:
        if self.annotation is None:
            return self.added
        assert isinstance(self.annotation.op, Annotate)
        return self.annotation.op


def fold(entries: Iterable[Entry], versions: dict[int, Folded] | None = None) -> dict[int, Folded]:
    """The versions whose records are among the entries, which must run without a gap up to the commit meant.

    With `versions`, those of an earlier call whose entries end where these begin, it goes on with them.
    """
    versions = {} if versions is None else versions
    for entry in entries:
        if isinstance(entry.op, AddVersion):
            versions[entry.op.number] = Folded(record=entry)
        number = changes_of(entry)
        if number in versions:
            versions[number] = step(versions[number], entry)
    return versions


def changes_of(entry: Entry) -> int | None:
    """The earlier version that an entry changes, if it changes one."""
    match entry.op:
        case AddVersion(supersedes=number):
            return number
        case Annotate(number=number) | Delete(number=number) | Restore(number=number) | Purge(number=number):
            return number
        case _:
            return None


def step(version: Folded, entry: Entry) -> Folded:
    """The version after an entry that changes it."""
    match entry.op:
        case AddVersion(number=number):
            return replace(version, superseded_by=number)
        case Annotate():
            return replace(version, annotated=entry.seq, annotation=entry)
        case Delete():
            return replace(version, deleted=True)
        case Restore():
            return replace(version, deleted=False)
        case _:  # a purge: nothing else is left that changes a version
            return replace(version, purged=True)
