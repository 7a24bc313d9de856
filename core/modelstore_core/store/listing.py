"""Listings over all models, and the feed of what changed in any of them.

Thousands of models are asked in a few rounds: each step is taken for all of them side by side, and then the next.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from modelstore_core.documents.commit import Commit, read_commit
from modelstore_core.documents.sidecars import Mark, read_hint
from modelstore_core.errors import InvalidName
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.model.names import check_name, folder_of, is_folder
from modelstore_core.model.records import Event, Feed, ModelSummary, Records
from modelstore_core.registry import queries
from modelstore_core.registry.events import events_of
from modelstore_core.registry.queries import Seen
from modelstore_core.store.handle import Handle

__all__ = ["changes", "heads", "models", "names"]

T = TypeVar("T")

_HEADS = "heads/"
_NOTHING = Mark(seq=0, op_id="")


def models(handle: Handle) -> Records[ModelSummary]:
    """Every model with at least one commit, by name."""
    return Records(sorted((queries.summary_of(head) for _, head in heads(handle)), key=lambda m: m.name))


def heads(handle: Handle) -> list[tuple[Journal, Commit]]:
    """The journal and the newest commit of every model that has a hint and a commit."""
    return [*_heads(handle, sorted(_etags(handle))).values()]


def names(handle: Handle) -> list[str]:
    """The name of every model that has a hint, with commits or without, sorted."""
    return sorted(name for name, _ in _hinted(handle, sorted(_etags(handle))).values())


def changes(handle: Handle, cursor: str | None) -> Feed:
    """What was committed since the cursor; every acknowledged change is in this answer or in a later one."""
    seen = queries.parse_cursor(cursor)
    # The etags come first and the logs after: a commit in between is read now, and its etag asked about next time.
    etags = _etags(handle)
    # A hint that was there and is not any more tells nothing, so the log itself is looked at, until there is one again.
    lost = {folder: "" for folder in seen if folder not in etags and is_folder(folder)}
    news = sorted(f for f, etag in (lost | etags).items() if not etag or f not in seen or seen[f].etag != etag)
    found = _heads(handle, news)
    first = {folder: _first(seen.get(folder), head) for folder, (_, head) in found.items()}
    while calls := [c for folder, (journal, head) in found.items() for c in journal.fetches(first[folder], head)]:
        handle.storage.together(calls)
    events: list[Event] = []
    for folder in news:
        # A model without a commit has been seen too, up to nothing: its first commit will bring another hint.
        seen[folder] = Seen(etag=etags.get(folder, ""), seq=found[folder][1].seq if folder in found else 0)
        if folder in found:
            journal, head = found[folder]
            entries = journal.entries(first[folder], head)
            events += [event for entry in entries for event in events_of(journal.model, entry)]
    return Feed(events=Records(events), cursor=queries.write_cursor(seen))


def _first(seen: Seen | None, head: Commit) -> int:
    """From where a log is news: a shorter one than was seen is another, made anew after the first was removed."""
    return seen.seq + 1 if seen is not None and seen.seq <= head.seq else 1


def _etags(handle: Handle) -> dict[str, str]:
    """Folder → etag of its hint; whatever else lies there is left alone."""
    found = {info.key.removeprefix(_HEADS): info.etag for info in handle.storage.list(_HEADS)}
    named = {key.removesuffix(".json"): etag for key, etag in found.items() if key.endswith(".json")}
    return {folder: etag for folder, etag in named.items() if is_folder(folder)}


def _heads(handle: Handle, folders: Sequence[str]) -> dict[str, tuple[Journal, Commit]]:
    """The journal and head of each folder that has a commit; a model whose first save crashed has none."""
    journals = {folder: (handle.journal(name), mark) for folder, (name, mark) in _hinted(handle, folders).items()}
    sights = {
        folder: (journal, *journal.sighting(journal.known(), mark)) for folder, (journal, mark) in journals.items()
    }
    handle.storage.together([call for _, calls, _ in sights.values() for call in calls])
    found = handle.storage.together([head for _, _, head in sights.values()])
    pairs = zip(sights.items(), found, strict=True)
    return {folder: (journal, head) for (folder, (journal, _, _)), head in pairs if head is not None}


def _hinted(handle: Handle, folders: Sequence[str]) -> dict[str, tuple[str, Mark]]:
    """The name of each folder's model, and the hint's word; without those of which neither hint nor log tells whose."""
    hints = _each(handle, folders, lambda folder: read_hint(handle.storage.get(hint_key(folder))))
    known = {folder: hint for folder, hint in hints.items() if hint is not None and _lives_in(folder, hint[0])}
    rest = _each(handle, [f for f in folders if f not in known], partial(_name_in_log, handle))
    known |= {folder: (name, _NOTHING) for folder, name in rest.items() if name and _lives_in(folder, name)}
    return {folder: known[folder] for folder in folders if folder in known}


def _lives_in(folder: str, name: str) -> bool:
    """Whether it is the name of a model, and of the one in this folder."""
    try:
        return check_name(name) == name and folder_of(name) == folder
    except InvalidName:
        return False


def _name_in_log(handle: Handle, folder: str) -> str | None:
    """The model's name as its first commit has it, for a hint that cannot be read."""
    raw = handle.storage.get(f"models/{folder}/log/{1:020}.json")
    return None if raw is None else read_commit(raw, f"log/1 of folder {folder!r}").model


def _each(handle: Handle, folders: Sequence[str], ask: Callable[[str], T]) -> dict[str, T]:
    return dict(zip(folders, handle.storage.together([partial(ask, folder) for folder in folders]), strict=True))
