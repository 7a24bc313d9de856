"""A version from one store to another: its bytes, held to its record on the way, and all that is recorded of it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from modelstore_core.artifacts.budget import UNDER_WAY
from modelstore_core.artifacts.earlier import WORTH_IT_HERE, WORTH_IT_THERE, Earlier
from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.documents.sidecars import read_store
from modelstore_core.errors import CommitUncertain, Corrupt, StorageUnavailable
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import AddVersion
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.view import View
from modelstore_core.storage.protocol import Passed, Storage
from modelstore_core.storage.readonly import underlying

__all__ = ["CopiedFiles", "Original", "Target", "original_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What is copied: a version as it is now, and where it lies.

    Attributes:
        name: Its model's name.
        version: All that is recorded of it, annotations included.
        storage: Where its files lie.
        root: Its model's folder there.
        store: The id of its store; "" if that has none.
    """

    name: str
    version: Folded
    storage: Storage
    root: str
    store: str

    @property
    def ref(self) -> str:
        """The reference that always means it."""
        return f"{self.name}@{self.version.number}"

    @property
    def key(self) -> str:
        """Names the copying of this very version, so that doing it twice makes one copy."""
        store = self.store or hashlib.sha256(self.storage.url.encode()).hexdigest()
        return f"copy/{store}/{self.ref}/{self.version.added.digest}"

    def record(self) -> AddVersion:
        """What is recorded of the copy: the same, with a word on where it comes from."""
        entry, added = self.version.record, self.version.added
        origin: JsonObject = {
            "ref": self.ref,
            "store": self.store,
            "url": self.storage.url,
            "created_at": entry.time,
            "created_by": entry.actor,
            "digest": added.digest,
        }
        if "copied_from" in added.lineage:
            origin["copied_from"] = added.lineage["copied_from"]
        return replace(
            added,
            metrics=self.version.metrics,
            tags=self.version.tags,
            description=self.version.description,
            lineage={**added.lineage, "copied_from": origin},
            supersedes=None,
            aliases=(),
        )


def original_of(view: View, version: Folded, storage: Storage) -> Original:
    """The original as of the view; asks the storage for the store's id."""
    return Original(name=view.model, version=version, storage=storage, root=view.journal.root, store=_store_id(storage))


def _store_id(storage: Storage) -> str:
    raw = storage.get("store.json")
    try:
        return "" if raw is None else read_store(raw).id
    except Corrupt:
        return ""  # what reading a version does not need, copying it does not either


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a copy goes: a model's folder in a storage, and the id under which its files are sent first."""

    storage: Storage
    root: str
    data_id: str

    def key(self, data_id: str, path: str) -> str:
        """Where a file of that id lies."""
        return f"{self.root}/data/{data_id}/{path}"


class CopiedFiles:
    """The files of an original on their way to a model of another store: a source of its save there.

    A file is copied by the storage itself where it can prove the result: from the newest version there, from what an
    attempt that crashed has finished, or straight from the original. Otherwise it goes through this machine, is
    checked against its record before it is sent, and what was sent is compared with it again.
    """

    heavy = True
    """Whether to look first: what is there already need not be copied."""

    def __init__(self, original: Original, artifacts: Artifacts, target: Target, passed: Passed) -> None:
        self.data_id = target.data_id
        self._original = original
        self._artifacts = artifacts
        self._target = target
        self._passed = passed
        self._sent: dict[str, list[str]] = {}
        self._claimed = False
        self._worth_it = (
            WORTH_IT_THERE if target.storage.local_path(target.key(self.data_id, "-")) is None else WORTH_IT_HERE
        )

    @property
    def known(self) -> Sequence[FileEntry]:
        """The original's files."""
        return self._original.version.added.files

    def claimed(self) -> None:
        """Hear that a later attempt will find the id of this one."""
        self._claimed = True

    def sends(
        self, data_id: str, take: Callable[[FileEntry], object], earlier: Sequence[Earlier]
    ) -> list[Callable[[], None]]:
        """Calls, free to run side by side, that put the files at `data_id` and give `take` each one's entry.

        Raises:
            Corrupt: A file is not what its record says, here or once it has arrived.
            MissingFile: A file is not there.
        """
        self._sent[data_id] = [self._target.key(data_id, file.path) for file in self.known]

        def send(file: FileEntry) -> None:
            if self._copied(data_id, file, earlier):
                self._passed(file.size)
            else:
                self._carry(data_id, file)
            take(file)

        return [partial(send, file) for file in self.known]

    def abandon(self, error: Exception) -> None:
        """Remove what was sent, unless a commit may have published it, or a later attempt will go on with it."""
        resumable = self._claimed and isinstance(error, StorageUnavailable)
        if not resumable and not isinstance(error, CommitUncertain):
            self.discard()

    def discard(self, *, keep: str | None = None) -> None:
        """Remove what was sent, except what lies under the id that a commit has published."""
        for data_id, keys in self._sent.items():
            if data_id != keep:
                self._target.storage.delete(keys)

    def _copied(self, data_id: str, file: FileEntry, earlier: Sequence[Earlier]) -> bool:
        target, storage = self._target.key(data_id, file.path), self._target.storage
        places = [place for place in earlier if file.size >= self._worth_it and place.may_be(file)]
        if any(storage.copy(self._target.key(place.data_id, file.path), target, file.sha256) for place in places):
            return True
        source = f"{self._original.root}/data/{self._original.version.added.data}/{file.path}"
        return storage.copy(source, target, file.sha256, origin=underlying(self._original.storage))

    def _carry(self, data_id: str, file: FileEntry) -> None:
        with self._artifacts.opened(self._original.version.added.data, [file]) as folder, UNDER_WAY.taking(file.size):
            target = self._target.key(data_id, file.path)
            sent = self._target.storage.send(target, folder / file.path, self._passed)
        if (sent.size, sent.sha256) != (file.size, file.sha256):
            raise Corrupt(
                f"{file.path!r} of {self._original.ref} changed while it was copied.",
                value=file.path,
                fix="Nothing was published. Copy again.",
            )
