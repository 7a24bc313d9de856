"""Listings over all models, and the feed of what changed in any of them."""

from functools import partial

from modelstore_core.documents.commit import Commit, read_commit
from modelstore_core.documents.sidecars import Mark, read_hint
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.model.names import folder_of
from modelstore_core.model.records import Event, Feed, ModelSummary, Records
from modelstore_core.registry import queries
from modelstore_core.registry.queries import Seen
from modelstore_core.registry.view import View
from modelstore_core.store.handle import Handle

__all__ = ["changes", "models", "names"]

_HEADS = "heads/"


def models(handle: Handle) -> Records[ModelSummary]:
    """Every model with at least one commit, by name."""
    heads = _read_heads(handle, sorted(_etags(handle)))
    return Records(sorted((queries.summary_of(head) for _, head in heads.values()), key=lambda m: m.name))


def names(handle: Handle) -> list[str]:
    """The name of every model that has a hint, with commits or without, sorted."""

    def name_in(folder: str) -> str | None:
        return _name_of(handle, folder, read_hint(handle.storage.get(hint_key(folder))))

    found = handle.storage.together([partial(name_in, folder) for folder in _etags(handle)])
    return sorted(name for name in found if name is not None)


def changes(handle: Handle, cursor: str | None) -> Feed:
    """What was committed since the cursor; every acknowledged change is in this answer or in a later one."""
    seen = queries.parse_cursor(cursor)
    # The etags come first and the logs after: a commit in between is read now, and its etag asked about next time.
    etags = _etags(handle)
    news = sorted(folder for folder, etag in etags.items() if folder not in seen or seen[folder].etag != etag)
    heads = _read_heads(handle, news)
    logs = handle.storage.together(
        [
            partial(View(journal, head).entries, seen[folder].seq + 1 if folder in seen else 1)
            for folder, (journal, head) in heads.items()
        ]
    )
    events: list[Event] = []
    for (folder, (journal, head)), entries in zip(heads.items(), logs, strict=True):
        events += [event for entry in entries for event in queries.events_of(journal.model, entry)]
        seen[folder] = Seen(etag=etags[folder], seq=head.seq)
    return Feed(events=Records(events), cursor=queries.write_cursor(seen))


def _etags(handle: Handle) -> dict[str, str]:
    return {
        info.key.removeprefix(_HEADS).removesuffix(".json"): info.etag
        for info in handle.storage.list(_HEADS)
        if info.key.endswith(".json")
    }


def _read_heads(handle: Handle, folders: list[str]) -> dict[str, tuple[Journal, Commit]]:
    """The journal and head of each folder that has a commit; a model whose first save crashed has none."""
    heads = handle.storage.together([partial(_read_head, handle, folder) for folder in folders])
    return {folder: head for folder, head in zip(folders, heads, strict=True) if head is not None}


def _read_head(handle: Handle, folder: str) -> tuple[Journal, Commit] | None:
    hint = read_hint(handle.storage.get(hint_key(folder)))
    name = _name_of(handle, folder, hint)
    if name is None:
        return None
    journal = handle.journal(name)
    head = journal.newest(journal.known(), hint[1] if hint is not None and hint[0] == name else None)
    return None if head is None else (journal, head)


def _name_of(handle: Handle, folder: str, hint: tuple[str, Mark] | None) -> str | None:
    """Whose folder it is, by its hint or by its log; None if neither tells."""
    name = hint[0] if hint is not None and folder_of(hint[0]) == folder else _name_in_log(handle, folder)
    return name if name is not None and folder_of(name) == folder else None


def _name_in_log(handle: Handle, folder: str) -> str | None:
    """The model's name as its first commit has it, for a hint that cannot be read."""
    raw = handle.storage.get(f"models/{folder}/log/{1:020}.json")
    return None if raw is None else read_commit(raw, f"log/1 of folder {folder!r}").model
