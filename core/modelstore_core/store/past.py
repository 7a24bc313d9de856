"""A store as it was: the reading verbs, on the commits that were the heads at some time."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.trust import Trust
from modelstore_core.model.records import Event, ModelSummary, ModelVersion, Records
from modelstore_core.registry.indexed import Indexed
from modelstore_core.registry.moments import Moment, commit_at
from modelstore_core.registry.queries import summary_of
from modelstore_core.registry.view import View
from modelstore_core.store.handle import Handle
from modelstore_core.store.loading import LoadAs
from modelstore_core.store.reading import Reading

if TYPE_CHECKING:
    from modelstore_core.journal.log import Journal
    from modelstore_core.model.comparison import Comparison
    from modelstore_core.model.inspection import Inspection

__all__ = ["PastStore"]


class PastStore:
    """A store as it was at a time, or one model as it was after a commit. It only reads.

    Versions that were deleted since are there; those whose files were removed since cannot be loaded, but their records
    can be read. Times are those that writers recorded; where their clocks differed, so do the answers, by as much.
    """

    def __init__(self, now: Handle, moment: Moment) -> None:
        self._now = now
        self._moment = moment
        self._then = _Then(_PastHandle(now, moment))

    def get(self, reference: str) -> ModelVersion:
        """The version's record as it was: its aliases, annotations and state of then.

        Raises:
            NotFound: There was no such model, version or alias.
        """
        return self._then.get(reference)

    def load(self, reference: str, *, as_: LoadAs = "object", trust: str | Iterable[str] | Trust | None = None) -> Any:
        """The object of what the reference meant then; see `ModelStore.load`.

        Raises:
            VersionPurged: Its files were removed since.
        """
        return self._then.load(reference, as_=as_, trust=trust)

    def pull(self, reference: str, target: str | os.PathLike[str]) -> Path:
        """The files of what the reference meant then; see `ModelStore.pull`."""
        return self._then.pull(reference, target)

    def inspect(self, reference: str, *, trust: str | Iterable[str] | Trust | None = None) -> "Inspection":
        """What is to be known of it before it is loaded; see `ModelStore.inspect`."""
        return self._then.inspect(reference, trust=trust)

    def versions(
        self,
        name: str,
        *,
        where: str | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        deleted: bool = False,
    ) -> Records[ModelVersion]:
        """The versions that were live then, newest first; see `ModelStore.versions`."""
        return self._then.versions(name, where=where, order_by=order_by, limit=limit, deleted=deleted)

    def history(self, name: str, *, limit: int | None = None) -> Records[Event]:
        """What had happened to the model by then, newest first."""
        return self._then.history(name, limit=limit)

    def compare(self, left: str, right: str, *more: str) -> "Comparison":
        """All in which two versions differed."""
        return self._then.compare(left, right, *more)

    def best(
        self, name: str, field: str, direction: Literal["max", "min"] = "max", *, where: str | None = None
    ) -> ModelVersion:
        """The version that was the best by one number."""
        return self._then.best(name, field, direction, where=where)

    def models(self) -> Records[ModelSummary]:
        """Every model that there was, by name.

        Raises:
            InvalidInput: The moment is a commit of one model, and says nothing of others.
        """
        if self._moment.time is None:
            raise InvalidInput(
                f"{self._moment} is a place in one model's log, and no time for all.",
                value=self._moment.seq,
                fix="Pass a time to `at`.",
            )
        from modelstore_core.store import listing

        heads = [commit_at(journal, head, self._moment) for journal, head in listing.heads(self._now)]
        there = [head for head in heads if head is not None and not (head.state.closed or head.state.moving)]
        return Records(sorted(map(summary_of, there), key=lambda summary: summary.name), ModelSummary)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._now.storage.url!r}, {self._moment})"


class _Then(Reading):
    """The reading verbs over another handle."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle


class _PastHandle(Handle):
    """A handle whose models are as they were; it shares what the other has read of their logs."""

    def __init__(self, now: Handle, moment: Moment) -> None:
        super().__init__(now.storage, now.settings, now.ports)
        self._now = now
        self._moment = moment

    def __reduce__(self) -> tuple[type["_PastHandle"], tuple[Handle, Moment]]:  # type: ignore[override]
        return type(self), (self._now, self._moment)

    def journal(self, name: str) -> "Journal":
        return self._now.journal(name)

    def view(self, name: str) -> View:
        return self.reading(name)

    def reading(self, name: str, span: int | None = 0) -> Indexed:  # noqa: ARG002 - what lies far back is asked anyway
        journal = self.journal(name)
        return Indexed(journal, commit_at(journal, journal.newest(journal.known()), self._moment))

    def again(self, view: View) -> Indexed:
        return Indexed(view.journal, view.head)
