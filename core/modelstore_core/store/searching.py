"""What is asked of many records: the versions of one model or of all, and the models themselves, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from modelstore_core.errors import Corrupt, StoreTooNew
from modelstore_core.model.records import ModelSummary, ModelVersion, Page
from modelstore_core.registry import queries
from modelstore_core.registry.gathering import Gathering
from modelstore_core.registry.memory import Held
from modelstore_core.registry.snapshots import Remembered
from modelstore_core.search.fields import MODEL, VERSION, Schema
from modelstore_core.search.ordering import parse_order
from modelstore_core.search.paging import Query
from modelstore_core.search.selection import Selection, parse_selection
from modelstore_core.store.handle import Handle

__all__ = ["Asked", "models", "search", "versions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller asks of a list of records, as it came in."""

    where: str | None
    order_by: str | Sequence[str] | None
    limit: int | None
    page_token: str | None


def versions(handle: Handle, name: str, asked: Asked, *, deleted: bool) -> Page[ModelVersion]:
    """The model's versions; newest first where nothing else is said."""
    query = _query(asked, VERSION, "number DESC", f"versions of {name}", str(deleted))
    if asked.where is None and asked.order_by is None:
        return _newest(handle, name, asked, query, deleted=deleted)
    view = handle.reading(name, None)
    record = partial(queries.record_of, view, root_url=handle.storage.url)
    return query.page(view.newest_versions(None, record, deleted=deleted), asked.limit, asked.page_token)


def search(handle: Handle, asked: Asked, *, deleted: bool) -> Page[ModelVersion]:
    """The versions of all models; by name, and newest first in each, where nothing else is said."""
    query = _query(asked, VERSION, "name, number DESC", "search", str(deleted))
    return query.page(_versions_of_all(handle, deleted=deleted), asked.limit, asked.page_token)


def models(handle: Handle, asked: Asked, *, deleted: bool) -> Page[ModelSummary]:
    """The models; by name where nothing else is said."""
    query = _query(asked, MODEL, "name", "models", str(deleted))
    held = handle.gathering().models(versions=False, deleted=deleted)
    summaries = (queries.summary(one.snapshot.model, one.snapshot.state, one.snapshot.time) for one in held)
    return query.page(summaries, asked.limit, asked.page_token)


def _query(asked: Asked, schema: Schema, default: str, *what: str) -> Query:
    """The query: no two records stand at one place of its order, because the default ends it."""
    selection = parse_selection(asked.where, asked.order_by, schema)
    whole = Selection(selection.condition, selection.terms + parse_order(default, schema))
    return Query((*what, str(asked.where)), whole, ModelVersion if schema is VERSION else ModelSummary)


def _newest(handle: Handle, name: str, asked: Asked, query: Query, *, deleted: bool) -> Page[ModelVersion]:
    """The newest versions below the one that the page before ended with; no further back than is asked for."""
    start, limit = query.start(asked.page_token), asked.limit
    view = handle.reading(name, limit)
    newer = int(max(view.state.next - start, 0))  # so many at most were on the pages before
    record = partial(queries.record_of, view, root_url=handle.storage.url)
    found = view.newest_versions(None if limit is None else limit + newer, record, deleted=deleted)
    page = [version for version in found if version.number < start][:limit]
    if limit is None or len(page) < limit or page[-1].number == 1:
        return Page(page, kind=ModelVersion)
    seen = sum(version.number >= page[-1].number for version in found)
    more = deleted or seen < view.state.live
    return Page(page, query.token(page[-1]) if more else None, ModelVersion)


def _versions_of_all(handle: Handle, *, deleted: bool) -> Iterator[ModelVersion]:
    gathering = handle.gathering()
    for held in gathering.models(versions=True):
        yield from _versions_of(handle, gathering, held, deleted=deleted)


def _versions_of(handle: Handle, gathering: Gathering, held: Held, *, deleted: bool) -> list[ModelVersion]:
    try:
        return _shown(handle, held, deleted=deleted)
    except (Corrupt, StoreTooNew):
        if held.view is not None:
            raise
        return _shown(handle, gathering.again(held), deleted=deleted)


def _shown(handle: Handle, held: Held, *, deleted: bool) -> list[ModelVersion]:
    if held.view is not None:
        record = partial(queries.record_of, held.view, root_url=handle.storage.url)
        return held.view.newest_versions(None, record, deleted=deleted)
    view = Remembered(handle.passing(held.snapshot.model), held.snapshot)
    return view.shown(partial(queries.record_of, view, root_url=handle.storage.url), deleted=deleted)
