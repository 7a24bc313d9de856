"""The verbs that read: resolve, load, list, look back. None of them writes anything to the storage."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.trust import Trust, parse_trust
from modelstore_core.model.names import parse_reference
from modelstore_core.model.records import Event, Feed, ModelSummary, ModelVersion, Page, Records
from modelstore_core.registry import queries
from modelstore_core.store.handle import Handle
from modelstore_core.store.loading import LoadAs, load, pull

if TYPE_CHECKING:
    from modelstore_core.model.comparison import Comparison
    from modelstore_core.model.inspection import Inspection

__all__ = ["Reading"]


class Reading:
    """What a store answers."""

    _handle: Handle

    def load(self, reference: str, *, as_: LoadAs = "object", trust: str | Iterable[str] | Trust | None = None) -> Any:
        """The version's object; every byte is checked against the record before anything reads it.

        Args:
            reference: `name`, `name@3`, `name@alias`.
            as_: "object" (as it was saved), "path" (its folder: the store's own if that is on this machine, so do
                not write to it, else a copy that lasts as long as the process), or "pyfunc" (an MLflow pyfunc model).
            trust: This call's policy; the store's if left out.

        Raises:
            NotFound: There is no such model, version or alias.
            VersionDeleted, VersionPurged: It is not to be had.
            Corrupt: Its bytes are not what was saved; nothing was loaded.
            Untrusted: The policy does not allow what its files name; nothing was loaded.
            MissingExtra: A package that it needs is not installed.
        """
        parsed = parse_reference(reference)
        policy = self._handle.settings.trust if trust is None else parse_trust(trust)
        return load(self._handle, parsed, as_, policy)

    def pull(self, reference: str, target: str | os.PathLike[str]) -> Path:
        """Copy the version's files, checked, into a new folder that appears whole or not at all.

        Raises:
            InvalidInput: The target exists and is not an empty folder.
            NotFound, VersionDeleted, VersionPurged, Corrupt: As for `load`.
        """
        parsed = parse_reference(reference)
        return pull(self._handle, parsed, Path(target))

    def inspect(self, reference: str, *, trust: str | Iterable[str] | Trust | None = None) -> "Inspection":
        """What is to be known of the version before it is loaded: its bytes are checked and scanned, none is loaded.

        Args:
            reference: `name`, `name@3`, `name@alias`.
            trust: The policy to judge it by; the store's if left out.

        Raises:
            NotFound, VersionDeleted, VersionPurged, Corrupt: As for `load`.
        """
        from modelstore_core.store.inspecting import inspect  # scanners are for those who ask

        record = self.get(reference)
        return inspect(self._handle, record, self._handle.settings.trust if trust is None else parse_trust(trust))

    def get(self, reference: str) -> ModelVersion:
        """The version's record, without its bytes; by number also of a deleted version.

        Raises:
            NotFound: There is no such model, version or alias.
        """
        parsed = parse_reference(reference)
        view = self._handle.reading(parsed.name)
        return queries.record_of(view, view.resolve(parsed), self._handle.storage.url)

    def models(
        self,
        where: str | None = None,
        *,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelSummary]:
        """Every model, by name.

        Args:
            where: Only those of which this holds, such as "name LIKE 'risk.%' AND alias = 'champion'".
            order_by: Such as "changed_at DESC".
            limit: At most so many; the answer's `next_page_token` asks for what comes after them.
            page_token: The `next_page_token` of the page before.
            deleted: Deleted models too.

        Raises:
            InvalidQuery: `where` or `order_by` is not understood; the message says where.
            InvalidInput: `limit` is no count, or the token is not one, or is of another query.
        """
        from modelstore_core.store.searching import Asked, models  # most processes know the one they want

        asked = Asked(where=where, order_by=order_by, limit=_checked_limit(limit), page_token=page_token)
        return models(self._handle, asked, deleted=deleted)

    def search(
        self,
        where: str | None = None,
        *,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = 100,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        """The live versions of all models, by name and newest first, page by page.

        It costs a listing of the models, and reading what has changed since this store was last asked, or since
        `maintain` last ran. Every change that was acknowledged before the call is in the answer.

        Args:
            where: Only those of which this holds, such as "metrics.auc > 0.9 AND tags.team = 'risk'".
            order_by: Such as "metrics.auc DESC"; versions without the value come last.
            limit: At most so many, None for all; the answer's `next_page_token` asks for what comes after them.
            page_token: The `next_page_token` of the page before.
            deleted: Deleted and superseded versions too.

        Raises:
            InvalidQuery: `where` or `order_by` is not understood; the message says where.
            InvalidInput: `limit` is no count, or the token is not one, or is of another query.
            Corrupt, StoreTooNew: The log of a model cannot be read.
        """
        from modelstore_core.store.searching import Asked, search

        asked = Asked(where=where, order_by=order_by, limit=_checked_limit(limit), page_token=page_token)
        return search(self._handle, asked, deleted=deleted)

    def versions(
        self,
        name: str,
        *,
        where: str | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> Page[ModelVersion]:
        """The model's live versions, newest first.

        Args:
            name: The model's name.
            where: Only those of which this holds, such as "metrics.auc > 0.9 AND tags.team = 'risk'".
            order_by: Such as "metrics.auc DESC, number"; versions without the value come last.
            limit: At most so many; the answer's `next_page_token` asks for what comes after them.
            page_token: The `next_page_token` of the page before.
            deleted: Deleted and superseded versions too.

        Raises:
            ModelNotFound: There is no such model.
            InvalidQuery: `where` or `order_by` is not understood; the message says where.
            InvalidInput: `limit` is no count, or the token is not one, or is of another query.
        """
        from modelstore_core.store.searching import Asked, versions  # most processes list nothing

        asked = Asked(where=where, order_by=order_by, limit=_checked_limit(limit), page_token=page_token)
        return versions(self._handle, name, asked, deleted=deleted)

    def history(self, name: str, *, limit: int | None = None) -> Records[Event]:
        """What happened to the model, newest first: who, when, why, from, to; refused promotions too.

        Raises:
            ModelNotFound: There is no such model.
        """
        from modelstore_core.registry.events import history

        return history(self._handle.view(name), _checked_limit(limit))

    def best(
        self, name: str, field: str, direction: Literal["max", "min"] = "max", *, where: str | None = None
    ) -> ModelVersion:
        """The live version with the largest or smallest number in a field, NaN apart; of equal ones the newest.

        Args:
            name: The model's name.
            field: Such as "metrics.auc", or "size"; params and tags count where they are numbers.
            direction: "max" or "min".
            where: Only among those of which this holds.

        Raises:
            NotFound: There is no such model, or no version of it has such a number: the message says what they have.
            InvalidQuery: `field` or `where` is not understood; the message says where.
            InvalidInput: `direction` is another word, or the field never is a number.
        """
        from modelstore_core.search.best import Best  # few ask

        return Best.parse(field, direction).of(name, self.versions(name, where=where))

    def compare(self, left: str, right: str, *more: str) -> "Comparison":
        """All in which two or more versions differ: metrics, params, tags, environment, packages, signature, files.

        Raises:
            NotFound: One of them is not there.
        """
        from modelstore_core.model.comparison import compare  # few ask

        return compare([self.get(reference) for reference in (left, right, *more)])

    def changes(self, cursor: str | None = None) -> Feed:
        """What was committed to any model since the cursor (None: ever), and the cursor for the next call.

        Every acknowledged change is in this answer or a later one. A change that comes twice has the same event id.

        Raises:
            InvalidInput: It is not a cursor that `changes` returned.
        """
        from modelstore_core.store import listing

        return listing.changes(self._handle, cursor)


def _checked_limit(limit: int | None) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit > 0):
        return limit
    raise InvalidInput(f"limit={limit!r} is no count.", value=limit, fix="Pass 1 or more.")
