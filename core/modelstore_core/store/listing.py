"""Listings over all models, and the feed of what changed in any of them."""

from functools import partial

from modelstore_core.documents.commit import Commit, read_commit
from modelstore_core.documents.sidecars import read_hint
from modelstore_core.journal.log import Journal
from modelstore_core.model.names import folder_of
from modelstore_core.model.records import Event, Feed, ModelSummary, Records
from modelstore_core.registry import queries
from modelstore_core.registry.queries import Seen
from modelstore_core.registry.view import View
from modelstore_core.store.handle import Handle

__all__ = ["changes", "models"]

_HEADS = "heads/"


def models(handle: Handle) -> Records[ModelSummary]:
    """Every model with at least one commit, by name."""
    heads = _read_heads(handle, sorted(_etags(handle)))
    return Records(sorted((queries.summary_of(head) for _, head in heads.values()), key=lambda m: m.name))


def changes(handle: Handle, cursor: str | None) -> Feed:
    """What was committed since the cursor; every acknowledged change is in this answer or in a later one."""
    seen = queries.parse_cursor(cursor)
    # The etags come first and the logs after: a commit in between is read now, and its etag asked about next time.
    etags = _etags(handle)
    news = sorted(folder for folder, etag in etags.items() if folder not in seen or seen[folder].etag != etag)
    events: list[Event] = []
    for folder, (journal, head) in _read_heads(handle, news).items():
        since = seen[folder].seq if folder in seen else 0
        for entry in View(journal, head).entries(since + 1):
            events += queries.events_of(journal.model, entry)
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
    hints = handle.storage.together([partial(handle.storage.get, f"{_HEADS}{folder}.json") for folder in folders])
    heads = {}
    for folder, raw in zip(folders, hints, strict=True):
        hint = read_hint(raw)
        named = None if hint is None else hint[0]
        name = named if named is not None and folder_of(named) == folder else _name_in_log(handle, folder)
        if name is None:
            continue
        journal = handle.journal(name)
        head = journal.newest(journal.known())
        if head is not None and journal.folder == folder:
            heads[folder] = (journal, head)
    return heads


def _name_in_log(handle: Handle, folder: str) -> str | None:
    """The model's name as its first commit has it, for a hint that cannot be read."""
    raw = handle.storage.get(f"models/{folder}/log/{1:020}.json")
    return None if raw is None else read_commit(raw, f"log/1 of folder {folder!r}").model
