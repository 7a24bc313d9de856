"""Listings over all models, and the feed of what changed in any of them.

Thousands of models are asked in a few rounds: each step is taken for all of them side by side, and then the next.
"""

from modelstore_core.documents.commit import Commit
from modelstore_core.journal.log import Journal
from modelstore_core.model.names import is_folder
from modelstore_core.model.operations import Arrive, Entry
from modelstore_core.model.records import Event, Feed, Records
from modelstore_core.registry import queries
from modelstore_core.registry.events import events_of
from modelstore_core.registry.hints import heads_of, hints, names_of
from modelstore_core.registry.queries import Seen
from modelstore_core.store.handle import Handle

__all__ = ["changes", "heads", "names"]


def heads(handle: Handle) -> list[tuple[Journal, Commit]]:
    """The journal and the newest commit of every model that has a hint and a commit."""
    found = heads_of(handle.storage, hints(handle.storage), handle.journal)
    return [(journal, head) for journal, head in found.values() if head is not None]


def names(handle: Handle) -> list[str]:
    """The name of every model that has a hint, with commits or without, sorted."""
    return names_of(handle.storage, hints(handle.storage))


def changes(handle: Handle, cursor: str | None) -> Feed:
    """What was committed since the cursor; every acknowledged change is in this answer or in a later one."""
    seen = queries.parse_cursor(cursor)
    # The etags come first and the logs after: a commit in between is read now, and its etag asked about next time.
    etags = {folder: hint.etag for folder, hint in hints(handle.storage).items()}
    # A hint that was there and is not any more tells nothing, so the log itself is looked at, until there is one again.
    lost = {folder: "" for folder in seen if folder not in etags and is_folder(folder)}
    news = sorted(f for f, etag in (lost | etags).items() if not etag or f not in seen or seen[f].etag != etag)
    there = heads_of(handle.storage, news, handle.journal)
    # While a rename repeats its log, a model is heard of under its old name only.
    come = {folder: (journal, head) for folder, (journal, head) in there.items() if head is not None}
    found = {folder: (journal, head) for folder, (journal, head) in come.items() if head.state.moving is None}
    first = {folder: _first(seen.get(folder), head) for folder, (_, head) in found.items()}
    while calls := [c for folder, (journal, head) in found.items() for c in journal.fetches(first[folder], head)]:
        handle.storage.together(calls)
    events: list[Event] = []
    for folder in news:
        # A model without a commit has been seen too, up to nothing: its first commit will bring another hint.
        seen[folder] = Seen(etag=etags.get(folder, ""), seq=found[folder][1].seq if folder in found else 0)
        if folder in found:
            journal, head = found[folder]
            entries = _told(journal.entries(first[folder], head))
            events += [event for entry in entries for event in events_of(journal.model, entry)]
    return Feed(events=Records(events, Event), cursor=queries.write_cursor(seen))


def _told(entries: list[Entry]) -> list[Entry]:
    """Without those that a rename has repeated, which come before its end: they were told under the old name."""
    ends = [index for index, entry in enumerate(entries) if isinstance(entry.op, Arrive)]
    return entries[ends[-1] :] if ends else entries


def _first(seen: Seen | None, head: Commit) -> int:
    """From where a log is news: a shorter one than was seen is another, made anew after the first was removed."""
    return seen.seq + 1 if seen is not None and seen.seq <= head.seq else 1
