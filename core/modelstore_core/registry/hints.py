"""All models of a store at once: their hints by one listing, and their heads in flat rounds.

Thousands of models are asked in a few rounds: each step is taken for all of them side by side, and then the next.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from modelstore_core.documents.commit import Commit, read_commit
from modelstore_core.documents.sidecars import Mark, read_hint
from modelstore_core.errors import InvalidName
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.model.names import check_name, folder_of, is_folder
from modelstore_core.storage.protocol import ObjectInfo, Storage

T = TypeVar("T")

__all__ = ["heads_of", "hints", "lives_in", "names_of"]

_HEADS = "heads/"
_NOTHING = Mark(seq=0, op_id="")


def hints(storage: Storage) -> dict[str, ObjectInfo]:
    """Folder → its hint as listed, sorted by folder; whatever else lies there is left alone."""
    found = {info.key.removeprefix(_HEADS): info for info in storage.list(_HEADS)}
    named = {key.removesuffix(".json"): info for key, info in found.items() if key.endswith(".json")}
    return {folder: named[folder] for folder in sorted(named) if is_folder(folder)}


def heads_of(
    storage: Storage, folders: Iterable[str], journal_of: Callable[[str], Journal]
) -> dict[str, tuple[Journal, Commit | None]]:
    """The journal and newest commit of each folder's model; None where a first save crashed before its commit."""
    journals = {folder: (journal_of(name), mark) for folder, (name, mark) in _hinted(storage, folders).items()}
    sights = {
        folder: (journal, *journal.sighting(journal.known(), mark)) for folder, (journal, mark) in journals.items()
    }
    storage.together([call for _, calls, _ in sights.values() for call in calls])
    found = storage.together([head for _, _, head in sights.values()])
    return {folder: (sights[folder][0], head) for folder, head in zip(sights, found, strict=True)}


def names_of(storage: Storage, folders: Iterable[str]) -> list[str]:
    """The name of each folder's model, with commits or without, sorted."""
    return sorted(name for name, _ in _hinted(storage, folders).values())


def lives_in(folder: str, name: str) -> bool:
    """Whether it is the name of a model, and of the one in this folder."""
    try:
        return check_name(name) == name and folder_of(name) == folder
    except InvalidName:
        return False


def _hinted(storage: Storage, folders: Iterable[str]) -> Mapping[str, tuple[str, Mark]]:
    """The name of each folder's model, and the hint's word; without those of which neither hint nor log tells whose."""
    folders = [*folders]
    hinted = _each(storage, folders, lambda folder: read_hint(storage.get(hint_key(folder))))
    known = {folder: hint for folder, hint in hinted.items() if hint is not None and lives_in(folder, hint[0])}
    rest = _each(storage, [f for f in folders if f not in known], partial(_name_in_log, storage))
    known |= {folder: (name, _NOTHING) for folder, name in rest.items() if name and lives_in(folder, name)}
    return {folder: known[folder] for folder in folders if folder in known}


def _name_in_log(storage: Storage, folder: str) -> str | None:
    """The model's name as its first commit has it, for a hint that cannot be read."""
    raw = storage.get(f"models/{folder}/log/{1:020}.json")
    return None if raw is None else read_commit(raw, f"log/1 of folder {folder!r}").model


def _each(storage: Storage, folders: Sequence[str], ask: Callable[[str], T]) -> dict[str, T]:
    return dict(zip(folders, storage.together([partial(ask, folder) for folder in folders]), strict=True))
